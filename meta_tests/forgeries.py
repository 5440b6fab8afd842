"""Forged certificates that were signed with the right key, each with the reason for which it must be refused."""

from __future__ import annotations

import base64
import datetime
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from securesystemslib.signer import CryptoSigner

from benchmarks.forging import (
    SIGNER,
    Predicates,
    claim_of,
    find_clause,
    honest,
    log_of,
    restated,
    rewritten,
)
from conformance.commands.certificate.bundle import CERTIFICATE, TARGET, add_statement, make_bundle
from conformance.commands.certificate.files import Files
from conformance.commands.certificate.making import sign_claim
from conformance.commands.certificate.statements import (
    CLAUSE_RESULTS,
    TEST_RESULT,
    VERIFICATION_SUMMARY,
    Product,
    Validity,
    verification_summary,
)
from conformance.verdict.entries import Kind
from conformance.verdict.record import Record
from conformance.verdict.trial import Note
from meta_tests.forged_logs import (
    BROKEN,
    later,
    reordered,
    whitewashed,
    with_answer_without,
    with_attempt_unnamed,
    with_body_edited,
    with_claim_to_be_remote,
    with_confirmation_of_another,
    with_creation_of_another,
    with_creation_of_another_run,
    with_date_moved,
    with_fewer_repetitions,
    with_follow_up_dropped,
    with_kind_changed,
    with_one_telling_edited,
    with_repetition_doubled,
    with_request_edited,
    with_request_id_of_another,
    with_step_of_another_place,
    with_trial_of,
    without,
    without_what_explores,
)

CONTRACT = ("--profile", "contract")
DEFECT = "unknown-nested-ignored"


@dataclass(frozen=True)
class Runs:
    """The records that all tests share."""

    good: Record
    other: Record
    bad: Record
    stateless: Record
    deviating: Record


Forgery = Callable[[Runs], Files]
STRANGER = CryptoSigner.generate_ecdsa()


def forgery(record: Record, **changes: Any) -> Files:
    return honest(rewritten(record, **changes))


BROKE = Note("body.customer-structure", Kind.ERROR, "it broke")


def given_in_two_ways(record: Record) -> Files:
    """An answer edited where it stands first, and one more request said to have been sent."""
    footer = {**record.footer, "requests": record.footer["requests"] + 1}
    return forgery(record, log=with_one_telling_edited(record), footer=footer)


def flipped(predicates: Predicates) -> None:
    predicates[CLAUSE_RESULTS]["clauses"][BROKEN] |= {"outcome": "pass"}


def passed(predicates: Predicates) -> None:
    stated = predicates[TEST_RESULT]
    stated |= {"result": "PASSED", "failedTests": [], "passedTests": [*stated["passedTests"], BROKEN]}


def said(record: Record, part: str, **changes: Any) -> dict[str, Any]:
    return {**record.header, part: {**record.header[part], **changes}}


def with_target(record: Record, **changes: Any) -> Files:
    files = honest(record)
    target = {**json.loads(files[TARGET]), **changes}
    predicates = {one["predicateType"]: one["predicate"] for one in statements_in(files)}
    return make_bundle(record.content, target, predicates, SIGNER)


def statements_in(files: Files) -> Iterator[dict[str, Any]]:
    for line in files[CERTIFICATE].splitlines():
        yield json.loads(base64.b64decode(json.loads(line)["payload"]))


def with_validity(record: Record, begins: int, ends: int) -> Files:
    """A bundle that is valid from some hours after the run until some others."""
    ended = datetime.datetime.fromisoformat(record.footer["ended"])
    validity = Validity(ended + datetime.timedelta(hours=begins), ended + datetime.timedelta(hours=ends))
    return restated(record, lambda predicates: predicates[CLAUSE_RESULTS].update(validity=validity.to_json()))


def renamed(record: Record, name: Any) -> Files:
    """A bundle about a product of that name, in both predicates that have it and in the target."""
    claim = replace(claim_of(record), product=Product(name, "1"))
    return sign_claim(claim, SIGNER)


def summarised(record: Record) -> Files:
    """A bundle of a product that fails, with a summary that says that it passed."""
    claim, files = claim_of(record), honest(record)
    summary = verification_summary("urn:certifier", claim, claim.validity.begins, files[CERTIFICATE].splitlines())
    return add_statement(files, VERIFICATION_SUMMARY, {**summary, "verificationResult": "PASSED"}, SIGNER)


