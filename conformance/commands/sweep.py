"""The command `sweep`: delete the customers that earlier runs have left on a target, and no others."""

from __future__ import annotations

import argparse
import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from typing import Any

from conformance.commands.asking import client_for
from conformance.evidence.counted import counted
from conformance.evidence.exchange import Exchange
from conformance.evidence.foreign import usable_id
from conformance.fixtures.endpoints import delete_customer, next_page, shows_list
from conformance.fixtures.provisioning import RUN_TAG
from conformance.paths import program_here
from conformance.transport.client import Client
from conformance.verdict.misuse import Misuse
from conformance.verdict.run import ExitStatus

OLD_ENOUGH = 60.0
"""The age in minutes from which on a customer is deleted, so that a run in progress keeps its own."""
PAGE = 100
"""The number of customers on a page: the most that the API gives."""
MOST_PAGES = 100


class CannotSweep(Misuse):
    """A target that does not list its customers; the message holds its answer."""


def left_behind(client: Client, minutes: float = OLD_ENOUGH) -> Iterator[str]:
    """Yield the ids of the customers that a run has tagged and that are older than `minutes`, the newest first.

    Raises CannotSweep when the target does not list its customers.
    """
    latest = time.time() - minutes * 60
    page: Exchange | None = client.call("GET", f"/v1/customers?limit={PAGE}")
    for _ in range(MOST_PAGES):
        if page is None:
            return
        if not shows_list(page):
            answer = f"cannot list customers: GET /v1/customers was {_in_short(page)}"
            raise CannotSweep(answer, ExitStatus.UNREACHABLE)
        customers = [entry for entry in page.object["data"] if isinstance(entry, dict) and usable_id(entry.get("id"))]
        yield from (entry["id"] for entry in customers if _is_ours(entry) and _created(entry) <= latest)
        page = next_page(client, page)


def sweep(client: Client, minutes: float = OLD_ENOUGH) -> tuple[list[str], dict[str, Exchange]]:
    """Delete the customers that runs have left `minutes` ago; return the deleted ids, and the answers for the others.

    Raises CannotSweep when the target does not list its customers.
    """
    deleted, failed = [], {}
    for identifier in list(left_behind(client, minutes)):
        answer = delete_customer(client, identifier)
        if answer.is_success or answer.status == 404:
            deleted.append(identifier)
        else:
            failed[identifier] = answer
    return deleted, failed


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command `sweep`."""
    command = commands.add_parser(
        "sweep",
        help="delete the customers that earlier runs have left on a target",
        description="Delete the customers that interrupted runs of this suite have left on a target, and no others.",
        epilog=f"example: {program_here()} sweep --base-url http://127.0.0.1:8420 --dry-run",
    )
    command.add_argument("--base-url", required=True, metavar="URL", help="the target")
    command.add_argument(
        "--older-than",
        type=float,
        default=OLD_ENOUGH,
        metavar="MINUTES",
        help="leave younger ones alone, since a run may still use them (default: %(default)g)",
    )
    command.add_argument("--dry-run", action="store_true", help="only list the customers that would be deleted")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    with contextlib.closing(client_for(options.base_url, os.environ)) as client:
        if options.dry_run:
            print(*left_behind(client, options.older_than), sep="\n")
            return ExitStatus.CONFORMS
        deleted, failed = sweep(client, options.older_than)
    print(f"{counted(len(deleted), 'customer')} deleted")
    for identifier, answer in failed.items():
        print(f"could not delete {identifier}: the request was {_in_short(answer)}")
    return ExitStatus.INCONCLUSIVE if failed else ExitStatus.CONFORMS


def _in_short(answer: Exchange) -> str:
    if answer.status is None:
        return f"not answered: {answer.why_unanswered}"
    return f"answered {answer.status}"


def _is_ours(customer: Mapping[str, Any]) -> bool:
    metadata = customer.get("metadata")
    return isinstance(metadata, dict) and RUN_TAG in metadata


def _created(customer: Mapping[str, Any]) -> float:
    created = customer.get("created")
    return created if isinstance(created, int) else 0.0
