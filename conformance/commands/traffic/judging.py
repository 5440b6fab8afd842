"""The command `judge`: judge exchanges that were recorded elsewhere as in a live run, without sending a request."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from conformance.commands.traffic.recordings import Recorded, Recording, blot, read_recordings
from conformance.evidence.counted import counted
from conformance.evidence.episode import Episode, Finding, Outcome, Step
from conformance.evidence.exchange import Exchange, asks_to_expand
from conformance.judge import (
    answered,
    challenged,
    expectation_name,
    identified,
    inlined,
    judge,
    not_obeyed,
    one_of_two,
    rejected,
    rejected_as_required,
    uncached,
    versioned,
)
from conformance.judge.answers import RESOURCE_MISSING, says_json
from conformance.judge.auth import WELL_FORMED_VERSION
from conformance.judge.expectations import Verdict
from conformance.judge.general import ENDS_OR_DIVIDES, LEGAL_WITHOUT_ENVELOPE, NOT_FOUND, is_page
from conformance.judge.request import sent_payment_method
from conformance.paths import program_here
from conformance.reports.words import SIGNS, admissible_in_short, answer_in_short, culprit_of, curl
from conformance.verdict.ledger import Ledger
from conformance.verdict.results import ClauseResult, own_outcome
from conformance.verdict.run import ExitStatus
from contracts import Catalogue, Contract, load_catalogue, published_contract
from contracts.catalogue import PROFILES
from strategies.invalid import NAMES_WITH_MEANING, PREFIX_WITH_MEANING
from strategies.oracle import violations
from strategies.traits import traits
from strategies.wire import DecodedPair

REFUSED_FOR_OTHER_REASONS = frozenset({401, 402, 403, 404, 405, 409})
"""Statuses of a rejection for another reason than the body."""

UNDOCUMENTED = frozenset(DecodedPair(b"validate", value) for value in (b"true", b"false"))
"""Parameters that attach accepts in reality, though its documentation lacks them: they make no request invalid."""

UNDECODABLE = frozenset({"robustness.malformed-encoding", "robustness.invalid-utf8"})
LONG_TARGET = 1_000
"""The number of characters of a path from which on a front-end server may reject it in its own words."""

_ODD = re.compile(r"[^\w.~/?=&-]", re.ASCII)
"""What a path of ids does not have, percent-encoding among it."""

DECLINING_TOKEN = "pm_card_chargeDeclined"
OTHER_SHARED_TOKENS = ("pm_usBankAccount",)

_ON_EVERY_OBJECT = ("response.metadata", "response.billing-details", "response.schema", "response.no-card-data")
_OF_AN_ERROR = ("error.envelope", "error.type", "error.message", "error.member-types", "error.null-members")


@dataclass(frozen=True)
class Expected:
    """A clause with its own expectation; `can_hold` says whether one exchange can show that it holds."""

    slug: str
    expectation: Callable[..., Verdict]
    can_hold: bool = True


_IN_EVERY_ANSWER = {
    "Request-Id": Expected("header.request-id", identified),
    "Cache-Control": Expected("header.cache-control", uncached),
}


def judge_traffic(recorded: Iterable[Recorded], contract: Contract, catalogue: Catalogue) -> Ledger:
    """Judge recorded exchanges by clause. A clause that they do not exercise has no entry."""
    ledger = Ledger()
    for one in recorded:
        for slug, finding in _judged(one, contract, catalogue):
            if finding is None:
                ledger.entry(slug).held += 1
            else:
                ledger.entry(slug).add_finding(finding)
    return ledger


def _judged(one: Recorded, contract: Contract, catalogue: Catalogue) -> Iterator[tuple[str, Finding | None]]:
    """Yield the clauses that an exchange shows to hold, and those that it shows to be broken, with the finding."""
    is_valid = _is_valid(one, contract)
    for expected in _expected(one, contract, is_valid=is_valid):
        episode = _episode(one, expected.slug, expected.expectation, is_valid=is_valid)
        judgement = judge(episode, contract, catalogue)
        if judgement.outcome is Outcome.FAIL:
            yield expected.slug, judgement.findings[0]
        elif expected.can_hold and judgement.outcome is Outcome.PASS:
            yield expected.slug, None
    general = judge(_episode(one, "", answered, is_valid=is_valid), contract, catalogue)
    found = {finding.clause: finding for finding in general.findings}
    may_hold = {slug for slug, has_evidence in _general(one, is_valid=is_valid).items() if has_evidence}
    yield from ((slug, found.get(slug)) for slug in may_hold)
    only_broken = (_only_breakable(one, is_valid=is_valid) - may_hold) & found.keys()
    yield from ((slug, found[slug]) for slug in only_broken)


def _episode(one: Recorded, slug: str, expectation: Callable[..., Verdict], *, is_valid: bool) -> Episode:
    step = Step("subject", one.exchange, attempt=one.where, kind="valid" if is_valid else "wire")
    facts = {"test_key": bool(one.test_key), "base_url": one.base_url}
    return Episode(slug, expectation_name(expectation), (step,), facts=facts)


def _is_valid(one: Recorded, contract: Contract) -> bool:
    """Return whether nothing that was recorded of the request breaks the contract; an unrecorded body may."""
    request = one.exchange.request
    if request.method != "POST" or "?" in request.target:
        return False
    documented = [pair for pair in one.exchange.sent_pairs if pair not in UNDOCUMENTED]
    is_readable = one.is_form and not _is_undecodable(one.exchange)
    return request.body is None or (is_readable and not violations(documented, contract))


# general clauses, judged on every answer


def _general(one: Recorded, *, is_valid: bool) -> Mapping[str, bool]:
    """Return the general clauses that this answer may be judged by, each with whether it has all the evidence."""
    exchange = one.exchange
    status = exchange.status or 0
    if not exchange.answered:
        return {}
    says_its_class = exchange.body is not None or status >= 300
    about = {
        "error.no-secrets": one.key_sought,
        "error.status-class": says_its_class,
        "response.status": is_valid and not says_its_class,
    }
    if exchange.body is None or status >= 500 or 300 <= status < 400:
        return about
    about |= _about_json(one, exchange)
    if exchange.is_refusal:
        about |= _about_errors(one, exchange)
    elif exchange.is_success and is_valid:
        about |= _about_successes(one, exchange)
    return about


def _about_json(one: Recorded, exchange: Exchange) -> Mapping[str, bool]:
    status = exchange.status or 0
    is_to_be_json = status < 300 or (says_json(exchange) and not is_page(exchange))
    is_structured = exchange.json.found and isinstance(exchange.json.value, dict | list)
    return {
        "response.json": one.raw_body and status not in (204, 205) and is_to_be_json,
        "response.media-type": is_structured and _was_recorded("Content-Type", one),
    }


def _about_errors(one: Recorded, exchange: Exchange) -> Mapping[str, bool]:
    has_body = exchange.request.body is not None
    if exchange.has_error_inside:
        return {**dict.fromkeys(_OF_AN_ERROR, True), "error.no-internals": one.path_known and has_body}
    is_legal = _may_be_of_front_end(exchange)
    is_garbled = says_json(exchange) and not exchange.json.found and not is_page(exchange)
    return {"error.envelope": not is_legal and not is_garbled}


def _may_be_of_front_end(exchange: Exchange) -> bool:
    """Return whether a front-end server may have rejected the request for an odd body or path, in its own words.

    A body that was not recorded may have been odd.
    """
    request, target = exchange.request, exchange.request.target
    if exchange.status == NOT_FOUND:
        return ENDS_OR_DIVIDES.search(target) is not None
    is_odd_path = _ODD.search(target) is not None or len(target) > LONG_TARGET
    is_odd = request.body is None or is_odd_path or bool(traits(request))
    return exchange.status in LEGAL_WITHOUT_ENVELOPE and is_odd


def _about_successes(one: Recorded, exchange: Exchange) -> Mapping[str, bool]:
    body = exchange.object
    about = {"response.status": True, "response.object": exchange.json.found}
    if body.get("object") != "payment_method" or asks_to_expand(exchange):
        return about
    has_one_customer = len(exchange.sent_values("customer")) == 1
    return {
        **about,
        **dict.fromkeys(_ON_EVERY_OBJECT, True),
        "expand.not-expanded": has_one_customer,
        "response.customer": has_one_customer,
        "response.id": one.path_known and not sent_payment_method(exchange).startswith(OTHER_SHARED_TOKENS),
        "response.type-hash": isinstance(body.get("type"), str),
        "response.created": bool(exchange.header("Date") or exchange.received),
        "response.livemode": bool(one.test_key),
    }


def _only_breakable(one: Recorded, *, is_valid: bool) -> frozenset[str]:
    """Return the clauses that this answer can break, though it lacks the evidence that they hold."""
    is_plain_success = one.exchange.is_success and is_valid and not asks_to_expand(one.exchange)
    return frozenset({"response.created", "response.livemode"} if is_plain_success else ())


# clauses with an expectation of their own


def _expected(one: Recorded, contract: Contract, *, is_valid: bool) -> Iterator[Expected]:
    """Yield the clauses with their own expectation that this exchange exercises."""
    exchange = one.exchange
    if not exchange.answered:
        return
    yield from _about_headers(one)
    if exchange.request.method != "POST":
        yield Expected("request.other-methods", not_obeyed, can_hold=False)
        if exchange.status not in (401, 403) and exchange.body is not None:
            yield Expected("method.unrecognized", rejected_as_required)
        return
    if exchange.body is not None:
        yield from _about_the_request_body(one, contract)
        yield from _about_the_state(exchange, is_valid=is_valid)


def _about_headers(one: Recorded) -> Iterator[Expected]:
    exchange = one.exchange
    if exchange.status == 401:
        if _was_recorded("WWW-Authenticate", one):
            yield Expected("auth.challenge", challenged)
        return
    if exchange.status == 403 or (exchange.is_refusal and not exchange.has_error_inside):
        return  # no account has been found yet, or a front-end server has answered
    yield from (expected for name, expected in _IN_EVERY_ANSWER.items() if _was_recorded(name, one))
    asked = dict(exchange.request.headers).get("Stripe-Version", "")
    is_judged = WELL_FORMED_VERSION.fullmatch(asked) or not re.match(r"\d{4}-\d{2}-\d{2}", asked)
    if asked and is_judged and _was_recorded("Stripe-Version", one):
        yield Expected("header.version", versioned)


def _about_the_request_body(one: Recorded, contract: Contract) -> Iterator[Expected]:
    exchange = one.exchange
    is_form = exchange.request.body is not None and one.is_form and "?" not in exchange.request.target
    if not is_form or _is_undecodable(exchange) or any(_has_meaning(pair.name) for pair in exchange.sent_pairs):
        return
    found = violations(exchange.sent_pairs, contract)
    if len(found) != 1 or exchange.status in REFUSED_FOR_OTHER_REASONS:
        return
    clause = found[0].clause
    if clause != "body.duplicate-customer":
        yield Expected(clause, rejected)
    elif len(set(exchange.sent_values("customer"))) > 1:
        yield Expected(clause, one_of_two)


def _about_the_state(exchange: Exchange, *, is_valid: bool) -> Iterator[Expected]:
    """Yield the clauses about a state of the service that the answer itself gives away, and about what it inlines."""
    code, param = exchange.error.get("code"), exchange.error.get("param")
    if exchange.is_refusal and code == RESOURCE_MISSING and param in ("payment_method", "customer"):
        yield Expected(f"stripe.resource-missing-{str(param).replace('_', '-')}", rejected_as_required)
    should_decline = sent_payment_method(exchange) == DECLINING_TOKEN and is_valid
    is_declined = code == "card_declined" or (exchange.status == 402 and not code)
    if is_declined or (should_decline and exchange.is_success):
        yield Expected("stripe.card-declined", rejected_as_required)
    wants_customer = any(pair.name.startswith(b"expand[") and pair.value == b"customer" for pair in exchange.sent_pairs)
    if wants_customer and is_valid:
        yield Expected("expand.inlined", inlined, can_hold=False)


def _was_recorded(name: str, one: Recorded) -> bool:
    """Return whether the recording says what the answer had for a header, if only that it lacked it."""
    headers = one.exchange.headers
    return headers is not None and (not one.may_lack_headers or one.exchange.header(name) is not None)


def _is_undecodable(exchange: Exchange) -> bool:
    return not UNDECODABLE.isdisjoint(traits(exchange.request))


def _has_meaning(name: bytes) -> bool:
    root = name.decode("utf-8", "replace").partition("[")[0]
    return root in NAMES_WITH_MEANING or root.startswith(PREFIX_WITH_MEANING)


# in words


def describe(ledger: Ledger, recording: Recording, catalogue: Catalogue, profile: str) -> Iterator[str]:
    """Describe the judgement line by line, for the clauses of `profile`."""
    for result in _results(ledger, catalogue, profile):
        yield from map(blot, _describe_clause(result))
    unanswered = [one.where for one in recording.exchanges if one.exchange.status is None]
    judged = len(recording.exchanges) - len(unanswered)
    others = f"; {counted(recording.ignored, 'request')} to other URLs ignored" if recording.ignored else ""
    clauses = catalogue.within(profile)
    silent = [clause.slug for clause in clauses if clause.slug not in ledger.entries]
    yield ""
    yield f"{counted(judged, 'exchange')} with the operation judged{others}"
    yield from (f"not judged: {where}: no answer was recorded" for where in unanswered)
    yield from (blot(f"could not read {problem}") for problem in recording.unreadable)
    yield f"{counted(len(silent), 'clause')} of {len(clauses)} not exercised: {', '.join(silent) or 'none'}"


def _results(ledger: Ledger, catalogue: Catalogue, profile: str) -> Iterator[ClauseResult]:
    """Yield the results for the clauses of `profile` that the traffic exercises."""
    judged = (clause for clause in catalogue.within(profile) if clause.slug in ledger.entries)
    return (own_outcome(clause, ledger.entries[clause.slug]) for clause in judged)


def _describe_clause(result: ClauseResult) -> Iterator[str]:
    sign, slug = SIGNS[result.outcome], result.clause.slug
    if not result.findings:
        yield f"{sign} {slug}: holds ({counted(result.held, 'answer')})"
        return
    word = "fails" if result.outcome is Outcome.FAIL else "deviates"
    first, *more = result.findings
    step = culprit_of(first)
    lacks = "" if step.exchange.request.body is not None else "  (the body was not recorded)"
    answers = counted(result.broken + result.held, "answer")
    yield f"{sign} {slug}: {word} ({result.broken} of {answers}): {result.reason}"
    yield f"    where:      {step.attempt}"
    yield f"    sent:       {curl(step.exchange, str(first.episode.facts['base_url']))}{lacks}"
    yield f"    came back:  {answer_in_short(step.exchange)}"
    yield f"    expected:   {admissible_in_short(result.clause)}"
    for finding in more:
        yield f"    also:       {culprit_of(finding).attempt}: {finding.observed}"


# the command


def status_of(ledger: Ledger, catalogue: Catalogue, profile: str) -> ExitStatus:
    """Return DOES_NOT_CONFORM when the traffic breaks a MUST of `profile`, else CONFORMS."""
    is_broken = any(result.outcome is Outcome.FAIL for result in _results(ledger, catalogue, profile))
    return ExitStatus.DOES_NOT_CONFORM if is_broken else ExitStatus.CONFORMS


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command `judge`."""
    command = commands.add_parser(
        "judge",
        help="judge recorded traffic, without sending anything",
        description="Judge the exchanges of recorded traffic by the clauses that hold for each answer, without "
        "sending anything.",
        epilog=f"example: {program_here()} judge traffic.har",
    )
    command.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="a HAR file, a cassette of VCR or vcrpy, or JSON exchanges"
    )
    command.add_argument("--profile", choices=PROFILES, default="stripe", help="which clauses (default: %(default)s)")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    recording = read_recordings(options.files)
    catalogue = load_catalogue()
    ledger = judge_traffic(recording.exchanges, published_contract(), catalogue)
    print(*describe(ledger, recording, catalogue, options.profile), sep="\n")
    return status_of(ledger, catalogue, options.profile)
