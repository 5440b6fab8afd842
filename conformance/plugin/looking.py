"""The look at the target before any test: where it is, and how it gives fixtures."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from conformance.evidence.failure import BoundReached, LiveAccount
from conformance.evidence.secret import Secret
from conformance.fixtures.capabilities import probe_capabilities
from conformance.fixtures.embedded import CannotStart, embedded_reference
from conformance.fixtures.probing import probe, remove_probed
from conformance.fixtures.provisioning import Provision, Unreachable
from conformance.targets import CannotRun, running
from conformance.targets.choosing import to_start
from conformance.transport.bounds import Bounds
from conformance.transport.client import Address, Client
from conformance.verdict.run import RAISE_THE_BOUND, Diagnosis
from conformance.verdict.settings import Settings, default_max_time, usual_rate
from contracts import published_contract


@dataclass
class Look:
    """The target as it was found: with a `provision` it can be tested, and else the `diagnosis` says why not.

    `capabilities` are None where the run needs none. `requests` counts what was sent, `left_over` names what was made
    and could not be removed. `bounds` are those of the run, which has begun; `bound` is the one that was reached.
    """

    base_url: str
    provision: Provision | None = None
    diagnosis: Diagnosis | None = None
    capabilities: tuple[str, ...] | None = None
    requests: int = 0
    left_over: list[str] = field(default_factory=list)
    bounds: Bounds = field(default_factory=Bounds)
    bound: str = ""
    was_interrupted: bool = False


def look_at_target(
    config: pytest.Config,
    settings: Settings,
    key: Secret,
    until_the_end: ExitStack,
    *,
    workers: int | None,
    interruption: Callable[[], str],
) -> Look:
    """Start the reference or the target where the settings say so, `until_the_end`, and find out how it is tested.

    What keeps the run from testing is the diagnosis, and not raised. `workers` is their number, None where there are
    none. `interruption` names the signal that came.
    """
    look = Look(settings.base_url or "")
    try:
        if settings.base_url is None or settings.dry_run:
            look.base_url = until_the_end.enter_context(embedded_reference(key))
        elif (start := to_start(config)) is not None:
            look.base_url = until_the_end.enter_context(running(start[0], key, port=start[1]))
        address = Address(look.base_url)
        tally = None
        if settings.max_requests is not None and workers is not None:
            folder = until_the_end.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
            tally = Path(folder, "requests")
        look.bounds = _bounds_for(address, settings, tally)
        _probe(look, address, settings, key, max(settings.concurrency, workers or 1))
    except Unreachable as error:
        look.diagnosis = Diagnosis(error.diagnosis, error.hint, error.tries)
    except CannotStart as error:
        look.diagnosis = Diagnosis(str(error), "run `python -m reference` to see more")
    except CannotRun as error:
        look.diagnosis = Diagnosis(str(error), "")
    except LiveAccount as error:
        look.diagnosis = Diagnosis(str(error), "", is_misuse=True)
    except KeyboardInterrupt:  # pytest writes no results where it begins with that
        look.provision = None
        look.was_interrupted = True
        signal = interruption() or "an interruption"
        look.diagnosis = Diagnosis(f"{signal} came while the target was looked at", "run again")
    return look


def _bounds_for(address: Address, settings: Settings, tally: Path | None) -> Bounds:
    """Return the bounds of the run, which begins now; off this machine its time has a limit."""
    seconds = settings.max_time
    if seconds is None and not address.is_loopback:
        seconds = default_max_time(settings.budget, settings.rate, settings.explore)
    return Bounds(seconds, settings.max_requests, tally=tally)


def _probe(look: Look, address: Address, settings: Settings, key: Secret, at_once: int) -> None:
    rate = settings.rate or usual_rate(is_loopback=address.is_loopback)
    client = Client(address, key, published_contract(), timeout=settings.timeout, rate=rate, bounds=look.bounds)
    given = () if settings.dry_run else (settings.payment_methods, settings.customers)
    try:
        look.provision = probe(client, *given, at_once=at_once)
        if settings.profile != "contract" or settings.required:
            look.capabilities, look.provision = probe_capabilities(client, look.provision, at_once=at_once)
    except BoundReached as bound:
        look.provision, look.bound = None, str(bound)
        look.diagnosis = Diagnosis(f"{bound} before it was known how the target gives fixtures", RAISE_THE_BOUND)
    finally:
        look.left_over += remove_probed(client)
        look.requests += client.requests_sent
        client.close()
