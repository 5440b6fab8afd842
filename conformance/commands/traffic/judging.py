"""Judging recorded traffic: the judge of a live run on exchanges that were captured elsewhere, without any request."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from conformance.commands.traffic.recordings import Recorded, Recording, UnreadableRecording, blotted, read_recordings
from conformance.evidence.episode import Episode, Finding, Outcome, Step
from conformance.evidence.exchange import Exchange, asks_to_expand
from conformance.judge import judge
from conformance.judge.general import LEGAL_WITHOUT_ENVELOPE, says_json
from conformance.judge.stripe import WELL_FORMED_VERSION
from conformance.judge.success import sent_payment_method
from conformance.reports.words import SIGNS, admissible_in_short, answer_in_short, culprit_of, curl
from conformance.verdict.ledger import ClauseResult, Ledger, own_outcome
from conformance.verdict.run import ExitStatus
from contracts import Catalogue, Contract, load_catalogue, published_contract
from contracts.catalogue import PROFILES
from strategies.invalid import NAMES_WITH_MEANING, PREFIX_WITH_MEANING
from strategies.oracle import violations
from strategies.traits import traits
from strategies.wire import DecodedPair

REFUSED_FOR_OTHER_REASONS = frozenset({401, 402, 403, 404, 405, 409})
"""Statuses that say that something else than the body was wrong."""

ACCEPTED_BESIDE = frozenset(DecodedPair(b"validate", value) for value in (b"true", b"false"))
"""Parameters that attach takes in reality without a word in its documentation: they make no request invalid."""

UNDECODABLE = frozenset({"robustness.malformed-encoding", "robustness.invalid-utf8"})
DECLINING_TOKEN = "pm_card_chargeDeclined"
OTHER_SHARED_TOKENS = ("pm_usBankAccount",)

_ANY_OBJECT = ("object", "id", "customer", "created", "livemode", "metadata", "billing-details", "schema")
_ON_EVERY_OBJECT = frozenset(f"response.{name}" for name in (*_ANY_OBJECT, "type-hash", "no-card-data"))
_OF_AN_ERROR = ("error.type", "error.message", "error.member-types")

Expected = tuple[str, str]
"""A clause's slug, and the name of what it expects."""


def judge_traffic(recorded: Iterable[Recorded], contract: Contract, catalogue: Catalogue) -> Ledger:
    """What the recorded exchanges say, by clause. A clause about which they say nothing has no entry."""
    ledger = Ledger()
    for one in recorded:
        may_hold, may_break = set(_held_by_nature(one, contract)), set(_broken_by_nature(one, contract))
        for expected, holds in _expected(one, contract):
            slug, name = expected
            judgement = judge(_episode(one, slug, name, contract), contract, catalogue)
            own = [finding for finding in judgement.findings if finding.clause == slug]
            if own and judgement.outcome is Outcome.FAIL:
                ledger.entry(slug).add_finding(own[0])
            elif holds and judgement.outcome is Outcome.PASS:
                ledger.entry(slug).held += 1
        found = {finding.clause: finding for finding in _on_every_answer(one, contract, catalogue)}
        for slug in may_hold | may_break:
            if slug in found:
                ledger.entry(slug).add_finding(found[slug])
            elif slug in may_hold:
                ledger.entry(slug).held += 1
    return ledger


def is_valid(one: Recorded, contract: Contract) -> bool:
    """Whether nothing that was recorded of the request breaks the contract; a body that was not recorded may."""
    exchange = one.exchange
    if exchange.request.method != "POST" or "?" in exchange.request.target:
        return False
    if exchange.request.body is None:
        return True
    if not one.is_form or _is_undecodable(exchange):
        return False
    pairs = [pair for pair in exchange.sent_pairs if pair not in ACCEPTED_BESIDE]
    return not violations(pairs, contract)


# which clauses an exchange exercises


def _held_by_nature(one: Recorded, contract: Contract) -> Iterator[str]:
    """The clauses judged on every answer for which this one has all the evidence."""
    exchange = one.exchange
    status, body = exchange.status, exchange.body
    if status is None or not exchange.answered:
        return
    if one.key_sought:
        yield "error.no-secrets"
    if status >= 500 or 300 <= status < 400:
        yield "error.status-class"
        return
    if body is None:
        if status >= 400:
            yield "error.status-class"
        elif is_valid(one, contract):
            yield "response.status"
        return
    yield "error.status-class"
    yield from _about_json(one, exchange)
    if exchange.is_refusal:
        yield from _about_errors(one, exchange)
    elif exchange.is_success and is_valid(one, contract):
        yield from _about_successes(one, exchange)


def _about_json(one: Recorded, exchange: Exchange) -> Iterator[str]:
    status, body = exchange.status or 0, exchange.body or b""
    calls_itself_json = says_json(exchange) and body.lstrip()[:1] not in (b"<", b"")
    if one.raw_body and status not in (204, 205) and (status < 300 or calls_itself_json):
        yield "response.json"
    if _was_recorded("Content-Type", one) and exchange.json.found and isinstance(exchange.json.value, dict | list):
        yield "response.media-type"


