"""What the clauses of the profile expect of their episodes: one small pure function for each kind.

Reads of other endpoints are steps too: `control` before the subject, `follow-up` after it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from conformance.evidence.episode import Episode, Outcome
from conformance.evidence.exchange import Exchange, asks_to_expand
from conformance.judge.expectations import PASS, Verdict, describe_refusal, fails, not_run, spoiled
from conformance.judge.model import as_modelled
from conformance.judge.race import all_kept, one_winner
from conformance.judge.reads import CUT_SHORT, is_list, is_list_of, shown_customer, times_listed, unreadable
from conformance.judge.sameness import OF_A_CUSTOMER, OF_A_PAYMENT_METHOD, difference
from conformance.judge.success import broken_success_clauses
from contracts import Contract
from strategies.attempt import PATH_PREFIX
from strategies.traits import traits


def absent(episode: Episode, contract: Contract) -> Verdict:
    """A capability of another endpoint is absent, so that the clause says nothing."""
    return Verdict(Outcome.NOT_APPLICABLE, str(episode.facts["absent"]))


def persisted(episode: Episode, contract: Contract) -> Verdict:
    """After every success the retrieved payment method shows the customer that was sent."""
    held, subject = 0, episode.subject
    for step in episode.steps:
        if step.role == "subject":
            subject = step.exchange
            if verdict := spoiled(subject):
                return verdict
        if step.role != "follow-up" or not subject.is_success or is_list(step.exchange):
            continue
        read, sent = step.exchange, subject.sent_values("customer")[0]
        if verdict := unreadable(read):
            return verdict
        if not read.is_success:
            return fails(f"attached, and retrieving it is answered {describe_refusal(read)}", read)
        if read.object.get("customer") != sent:
            return fails(f"attached to {sent}, and retrieved with {shown_customer(read)}", read)
        held += 1
    return PASS if held else not_run(f"refused with {describe_refusal(subject)}")


def same_object(episode: Episode, contract: Contract) -> Verdict:
    """A retrieval before, the answer, and a retrieval after agree in all named fields but `customer` and the checks."""
    ignoring = {*OF_A_PAYMENT_METHOD, "customer", "customer_account"}
    before: Exchange | None = None
    subject, held = episode.subject, 0
    for step in episode.steps:
        if step.role == "control":
            before = step.exchange
        if step.role == "subject":
            subject = step.exchange
            if verdict := spoiled(subject):
                return verdict
        if step.role != "follow-up" or before is None or not subject.is_success or is_list(step.exchange):
            continue
        after = step.exchange
        if verdict := unreadable(before) or unreadable(after):
            return verdict
        if not before.is_success or not after.is_success:
            continue
        test_key = bool(episode.facts.get("test_key", True))
        is_sound = not any(True for _ in broken_success_clauses(subject, contract, test_key=test_key, whole=True))
        seen = (("in the answer", subject), ("when retrieved afterwards", after))
        for where, exchange in seen if is_sound or asks_to_expand(subject) else seen[1:]:
            if found := difference(before.object, exchange.object, contract, "payment_method", ignoring):
                return fails(f"{found} {where}", exchange)
        held, before = held + 1, None
    return PASS if held else not_run(f"answered with {describe_refusal(subject)}, or not retrievable")


def listed(episode: Episode, contract: Contract) -> Verdict:
    """The customer's list holds the payment method once, and one attached before it; another's does not."""
    subject = episode.subject
    method, customer, other = (episode.fixtures[name] for name in ("payment_method", "customer", "other_customer"))
    if (verdict := spoiled(subject)) or not subject.is_success:
        return verdict or not_run(f"refused with {describe_refusal(subject)}")
    verdict = _lists(episode, method, {customer: 1, other: 0})
    if verdict is PASS and (earlier := episode.fixtures.get("earlier")):
        return _lists(episode, earlier, {customer: 1})
    return verdict


def nothing_changed(episode: Episode, contract: Contract) -> Verdict:
    """After the refusals the payment method reads as before, and can be attached, which is saved after one of them."""
    subjects = episode.exchanges("subject")
    if not subjects:
        return not_run("none of the requests was refused")
    (before,), follow_ups = episode.exchanges("control"), episode.exchanges("follow-up")
    after, *attached = follow_ups
    if verdict := unreadable(before) or unreadable(after):
        return verdict
    if not before.is_success:
        return not_run(f"retrieving the payment method is answered {describe_refusal(before)}")
    for saved in [one for one in episode.exchanges("set-up") if one.is_to_operation and one.is_success]:
        if shown_customer(before) not in saved.sent_values("customer"):
            return fails(f"after a refusal an attach succeeds, and `customer` reads {shown_customer(before)}", saved)
    told = _answers_in_words(subjects)
    broken = ""
    if not after.is_success:
        broken = f"{told}; afterwards retrieving the payment method is answered {describe_refusal(after)}"
    elif shown_customer(after) != shown_customer(before):
        broken = f"{told}; afterwards `customer` is {shown_customer(after)}"
    elif found := difference(before.object, after.object, contract, "payment_method"):
        broken = f"{told}; afterwards {found}"
    elif attached:
        if verdict := spoiled(attached[0]):
            return verdict
        if attached[0].is_refusal:
            broken = f"{told}; afterwards it can't be attached any more: {describe_refusal(attached[0])}"
    lost = [exchange for exchange in subjects if exchange.status is None]
    if broken and lost:
        return Verdict(Outcome.INCONCLUSIVE, lost[0].why_unanswered)
    odd = ("robustness.still-serving",) if any(traits(exchange.request) for exchange in subjects) else ()
    return fails(broken, subjects[-1], *odd) if broken else PASS


def only_this_one(episode: Episode, contract: Contract) -> Verdict:
    """Everything that was read before the attach reads the same after it."""
    subject = episode.subject
    if (verdict := spoiled(subject)) or not subject.is_success:
        return verdict or not_run(f"refused with {describe_refusal(subject)}")
    before = {exchange.request.target: exchange for exchange in episode.exchanges("control")}
    for after in episode.exchanges("follow-up"):
        earlier = before[after.request.target]
        if verdict := unreadable(earlier) or unreadable(after):
            return verdict
        if not earlier.is_success:
            continue
        what = str(episode.facts["called"].get(after.request.target, after.request.target))
        if not after.is_success:
            return fails(f"{what}: retrieving it afterwards is answered {describe_refusal(after)}", after)
        is_method = after.request.target.startswith(PATH_PREFIX)
        schema, ignoring = ("payment_method", OF_A_PAYMENT_METHOD) if is_method else ("customer", OF_A_CUSTOMER)
        if found := difference(earlier.object, after.object, contract, schema, ignoring):
            return fails(f"{what}: {found}", after)
    return PASS


def attached_again(episode: Episode, contract: Contract) -> Verdict:
    """Whether the same customer again succeeds or is refused, the payment method stays attached and listed once."""
    subject, customer = episode.exchanges("subject")[-1], episode.fixtures["customer"]
    if verdict := _not_in_hand(episode, customer) or spoiled(*episode.exchanges("subject")):
        return verdict
    told = "accepted" if subject.is_success else f"refused with {describe_refusal(subject)}"
    return _still_with(episode, customer, f"again: {told}") or _lists(
        episode, episode.fixtures["payment_method"], {customer: 1}
    )


def stays_with_first(episode: Episode, contract: Contract) -> Verdict:
    """A second customer is refused, and the payment method stays with the first, and on its list alone."""
    subject, first = episode.exchanges("subject")[-1], episode.fixtures["customer"]
    if verdict := _not_in_hand(episode, first) or spoiled(*episode.exchanges("subject")):
        return verdict
    for accepted in [exchange for exchange in episode.exchanges("subject") if exchange.is_success]:
        reads = [shown_customer(read) for read in episode.exchanges("follow-up") if read.is_success]
        return fails(
            f"attached to {first}, and accepted with {accepted.status} for {episode.fixtures['other_customer']}"
            + (f"; then retrieved with {reads[0]}" if reads else ""),
            accepted,
        )
    return _still_with(episode, first, f"refused with {describe_refusal(subject)}") or _lists(
        episode, episode.fixtures["payment_method"], {episode.fixtures["other_customer"]: 0, first: 1}
    )


def deleted_refused(episode: Episode, contract: Contract) -> Verdict:
    """Once the customer is deleted, every attempt to attach to it is refused."""
    deletion, *afterwards = episode.exchanges("control")
    if verdict := unreadable(deletion):
        return verdict
    if not deletion.is_success:
        return Verdict(Outcome.NOT_APPLICABLE, f"customers are not deleted ({deletion.status})")
    if any(read.is_success and read.object.get("deleted") is not True for read in afterwards):
        return Verdict(Outcome.NOT_APPLICABLE, "a deleted customer is retrieved as if it were not")
    for exchange in episode.exchanges("subject"):
        if verdict := spoiled(exchange):
            return verdict
        if exchange.is_success:
            return fails(f"accepted with {exchange.status}, though the customer was deleted", exchange)
    return PASS


def detached(episode: Episode, contract: Contract) -> Verdict:
    """After the detach `customer` is null, and the list is without the payment method."""
    method, customer, detach = episode.fixtures["payment_method"], episode.fixtures["customer"], episode.subject
    if verdict := _not_in_hand(episode, customer) or unreadable(detach):
        return verdict
    if not detach.is_success:
        return Verdict(Outcome.NOT_APPLICABLE, f"payment methods are not detached ({detach.status})")
    for read in episode.exchanges("follow-up"):
        if is_list(read):
            continue
        if verdict := unreadable(read):
            return verdict
        if not read.is_success:
            return fails(f"detached, and retrieving it is answered {describe_refusal(read)}", read)
        if shown_customer(read) != "null":
            return fails(f"detached, and retrieved with {shown_customer(read)}", read)
    return _lists(episode, method, {customer: 0})


def _not_in_hand(episode: Episode, customer: str) -> Verdict | None:
    """The verdict when the payment method that the episode starts with is not attached to `customer`."""
    read = episode.exchanges("control")[-1]
    if verdict := unreadable(read):
        return verdict
    if read.object.get("customer") != customer:
        return not_run(f"the payment method in hand is not attached to {customer}")
    return None


def _still_with(episode: Episode, customer: str, told: str) -> Verdict | None:
    for read in episode.exchanges("follow-up"):
        if is_list(read):
            continue
        if verdict := unreadable(read):
            return verdict
        if not read.is_success:
            return fails(f"{told}; afterwards retrieving it is answered {describe_refusal(read)}", read)
        if read.object.get("customer") != customer:
            return fails(f"{told}; afterwards `customer` is {shown_customer(read)}, not {customer}", read)
    return None


def _lists(episode: Episode, method: str, wanted: Mapping[str, int]) -> Verdict:
    for customer, count in wanted.items():
        for answer in episode.exchanges("follow-up"):
            if not is_list_of(answer, customer):
                continue
            if verdict := unreadable(answer):
                return verdict
            times = times_listed(answer, method)
            if count and not times and answer.object.get("has_more"):
                return CUT_SHORT
            if not answer.is_success or times != count:
                seen = f"{times} times" if answer.is_success else f"not: {describe_refusal(answer)}"
                return fails(f"the list of {customer} holds {method} {seen}, not {count} times", answer)
    return PASS


def _answers_in_words(subjects: tuple[Exchange, ...]) -> str:
    if len(subjects) > 1:
        return f"{len(subjects)} requests were not answered with success"
    (exchange,) = subjects
    return f"refused with {describe_refusal(exchange)}" if exchange.is_refusal else f"answered {exchange.status}"


STATE_EXPECTATIONS: Mapping[str, Callable[[Episode, Contract], Verdict]] = {
    function.__name__: function
    for function in (
        absent,
        persisted,
        same_object,
        listed,
        nothing_changed,
        only_this_one,
        attached_again,
        stays_with_first,
        deleted_refused,
        detached,
        one_winner,
        all_kept,
        as_modelled,
    )
}
"""The expectations by the name that an episode carries."""
