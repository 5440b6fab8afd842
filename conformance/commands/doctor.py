"""The command `doctor`: say whether a target can be tested and what it can do, with each request and its answer."""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import jinja2
import pytest

from conformance.commands.asking import client_for
from conformance.evidence.exchange import Exchange
from conformance.evidence.foreign import one_line
from conformance.fixtures.capabilities import CAPABILITY_NAMES, probe_capabilities
from conformance.fixtures.probing import probe
from conformance.fixtures.provisioning import Provision, Unreachable
from conformance.paths import program_here
from conformance.plugin.options import patience
from conformance.plugin.project import SHOWN, project_options
from conformance.reports.templating import templates
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


def describe(found: Findings, base_url: str, rate: float | None = None) -> str:
    """Return the report, the verdict first; `rate` is in requests a second."""
    catalogue = load_catalogue()
    profiles = (PROFILES[0], PROFILES[-1])
    seconds = statistics.median(one.seconds for one in found.exchanges) if found.exchanges else 0.0
    environment = templates(escaped=False, undefined=jinja2.StrictUndefined)
    environment.filters.update(one_line=one_line, sent=_sent, answer=partial(answer_in_short, limit=LONGEST_ANSWER))
    return environment.get_template("doctor.txt.jinja").render(
        found=found,
        provision=found.provision,
        base_url=base_url,
        capability_names=CAPABILITY_NAMES,
        about=ABOUT,
        each=max(seconds, 1 / rate if rate else 0.0),
        ids={profile: ids_for_profile(profile, "standard", catalogue) for profile in profiles},
        program=program_here(),
    )


def _sent(exchange: Exchange) -> str:
    request = exchange.request
    body = (request.body or b"").decode("utf-8", "replace")[:LONGEST_BODY]
    return f"{request.method} {request.target} {body}".rstrip()


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
        "--timeout", type=patience, metavar="SECONDS", help=f"for each answer (default: {DEFAULT_TIMEOUT:g})"
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
    timeout = options.timeout or next(map(patience, said.get("timeout", ())), DEFAULT_TIMEOUT)
    methods = tuple(options.payment_method or said.get("payment-method", ()))
    return Asked(base_url, methods, tuple(options.customer or said.get("customer", ())), timeout)


def _run(options: argparse.Namespace) -> int:
    asked = _asked(options, project_options(Path.cwd(), OF_A_PROJECT))
    with contextlib.closing(client_for(asked.base_url, os.environ, asked.timeout)) as client:
        found = examine(client, asked.payment_methods, asked.customers)
    rate = usual_rate(is_loopback=client.address.is_loopback)
    print(describe(found, client.address.url, rate), end="")
    return ExitStatus.UNREACHABLE if found.provision is None else ExitStatus.CONFORMS
