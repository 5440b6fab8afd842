"""Lies in the statements and the files of a bundle, about a record that says otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from benchmarks.forging import SIGNER, Predicates, claim_of, honest, restated, statements_of
from benchmarks.lies.registry import Lie, Lies
from conformance.commands.certificate.bundle import CERTIFICATE, MANIFEST, RECORD, TARGET, add_statement, make_bundle
from conformance.commands.certificate.files import Files
from conformance.commands.certificate.statements import (
    CLAUSE_RESULTS,
    TEST_RESULT,
    VERIFICATION_SUMMARY,
    verification_summary,
)
from conformance.verdict.record import Record

LIES = Lies()


def _stated(name: str, change: Callable[[Predicates], object]) -> None:
    LIES.enter({name: lambda record: restated(record, change)})


def _all_pass(predicates: Predicates) -> None:
    for clause in predicates[CLAUSE_RESULTS]["clauses"].values():
        clause["outcome"] = "pass"
    _passed(predicates)


def _passed(predicates: Predicates) -> None:
    stated = predicates[TEST_RESULT]
    every = [*stated["passedTests"], *stated["warnedTests"], *stated["failedTests"]]
    stated |= {"result": "PASSED", "passedTests": every, "failedTests": [], "warnedTests": []}
    verdicts = dict.fromkeys(predicates[CLAUSE_RESULTS]["verdicts"], "conforms")
    predicates[CLAUSE_RESULTS] |= {"verdict": "conforms", "verdicts": verdicts}


def _only_passed(predicates: Predicates) -> None:
    clauses = predicates[CLAUSE_RESULTS]["clauses"]
    passed = {slug: one for slug, one in clauses.items() if one["outcome"] == "pass"}
    predicates[CLAUSE_RESULTS] |= {"clauses": passed, "required": len(passed), "executed": len(passed)}
    _passed(predicates)


def _not_applicable(predicates: Predicates) -> None:
    for clause in predicates[CLAUSE_RESULTS]["clauses"].values():
        if clause["outcome"] != "pass":
            clause |= {"outcome": "not-applicable", "reason": "not for this product"}
    _passed(predicates)


def _set(predicate_type: str, member: str, value: Any) -> Callable[[Predicates], object]:
    return lambda predicates: predicates[predicate_type].update({member: value})


def _drop(predicate_type: str, member: str) -> Callable[[Predicates], object]:
    return lambda predicates: predicates[predicate_type].pop(member)


_stated("every clause stated to pass", _all_pass)
_stated("the verdict stated to be another", _passed)
_stated("failing clauses not stated", _only_passed)
_stated("failing clauses stated not to apply", _not_applicable)
_stated("a result of another kind", _set(TEST_RESULT, "result", "WARNED"))
_stated("no failed tests", _set(TEST_RESULT, "failedTests", []))
_stated("no configuration", _set(TEST_RESULT, "configuration", []))
_OF_TESTS: dict[str, Any] = {"result": "PASSED", "passedTests": [], "warnedTests": None}
for _member, _value in _OF_TESTS.items():
    _stated(f"`{_member}` of the test result changed", _set(TEST_RESULT, _member, _value))
_OF_CLAUSES: tuple[tuple[str, Any], ...] = (
    ("verdict", "conforms"),
    ("verdicts", {}),
    ("required", 1),
    ("executed", 1),
    ("clauses", {}),
    ("level", "none"),
    ("profile", "none"),
    ("budget", "thorough"),
    ("seed", 0),
    ("record", {}),
    ("contract", "0" * 64),
    ("catalogue", "0" * 64),
    ("redactions", ["every failure"]),
    ("started", "2026-01-01T00:00:00+00:00"),
    ("ended", "2026-01-01T00:00:00+00:00"),
    ("approved", True),
)
for _member, _value in _OF_CLAUSES:
    _stated(f"`{_member}` of the clause results changed", _set(CLAUSE_RESULTS, _member, _value))
for _member in ("clauses", "verdict", "record", "validity", "product"):
    _stated(f"`{_member}` of the clause results left out", _drop(CLAUSE_RESULTS, _member))
for _member in ("result", "failedTests"):
    _stated(f"`{_member}` of the test result left out", _drop(TEST_RESULT, _member))


def _with_target(**changes: Any) -> Lie:
    def altered(record: Record) -> Files:
        target = {**json.loads(honest(record)[TARGET]), **changes}
        return make_bundle(record.content, target, statements_of(record), SIGNER)

    return altered


LIES.enter(
    {
        "another product in the target": _with_target(product={"name": "another", "version": "1"}),
        "another mode in the target": _with_target(mode="stateless"),
        "another address in the target": _with_target(baseUrl="https://api.example.com"),
        "a verdict in the target": _with_target(verdict="conforms"),
    }
)


def _with_summary(**changes: Any) -> Lie:
    """Countersign with the vendor's own key."""

    def altered(record: Record) -> Files:
        claim, files = claim_of(record), honest(record)
        summary = verification_summary("urn:certifier", claim, claim.validity.begins, files[CERTIFICATE].splitlines())
        return add_statement(files, VERIFICATION_SUMMARY, {**summary, **changes}, SIGNER)

    return altered


LIES.enter(
    {
        "a summary that says that it passed": _with_summary(
            verificationResult="PASSED", verifiedLevels=["ATTACH_CONFORMANCE_STRIPE"]
        ),
        "a summary about other statements": _with_summary(inputAttestations=[]),
        "a summary about another product": _with_summary(
            resourceUri="pkg:generic/another@1", verificationResult="PASSED"
        ),
    }
)


def _with_files(change: Callable[[dict[str, bytes]], dict[str, bytes]]) -> Lie:
    return lambda record: change(dict(honest(record)))


LIES.enter(
    {
        "only the statement about the test result": _with_files(
            lambda files: {**files, CERTIFICATE: files[CERTIFICATE].splitlines(keepends=True)[0]}
        ),
        "the statements in two copies": _with_files(lambda files: {**files, CERTIFICATE: files[CERTIFICATE] * 2}),
        "no statement": _with_files(lambda files: {**files, CERTIFICATE: b""}),
        "no record": _with_files(lambda files: {name: files[name] for name in files if name != RECORD}),
        "no manifest": _with_files(lambda files: {name: files[name] for name in files if name != MANIFEST}),
        "a second record": _with_files(lambda files: {**files, "run2.jsonl": files[RECORD]}),
    }
)


def _with_content(change: Callable[[bytes], bytes]) -> Lie:
    """Sign a record whose lines were edited, and not chained again."""
    return lambda record: honest(replace(record, content=change(record.content)))


LIES.enter(
    {
        "a record without its footer": _with_content(lambda text: b"".join(text.splitlines(keepends=True)[:-1])),
        "a record without its header": _with_content(lambda text: b"".join(text.splitlines(keepends=True)[1:])),
        "a record without a line in the middle": _with_content(
            lambda text: b"".join(text.splitlines(keepends=True)[:9] + text.splitlines(keepends=True)[10:])
        ),
        "a record with a line twice": _with_content(
            lambda text: b"".join(text.splitlines(keepends=True)[:9] + text.splitlines(keepends=True)[8:])
        ),
        "a record with statuses replaced": _with_content(lambda text: text.replace(b'"status":200', b'"status":400')),
        "a record with outcomes replaced": _with_content(lambda text: text.replace(b':"fail"', b':"pass"')),
        "an empty record": _with_content(lambda _: b""),
        "a record that is no text": _with_content(lambda text: b"\xff" + text),
    }
)
