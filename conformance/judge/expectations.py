"""What a clause expects of its episode: one small pure function for each kind of expectation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.evidence.episode import Episode, Outcome
from conformance.evidence.exchange import Exchange, may_be_lost_on_the_way
from conformance.evidence.failure import NEVER_ARRIVED
from conformance.judge.compare import NO_ANSWER, answer_class, are_same, differing_member, first_lacking
from conformance.judge.general import JUDGED_ON_SERVER_ERRORS, broken_general_clauses, says_json
from conformance.judge.steadiness import dropped
from conformance.judge.success import broken_success_clauses
from contracts import Contract
from strategies.malformed import INJECTED_HEADER

GIVEN_AT_CREATION = ("billing_details", "metadata")
"""The members that are alike in all payment methods that a run has created."""

NO_CONTENT = 204

FEW_LOST = 10
"""A server that closes a kept connection more often than once in so many requests makes a habit of it, which is legal
(RFC 9112 section 9.3)."""


@dataclass(frozen=True)
class Verdict:
    """What an episode says of its own clause. `culprit` is the exchange that shows a failure.

    `rests_on` names clauses that speak of the same failure: where one of them is broken, this one says nothing new.
    """

    outcome: Outcome
    reason: str = ""
    culprit: Exchange | None = None
    rests_on: tuple[str, ...] = ()


PASS = Verdict(Outcome.PASS)


def fails(reason: str, culprit: Exchange, *rests_on: str) -> Verdict:
    """The clause is broken, unless a clause that it `rests_on` is, too."""
    return Verdict(Outcome.FAIL, reason, culprit, rests_on)


def not_run(reason: str) -> Verdict:
    """The clause could not be judged, for a reason that is reported elsewhere or was to be foreseen."""
    return Verdict(Outcome.NOT_RUN, reason)


def spoiled(*exchanges: Exchange) -> Verdict | None:
    """The verdict when one of these answers is missing or of a class that another clause reports."""
    for exchange in exchanges:
        if not exchange.answered:
            return Verdict(Outcome.INCONCLUSIVE, exchange.why_unanswered or "throttled (429) to the end")
        if not (exchange.is_success or exchange.is_refusal):
            inside = " with an error inside" if exchange.has_error_inside and (exchange.status or 0) < 300 else ""
            return not_run(f"answered {exchange.status}{inside}")
    return None


def accepted(episode: Episode, contract: Contract) -> Verdict:
    """Every subject is answered with success."""
    for exchange in episode.exchanges("subject"):
        if verdict := spoiled(exchange):
            return verdict
        if exchange.is_refusal:
            return fails(f"refused with {describe_refusal(exchange)}", exchange)
    return PASS


def refused(episode: Episode, contract: Contract) -> Verdict:
    """Every subject is refused."""
    for exchange in episode.exchanges("subject"):
        if verdict := spoiled(exchange):
            return verdict
        if exchange.is_success:
            return fails(f"accepted with {exchange.status}", exchange)
    return PASS


def alike(episode: Episode, contract: Contract) -> Verdict:
    """Every subject gets the same answer as the control."""
    (control,) = episode.exchanges("control")
    if verdict := spoiled(control):
        return verdict
    if episode.facts.get("control_succeeds") and not control.is_success:
        return not_run(f"the request to compare with was refused with {describe_refusal(control)}")
    for exchange in episode.exchanges("subject"):
        if verdict := spoiled(exchange):
            return verdict
        if exchange.status == episode.facts.get("or_refused_with"):
            continue
        if not are_same(exchange, control):
            return fails(f"not the same answer: {differing_member(control, exchange)}", exchange)
    return PASS


def taken_as_sent(episode: Episode, contract: Contract) -> Verdict:
    """What only resembles a known id is refused, or used exactly as it was sent, in the answer and in the store."""
    exchange = episode.subject
    if verdict := spoiled(exchange):
        return verdict
    if exchange.is_refusal:
        return PASS
    sent = episode.facts["value"]
    shown = exchange.object.get("customer")
    stored = [read.object.get("customer") for read in episode.exchanges("follow-up") if read.is_success]
    if isinstance(shown, dict):
        shown = shown.get("id")
    for taken in (shown, *stored):
        if isinstance(taken, str) and taken != sent:
            return fails(f"{sent!r} was taken for {taken!r}", exchange)
    return PASS


def well_formed(episode: Episode, contract: Contract) -> Verdict:
    """Every success breaks nothing that the episode's own clause says.

    What is refused while others succeed is for the clause to tell that says that it is accepted.
    """
    test_key = bool(episode.facts.get("test_key", True))
    subjects = episode.exchanges("subject")
    for exchange in [exchange for exchange in subjects if not exchange.is_refusal] or subjects:
        if verdict := spoiled(exchange):
            return verdict
        if exchange.is_refusal:
            return not_run(f"refused with {describe_refusal(exchange)}")
        broken = [*broken_general_clauses(exchange, contract, owns_server_errors=False)]
        created_as = str(episode.facts.get("created_as", ""))
        broken += broken_success_clauses(exchange, contract, test_key=test_key, created_as=created_as)
        for slug, observed in broken:
            if slug == episode.clause:
                return fails(observed, exchange)
    return PASS


def answered(episode: Episode, contract: Contract) -> Verdict:
    """Every subject is answered; with what is for the general clauses to judge."""
    return next((verdict for x in episode.exchanges("subject") if (verdict := spoiled(x))), PASS)


def answered_well(episode: Episode, contract: Contract) -> Verdict:
    """Every subject is answered, and breaks nothing that the episode's own clause, a general one, says."""
    for exchange in episode.exchanges("subject"):
        for slug, observed in broken_general_clauses(exchange, contract, owns_server_errors=False):
            if slug == episode.clause:
                return fails(observed, exchange)
        if (verdict := spoiled(exchange)) and (
            verdict.outcome is Outcome.INCONCLUSIVE or episode.clause not in JUDGED_ON_SERVER_ERRORS
        ):
            return verdict
    return PASS


