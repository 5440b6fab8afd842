"""Lies about a run as a whole: its header, its end, its workers, and what it says of the target everywhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from benchmarks.forging import log_of, rewritten
from benchmarks.lies import answers
from benchmarks.lies.registry import Lie, Lies
from benchmarks.lies.telling import everywhere_with_facts, quiet, shows_failure, with_log, with_steps
from conformance.evidence.episode import Episode, Step
from conformance.verdict.record import Record
from conformance.verdict.trial import Trial

LIES = Lies()


@LIES.lie
def everything_that_failed_before_it_began(record: Record) -> Record:
    """The failing trials come last, so that nothing rests on them."""
    failing = [one for one in log_of(record) if shows_failure(one)]
    return with_log(record, [*(one for one in log_of(record) if not shows_failure(one)), *failing])


@LIES.lie
def failing_trials_left_to_another_worker(record: Record) -> Record:
    """A second worker performed what failed."""
    entries = [replace(one, worker=int(shows_failure(one.logged))) for one in record.entries]
    return rewritten(replace(record, entries=entries))


@LIES.lie
def everything_twice(record: Record) -> Record:
    """The trials that passed were performed twice, which makes up for what failed."""
    passed = [one for one in log_of(record) if not shows_failure(one)]
    return with_log(record, [*passed, *passed])


def _header(part: str, **changes: Any) -> Lie:
    return lambda record: rewritten(record, header={**record.header, part: {**record.header[part], **changes}})


def _provision(**changes: Any) -> Lie:
    def altered(record: Record) -> Record:
        target = record.header["target"]
        altered = {**target, "provision": {**target["provision"], **changes}}
        return rewritten(record, header={**record.header, "target": altered})

    return altered


def _footer(**changes: Any) -> Lie:
    return lambda record: rewritten(record, footer={**record.footer, **changes})


LIES.enter(
    {
        "another seed": _header("options", seed=7),
        "a quick run": _header("options", budget="quick"),
        "a thorough run": _header("options", budget="thorough"),
        "a dry run": _header("options", dry_run=True),
        "a run without a time limit": _header("options", timeout=1e9),
        "a run that required nothing": _header("options", required=[], rate=1.0),
        "a run with expectations": _header("options", expectations="0" * 64),
        "a run that explores": _header("options", explore=1.0),
        "a part of the suite": _header("selection", whole=False, arguments="-k nothing"),
        "capabilities that are none": _header("target", capabilities=[]),
        "a server that is said to keep no state": _header("target", stateless=True),
        "a server of another address": _header("target", base_url="https://api.example.com"),
        "the embedded reference": _header("target", base_url="embedded reference"),
        "a known implementation": _header("target", implementation="stripe-mock"),
        "ids of any kind": _provision(payment_methods="any id", customers="any id", stateless=True),
        "ids that were given": _provision(
            payment_methods="given",
            customers="given",
            given_payment_methods=["pm_1"] * 99,
            given_customers=["cus_1"] * 9,
        ),
        "nothing that is retrieved": _provision(retrieves=False),
        "endpoints that are absent": _provision(absent=["delete", "detach", "read-customer"]),
        "no list that works": _provision(lists=""),
        "many workers": lambda record: rewritten(record, header={**record.header, "workers": 9}),
        "a run that was interrupted": _footer(interrupted=True),
        "a run that could not begin": _footer(diagnosis={"what": "no answer", "hint": ""}),
        "a run of no requests": _footer(requests=0),
        "a run that ended at once": lambda record: _footer(ended=record.header["started"])(record),
        "a run that is still to end": _footer(ended="2999-01-01T00:00:00+00:00"),
        "a run that conforms by its footer": _footer(verdict="conforms", exit_status=0),
    }
)


@LIES.lie
def a_server_without_state_in_every_episode(record: Record) -> Record:
    """The product keeps no state, in the header and in every episode."""
    log = everywhere_with_facts(record, stateless=True)
    target = record.header["target"]
    provision = {**target["provision"], "stateless": True, "payment_methods": "any id", "customers": "any id"}
    altered = {**target, "stateless": True, "provision": provision}
    return rewritten(record, log, {**record.header, "target": altered})


@LIES.lie
def a_far_server_in_every_episode(record: Record) -> Record:
    """The product is far away, so that the network lost what was not answered."""
    log = [quiet(one) if isinstance(one, Trial) else one for one in everywhere_with_facts(record, remote=True)]
    altered = {**record.header["target"], "base_url": "https://api.example.com"}
    return rewritten(record, log, {**record.header, "target": altered})


@LIES.lie
def a_far_server_that_lost_its_answers(record: Record) -> Record:
    """The product is far away, and the network lost each answer that would have shown the failure."""
    lost = answers.LIES.by_name["offending answers lost with their connection"](record)
    assert isinstance(lost, Record)
    log = everywhere_with_facts(lost, remote=True)
    altered = {**record.header["target"], "base_url": "https://api.example.com"}
    return rewritten(lost, log, {**record.header, "target": altered})


@LIES.lie
def a_live_account_in_every_episode(record: Record) -> Record:
    """The key was one of a live account, to which less applies."""
    return with_log(record, everywhere_with_facts(record, test_key=False))


@LIES.lie
def cards_of_no_known_kind_in_every_episode(record: Record) -> Record:
    """The payment methods were given, so that nobody knows of what kind they are."""
    log = everywhere_with_facts(record, created_as=None)
    target = record.header["target"]
    provision = {**target["provision"], "payment_methods": "given", "given_payment_methods": ["pm_1"] * 500}
    return rewritten(record, log, {**record.header, "target": {**target, "provision": provision}})


@LIES.lie
def a_key_that_never_showed(record: Record) -> Record:
    """No answer showed the key, in spite of what was blotted out."""

    def altered(_: Episode, step: Step) -> Step:
        return replace(step, exchange=replace(step.exchange, leaked_key=False))

    log = [with_steps(quiet(one), altered) if isinstance(one, Trial) else one for one in log_of(record)]
    return with_log(record, log)
