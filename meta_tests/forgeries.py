"""Forged certificates that were signed with the right key, each with the reason for which it must be refused."""

from __future__ import annotations

import base64
import datetime
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from securesystemslib.signer import CryptoSigner

from conformance.certificate.bundle import CERTIFICATE, TARGET, bundled, countersigned
from conformance.certificate.files import Files
from conformance.certificate.statements import CLAUSE_RESULTS, TEST_RESULT, Validity
from conformance.exchange import Exchange
from conformance.record import Record
from conformance.trial import Note, Performed, Trial
from meta_tests.forging import (
    SIGNER,
    Place,
    Predicates,
    answered,
    edited,
    everywhere,
    find,
    find_clause,
    honest,
    log_of,
    restated,
    rewritten,
    with_episode,
)

CONTRACT = ("--profile", "contract")
BROKEN = "body.unknown-parameter-nested"
DEFECT = "unknown-nested-ignored"


@dataclass(frozen=True)
class Runs:
    """The records that all tests share."""

    good: Record
    other: Record
    bad: Record
    stateless: Record


Forgery = Callable[[Runs], Files]
STRANGER = CryptoSigner.generate_ecdsa()


def forgery(record: Record, **changes: Any) -> Files:
    return honest(rewritten(record, **changes))


def without(log: Any, number: int) -> list[Trial | Note]:
    return [*log[:number], *log[number + 1 :]]


def without_what_explores(record: Record) -> list[Trial | Note]:
    return without(log_of(record), find(log_of(record), lambda trial, _: trial.explores).trial)


BROKE = Note("body.customer-structure", "error", "it broke")


def flipped(predicates: Predicates) -> None:
    predicates[CLAUSE_RESULTS]["clauses"][BROKEN] |= {"outcome": "pass"}


def passed(predicates: Predicates) -> None:
    stated = predicates[TEST_RESULT]
    stated |= {"result": "PASSED", "failedTests": [], "passedTests": [*stated["passedTests"], BROKEN]}


def is_follow_up(trial: Trial, step: Any) -> bool:
    return bool(step.role == "follow-up" and step.exchange.is_success and trial.clause == "state.persisted")


def is_subject(clause: str) -> Callable[[Trial, Any], bool]:
    return lambda trial, step: trial.clause == clause and step.role == "subject"


def with_request_edited(record: Record) -> list[Trial | Note]:
    """A refusal whose request was not the wrong one after all."""
    place = find(log_of(record), is_subject("body.unknown-parameter"))

    def harmless(step: Any) -> Any:
        request = replace(step.exchange.request, body=b"customer=")
        return replace(step, exchange=replace(step.exchange, request=request))

    return edited(log_of(record), place, harmless)


def with_attempt_unnamed(record: Record) -> list[Trial | Note]:
    place = find(log_of(record), is_subject("body.unknown-parameter"))
    return edited(log_of(record), place, lambda step: replace(step, attempt_digest=""))


def with_fewer_repetitions(record: Record) -> list[Trial | Note]:
    number = find_clause(log_of(record), "robustness.same-request-same-answer")
    place = Place(number, 0, 0)
    trial = log_of(record)[number]
    assert isinstance(trial, Trial)
    episode = trial.episodes[0].episode
    return with_episode(log_of(record), place, replace(episode, steps=episode.steps[:12]))


def with_follow_up_dropped(record: Record) -> list[Trial | Note]:
    place = find(log_of(record), is_follow_up)
    trial = log_of(record)[place.trial]
    assert isinstance(trial, Trial)
    episode = trial.episodes[place.episode].episode
    steps = tuple(step for index, step in enumerate(episode.steps) if index != place.step)
    return with_episode(log_of(record), place, replace(episode, steps=steps))


def with_kind_changed(record: Record) -> list[Trial | Note]:
    """A valid request that is said to be of an open kind, so that nobody looks at the shape of its answer."""
    place = find(log_of(record), lambda trial, step: step.kind == "valid" and step.role == "subject")
    return edited(log_of(record), place, lambda step: replace(step, kind="wire"))


def reordered(record: Record) -> list[Trial | Note]:
    log = list(log_of(record))
    first, second = find_clause(log, "body.unknown-parameter"), find_clause(log, "body.customer-structure")
    log[first], log[second] = log[second], log[first]
    return log


def with_trial_of(record: Record, other: Record, clause: str) -> list[Trial | Note]:
    log = list(log_of(record))
    log[find_clause(log, clause)] = log_of(other)[find_clause(log_of(other), clause)]
    return log


