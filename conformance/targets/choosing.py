"""`--target`: the file of a target gives the options of the run that the command line does not."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import pytest

from conformance.targets.description import TargetDescription, TargetFileError, find
from conformance.targets.running import free_port

CHOSEN = pytest.StashKey[TargetDescription]()
STARTED = pytest.StashKey[TargetDescription]()


def choose_target(config: pytest.Config) -> None:
    """Take the options that are not given from the target that `--target` names, if it names one.

    A server to be started gets its address here, and is kept for `to_start`. Raises pytest.UsageError with one line
    for a file that is missing or invalid.
    """
    option = config.option
    if not option.target:
        return
    try:
        target = find(option.target, config.invocation_params.dir)
    except TargetFileError as error:
        raise pytest.UsageError(f"--target: {error}") from None
    config.stash[CHOSEN] = target
    if not option.base_url and target.server:
        config.stash[STARTED] = target
    defaults = {
        "base_url": target.base_url or f"http://127.0.0.1:{free_port()}",
        "payment_method": list(target.payment_methods),
        "customer": list(target.customers),
        "rate": target.rate,
    }
    for name, value in defaults.items():
        setattr(option, name, getattr(option, name) or value)
    option.require = list(dict.fromkeys([*option.require, *target.capabilities]))
    if not option.clause:
        option.without_clause = [*option.without_clause, *target.apart]
    if target.expectations and not getattr(option, "expectations", True):
        option.expectations = str(target.expectations)


def implementation_of(config: pytest.Config) -> str:
    """Return the title of the chosen target, with the version if we start it; empty if none was chosen."""
    target = config.stash.get(CHOSEN, None)
    if target is None:
        return ""
    return f"{target.title} {target.version}" if STARTED in config.stash else target.title


def started_name(config: pytest.Config) -> str:
    """Return what `--target` names if the suite starts it, so that a replay can start it again; else an empty text."""
    return str(config.option.target) if STARTED in config.stash else ""


def what_is_tested(config: pytest.Config) -> str:
    """Return a line about the chosen target for the header of a run; empty if none was chosen."""
    target = config.stash.get(CHOSEN, None)
    if target is None:
        return ""
    apart = [slug for slug in target.apart if slug in config.option.without_clause]
    left_out = f"; left out, since it ends the server (--clause runs it): {', '.join(apart)}" if apart else ""
    return f"implementation: {implementation_of(config)}{left_out}"


def key_source(config: pytest.Config, environment: Mapping[str, str]) -> Mapping[str, str]:
    """Return the environment in which to look for a key: an empty one for a server that we start and that takes any."""
    target = config.stash.get(STARTED, None)
    takes_any = target is not None and not target.takes_key_from_environment
    return {} if takes_any else environment


def to_start(config: pytest.Config) -> tuple[TargetDescription, int] | None:
    """Return the target whose server is to be started for this run, and its port; None if there is none."""
    target = config.stash.get(STARTED, None)
    return None if target is None else (target, urlsplit(config.option.base_url).port or 0)
