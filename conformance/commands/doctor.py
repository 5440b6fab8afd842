"""The command `doctor`: say whether a target can be tested and what it can do, with each request and its answer."""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from conformance.commands.asking import client_for
from conformance.evidence.exchange import Exchange
from conformance.evidence.foreign import one_line
from conformance.fixtures.capabilities import CAPABILITY_NAMES, probe_capabilities
from conformance.fixtures.probing import probe
from conformance.fixtures.provisioning import Provision, Unreachable
from conformance.paths import program_here
from conformance.plugin.options import positive
from conformance.plugin.project import SHOWN, project_options
from conformance.reports.words import answer_in_short
from conformance.transport.client import DEFAULT_TIMEOUT, Client
from conformance.verdict.needs import ids_for_profile
from conformance.verdict.run import ExitStatus
from conformance.verdict.settings import usual_rate
from contracts import load_catalogue
from contracts.catalogue import PROFILES

ABOUT = {
    ("contract", "quick"): 120,
    ("contract", "standard"): 460,
    ("stripe", "quick"): 500,
    ("stripe", "standard"): 850,
}
"""About how many requests a run of a profile and a budget sends, with those that create customers and cards."""

OF_A_PROJECT = ("base-url", "payment-method", "customer", "timeout")
"""The options that may stand in a project's file."""

LONGEST_ANSWER, LONGEST_BODY = 160, 120
"""How many characters of an answer, and of the body of a request, are shown."""


@dataclass(frozen=True)
class Findings:
    """The findings about a target: how fixtures are had, what else the target can do, and the exchanges in order.

    Without a provision the target cannot be tested, for the reason in `trouble` and with the advice in `hint`.
    """

    exchanges: tuple[Exchange, ...]
    provision: Provision | None = None
    capabilities: tuple[str, ...] = ()
    trouble: str = ""
    hint: str = ""


def examine(client: Client, payment_methods: Sequence[str] = (), customers: Sequence[str] = ()) -> Findings:
    """Find out whether the client's target can be tested, with some thirty requests."""
    try:
        provision = probe(client, payment_methods, customers)
        capabilities, provision = probe_capabilities(client, provision)
    except Unreachable as error:
        return Findings(client.history.since(0), trouble=error.diagnosis, hint=error.hint)
    return Findings(client.history.since(0), provision, capabilities)


def describe(found: Findings, base_url: str, rate: float | None = None) -> Iterator[str]:
    """Yield the lines of the report, the verdict first; `rate` is in requests a second."""
    if found.provision is None:
        yield f"cannot be tested: {found.trouble}"
        if found.hint:
            yield f"hint: {found.hint}"
    else:
        yield from _of_a_target(found, found.provision, base_url, rate)
    yield ""
    yield "what was sent, and what came back:"
    for exchange in found.exchanges:
        body = (exchange.request.body or b"").decode("utf-8", "replace")[:LONGEST_BODY]
        sent = f"{exchange.request.method} {exchange.request.target} {body}".rstrip()
        yield f"  {one_line(sent)} → {one_line(answer_in_short(exchange, LONGEST_ANSWER))}"


def _of_a_target(found: Findings, provision: Provision, base_url: str, rate: float | None) -> Iterator[str]:
    yield f"{base_url} can be tested"
    yield from _of_provision(provision)
    yield from (f"  {'✓' if name in found.capabilities else '–'} {name}" for name in CAPABILITY_NAMES)
    if set(CAPABILITY_NAMES) - set(found.capabilities):
        yield "  what is missing makes clauses about it not applicable; the profile `contract` does without"
    yield ""
    yield from _costs(found.exchanges, rate)
    yield f"next: {program_here()} run --base-url {base_url} --profile contract"


def _of_provision(provision: Provision) -> Iterator[str]:
    scheme = "Basic user name" if provision.scheme == "basic" else "Bearer token"
    yield f"  the key is taken as {scheme}"
    yield f"  customers: {provision.customers}; payment methods: {provision.payment_methods}"
    if provision.stateless:
        yield "  it keeps no state: any id is known, so that clauses about state are not applicable"


def _costs(exchanges: Sequence[Exchange], rate: float | None) -> Iterator[str]:
    """Yield how many requests a run sends, how long they take, and how many ids do where none can be created."""
    seconds = statistics.median(one.seconds for one in exchanges)
    each = max(seconds, 1 / rate if rate else 0.0)
    for (profile, budget), requests in ABOUT.items():
        time = f"{max(1.0, requests * each):.0f} s at least"
        yield f"--profile {profile} --budget {budget}: about {requests} requests, {time} at {each * 1000:.0f} ms each"
    catalogue = load_catalogue()
    for profile in (PROFILES[0], PROFILES[-1]):
        methods, customers = ids_for_profile(profile, "standard", catalogue)
        yield f"with given ids, --profile {profile} needs about {methods} payment methods and {customers} customers"


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command `doctor`."""
    command = commands.add_parser(
        "doctor",
        help="say whether a target can be tested, what it can do, and what a run would cost",
        description="Say whether a target can be tested: reachable, this API, the key, how customers and payment "
        "methods are had, what else it can do. Each request is shown with its answer.",
        epilog=f"example: {program_here()} doctor --base-url http://127.0.0.1:8420",
    )
    command.add_argument(
        "--base-url",
        metavar="URL",
        help=f"what stands before /v1/payment_methods/…; it and the others may stand in pyproject.toml, under {SHOWN}",
    )
    command.add_argument("--payment-method", action="append", default=[], metavar="ID", help="one that exists there")
    command.add_argument("--customer", action="append", default=[], metavar="ID", help="one that exists there")
    command.add_argument(
        "--timeout", type=positive, metavar="SECONDS", help=f"for each answer (default: {DEFAULT_TIMEOUT:g})"
    )
    command.set_defaults(run=_run)


@dataclass(frozen=True)
class Asked:
    """The target that is to be examined, and the ids to use; `timeout` is in seconds."""

    base_url: str
    payment_methods: tuple[str, ...]
    customers: tuple[str, ...]
    timeout: float


def _asked(options: argparse.Namespace, said: Mapping[str, Sequence[str]]) -> Asked:
    """Return what the command line asks, or else the project's file. Raises pytest.UsageError without a target."""
    base_url = options.base_url or next(iter(said.get("base-url", ())), "")
    if not base_url:
        raise pytest.UsageError(f"give --base-url URL, here or in pyproject.toml under {SHOWN}")
    timeout = options.timeout or next(map(positive, said.get("timeout", ())), DEFAULT_TIMEOUT)
    methods = tuple(options.payment_method or said.get("payment-method", ()))
    return Asked(base_url, methods, tuple(options.customer or said.get("customer", ())), timeout)


def _run(options: argparse.Namespace) -> int:
    asked = _asked(options, project_options(Path.cwd(), OF_A_PROJECT))
    with contextlib.closing(client_for(asked.base_url, os.environ, asked.timeout)) as client:
        found = examine(client, asked.payment_methods, asked.customers)
    rate = usual_rate(is_loopback=client.address.is_loopback)
    print(*describe(found, client.address.url, rate), sep="\n")
    return ExitStatus.UNREACHABLE if found.provision is None else ExitStatus.CONFORMS