def with_body_edited(record: Record) -> list[Trial | Note]:
    """An answer whose body was changed, and nothing else."""
    place = find(log_of(record), is_subject("body.unknown-parameter"))
    return edited(
        log_of(record),
        place,
        lambda step: replace(step, exchange=replace(step.exchange, body=(step.exchange.body or b"") + b" ")),
    )


def whitewashed(record: Record) -> list[Trial | Note]:
    """The failure turned into a refusal wherever it shows, and what was performed because of it dropped."""
    place = find(log_of(record), is_subject("body.unknown-parameter"))
    refusing = log_of(record)[place.trial]
    assert isinstance(refusing, Trial)
    refusal = refusing.episodes[0].episode.subject.body

    def refused(step: Any) -> Any:
        if step.role != "subject" or not step.exchange.is_success:
            return step
        return replace(step, exchange=answered(step.exchange, 400, refusal, content_type="application/json"))

    def refused_in(performed: Performed) -> Performed:
        steps = tuple(map(refused, performed.episode.steps))
        return replace(performed, episode=replace(performed.episode, steps=steps))

    return [
        replace(one, episodes=tuple(refused_in(each) for each in one.episodes if each.part == "first"))
        if isinstance(one, Trial) and one.clause == BROKEN
        else one
        for one in log_of(record)
    ]


def with_date_moved(record: Record) -> list[Trial | Note]:
    place = find(log_of(record), is_subject("body.unknown-parameter"))
    return edited(
        log_of(record),
        place,
        lambda step: replace(step, exchange=_with_header(step.exchange, "Date", "Mon, 05 Jan 2026 09:00:00 GMT")),
    )


def with_request_id_of_another(record: Record) -> list[Trial | Note]:
    first = find(log_of(record), is_subject("body.unknown-parameter"))
    trial = log_of(record)[first.trial]
    assert isinstance(trial, Trial)
    identifier = trial.episodes[0].episode.subject.header("Request-Id") or ""
    place = find(log_of(record), is_subject("body.customer-structure"))
    return edited(
        log_of(record),
        place,
        lambda step: replace(step, exchange=_with_header(step.exchange, "Request-Id", identifier)),
    )


def _with_header(exchange: Exchange, name: str, value: str) -> Exchange:
    headers = tuple((key, value if key.lower() == name.lower() else old) for key, old in exchange.headers or ())
    return replace(exchange, headers=headers)


def with_creation_of_another(record: Record) -> list[Trial | Note]:
    """A payment method that was created under an id that nobody used, in every episode that shows it."""
    place = find(log_of(record), lambda trial, step: trial.clause == "state.persisted" and step.role == "set-up")
    trial = log_of(record)[place.trial]
    assert isinstance(trial, Trial)
    original = trial.episodes[place.episode].episode.steps[place.step].exchange
    other = answered(original, 200, {**original.object, "id": "pm_another"})
    return everywhere(log_of(record), lambda one: other if one == original else one)


def said(record: Record, part: str, **changes: Any) -> dict[str, Any]:
    return {**record.header, part: {**record.header[part], **changes}}


def with_target(record: Record, **changes: Any) -> Files:
    files = honest(record)
    target = {**json.loads(files[TARGET]), **changes}
    predicates = {one["predicateType"]: one["predicate"] for one in statements_in(files)}
    return bundled(record.content, target, predicates, SIGNER)


def statements_in(files: Files) -> Iterator[dict[str, Any]]:
    for line in files[CERTIFICATE].splitlines():
        yield json.loads(base64.b64decode(json.loads(line)["payload"]))


def with_validity(record: Record, begins: int, ends: int) -> Files:
    """A bundle that is valid from so many hours after the run until so many."""
    ended = datetime.datetime.fromisoformat(record.footer["ended"])
    validity = Validity(ended + datetime.timedelta(hours=begins), ended + datetime.timedelta(hours=ends))
    return restated(record, lambda predicates: predicates[CLAUSE_RESULTS].update(validity=validity.to_json()))


def with_lines(files: Files, change: Callable[[list[bytes]], list[bytes]]) -> Files:
    return {**files, CERTIFICATE: b"".join(change(files[CERTIFICATE].splitlines(keepends=True)))}


