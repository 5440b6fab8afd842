"""From a record, or its parts, to the run that follows: live runs and records are concluded by the same code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from conformance.evidence.traffic import traffic_of
from conformance.fixtures.provisioning import Provision
from conformance.transport.ways import Try
from conformance.verdict.entries import Kind
from conformance.verdict.expectations import Expectations, weigh
from conformance.verdict.finding_ids import with_ids
from conformance.verdict.folding import LogEntry, by_turn, fold_in_turn, notes_in, trials_in
from conformance.verdict.internal_errors import InternalError
from conformance.verdict.profiles import all_verdicts
from conformance.verdict.record import REFERENCE, BrokenRecord, Record
from conformance.verdict.results import conclude, hold_general_clauses, without
from conformance.verdict.run import Diagnosis, Run, without_proof
from conformance.verdict.settings import Settings
from contracts import load_catalogue, published_contract


def run_of(record: Record, *, weighed: bool = True) -> Run:
    """Judge every episode of a record, and return the run that follows.

    If it is not `weighed`, its results are the observed ones, without expectations.
    """
    return conclude_run(record.header, record.entries, record.footer, by_turn(record.entries), weighed=weighed)


def judged_again(record: Record) -> Run:
    """Return the run that follows from a record that anybody may have written.

    Raises BrokenRecord where the judges can make nothing of its episodes.
    """
    try:
        return run_of(record)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
        raise BrokenRecord(f"its episodes cannot be judged ({type(error).__name__})") from None


def conclude_run(
    header: Mapping[str, Any],
    entries: Iterable[LogEntry],
    known: Mapping[str, Any],
    in_turn: Iterable[tuple[int, LogEntry]],
    *,
    weighed: bool = True,
) -> Run:
    """Return the run that follows from these parts of a record; of a footer, only what is `known` beside the episodes.

    `entries` are gone through more than once; `in_turn` are the same in the order of their turns, as `by_turn` gives
    them. Live runs and records are concluded by this function, so that both are rendered the same.
    """
    contract, catalogue = published_contract(), load_catalogue()
    target = header["target"]
    provision = Provision.from_json(target["provision"]) if target["provision"] else None
    settings = _settings_of(header, provision)

    ledger = fold_in_turn(in_turn, contract, catalogue)
    hold_general_clauses(ledger, catalogue)
    results = without(with_ids(conclude(catalogue, ledger)), settings.left_out)
    verdicts = all_verdicts(results, catalogue, level=settings.level, stateless=target["stateless"])
    gate = None
    if settings.expectations is not None and weighed and not settings.dry_run:
        unheard = frozenset(known["unheard"])
        profile, level = settings.profile, settings.level
        gate = weigh(settings.expectations, results, catalogue, profile=profile, level=level, unheard=unheard)

    tries = tuple(Try(**one) for one in target.get("tries", ()))
    diagnosis, capabilities = known["diagnosis"], target["capabilities"]
    return Run(
        settings=settings,
        contract=replace(contract, digest=header["contract"]),
        catalogue=replace(catalogue, digest=header["catalogue"]),
        target=target["base_url"],
        **(_fixtures_of(provision) if provision else {}),
        stateless=target["stateless"],
        results=gate.results if gate else results,
        verdicts=verdicts if settings.explore is None else without_proof(verdicts),
        requests=known["requests"],
        seconds=known["seconds"],
        started=header["started"],
        versions=header["versions"],
        diagnosis=Diagnosis.from_json(diagnosis, tries) if diagnosis else None,
        interrupted=known["interrupted"],
        bound=known.get("bound", ""),
        left_over=tuple(known["left_over"]),
        objects=known["objects"],
        plan=known["plan"],
        first_finding=known["first_finding"],
        capabilities=None if capabilities is None else tuple(capabilities),
        gate=gate,
        traffic=traffic_of(performed.episode for trial in trials_in(entries) for performed in trial.episodes),
        errors=(*_errors_of_tests(entries), *map(InternalError.from_json, known.get("errors", ()))),
        stopped=known.get("stopped", ""),
        narrowed=header["selection"]["arguments"],
    )


def _fixtures_of(provision: Provision) -> dict[str, Any]:
    """Return where a run had its objects from, and how its key was shown."""
    return {
        "provision": str(provision),
        "payment_methods": provision.payment_methods,
        "customers": provision.customers,
        "scheme": provision.scheme,
    }


def _settings_of(header: Mapping[str, Any], provision: Provision | None) -> Settings:
    options, target = header["options"], header["target"]
    expectations = Expectations.from_json(header["expectations"]) if header["expectations"] else None
    own = {"required": tuple(options["required"]), "expectations": expectations, "explore": options.get("explore")}
    own["left_out"] = tuple(options.get("left_out", ()))
    return Settings(
        **{**options, **own},
        base_url=None if target["base_url"] == REFERENCE else target["base_url"],
        payment_methods=provision.given_payment_methods if provision else (),
        customers=provision.given_customers if provision else (),
        results=Path(),
        implementation=target.get("implementation", ""),
        target=target.get("started", ""),
    )


def _errors_of_tests(entries: Iterable[LogEntry]) -> Iterator[InternalError]:
    errors = (note for note in notes_in(entries) if note.kind is Kind.ERROR)
    return (InternalError(note.test or note.clause, note.reason, note.traceback, note.clause) for note in errors)
