"""`--target`: what the file of a target says becomes the run's options, as far as the command line leaves them open."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import pytest

from conformance.targets.description import TargetDescription, TargetFileError, find
from conformance.targets.running import free_port

CHOSEN = pytest.StashKey[TargetDescription]()
STARTED = pytest.StashKey[TargetDescription]()


def choose_target(config: pytest.Config) -> TargetDescription | None:
    """Take over what the target that `--target` names says of itself; None where the option is not given.

    What the command line says wins. A server that is to be started gets its address here, and is kept for `to_start`.
    Raises pytest.UsageError with one line for a target that cannot be one.
    """
    option = config.option
    if not option.target:
        return None
    try:
        target = find(option.target, config.invocation_params.dir)
    except TargetFileError as error:
        raise pytest.UsageError(f"--target: {error}") from None
    config.stash[CHOSEN] = target
    if not option.base_url:
        if target.server is not None:
            config.stash[STARTED] = target
        option.base_url = target.base_url or f"http://127.0.0.1:{free_port()}"
    option.payment_method = option.payment_method or list(target.payment_methods)
    option.customer = option.customer or list(target.customers)
    option.rate = option.rate or target.rate
    option.require = [*option.require, *(name for name in target.capabilities if name not in option.require)]
    if not option.clause:
        option.without_clause = [*option.without_clause, *target.apart]
    if target.expectations and not getattr(option, "expectations", True):
        option.expectations = str(target.expectations)
    return target


def implementation_of(config: pytest.Config) -> str:
    """What the chosen target calls itself, with the version that we start; empty where none was chosen."""
    target = config.stash.get(CHOSEN, None)
    if target is None:
        return ""
    return f"{target.title} {target.version}" if STARTED in config.stash else target.title


def what_is_tested(config: pytest.Config) -> str:
    """A line for the header of a run, about the target that was chosen; empty where none was."""
    target = config.stash.get(CHOSEN, None)
    if target is None:
        return ""
    apart = [slug for slug in target.apart if slug in config.option.without_clause]
    left_out = f"; left out, since it ends the server (--clause runs it): {', '.join(apart)}" if apart else ""
    return f"implementation: {implementation_of(config)}{left_out}"


def key_source(config: pytest.Config, environment: Mapping[str, str]) -> Mapping[str, str]:
    """Where a key is looked for: nowhere for a server that we start and that takes any, else in `environment`."""
    target = config.stash.get(STARTED, None)
    return {} if target is not None and not target.takes_key_from_environment else environment


def to_start(config: pytest.Config) -> tuple[TargetDescription, int] | None:
    """The target whose server is to be started for this run, and its port; None where there is none."""
    target = config.stash.get(STARTED, None)
    return None if target is None else (target, urlsplit(config.option.base_url).port or 0)
