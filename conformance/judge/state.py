"""Expectations of the chapter `state`: what an attach changes, seen by reads of other endpoints.

Such reads are steps too: `control` before the subject, `follow-up` after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from conformance.evidence.episode import Episode
from conformance.evidence.exchange import Exchange, asks_to_expand, has_more
from conformance.judge.answers import OF_A_CUSTOMER, OF_A_PAYMENT_METHOD, describe_refusal, difference
from conformance.judge.expectations import (
    each_answered,
    expect,
    expectation,
    inconclusive,
    not_applicable,
    require_answer,
    require_success,
    skip_unless,
)
from conformance.judge.reads import (
    describe_lost,
    each_read,
    each_retrieved,
    expect_attached_to,
    expect_listed,
    is_list,
    lost_since,
    require_readable,
    shown_customer,
    times_listed,
)
from conformance.judge.response import broken_success_clauses
from contracts import Contract
from strategies.attempt import PATH_PREFIX
from strategies.traits import traits

CREATED = "created"
"""The time of creation. Only state.same-object judges that it stays the same: where a server shows the present time,
it differs after each second, and no request is to blame."""
OF_ANOTHER_METHOD = OF_A_PAYMENT_METHOD | {CREATED}

A_CUSTOMER = "/v1/customers/"
"""The beginning of the path of a customer."""


@expectation
def absent(episode: Episode, contract: Contract) -> None:
    """Report that the target lacks the capability of another endpoint that the clause needs."""
    not_applicable(str(episode.facts["absent"]))


@expectation
def persisted(episode: Episode, contract: Contract) -> None:
    """Expect a retrieval after every success to show the customer that was sent."""
    confirmed = 0
    for _, subject, read in _retrievals(episode):
        sent = subject.sent_values("customer")[0]
        require_readable(read)
        expect(read.is_success, f"attached, and retrieving it is answered {describe_refusal(read)}", read)
        shown = f"attached to {sent}, and retrieved with {shown_customer(read)}"
        expect(read.object.get("customer") == sent, shown, read)
        confirmed += 1
    skip_unless(confirmed, f"rejected with {describe_refusal(episode.exchanges('subject')[-1])}")


@expectation
def same_object(episode: Episode, contract: Contract) -> None:
    """Expect an attach to change no field of the payment method but `customer` and the checks.

    A retrieval before, the response, and a retrieval after are compared. By the facts, `created` is the time at which
    the payment method was created: a server that shows the present time shows the same before and after.
    """
    ignoring = {*OF_A_PAYMENT_METHOD, "customer", "customer_account"}
    created = episode.facts.get(CREATED)
    compared = 0
    for before, subject, after in _retrievals(episode):
        if before is None:
            continue
        require_readable(before, after)
        if not before.is_success or not after.is_success:
            continue
        is_comparable = _is_comparable(subject, contract, episode)
        for exchange, where in ((subject, "in the answer"), (after, "when retrieved afterwards")):
            changed = difference(before.object, exchange.object, contract, "payment_method", ignoring)
            is_judged = exchange is after or is_comparable
            expect(not (changed and is_judged), f"{changed} {where}", exchange)
        shown = subject.object.get(CREATED)
        is_kept = created is None or shown == created or not is_comparable
        expect(is_kept, f"`created` is {shown}, and was {created} when it was created", subject)
        compared += 1
    last = episode.exchanges("subject")[-1]
    skip_unless(compared, f"answered with {describe_refusal(last)}, or not retrievable")


def _is_comparable(subject: Exchange, contract: Contract, episode: Episode) -> bool:
    """Return whether no other clause reports what is wrong with the body of the response to an attach."""
    broken = list(broken_success_clauses(subject, contract, episode, whole=True))
    return not broken or asks_to_expand(subject)


def _retrievals(episode: Episode) -> Iterator[tuple[Exchange | None, Exchange, Exchange]]:
    """Yield each retrieval after a successful attach: the retrieval before, the attach, and the retrieval after.

    A retrieval before serves one comparison; further ones get None. Stop at an attach that is not answered.
    """
    before: Exchange | None = None
    subject = episode.subject
    for step in episode.steps:
        if step.role == "control":
            before = step.exchange
        if step.role == "subject":
            subject = step.exchange
            require_answer(subject)
        is_retrieval = step.role == "follow-up" and not is_list(step.exchange)
        if is_retrieval and subject.is_success:
            yield before, subject, step.exchange
            is_compared = before is not None and before.is_success and step.exchange.is_success
            before = None if is_compared else before


@expectation
def listed(episode: Episode, contract: Contract) -> None:
    """Expect the customer's list to hold the payment method once, and another's not.

    The list still holds a payment method that was attached earlier. A list that `may_go_on` says where it has more.
    """
    method, customer, other = (episode.fixtures[name] for name in ("payment_method", "customer", "other_customer"))
    require_success(episode.subject)
    pages = episode.exchanges("follow-up")
    is_shown = any(times_listed(page, method) for page in pages)
    if episode.facts.get("may_go_on") and has_more(pages[-1]) and not is_shown:
        return
    expect_listed(episode, method, {customer: 1, other: 0})
    earlier = episode.fixtures.get("earlier")
    if earlier:
        expect_listed(episode, earlier, {customer: 1})


@expectation
def nothing_changed(episode: Episode, contract: Contract) -> None:
    """Expect rejections to leave the payment method unchanged and attachable.

    An attach among them is saved.
    """
    subjects = episode.exchanges("subject")
    skip_unless(subjects, "none of the requests was rejected")
    (before,) = episode.exchanges("control")
    after, *attached = episode.exchanges("follow-up")
    require_readable(before, after)
    skip_unless(before.is_success, f"retrieving the payment method is answered {describe_refusal(before)}")
    for step in episode.steps:
        if step.role == "set-up" and step.bindings.get("payment_method") == episode.fixtures["payment_method"]:
            saved = step.exchange
            is_lost = _is_attach(saved) and shown_customer(before) not in saved.sent_values("customer")
            shown = f"after a rejection an attach succeeds, and `customer` reads {shown_customer(before)}"
            expect(not is_lost, shown, saved)
    changed = _change(before, after, contract)
    if not changed:
        changed = _lost_use(attached)
    lost = [exchange for exchange in subjects if exchange.status is None]
    if changed and lost:
        inconclusive(lost[0].why_unanswered)
    is_odd = any(traits(exchange.request) for exchange in subjects)
    rests_on = ("robustness.still-serving",) if is_odd else ()
    expect(not changed, f"{_describe_answers(subjects)}; afterwards {changed}", subjects[-1], *rests_on)


@expectation
def refused_undone(episode: Episode, contract: Contract) -> None:
    """Expect a payment method whose attach was rejected to be unattached afterwards."""
    subject = episode.subject
    require_answer(subject)
    if not subject.is_refusal:
        return
    for read in each_read(episode):
        is_attached = read.is_success and shown_customer(read) != "null"
        expect(not is_attached, f"answered {subject.status}; afterwards it is attached", subject)


def _is_attach(exchange: Exchange) -> bool:
    return exchange.is_to_operation and exchange.is_success


def _change(before: Exchange, after: Exchange, contract: Contract) -> str:
    """Return the difference between two retrievals of a payment method in words; empty for none."""
    if not after.is_success:
        return f"retrieving the payment method is answered {describe_refusal(after)}"
    if shown_customer(after) != shown_customer(before):
        return f"`customer` is {shown_customer(after)}"
    return difference(before.object, after.object, contract, "payment_method", {CREATED})


def _lost_use(attached: Sequence[Exchange]) -> str:
    """Return the rejection of the first of these attaches in words; empty when it succeeds or none was tried."""
    require_answer(*attached[:1])
    if attached and attached[0].is_refusal:
        return f"it can't be attached any more: {describe_refusal(attached[0])}"
    return ""


def _describe_answers(subjects: tuple[Exchange, ...]) -> str:
    if len(subjects) > 1:
        return f"{len(subjects)} requests were not answered with success"
    (exchange,) = subjects
    return f"rejected with {describe_refusal(exchange)}" if exchange.is_refusal else f"answered {exchange.status}"


@expectation
def only_this_one(episode: Episode, contract: Contract) -> None:
    """Expect everything that was read before the attach to read the same after it.

    A customer reads as it was created, and a payment method as when it was attached, since attaches in between may have
    changed them. What a customer was without as soon as it was created, no attach has taken from it.
    """
    require_success(episode.subject)
    tidied = _tidied_when_created(episode)
    before = {exchange.request.target: exchange for exchange in episode.exchanges("control")}
    for after in episode.exchanges("follow-up"):
        target = after.request.target
        require_readable(before[target], after)
        if not before[target].is_success:
            continue
        name = str(episode.facts["called"].get(target, target))
        expect(after.is_success, f"{name}: retrieving it afterwards is answered {describe_refusal(after)}", after)
        is_method = target.startswith(PATH_PREFIX)
        schema, ignoring = ("payment_method", OF_ANOTHER_METHOD) if is_method else ("customer", OF_A_CUSTOMER)
        changed = difference(before[target].object, after.object, contract, schema, ignoring)
        expect(not changed, f"{name}: {changed}", after)
        for earlier in _reads_since_its_attach(episode, before[target]):
            changed = difference(earlier.object, after.object, contract, schema, ignoring)
            expect(not changed, f"{name}, since it was attached: {changed}", after)
        for created in () if is_method else episode.exchanges("set-up"):
            for root in lost_since(created, after.object):
                expect(root in tidied, f"{name} {describe_lost(root, after.object)}", after)


def _tidied_when_created(episode: Episode) -> frozenset[str]:
    """Return the members that a customer was created with and read without before anything was attached to it."""
    created = episode.exchanges("set-up")
    early = (*created, *episode.exchanges("control")) if episode.facts.get("is_new") else created
    reads = [one for one in early if one.request.method == "GET" and one.request.target.startswith(A_CUSTOMER)]
    return frozenset(root for read in reads for one in created for root in lost_since(one, read.object))


def _reads_since_its_attach(episode: Episode, read: Exchange) -> Iterator[Exchange]:
    """Yield earlier retrievals of the same payment method that show the same customer."""
    owner = read.object.get("customer")
    for earlier in episode.exchanges("set-up"):
        is_of_the_same = earlier.request.method == "GET" and earlier.request.target == read.request.target
        if owner and is_of_the_same and earlier.object.get("customer") == owner:
            yield earlier


@expectation
def attached_again(episode: Episode, contract: Contract) -> None:
    """Expect the payment method to stay attached and listed once.

    A second attach to the same customer may succeed or be rejected.
    """
    subjects, customer = episode.exchanges("subject"), episode.fixtures["customer"]
    _require_attached_to(episode, customer)
    require_answer(*subjects)
    again = "accepted" if subjects[-1].is_success else f"rejected with {describe_refusal(subjects[-1])}"
    expect_attached_to(episode, customer, f"again: {again}")
    expect_listed(episode, episode.fixtures["payment_method"], {customer: 1})


@expectation
def stays_with_first(episode: Episode, contract: Contract) -> None:
    """Expect a second customer to be rejected, and the first to keep the payment method.

    It stays on the list of the first customer alone.
    """
    subjects = episode.exchanges("subject")
    first, other = episode.fixtures["customer"], episode.fixtures["other_customer"]
    _require_attached_to(episode, first)
    require_answer(*subjects)
    reads = [shown_customer(read) for read in episode.exchanges("follow-up") if read.is_success]
    retrieved = f"; then retrieved with {reads[0]}" if reads else ""
    for exchange in subjects:
        observed = f"attached to {first}, and accepted with {exchange.status} for {other}{retrieved}"
        expect(exchange.is_refusal, observed, exchange)
    expect_attached_to(episode, first, f"rejected with {describe_refusal(subjects[-1])}")
    expect_listed(episode, episode.fixtures["payment_method"], {other: 0, first: 1})


@expectation
def deleted_customer_rejected(episode: Episode, contract: Contract) -> None:
    """Expect every attach to a deleted customer to be rejected."""
    deletion, *afterwards = episode.exchanges("control")
    require_readable(deletion)
    if not deletion.is_success:
        not_applicable(f"customers are not deleted ({deletion.status})")
    if any(read.is_success and read.object.get("deleted") is not True for read in afterwards):
        not_applicable("a deleted customer is retrieved as if it were not")
    for exchange in each_answered(episode):
        observed = f"accepted with {exchange.status}, though the customer was deleted"
        expect(exchange.is_refusal, observed, exchange)


@expectation
def detached(episode: Episode, contract: Contract) -> None:
    """Expect `customer` to be null after a detach, and the list to lack the payment method."""
    method, customer, detach = episode.fixtures["payment_method"], episode.fixtures["customer"], episode.subject
    _require_attached_to(episode, customer)
    require_readable(detach)
    if not detach.is_success:
        not_applicable(f"payment methods are not detached ({detach.status})")
    for read in each_retrieved(episode):
        expect(read.is_success, f"detached, and retrieving it is answered {describe_refusal(read)}", read)
        expect(shown_customer(read) == "null", f"detached, and retrieved with {shown_customer(read)}", read)
    expect_listed(episode, method, {customer: 0})


def _require_attached_to(episode: Episode, customer: str) -> None:
    """Skip the clause when the payment method that the episode starts with is not attached to the customer."""
    read = episode.exchanges("control")[-1]
    require_readable(read)
    is_attached = read.object.get("customer") == customer
    skip_unless(is_attached, f"a prerequisite failed: the payment method is not attached to {customer}")
