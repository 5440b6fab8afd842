"""Sweeping: customers that earlier runs have left behind on a target are removed, and nobody else's."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import pytest

from conformance.evidence.exchange import Exchange
from conformance.fixtures.endpoints import delete_customer
from conformance.fixtures.provisioning import RUN_TAG
from conformance.plugin.options import key_for
from conformance.transport.client import DEFAULT_TIMEOUT, Address, Client, TargetError
from conformance.verdict.run import ExitStatus
from conformance.verdict.settings import DEFAULT_RATE
from contracts import published_contract

OLD_ENOUGH = 60.0
"""How many minutes old a customer must be, so that a run which is still going on keeps its own."""
PAGE = 100
MOST_PAGES = 100


class CannotSweep(Exception):
    """The target does not list its customers; the message says what it answers."""


def left_behind(client: Client, minutes: float = OLD_ENOUGH) -> Iterator[str]:
    """The ids of the customers that a run has tagged and that are older than `minutes`, the newest first.

    Raises CannotSweep when the target does not list its customers.
    """
    latest, after = time.time() - minutes * 60, ""
    for _ in range(MOST_PAGES):
        answer = client.call("GET", f"/v1/customers?limit={PAGE}{after}")
        entries = answer.object.get("data")
        if not answer.is_success or not isinstance(entries, list):
            told = answer.status or answer.why_unanswered
            raise CannotSweep(f"GET /v1/customers is answered {told}: nothing can be swept")
        customers = [entry for entry in entries if isinstance(entry, dict) and isinstance(entry.get("id"), str)]
        yield from (entry["id"] for entry in customers if _is_ours(entry) and _created(entry) <= latest)
        if not answer.object.get("has_more") or not customers:
            return
        after = f"&starting_after={quote(customers[-1]['id'], safe='')}"


def sweep(client: Client, minutes: float = OLD_ENOUGH) -> tuple[list[str], dict[str, Exchange]]:
    """Delete what runs older than `minutes` have left: the ids that are gone, and the answers about those that stay.

    Raises CannotSweep when the target does not list its customers.
    """
    gone, still_there = [], {}
    for identifier in list(left_behind(client, minutes)):
        answer = delete_customer(client, identifier)
        if answer.is_success or answer.status == 404:
            gone.append(identifier)
        else:
            still_there[identifier] = answer
    return gone, still_there


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command `sweep`."""
    command = commands.add_parser("sweep", help="delete the customers that earlier runs have left on a target")
    command.add_argument("--base-url", required=True, metavar="URL", help="the target")
    command.add_argument(
        "--older-than",
        type=float,
        default=OLD_ENOUGH,
        metavar="MINUTES",
        help="leave younger ones alone, since a run may still use them (default: %(default)g)",
    )
    command.add_argument("--dry-run", action="store_true", help="only tell what would be deleted")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    try:
        address = Address.of(options.base_url)
        key = key_for(os.environ, options.base_url)
    except (TargetError, pytest.UsageError) as error:
        print(error)
        return ExitStatus.WRONG_USAGE
    rate = None if address.is_loopback else DEFAULT_RATE
    client = Client(address, key, published_contract(), timeout=DEFAULT_TIMEOUT, rate=rate)
    try:
        if options.dry_run:
            print(*left_behind(client, options.older_than), sep="\n")
            return ExitStatus.CONFORMS
        gone, still_there = sweep(client, options.older_than)
    except CannotSweep as error:
        print(error)
        return ExitStatus.UNREACHABLE
    finally:
        client.close()
    print(f"{len(gone)} customers deleted")
    for identifier, answer in still_there.items():
        print(f"{identifier} is still there: its deletion is answered {answer.status or answer.why_unanswered}")
    return ExitStatus.INCONCLUSIVE if still_there else ExitStatus.CONFORMS


def _is_ours(customer: Mapping[str, Any]) -> bool:
    metadata = customer.get("metadata")
    return isinstance(metadata, dict) and RUN_TAG in metadata


def _created(customer: Mapping[str, Any]) -> float:
    created = customer.get("created")
    return created if isinstance(created, int) else 0.0