def _about_errors(one: Recorded, exchange: Exchange) -> Iterator[str]:
    is_odd = bool(traits(exchange.request)) or exchange.request.body is None
    if exchange.has_error_inside:
        yield from ("error.envelope", *_OF_AN_ERROR)
        if one.path_known and exchange.request.body is not None:
            yield "error.no-internals"
    elif not (is_odd and exchange.status in LEGAL_WITHOUT_ENVELOPE):
        garbled = says_json(exchange) and not exchange.json.found and (exchange.body or b"").lstrip()[:1] not in b"<"
        if not garbled:
            yield "error.envelope"


def _about_successes(one: Recorded, exchange: Exchange) -> Iterator[str]:
    body = exchange.object
    yield "response.status"
    if exchange.json.found:
        yield "response.object"
    if body.get("object") != "payment_method" or asks_to_expand(exchange):
        return
    lacking = {"response.object"}
    if not one.path_known or sent_payment_method(exchange).startswith(OTHER_SHARED_TOKENS):
        lacking.add("response.id")
    if len(exchange.sent_values("customer")) != 1:
        lacking.add("response.customer")
    else:
        yield "expand.not-expanded"
    if not isinstance(body.get("type"), str):
        lacking.add("response.type-hash")
    if not (exchange.header("Date") or exchange.received):
        lacking.add("response.created")
    if not one.test_key:
        lacking.add("response.livemode")
    yield from _ON_EVERY_OBJECT - lacking


def _broken_by_nature(one: Recorded, contract: Contract) -> Iterator[str]:
    """The clauses that this answer can break, though it lacks the evidence that they hold."""
    exchange = one.exchange
    if exchange.is_success and is_valid(one, contract) and not asks_to_expand(exchange):
        yield from ("response.created", "response.livemode")


def _expected(one: Recorded, contract: Contract) -> Iterator[tuple[Expected, bool]]:
    """The clauses with an expectation of their own, and whether this one exchange can show that they hold."""
    exchange = one.exchange
    if not exchange.answered:
        return
    yield from ((expected, True) for expected in _of_headers(one))
    if exchange.request.method != "POST":
        yield ("request.other-methods", "not_obeyed"), False
        if exchange.status not in (401, 403) and exchange.body is not None:
            yield ("method.unrecognized", "refused_as_told"), True
        return
    if exchange.body is None:
        return
    yield from ((expected, True) for expected in _of_the_body(one, contract))
    yield from (((slug, "refused_as_told"), True) for slug in _of_the_refusal(one, contract))
    wants_customer = any(pair.name.startswith(b"expand[") and pair.value == b"customer" for pair in exchange.sent_pairs)
    if wants_customer and is_valid(one, contract):
        yield ("expand.inlined", "inlined"), False


def _of_headers(one: Recorded) -> Iterator[Expected]:
    exchange = one.exchange
    if exchange.status == 401:
        if _was_recorded("WWW-Authenticate", one):
            yield "auth.challenge", "challenged"
        return
    if exchange.status == 403 or (exchange.is_refusal and not exchange.has_error_inside):
        return  # no account has been found yet, or a front-end server has answered
    if _was_recorded("Request-Id", one):
        yield "header.request-id", "identified"
    if _was_recorded("Cache-Control", one):
        yield "header.cache-control", "uncached"
    if not _was_recorded("Stripe-Version", one):
        return
    asked = dict(exchange.request.headers).get("Stripe-Version", "")
    if asked and (WELL_FORMED_VERSION.fullmatch(asked) or not re.match(r"\d{4}-\d{2}-\d{2}", asked)):
        yield "header.version", "versioned"


def _was_recorded(name: str, one: Recorded) -> bool:
    """Tell whether the recording says what the answer had for a header, if only that it lacked it."""
    headers = one.exchange.headers
    return headers is not None and (not one.may_lack_headers or one.exchange.header(name) is not None)


def _of_the_body(one: Recorded, contract: Contract) -> Iterator[Expected]:
    exchange = one.exchange
    unsure = exchange.request.body is None or not one.is_form or "?" in exchange.request.target
    if unsure or _is_undecodable(exchange) or any(_has_meaning(pair.name) for pair in exchange.sent_pairs):
        return
    found = violations(exchange.sent_pairs, contract)
    if len(found) != 1 or (exchange.status or 0) in REFUSED_FOR_OTHER_REASONS:
        return
    (violation,) = found
    if violation.clause != "body.duplicate-customer":
        yield violation.clause, "refused"
    elif len(set(exchange.sent_values("customer"))) > 1:
        yield violation.clause, "one_of_two"


