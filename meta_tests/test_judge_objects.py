"""The judge of objects: customers that stay as they were created, and payment methods that are no cards."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.examples import ERROR, EXPANDED_CUSTOMER, SUCCESS, but, episode, exchange
from conformance.evidence.episode import Episode, Judgement, Outcome, Step
from conformance.evidence.exchange import Exchange
from conformance.judge import judge
from contracts import load_catalogue, published_contract

CONTRACT = published_contract()
CATALOGUE = load_catalogue()


def judged(case: Episode) -> Judgement:
    return judge(case, CONTRACT, CATALOGUE)


KEPT = {**EXPANDED_CUSTOMER, "email": "A@example.com"}
ATTACH = exchange(200, SUCCESS)


def created() -> Exchange:
    answer = exchange(200, KEPT, sent="email=A@example.com")
    return replace(answer, request=replace(answer.request, target="/v1/customers"))


def read(email: str, target: str = "/v1/customers/cus_1") -> Exchange:
    answer = exchange(200, {**KEPT, "email": email}, method="GET", sent="")
    return replace(answer, request=replace(answer.request, target=target))


def outcome_of(before: Exchange, after: Exchange, *early: Exchange, is_new: bool = False) -> Outcome:
    set_up = (Step("set-up", one) for one in (created(), *early))
    steps = (*set_up, Step("control", before), Step("subject", ATTACH), Step("follow-up", after))
    facts = {"called": {}, "is_new": is_new}
    return judged(Episode("state.only-this-one", "only_this_one", steps, {}, facts)).outcome


def test_an_attach_leaves_its_customer_as_it_was_created() -> None:
    def outcome(shown: str, target: str = "/v1/customers/cus_1") -> Outcome:
        return outcome_of(read(shown, target), read(shown, target))

    assert outcome("A@example.com") is Outcome.PASS
    assert outcome("a@example.com") is Outcome.FAIL, "an earlier attach has changed it"
    assert outcome("a@example.com", "/v1/payment_methods/pm_1") is Outcome.PASS, "state.same-object compares these"


def test_what_a_server_changes_when_it_creates_a_customer_is_no_work_of_an_attach() -> None:
    """A creation may show what was sent, and a read what was saved: in lower case, without blanks around it."""
    saved, kept = read("a@example.com"), read("A@example.com")
    assert outcome_of(saved, saved, saved) is Outcome.PASS
    assert outcome_of(saved, saved, kept) is Outcome.FAIL
    assert outcome_of(saved, saved, is_new=True) is Outcome.PASS, "nothing was attached before the first read"
    assert outcome_of(kept, saved, is_new=True) is Outcome.FAIL


def test_an_expanded_customer_may_be_tidier_than_its_creation_showed() -> None:
    def outcome(email: str) -> Outcome:
        customer = {**KEPT, "email": email}
        subject = exchange(200, but(SUCCESS, customer=customer), sent=f"customer={customer['id']}&expand[]=customer")
        steps = (Step("set-up", created()), Step("subject", subject))
        return judged(Episode("expand.inlined", "inlined", steps, {}, {})).outcome

    assert outcome("A@example.com") is Outcome.PASS
    assert outcome(" a@example.com") is Outcome.PASS
    assert outcome("b@example.com") is Outcome.FAIL


def test_a_payment_method_that_is_no_card_has_the_hash_of_its_type() -> None:
    def outcome(answer: Exchange) -> Outcome:
        return judged(episode("has_hash_of_its_type", answer, clause="response.type-hash", kind="wire")).outcome

    other = but(SUCCESS, type="sepa_debit", card=...)
    assert outcome(exchange(200, {**other, "sepa_debit": {}})) is Outcome.PASS
    assert outcome(exchange(200, other)) is Outcome.FAIL
    assert outcome(exchange(400, ERROR)) is Outcome.NOT_RUN, "a server need not attach it"


def test_a_server_may_add_an_entry_of_its_own_to_metadata() -> None:
    def outcome(metadata: dict[str, str]) -> Outcome:
        plain = exchange(200, but(SUCCESS, metadata={"order": "1", "id": "pm_1"}))
        body = but(SUCCESS, customer=EXPANDED_CUSTOMER, metadata=metadata)
        expanded = exchange(200, body, sent=f"customer={EXPANDED_CUSTOMER['id']}&expand[]=customer")
        steps = (Step("subject", expanded), Step("control", plain))
        return judged(Episode("expand.inlined", "inlined", steps, {}, {"created_as": "card"})).outcome

    assert outcome({"order": "1", "id": "pm_2"}) is Outcome.PASS
    assert outcome({"id": "pm_2"}) is Outcome.FAIL


def test_what_is_null_may_be_left_out_of_an_expanded_answer() -> None:
    """The schema makes such members optional, and one that is null says as little as one that is not there."""

    def outcome(**changes: object) -> Outcome:
        body = but(SUCCESS, customer=EXPANDED_CUSTOMER, **changes)
        expanded = exchange(200, body, sent=f"customer={EXPANDED_CUSTOMER['id']}&expand[]=customer")
        steps = (Step("subject", expanded), Step("control", exchange(200, but(SUCCESS, customer_account=None))))
        return judged(Episode("expand.inlined", "inlined", steps, {}, {"created_as": "card"})).outcome

    assert outcome() is Outcome.PASS
    assert outcome(card=but(SUCCESS["card"], wallet=...)) is Outcome.PASS
    assert outcome(card=but(SUCCESS["card"], networks=...)) is Outcome.FAIL