def later(record: Record) -> list[Trial | Note]:
    return everywhere(log_of(record), lambda one: replace(one, received=one.received + 3600))


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
            runs.good, lambda stated: stated[CLAUSE_RESULTS]["clauses"].update({"body.new": {"outcome": "pass"}})
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
            runs.good, log=without(log_of(runs.good), find_clause(log_of(runs.good), "body.customer-structure"))
        ),
    ),
    "an episode dropped": (
        "plan",
        lambda runs: forgery(
            runs.good, log=without(log_of(runs.good), find_clause(log_of(runs.good), "body.unknown-parameter"))
        ),
    ),
    "an episode without a clause of its own dropped": (
        "plan",
        lambda runs: forgery(runs.good, log=without_what_explores(runs.good)),
    ),
    "a follow-up dropped": ("plan", lambda runs: forgery(runs.good, log=with_follow_up_dropped(runs.good))),
    "a request edited": ("request", lambda runs: forgery(runs.good, log=with_request_edited(runs.good))),
    "a request without its attempt": ("plan", lambda runs: forgery(runs.good, log=with_attempt_unnamed(runs.good))),
    "a valid request said to be of another kind": (
        "plan",
        lambda runs: forgery(runs.good, log=with_kind_changed(runs.good)),
    ),
    "requests left out of the plan": ("plan", lambda runs: forgery(runs.good, log=with_fewer_repetitions(runs.good))),
    "an episode duplicated": (
        "episodes",
        lambda runs: forgery(runs.good, log=[*log_of(runs.good), log_of(runs.good)[-1]]),
    ),
    "episodes reordered": ("episodes", lambda runs: forgery(runs.good, log=reordered(runs.good))),
    "an episode of another run": (
        "ids",
        lambda runs: forgery(runs.good, log=with_trial_of(runs.good, runs.other, "request.minimal-body")),
    ),
    "an episode of another target": (
        "another-target",
        lambda runs: forgery(runs.other, log=with_trial_of(runs.other, runs.stateless, "request.minimal-body")),
    ),
    "an answer edited": ("lengths", lambda runs: forgery(runs.good, log=with_body_edited(runs.good))),
    "answers edited, and everything else made consistent": (
        "plan",
        lambda runs: forgery(runs.bad, log=whitewashed(runs.bad)),
    ),
    "an answer with another date": ("times", lambda runs: forgery(runs.good, log=with_date_moved(runs.good))),
    "an answer with the request id of another": (
        "ids",
        lambda runs: forgery(runs.good, log=with_request_id_of_another(runs.good)),
    ),
    "an object created under another id": (
        "ids",
        lambda runs: forgery(runs.good, log=with_creation_of_another(runs.good)),
    ),
    "a run of another hour": ("times", lambda runs: forgery(runs.good, log=later(runs.good))),
    "another contract": (
        "contract",
        lambda runs: forgery(runs.good, header={**runs.good.header, "contract": "0" * 64}),
    ),
    "another catalogue": (
        "catalogue",
        lambda runs: forgery(runs.good, header={**runs.good.header, "catalogue": "0" * 64}),
    ),
    "another version of the suite": (
        "suite",
        lambda runs: forgery(runs.good, header=said(runs.good, "suite", version="9")),
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
    "a selection": ("selection", lambda runs: forgery(runs.good, header=said(runs.good, "selection", whole=False))),
    "several workers": ("workers", lambda runs: forgery(runs.good, header={**runs.good.header, "workers": 2})),
    "failures that were expected": (
        "expectations",
        lambda runs: forgery(runs.good, header=said(runs.good, "options", expectations="0" * 64)),
    ),
    "an interrupted run": (
        "inconclusive",
        lambda runs: forgery(runs.good, footer={**runs.good.footer, "interrupted": True}),
    ),
    "a clause that could not be judged": (
        "inconclusive",
        lambda runs: forgery(runs.other, log=[*log_of(runs.other), BROKE]),
    ),
    "another base URL": ("target", lambda runs: with_target(runs.good, baseUrl="https://api.example.com")),
    "another product in the target": (
        "target",
        lambda runs: with_target(runs.good, product={"name": "another", "version": "1"}),
    ),
    "expired": ("expired", lambda runs: with_validity(runs.good, -1, 0)),
    "not yet valid": ("not-yet-valid", lambda runs: with_validity(runs.good, 2, 24)),
    "signed before the run had ended": ("times", lambda runs: with_validity(runs.good, -2, 24)),
    "a statement left out": ("statements", lambda runs: with_lines(honest(runs.good), lambda lines: lines[:1])),
    "a statement twice": ("statements", lambda runs: with_lines(honest(runs.good), lambda lines: lines + lines[:1])),
    "a statement of another kind": (
        "statements",
        lambda runs: countersigned(honest(runs.good), "https://example.com/approved", {}, SIGNER),
    ),
    "a record without its end": (
        "record",
        lambda runs: honest(replace(runs.good, content=b"\n".join(runs.good.content.splitlines()[:-1]) + b"\n")),
    ),
    "a line of the record edited, and not chained anew": (
        "record",
        lambda runs: honest(replace(runs.good, content=runs.good.content.replace(b'"status":400', b'"status":402', 1))),
    ),
}
