"""Forged certificates: a part of `python -m benchmarks.forgeries`, which tells every lie about many products."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping

import pytest

import benchmarks.lies
from benchmarks import certificates_page, forgeries, honest_certificates
from benchmarks.detection import DEFECTS, VARIANTS
from benchmarks.forgeries import ACCEPTED, GENUINE, OVERLOOKED, REFUSED, Row, rows
from benchmarks.forging import claim_of
from benchmarks.lies import ALL_LIES, BY_SUBJECT, TRICKS
from benchmarks.lies.registry import Lies
from conformance.commands.certificate.rerunning import Plan, PlanOptions
from conformance.scenes.budgets import BUDGETS
from conformance.verdict.record import Record
from meta_tests.conftest import Recorded

LEAST_LIES = 120
"""How many distinct lies the benchmark must tell."""

SOME_LIES = (
    "confirmations said to be repetitions",
    "failing trials left out",
    "failing trials left to another worker",
    "offending answers timed out",
    "offending answers throttled",
    "every clause stated to pass",
)
SOME_TRICKS = (
    "offending answers at no time",
    "offending answers in a body that is a bomb",
    "offending answers with a status in floating point",
    "a seed in floating point",
    "a run that pytest stopped",
    "failing trials with a second list of episodes",
    "a run that began on no day",
    "a run against no URL",
    "statements with each other's signatures",
    "a manifest of a format that is true",
    "a certificate in two copies that differ",
    "a certificate with a second name",
    "data behind the packed record",
    "data behind the zip file",
    "a directory of fewer entries",
)


@pytest.fixture(scope="module")
def records(recorded: Recorded) -> Mapping[str, Record]:
    """The records of a product that conforms, and of one that does not."""
    return {name: Record.read(path) for name, path in recorded(("contract", "bad")).items()}


@pytest.fixture(scope="module")
def of_some(records: Mapping[str, Record]) -> Mapping[str, Row]:
    """The results for some lies about the product that does not conform; the plan is what the other one was sent."""
    plan = Plan(records["contract"].trials, {}, BUDGETS["standard"].repetitions)

    def planned(_: PlanOptions) -> Plan:
        return plan

    lies = {name: ALL_LIES[name] for name in (*SOME_LIES, *SOME_TRICKS)}
    return {row.lie: row for row in rows({"bad": records["bad"]}, lies, planned)}


@pytest.mark.parametrize("name", SOME_LIES)
def test_no_lie_about_a_product_that_fails_is_accepted(name: str, of_some: Mapping[str, Row]) -> None:
    assert of_some[name].said in (REFUSED, GENUINE)


@pytest.mark.parametrize("name", SOME_TRICKS)
def test_no_bundle_that_certify_does_not_make_is_passed(name: str, of_some: Mapping[str, Row]) -> None:
    assert of_some[name].said == REFUSED, of_some[name]


def test_the_benchmark_sees_what_is_believed(records: Mapping[str, Record]) -> None:
    """The truth about a product that conforms is taken as if it were a lie, and as if it were a trick."""
    record = records["contract"]
    assert claim_of(record).evidence.conforms
    plan = Plan(record.trials, {}, BUDGETS["standard"].repetitions)
    (row,) = rows({"good": record}, {"the truth": lambda one: one}, lambda _: plan)
    assert row.said == ACCEPTED
    (row,) = rows({"bad": records["bad"]}, {"a file more": lambda one: one}, lambda _: plan)
    assert row.said == OVERLOOKED


def test_there_are_many_lies_and_each_stands_in_one_registry() -> None:
    assert len(ALL_LIES) >= LEAST_LIES
    assert sum(len(lies.by_name) for lies in BY_SUBJECT.values()) == len(ALL_LIES)
    assert set(TRICKS) <= set(BY_SUBJECT)
    modules = pkgutil.iter_modules(benchmarks.lies.__path__)
    members = (vars(importlib.import_module(f"benchmarks.lies.{one.name}")) for one in modules)
    registries = {id(one["LIES"]) for one in members if "LIES" in one}
    assert registries == {id(lies) for lies in BY_SUBJECT.values()}


def test_a_lie_is_entered_once() -> None:
    lies = Lies()
    lies.enter({"one": lambda record: record})
    with pytest.raises(ValueError, match="two lies have the name 'one'"):
        lies.enter({"one": lambda record: record})


def test_the_page_shows_what_was_measured() -> None:
    page = certificates_page.PAGE.read_text(encoding="utf-8")
    assert certificates_page.with_tables(page) == page


def test_no_lie_was_believed_and_no_honest_certificate_called_forged() -> None:
    forged = forgeries.read_rows(forgeries.STORED)
    assert len({row.lie for row in forged}) >= LEAST_LIES
    assert {row.lie for row in forged} <= set(ALL_LIES)
    assert not [row for row in forged if row.is_wrong]
    honest = honest_certificates.read_rows(honest_certificates.STORED)
    assert {row.name for row in honest} <= {*DEFECTS, *VARIANTS}
    assert not [row for row in honest if row.complaint]