def with_lines(files: Files, change: Callable[[list[bytes]], list[bytes]]) -> Files:
    return {**files, CERTIFICATE: b"".join(change(files[CERTIFICATE].splitlines(keepends=True)))}


FORGERIES: dict[str, tuple[str, Forgery]] = {
    "a verdict flipped in the statement": ("outcome", lambda runs: restated(runs.bad, flipped)),
    "a result flipped in the statement": ("statement", lambda runs: restated(runs.bad, passed)),
    "a clause dropped from the statement": (
        "outcome",
        lambda runs: restated(runs.bad, lambda stated: stated[CLAUSE_RESULTS]["clauses"].pop(BROKEN)),
    ),
    "a clause added to the statement": (
        "outcome",
        lambda runs: restated(
            runs.other, lambda stated: stated[CLAUSE_RESULTS]["clauses"].update({"body.new": {"outcome": "pass"}})
        ),
    ),
    "fewer clauses said to be required": (
        "statement",
        lambda runs: restated(runs.bad, lambda stated: stated[CLAUSE_RESULTS].update(required=1, executed=1)),
    ),
    "a verdict flipped in the footer": (
        "outcome",
        lambda runs: honest(
            rewritten(
                runs.bad,
                footer={**runs.bad.footer, "outcomes": {**runs.bad.outcomes, BROKEN: "pass"}},
                concluded=False,
            )
        ),
    ),
    "a failing clause made not applicable": (
        "plan",
        lambda runs: forgery(
            runs.other, log=without(log_of(runs.other), find_clause(log_of(runs.other), "body.customer-structure"))
        ),
    ),
    "an episode dropped": (
        "plan",
        lambda runs: forgery(
            runs.other, log=without(log_of(runs.other), find_clause(log_of(runs.other), "body.unknown-parameter"))
        ),
    ),
    "an episode without a clause of its own dropped": (
        "plan",
        lambda runs: forgery(runs.other, log=without_what_explores(runs.other)),
    ),
    "a follow-up dropped": ("plan", lambda runs: forgery(runs.good, log=with_follow_up_dropped(runs.good))),
    "a request edited": ("request", lambda runs: forgery(runs.other, log=with_request_edited(runs.other))),
    "a request without its attempt": ("plan", lambda runs: forgery(runs.other, log=with_attempt_unnamed(runs.other))),
    "a valid request said to be of another kind": (
        "plan",
        lambda runs: forgery(runs.other, log=with_kind_changed(runs.other)),
    ),
    "requests left out of the plan": ("plan", lambda runs: forgery(runs.other, log=with_fewer_repetitions(runs.other))),
    "an episode duplicated": (
        "episodes",
        lambda runs: forgery(runs.other, log=[*log_of(runs.other), log_of(runs.other)[-1]]),
    ),
    "episodes reordered": ("episodes", lambda runs: forgery(runs.other, log=reordered(runs.other))),
    "an episode of another run": (
        "ids",
        lambda runs: forgery(runs.good, log=with_trial_of(runs.good, runs.other, "request.minimal-body")),
    ),
    "a customer of another run": (
        "episodes",
        lambda runs: forgery(runs.other, log=with_creation_of_another_run(runs.other)),
    ),
    "an exchange in the place of another": (
        "episodes",
        lambda runs: forgery(runs.other, log=with_step_of_another_place(runs.other)),
    ),
    "a repetition in the place of another": (
        "episodes",
        lambda runs: forgery(runs.other, log=with_repetition_doubled(runs.other)),
    ),
    "an answer given in two ways": ("episodes", lambda runs: given_in_two_ways(runs.other)),
    "an episode of another target": (
        "another-target",
        lambda runs: forgery(runs.other, log=with_trial_of(runs.other, runs.stateless, "request.minimal-body")),
    ),
    "an answer edited": ("lengths", lambda runs: forgery(runs.other, log=with_body_edited(runs.other))),
    "answers edited, and everything else made consistent": (
        "plan",
        lambda runs: forgery(runs.bad, log=whitewashed(runs.bad)),
    ),
    "an answer with another date": ("times", lambda runs: forgery(runs.other, log=with_date_moved(runs.other))),
    "an answer with the request id of another": (
        "ids",
        lambda runs: forgery(runs.good, log=with_request_id_of_another(runs.good)),
    ),
    "an object created under another id": (
        "ids",
        lambda runs: forgery(runs.good, log=with_creation_of_another(runs.good)),
    ),
    "a run of another hour": ("times", lambda runs: forgery(runs.other, log=later(runs.other))),
    "an answer without its body": (
        "record",
        lambda runs: forgery(runs.other, log=with_answer_without(runs.other, body=None)),
    ),
    "an answer without its head": (
        "record",
        lambda runs: forgery(runs.other, log=with_answer_without(runs.other, headers=None)),
    ),
    "an episode that claims to be of a far target": (
        "another-target",
        lambda runs: forgery(runs.other, log=with_claim_to_be_remote(runs.other)),
    ),
    "a confirmation that belongs to another clause": (
        "episodes",
        lambda runs: forgery(runs.bad, log=with_confirmation_of_another(runs.bad)),
    ),
    "a product whose name is a verdict of its own": (
        "product",
        lambda runs: renamed(runs.bad, "mock\n\x1b[32mgenuine: the product conforms"),
    ),
    "a product with a name of a megabyte": ("product", lambda runs: renamed(runs.other, "m" * 1_000_000)),
    "a product without a name": ("product", lambda runs: renamed(runs.other, None)),
    "valid for a thousand years": ("product", lambda runs: with_validity(runs.other, 0, 24 * 365_000)),
    "a dry run": ("selection", lambda runs: forgery(runs.other, header=said(runs.other, "options", dry_run=True))),
    "a run of the embedded reference under another name": (
        "product",
        lambda runs: forgery(runs.other, header=said(runs.other, "target", base_url="embedded reference")),
    ),
    "a certifier's summary of another product": ("summary", lambda runs: summarised(runs.bad)),
    "another contract": (
        "contract",
        lambda runs: forgery(runs.other, header={**runs.other.header, "contract": "0" * 64}),
    ),
    "another catalogue": (
        "catalogue",
        lambda runs: forgery(runs.other, header={**runs.other.header, "catalogue": "0" * 64}),
    ),
    "another version of the suite": (
        "suite",
        lambda runs: forgery(runs.other, header=said(runs.other, "suite", version="9")),
    ),
    "another seed": ("plan", lambda runs: forgery(runs.other, header=said(runs.other, "options", seed=2))),
    "a larger profile": (
        "selection",
        lambda runs: forgery(runs.other, header=said(runs.other, "options", profile="stripe")),
    ),
    "a smaller budget": (
        "budget",
        lambda runs: forgery(runs.other, header=said(runs.other, "options", budget="quick")),
    ),
    "a selection": ("selection", lambda runs: forgery(runs.other, header=said(runs.other, "selection", whole=False))),
    "several at the same time": (
        "workers",
        lambda runs: forgery(
            runs.other, header={**runs.other.header, "options": {**runs.other.header["options"], "concurrency": 8}}
        ),
    ),
    "several workers": ("workers", lambda runs: forgery(runs.other, header={**runs.other.header, "workers": 2})),
    "failures that were expected": (
        "expectations",
        lambda runs: forgery(runs.other, header=said(runs.other, "options", expectations="0" * 64)),
    ),
    "an interrupted run": (
        "inconclusive",
        lambda runs: forgery(runs.other, footer={**runs.other.footer, "interrupted": True}),
    ),
    "a clause that could not be judged": (
        "inconclusive",
        lambda runs: forgery(runs.other, log=[*log_of(runs.other), BROKE]),
    ),
    "another base URL": ("target", lambda runs: with_target(runs.other, baseUrl="https://api.example.com")),
    "another product in the target": (
        "target",
        lambda runs: with_target(runs.other, product={"name": "another", "version": "1"}),
    ),
    "expired": ("expired", lambda runs: with_validity(runs.other, -1, 0)),
    "not yet valid": ("not-yet-valid", lambda runs: with_validity(runs.other, 2, 24)),
    "signed before the run had ended": ("times", lambda runs: with_validity(runs.other, -2, 24)),
    "a statement left out": ("statements", lambda runs: with_lines(honest(runs.other), lambda lines: lines[:1])),
    "a statement twice": ("statements", lambda runs: with_lines(honest(runs.other), lambda lines: lines + lines[:1])),
    "a statement of another kind": (
        "statements",
        lambda runs: add_statement(honest(runs.other), "https://example.com/approved", {}, SIGNER),
    ),
    "a record without its end": (
        "record",
        lambda runs: honest(replace(runs.other, content=b"\n".join(runs.other.content.splitlines()[:-1]) + b"\n")),
    ),
    "a line of the record edited, and not chained again": (
        "record",
        lambda runs: honest(
            replace(runs.other, content=runs.other.content.replace(b'"status":400', b'"status":402', 1))
        ),
    ),
}
