"""Expectations of the chapters `request`, `body` and `method`: what is accepted, rejected, and answered alike."""

from __future__ import annotations

from urllib.parse import unquote

from conformance.evidence.episode import Episode
from conformance.evidence.exchange import Exchange, customer_id
from conformance.judge.answers import are_same, describe_difference, describe_refusal, says_unknown_customer
from conformance.judge.expectations import (
    each_answered,
    expect,
    expect_rejection,
    expect_success,
    expectation,
    hold_if_rejected,
    report,
    require_answer,
    require_pass,
    require_preparation,
    skip_unless,
)
from conformance.judge.reads import stored_customers
from contracts import Contract
from strategies.attempt import PATH_PREFIX, PATH_SUFFIX
from strategies.oracle import violations


def sent_payment_method(exchange: Exchange) -> str:
    """Return the payment method's id in the path of the request."""
    path = exchange.request.target.partition("?")[0]
    return unquote(path.removeprefix(PATH_PREFIX).removesuffix(PATH_SUFFIX))


NO_UTF_8 = "\ufffd"
"""The character that stands for bytes which are no UTF-8."""


@expectation
def accepted(episode: Episode, contract: Contract) -> None:
    """Expect every subject to be answered with success."""
    for exchange in episode.exchanges("subject"):
        expect_success(exchange)


@expectation
def accepted_again(episode: Episode, contract: Contract) -> None:
    """Expect every further attach to succeed after the same attach has succeeded."""
    require_preparation(episode)
    require_pass(accepted(episode, contract))


@expectation
def rejected(episode: Episode, contract: Contract) -> None:
    """Expect every subject to be rejected."""
    for exchange in episode.exchanges("subject"):
        expect_rejection(exchange)


@expectation
def same_answer(episode: Episode, contract: Contract) -> None:
    """Expect every subject to get the same response as the control.

    By the facts, a rejection with the status `or_refused_with` is legal, too, and with `control_succeeds` the
    comparison is skipped when the control is rejected.
    """
    (control,) = episode.exchanges("control")
    require_answer(control)
    if episode.facts.get("control_succeeds"):
        skip_unless(control.is_success, f"the control request was rejected with {describe_refusal(control)}")
    for exchange in each_answered(episode):
        is_same = exchange.status == episode.facts.get("or_refused_with") or are_same(exchange, control)
        expect(is_same, describe_difference(exchange, control), exchange)


@expectation
def same_answer_at_its_length(episode: Episode, contract: Contract) -> None:
    """Expect the same as `same_answer`, or that no customer of the subjects exists where the control's does.

    A server that keeps no customers may know them by the form of their ids, and no id has 5000 characters.
    """
    (control,) = episode.exchanges("control")
    if control.is_success and all(map(says_unknown_customer, episode.exchanges("subject"))):
        return
    require_pass(same_answer(episode, contract))


@expectation
def same_answer_by_path(episode: Episode, contract: Contract) -> None:
    """Expect the same as `same_answer`, and the decoded id where the control shows it."""
    require_pass(same_answer(episode, contract))
    (control,) = episode.exchanges("control")
    if control.object.get("id") != sent_payment_method(control):
        return
    for exchange in episode.exchanges("subject"):
        shown, named = exchange.object.get("id"), sent_payment_method(exchange)
        is_own = shown == named or not exchange.is_success
        expect(is_own, f"`id` is {shown!r}; the path names {named!r}", exchange, "response.id")


@expectation
def taken_as_sent(episode: Episode, contract: Contract) -> None:
    """Expect a value that only resembles a known id to be rejected or used exactly as sent.

    Both the response and the reads afterwards count. Bytes that are no UTF-8 may come back as any text but the id.
    """
    exchange = episode.subject
    hold_if_rejected(exchange)
    sent, known = episode.facts["value"], _known_customer(episode)
    for taken in (customer_id(exchange), *stored_customers(episode)):
        is_read = NO_UTF_8 not in sent or taken == known
        is_sent = taken == sent or not is_read or not isinstance(taken, str | int | float)
        expect(is_sent, f"{sent!r} was taken for {taken!r}", exchange)