def survived(episode: Episode, contract: Contract) -> Verdict:
    """Every subject is answered, in time and below 500; where the control, an ordinary request, is too."""
    for ordinary in episode.exchanges("control"):
        if ordinary.status is None or ordinary.status >= 500:
            return not_run(f"an ordinary request of this kind is answered {ordinary.status or 'not at all'}")
    for exchange in episode.exchanges("subject"):
        if exchange.failure in NEVER_ARRIVED:
            return Verdict(Outcome.INCONCLUSIVE, exchange.why_unanswered)
        if exchange.status is None:
            return fails(exchange.failure, exchange)
        if not exchange.answered:
            return Verdict(Outcome.INCONCLUSIVE, "throttled (429) to the end")
        if exchange.status >= 500:
            return fails(f"answered {exchange.status}", exchange)
        if exchange.header(INJECTED_HEADER) is not None:
            return fails("a line end in the request became one in the answer's headers", exchange)
        if 300 <= exchange.status < 400:
            return not_run(f"answered {exchange.status}")
    return PASS


def served_again(episode: Episode, contract: Contract) -> Verdict:
    """A valid request is answered with success, whatever came before it."""
    for exchange in episode.exchanges("subject"):
        if exchange.status == 429:
            return Verdict(Outcome.INCONCLUSIVE, "throttled (429) to the end")
        if not exchange.is_success:
            return fails(f"afterwards a valid request gets {_short(exchange)}", exchange)
    return PASS


def one_of_two(episode: Episode, contract: Contract) -> Verdict:
    """Of two values sent under one name none or exactly one is used, and the same one everywhere."""
    exchange = episode.subject
    if verdict := spoiled(exchange):
        return verdict
    if exchange.is_refusal:
        return PASS
    sent, shown = exchange.sent_values("customer"), exchange.object.get("customer")
    if isinstance(shown, dict):
        shown = shown.get("id")
    if not isinstance(shown, str):
        return not_run("the success does not show the customer")
    if shown not in sent:
        return fails(f"`customer` is {shown!r}, neither of the two that were sent", exchange)
    for read in episode.exchanges("follow-up"):
        if read.object.get("customer") != shown and read.object.get("customer") in sent:
            return fails(f"answered with {shown}, stored {read.object.get('customer')!r}", exchange)
    return PASS