def _of_the_refusal(one: Recorded, contract: Contract) -> Iterator[str]:
    """The clauses about a state of the service that the answer itself gives away."""
    exchange = one.exchange
    code, param = exchange.error.get("code"), exchange.error.get("param")
    if exchange.is_refusal and code == "resource_missing" and param in ("payment_method", "customer"):
        yield f"stripe.resource-missing-{str(param).replace('_', '-')}"
    declines = sent_payment_method(exchange) == DECLINING_TOKEN and is_valid(one, contract)
    if code == "card_declined" or (exchange.status == 402 and not code) or (declines and exchange.is_success):
        yield "stripe.card-declined"


def _is_undecodable(exchange: Exchange) -> bool:
    return bool(UNDECODABLE & set(traits(exchange.request)))


def _has_meaning(name: bytes) -> bool:
    root = name.decode("utf-8", "replace").partition("[")[0]
    return root in NAMES_WITH_MEANING or root.startswith(PREFIX_WITH_MEANING)


# the judge's view of it


def _on_every_answer(one: Recorded, contract: Contract, catalogue: Catalogue) -> tuple[Finding, ...]:
    return judge(_episode(one, "", "answered", contract), contract, catalogue).findings


def _episode(one: Recorded, slug: str, expectation: str, contract: Contract) -> Episode:
    kind = "valid" if is_valid(one, contract) else "wire"
    step = Step("subject", one.exchange, attempt=one.where, kind=kind)
    facts = {"test_key": bool(one.test_key), "base_url": one.base_url}
    return Episode(slug, expectation, (step,), facts=facts)


# in words


def told(ledger: Ledger, recording: Recording, catalogue: Catalogue, profile: str) -> Iterator[str]:
    """What was concluded, line by line, for the clauses of `profile`."""
    clauses = catalogue.within(profile)
    for clause in clauses:
        if clause.slug in ledger.entries:
            yield from map(blotted, _of_clause(own_outcome(clause, ledger.entry(clause.slug))))
    silent = [clause.slug for clause in clauses if clause.slug not in ledger.entries]
    yield ""
    unanswered = [one.where for one in recording.exchanges if one.exchange.status is None]
    judged = len(recording.exchanges) - len(unanswered)
    others = f"; {_count(recording.ignored, 'request')} to other URLs ignored" if recording.ignored else ""
    yield f"{_count(judged, 'exchange')} with the operation judged{others}"
    yield from (f"not judged: {where}: no answer was recorded" for where in unanswered)
    yield from (blotted(f"could not read {problem}") for problem in recording.unreadable)
    yield f"{_count(len(silent), 'clause')} of {len(clauses)} not exercised: {', '.join(silent) or 'none'}"


def status_of(ledger: Ledger, catalogue: Catalogue, profile: str) -> ExitStatus:
    """DOES_NOT_CONFORM when the traffic breaks a MUST of `profile`, else CONFORMS."""
    outcomes = (own_outcome(c, ledger.entries[c.slug]) for c in catalogue.within(profile) if c.slug in ledger.entries)
    broken = any(result.outcome is Outcome.FAIL for result in outcomes)
    return ExitStatus.DOES_NOT_CONFORM if broken else ExitStatus.CONFORMS


def _of_clause(result: ClauseResult) -> Iterator[str]:
    sign, slug = SIGNS[result.outcome], result.clause.slug
    if not result.findings:
        yield f"{sign} {slug}: holds ({_count(result.held, 'answer')})"
        return
    word = "fails" if result.outcome is Outcome.FAIL else "deviates"
    yield f"{sign} {slug}: {word} ({result.broken} of {_count(result.broken + result.held, 'answer')}): {result.reason}"
    first, *more = result.findings
    step = culprit_of(first)
    yield f"    where:      {step.attempt}"
    lacks = "" if step.exchange.request.body is not None else "  (the body was not recorded)"
    yield f"    sent:       {curl(step.exchange, str(first.episode.facts['base_url']))}{lacks}"
    yield f"    came back:  {answer_in_short(step.exchange)}"
    yield f"    admissible: {admissible_in_short(result.clause)}"
    for finding in more:
        yield f"    also:       {culprit_of(finding).attempt}: {finding.observed}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


# the command


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command `judge`."""
    command = commands.add_parser("judge", help="judge recorded traffic, without sending anything")
    command.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="a HAR file, a cassette of VCR or vcrpy, or JSON exchanges"
    )
    command.add_argument("--profile", choices=PROFILES, default="stripe", help="which clauses (default: %(default)s)")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    try:
        recording = read_recordings(options.files)
    except UnreadableRecording as error:
        print(blotted(str(error)))
        return ExitStatus.WRONG_USAGE
    catalogue = load_catalogue()
    ledger = judge_traffic(recording.exchanges, published_contract(), catalogue)
    print(*told(ledger, recording, catalogue, options.profile), sep="\n")
    return status_of(ledger, catalogue, options.profile)