@expectation
def not_taken_for_known(episode: Episode, contract: Contract) -> None:
    """Expect a value that only resembles a known id not to be answered with that id."""
    exchange = episode.subject
    known, sent = _known_customer(episode), exchange.sent_values("customer")
    is_taken = exchange.is_success and customer_id(exchange) == known and known not in sent
    expect(not is_taken, f"{' and '.join(map(repr, sent))} was taken for {known!r}", exchange)


def _known_customer(episode: Episode) -> str | None:
    """Return the id that the value which was sent resembles."""
    return next(step.bindings.get("customer") for step in episode.steps if step.role == "subject")


@expectation
def refused_if_broken(episode: Episode, contract: Contract) -> None:
    """Expect every request whose body breaks the episode's clause to be rejected."""
    for exchange in episode.exchanges("subject"):
        broken = {violation.clause for violation in violations(exchange.sent_pairs, contract)}
        is_accepted = exchange.is_success and episode.clause in broken
        expect(not is_accepted, f"accepted with {exchange.status}", exchange)


@expectation
def path_taken_as_sent(episode: Episode, contract: Contract) -> None:
    """Expect an id in the path that only resembles a known one not to be answered with the known one.

    A success with the id exactly as sent is for the clause about unknown payment methods.
    """
    exchange = episode.subject
    require_answer(exchange)
    sent, shown = sent_payment_method(exchange), exchange.object.get("id")
    is_taken = exchange.is_success and shown != sent and shown == sent.strip()
    expect(not is_taken, f"{sent!r} was taken for {shown!r}", exchange, "state.unknown-payment-method")


@expectation
def one_of_two(episode: Episode, contract: Contract) -> None:
    """Expect none or exactly one of two values under one name to be used.

    The response and the reads afterwards show the same one.
    """
    exchange = episode.subject
    hold_if_rejected(exchange)
    sent, shown = exchange.sent_values("customer"), customer_id(exchange)
    skip_unless(isinstance(shown, str), "the success does not show the customer")
    expect(shown in sent, f"`customer` is {shown!r}, neither of the two that were sent", exchange)
    for read in episode.exchanges("follow-up"):
        stored = read.object.get("customer")
        is_used = stored == shown or stored not in sent
        expect(is_used, f"answered with {shown}, stored {stored!r}", exchange)


@expectation
def body_decides(episode: Episode, contract: Contract) -> None:
    """Expect a rejection, or the customer of the body in the response and in the reads afterwards."""
    exchange = episode.subject
    hold_if_rejected(exchange)
    (sent,) = exchange.sent_values("customer")
    for used in (customer_id(exchange), *stored_customers(episode)):
        observed = f"`customer` is {used!r}; the body names {sent!r}"
        expect(used == sent or not isinstance(used, str), observed, exchange, "response.customer")


@expectation
def not_obeyed(episode: Episode, contract: Contract) -> None:
    """Expect other methods not to succeed, and reads afterwards to show nothing attached.

    OPTIONS may succeed (RFC 9110 section 9.3.7), but is safe.
    """
    exchanges = episode.exchanges("subject")
    for exchange in exchanges:
        is_legal = not exchange.is_success or exchange.request.method == "OPTIONS"
        expect(is_legal, f"{exchange.request.method} succeeded with {exchange.status}", exchange)
    last = exchanges[-1]
    for read in episode.exchanges("follow-up"):
        is_attached = read.is_success and read.object.get("customer") is not None
        observed = f"{last.request.method} was answered {last.status}, but attached the payment method"
        expect(not is_attached, observed, last)
    require_answer(*exchanges)


@expectation
def reported(episode: Episode, contract: Contract) -> None:
    """Expect nothing, and report the response."""
    exchange = episode.subject
    require_answer(exchange)
    if exchange.is_success:
        report("obeyed")
    report(f"rejected with {describe_refusal(exchange)}")