def inlined(episode: Episode, contract: Contract) -> Verdict:
    """The expanded `customer` is a whole customer object, and the rest of the body stays whole."""
    exchange = episode.subject
    if (verdict := spoiled(exchange)) or not exchange.is_success:
        return verdict or not_run("the expanded request was refused")
    if exchange.status == NO_CONTENT:
        return not_run(f"answered {NO_CONTENT}, which has no body to expand in")
    body, customer = exchange.object, exchange.object.get("customer")
    if not isinstance(customer, dict):
        return fails(f"`customer` is {customer!r}, no object", exchange)
    if customer.get("object") != "customer":
        return fails(f"the expanded customer's `object` is {customer.get('object', 'absent')!r}", exchange)
    if customer.get("id") not in exchange.sent_values("customer"):
        return fails(f"the expanded customer's `id` is {customer.get('id')!r}, not the one asked for", exchange)
    for violation in contract.customer.violations(customer):
        return fails(f"the expanded customer: {violation}", exchange)
    for created in episode.exchanges("set-up"):
        if lost := _lost_since(created, customer):
            return fails(f"the expanded customer lost what it was created with: {lost}", exchange)
    test_key = bool(episode.facts.get("test_key", True))
    for plain in episode.exchanges("control"):
        is_created, is_without_state = bool(episode.facts.get("created_as")), bool(episode.facts.get("stateless"))
        are_like = plain.is_success and (is_created or is_without_state)
        is_like = is_created and not is_without_state
        if are_like and (missing := first_lacking(body, plain.object, everywhere=is_like)):
            return fails(f"the expanded answer lacks `{missing}`", exchange)
        for name in GIVEN_AT_CREATION if episode.facts.get("created_as") else ():
            if plain.is_success and plain.object.get(name) and body.get(name) != plain.object[name]:
                return fails(f"the expanded answer has another `{name}` than the plain one of a like object", exchange)
        already = {slug for slug, _ in broken_success_clauses(plain, contract, test_key=test_key)} | {"response.status"}
        for slug, observed in broken_success_clauses(exchange, contract, test_key=test_key, whole=True):
            if slug not in already:
                return fails(f"the rest of the expanded answer: {observed}", exchange)
    return PASS


def inlined_or_refused(episode: Episode, contract: Contract) -> Verdict:
    """As `inlined`, where a refusal is as good."""
    return PASS if episode.subject.is_refusal else inlined(episode, contract)


def _lost_since(created: Exchange, customer: Mapping[str, Any]) -> str:
    """What a customer was created with, as the answer to that showed it, and is now shown without; empty for nothing.

    What is not shown at all is not lost: a customer may be told briefly.
    """
    if created.is_to_operation or created.object.get("id") != customer.get("id"):
        return ""
    for pair in created.sent_pairs:
        root, _, key = pair.name.decode().rstrip("]").partition("[")
        before, after = created.object.get(root), customer.get(root)
        if key:
            before, after = (side.get(key) if isinstance(side, dict) else None for side in (before, after))
        if before == pair.value.decode() != after and root in customer:
            return f"`{root}` is {customer[root]!r}"
    return ""


def unexpanded(episode: Episode, contract: Contract) -> Verdict:
    """Without expand, `customer` is the id as a string; also right after an expanded answer."""
    for exchange in episode.exchanges("subject"):
        if verdict := spoiled(exchange):
            return verdict
        if exchange.is_refusal:
            continue
        customer = exchange.object.get("customer")
        if isinstance(customer, dict):
            return fails("without expand, `customer` is an object", exchange)
    return PASS


def every_entry(episode: Episode, contract: Contract) -> Verdict:
    """With a second entry beside it, `customer` is expanded wherever it stands in the list."""
    (alone,) = episode.exchanges("control")
    if verdict := spoiled(alone):
        return verdict
    if not alone.is_success or not isinstance(alone.object.get("customer"), str):
        return Verdict(Outcome.NOT_APPLICABLE, "no second path to expand beside `customer` is known here")
    for exchange in episode.exchanges("subject"):
        if verdict := spoiled(exchange):
            return verdict
        entries = [pair.value for pair in exchange.sent_pairs if pair.name.startswith(b"expand[")]
        if exchange.is_refusal and len(set(entries)) < len(entries):
            continue
        if exchange.is_refusal:
            return fails(f"two entries that are legal alone are refused with {describe_refusal(exchange)}", exchange)
        if not isinstance(exchange.object.get("customer"), dict):
            return fails(f"of {len(entries)} entries, `customer` was not honoured", exchange)
    return PASS


