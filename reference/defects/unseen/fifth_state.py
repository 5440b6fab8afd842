"""Seeded defects: what an attach leaves behind."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from ...attach import Attempt
from ...behaviour import Behaviour
from ...call import Call
from ...errors import ApiError
from ...objects import Customer, PaymentMethod
from ...values import Answer, Json
from ..registry import Chapter
from ..tools import on_attach

seed = Chapter("state", "stateful")


@seed("state.persisted", "medium", also=("state.model",))
def expanded_customer_is_stored(b: Behaviour) -> None:
    """After an expanded attach, retrieving the payment method shows the whole customer instead of its id."""
    whole: set[str] = set()

    def attached(call: Call, attempt: Attempt, method: PaymentMethod) -> Answer:
        answer = usual_attached(call, attempt, method)
        if isinstance(answer.payload["customer"], dict):
            whole.add(method.id)
        return answer

    def shown(call: Call, method: PaymentMethod) -> Json:
        payload = usual_json(call, method)
        customer = call.store.customer(method.customer or "")
        if method.id in whole and customer is not None and not call.is_attach:
            payload["customer"] = call.behaviour.customer_json(call, customer)
        return payload

    usual_attached, usual_json = b.attached, b.payment_method_json
    b.attached, b.payment_method_json = attached, shown


@seed("state.same-object", "easy")
def always_redisplayed(b: Behaviour) -> None:
    """Attaching sets `allow_redisplay` of the payment method to `always`."""

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        method = usual(call, attempt)
        return call.store.put_method(replace(method, allow_redisplay="always"))

    usual = b.attach
    b.attach = attach


@seed("state.refusal-changes-nothing", "medium")
def paths_checked_after_the_write(b: Behaviour) -> None:
    """A path that can't be expanded, or is too deep, is refused only after the payment method was attached."""
    check = b.checks.pop("expand-paths")

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        method = usual(call, attempt)
        check(call, attempt)
        return method

    usual = b.attach
    b.attach = attach


@seed("state.second-customer", "easy", also=("state.refusal-changes-nothing", "state.race", "state.model"))
def refused_but_moved(b: Behaviour) -> None:
    """Attaching to a second customer is refused, but the payment method moves to that customer."""

    def check(call: Call, attempt: Attempt) -> None:
        try:
            usual(call, attempt)
        except ApiError:
            owner = attempt.method.customer
            wallet = call.store.wallets.get(owner or "", [])
            if attempt.method.id in wallet:
                wallet.remove(attempt.method.id)
            call.store.attach(attempt.method, attempt.owner.id)
            raise

    usual = b.checks["not-another-customers"]
    b.checks["not-another-customers"] = check


@seed("state.unknown-payment-method", "easy", also=("stripe.resource-missing-payment-method",))
def path_id_in_any_case(b: Behaviour) -> None:
    """The payment method's id in the path is looked up without regard to case."""

    def find(call: Call, identifier: str) -> PaymentMethod | None:
        found = usual(call, identifier)
        if found is not None:
            return found
        wanted = identifier.lower()
        with call.store.lock:
            return next((item for key, item in call.store.methods.items() if key.lower() == wanted), None)

    usual = b.find_payment_method
    b.find_payment_method = on_attach(usual, find)


@seed("state.deleted-customer", "hard", also=("stripe.resource-missing-customer", "state.model"))
def customers_found_are_kept(b: Behaviour) -> None:
    """A customer that was attached to before is found in a cache, and still takes payment methods when deleted."""
    cache: dict[str, Customer] = {}

    def find(call: Call, identifier: str) -> Customer | None:
        found = usual(call, identifier)
        if found is not None:
            cache[identifier] = found
        return cache.get(identifier)

    usual = b.find_customer
    b.find_customer = on_attach(usual, find)


@seed("state.race", "hard", intermittent=True, also=("response.id", "response.customer"))
def answers_in_one_place(b: Behaviour) -> None:
    """Simultaneous answers wait to be written in one and the same place, so that one shows another's ids."""
    place: dict[str, Any] = {}

    def attached(call: Call, attempt: Attempt, method: PaymentMethod) -> Answer:
        answer = usual_attached(call, attempt, method)
        place["payload"] = answer.payload
        return answer

    def present(call: Call, answer: Answer) -> Answer:
        answer = usual_present(call, answer)
        if answer.status != 200 or call.replayed:
            return answer
        time.sleep(0.004)
        return replace(answer, payload=place["payload"])

    usual_attached, usual_present = b.attached, b.present
    b.attached, b.present = attached, on_attach(usual_present, present)


@seed("state.detach", "medium", also=("state.only-this-one", "state.listed", "state.model"))
def newest_is_taken_off_the_list(b: Behaviour) -> None:
    """A detach takes the newest payment method off the customer's list, whichever it is that was detached."""

    def detach(call: Call, method: PaymentMethod) -> PaymentMethod:
        owner = method.customer or ""
        before = list(call.store.wallets.get(owner, []))
        done = usual(call, method)
        if owner in call.store.wallets:
            call.store.wallets[owner] = before[:-1]
        return done

    usual = b.detach
    b.detach = detach
