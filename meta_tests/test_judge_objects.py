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


def test_an_attach_leaves_its_customer_as_it_was_created() -> None:
    kept = {**EXPANDED_CUSTOMER, "email": "A@example.com"}
    card, attach = exchange(200, kept, sent="email=A@example.com"), exchange(200, SUCCESS)
    created = replace(card, request=replace(card.request, target="/v1/customers"))

    def outcome(shown: str, target: str = "/v1/customers/cus_1") -> Outcome:
        read = exchange(200, {**kept, "email": shown}, method="GET", sent="")
        read = replace(read, request=replace(read.request, target=target))
        steps = (Step("set-up", created), Step("control", read), Step("subject", attach), Step("follow-up", read))
        return judged(Episode("state.only-this-one", "only_this_one", steps, {}, {"called": {}})).outcome

    assert outcome("A@example.com") is Outcome.PASS
    assert outcome("a@example.com") is Outcome.FAIL, "an earlier attach has changed it"
    assert outcome("a@example.com", "/v1/payment_methods/pm_1") is Outcome.PASS, "state.same-object compares these"


def test_a_payment_method_that_is_no_card_has_the_hash_of_its_type() -> None:
    def outcome(answer: Exchange) -> Outcome:
        return judged(episode("has_hash_of_its_type", answer, clause="response.type-hash", kind="wire")).outcome

    other = but(SUCCESS, type="sepa_debit", card=...)
    assert outcome(exchange(200, {**other, "sepa_debit": {}})) is Outcome.PASS
    assert outcome(exchange(200, other)) is Outcome.FAIL
    assert outcome(exchange(400, ERROR)) is Outcome.NOT_RUN, "a server need not attach it"