def not_obeyed(episode: Episode, contract: Contract) -> Verdict:
    """Other methods do not succeed, and a read afterwards shows nothing attached."""
    exchanges = episode.exchanges("subject")
    for exchange in exchanges:
        if exchange.is_success:
            return fails(f"{exchange.request.method} succeeded with {exchange.status}", exchange)
    last = exchanges[-1]
    for read in episode.exchanges("follow-up"):
        if read.is_success and read.object.get("customer") is not None:
            return fails(f"{last.request.method} was answered {last.status}, and attached all the same", last)
    return spoiled(*exchanges) or PASS


def steady(episode: Episode, contract: Contract) -> Verdict:
    """The same kind of request gets the same class of answer, every time; but a network may lose one."""
    exchanges = episode.exchanges("subject")
    if all(exchange.status is None or exchange.status == 429 for exchange in exchanges):
        return Verdict(Outcome.INCONCLUSIVE, exchanges[0].why_unanswered or "throttled (429) to the end")
    lost = [exchange for exchange in exchanges if may_be_lost_on_the_way(exchange)]
    if len(lost) == 1 and episode.facts.get("remote"):
        exchanges = tuple(exchange for exchange in exchanges if exchange not in lost)
        if not any(exchange.answered for exchange in exchanges):
            why = lost[0].why_unanswered or "the one answer may have been cut on the way"
            return Verdict(Outcome.INCONCLUSIVE, why)
    lost = dropped(exchanges)
    if lost and len(lost) < len(exchanges) / FEW_LOST:
        return fails(f"{len(lost)} of {len(exchanges)} were not answered on a kept connection", lost[0])
    counts = Counter(answer_class(exchange) for exchange in exchanges if exchange.status != 429)
    usual, _ = counts.most_common(1)[0]
    if usual[0] == NO_ANSWER:
        return Verdict(Outcome.INCONCLUSIVE, str(usual[1]))
    for index, exchange in enumerate(exchanges, start=1):
        if exchange.status != 429 and answer_class(exchange) != usual:
            return fails(
                f"answer {index} of {len(exchanges)} to the same kind of request was {_short(exchange)}, "
                f"the others {_class_in_words(usual)}",
                exchange,
            )
    return PASS


def reported(episode: Episode, contract: Contract) -> Verdict:
    """Nothing is expected: what happens is told."""
    exchange = episode.subject
    if verdict := spoiled(exchange):
        return verdict
    happened = "obeyed" if exchange.is_success else f"refused with {describe_refusal(exchange)}"
    return Verdict(Outcome.PASS, happened)


def enveloped(episode: Episode, contract: Contract) -> Verdict:
    """A refusal carries the error envelope, even of a request that no application saw."""
    for exchange in episode.exchanges("subject"):
        garbled = bool(exchange.framing) or (says_json(exchange) and not exchange.json.found and bool(exchange.body))
        if exchange.is_refusal and exchange.body is not None and not exchange.has_error_inside and not garbled:
            return fails(f"a {exchange.status} without the error envelope", exchange)
    return PASS


def describe_refusal(exchange: Exchange) -> str:
    """Status, type, code and param of a refusal, those that there are."""
    members = [f"{name} {exchange.error[name]}" for name in ("type", "code", "param") if exchange.error.get(name)]
    return ", ".join([str(exchange.status), *members])


def _short(exchange: Exchange) -> str:
    if exchange.status is None:
        return exchange.failure
    return f"{exchange.status}" if exchange.is_success else describe_refusal(exchange)


def _class_in_words(usual: tuple[object, ...]) -> str:
    return " ".join(str(part) for part in usual[1:] if part is not None)


EXPECTATIONS: Mapping[str, Callable[[Episode, Contract], Verdict]] = {
    function.__name__: function
    for function in (
        accepted,
        refused,
        alike,
        taken_as_sent,
        well_formed,
        answered,
        answered_well,
        survived,
        served_again,
        one_of_two,
        inlined,
        inlined_or_refused,
        unexpanded,
        every_entry,
        not_obeyed,
        steady,
        reported,
        enveloped,
    )
}
"""The expectations by the name that an episode carries."""
