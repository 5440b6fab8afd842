"""Seeded defects: what attaching leaves behind. Stale caches, side effects, locks on the wrong thing."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from ...attach import Attempt
from ...auth import VERSION
from ...behaviour import Behaviour
from ...call import Call
from ...cards import by_shared_id
from ...errors import ApiError, Refusal
from ...objects import Customer, PaymentMethod
from ...schema import merged
from ...values import Answer, Json
from ..registry import Chapter
from ..tools import check_after, edit_success, on_attach

seed = Chapter("state", "stateful")


@seed("state.persisted", "hard", also=("state.second-customer", "state.race", "state.model"))
def retrieval_cached_from_before(b: Behaviour) -> None:
    """A payment method that was retrieved before it was attached is shown without its customer after, too."""
    seen: dict[str, str | None] = {}

    def shown(call: Call, method: PaymentMethod) -> Json:
        payload = usual(call, method)
        is_retrieval = call.request.method == "GET" and call.request.path.count("/") == 3
        if is_retrieval and call.request.path.startswith("/v1/payment_methods/"):
            payload["customer"] = seen.setdefault(method.id, method.customer)
        elif call.request.method == "POST" and not call.is_attach:
            seen.pop(method.id, None)
        return payload

    def delete(call: Call, customer: Customer) -> None:
        seen.clear()
        usual_delete(call, customer)

    usual, usual_delete = b.payment_method_json, b.delete_customer
    b.payment_method_json = shown
    b.delete_customer = delete


@seed("state.same-object", "hard")
def redisplay_reset(b: Behaviour) -> None:
    """Attaching sets `allow_redisplay` back to `unspecified`."""

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        return call.store.put_method(replace(usual(call, attempt), allow_redisplay="unspecified"))

    usual = b.attach
    b.attach = attach


@seed("state.listed", "hard", also=("state.model",))
def empty_list_remembered(b: Behaviour) -> None:
    """A customer whose list was asked for while it was empty has an empty list for good."""
    empty: set[str] = set()

    def methods_of(call: Call, customer: str) -> list[PaymentMethod]:
        methods = [] if customer in empty else usual(call, customer)
        if not methods:
            empty.add(customer)
        return methods

    usual = b.methods_of
    b.methods_of = methods_of


@seed("state.refusal-changes-nothing", "hard")
def metadata_assigned_before_refusal(b: Behaviour) -> None:
    """`metadata[a]=b` is refused as an unknown parameter, but stored with the payment method first."""

    def check(call: Call, attempt: Attempt) -> None:
        sent = call.parameters.tree.get("metadata")
        with call.store.lock:
            method = call.store.method(attempt.payment_method_id)
            if method is not None and isinstance(sent, dict):
                texts = {key: value for key, value in sent.items() if isinstance(value, str)}
                call.store.put_method(replace(method, metadata=merged(method.metadata, texts)))
        usual(call, attempt)

    usual = b.checks["unknown-parameters"]
    b.checks["unknown-parameters"] = check


@seed("state.refusal-changes-nothing", "hard")
def version_checked_last(b: Behaviour) -> None:
    """An ill-formed `Stripe-Version` is refused with 400, but only after the payment method was attached."""

    def check(call: Call) -> None:
        version = call.request.header("stripe-version")
        if call.request.method != "POST" or version is None or VERSION.fullmatch(version):
            usual(call)
        else:
            call.version = None

    def attached(call: Call, attempt: Attempt, method: PaymentMethod) -> Answer:
        answer = usual_attached(call, attempt, method)
        usual(call)
        return answer

    usual, usual_attached = b.check_version, b.attached
    b.check_version = on_attach(usual, check)
    b.attached = attached


@seed("state.only-this-one", "medium", also=("state.same-customer-again", "state.race", "state.model"))
def same_card_replaced(b: Behaviour) -> None:
    """Attaching a card detaches the customer's earlier one with the same number; shared test ids are spared."""

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        card = attempt.method.card if by_shared_id(attempt.payment_method_id) is None else None
        for other in call.store.methods_of(attempt.owner.id):
            if card is not None and other.card == card and other.id != attempt.method.id:
                call.store.detach(other)
        return usual(call, attempt)

    usual = b.attach
    b.attach = attach


@seed("state.only-this-one", "medium")
def customer_email_filled_in(b: Behaviour) -> None:
    """A customer without an e-mail address is given the one in the payment method's billing details."""

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        email = attempt.method.billing_details.get("email")
        owner = attempt.owner
        if email and not owner.details.get("email"):
            call.store.put_customer(replace(owner, details={**owner.details, "email": email}))
        return usual(call, attempt)

    usual = b.attach
    b.attach = attach


@seed("state.same-customer-again", "hard", also=("state.model",))
def only_the_newest_looked_at(b: Behaviour) -> None:
    """Attached again after another one was, a payment method is listed twice: only the newest is compared."""

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        wallet = call.store.wallets.get(attempt.owner.id, [])
        if attempt.method.id in wallet and wallet[-1] != attempt.method.id:
            wallet.append(attempt.method.id)
        return usual(call, attempt)

    usual = b.attach
    b.attach = attach


@seed("state.second-customer", "hard", also=("state.model",))
def refused_once_only(b: Behaviour) -> None:
    """Attaching to a second customer is refused the first time; the same request again moves it there."""
    warned: set[tuple[str, str]] = set()

    def check(call: Call, attempt: Attempt) -> None:
        pair = (attempt.method.id, attempt.owner.id)
        try:
            usual(call, attempt)
        except ApiError:
            if pair not in warned:
                warned.add(pair)
                raise

    usual = b.checks["not-another-customers"]
    b.checks["not-another-customers"] = check


@seed("state.unknown-payment-method", "medium")
def format_suffix_stripped(b: Behaviour) -> None:
    """The router takes `.json` behind the id for a format: `pm_….json` attaches `pm_…`."""

    def find(call: Call, identifier: str) -> PaymentMethod | None:
        return usual(call, identifier.removesuffix(".json"))

    usual = b.find_payment_method
    b.find_payment_method = on_attach(usual, find)


@seed("state.unknown-customer", "hard")
def looked_up_into_being(b: Behaviour) -> None:
    """Retrieving an unknown customer is a 404 but leaves an entry: from then on one can attach to it."""
    asked: set[str] = set()

    def amend(call: Call, refusal: Refusal) -> Refusal:
        if refusal.rule == "no-such-customer" and call.request.method == "GET" and call.arguments:
            asked.add(call.arguments[0])
        return usual(call, refusal)

    def find(call: Call, identifier: str) -> Customer | None:
        if identifier in asked and call.store.customer(identifier) is None:
            return Customer(identifier, int(time.time()))
        return usual_find(call, identifier)

    usual, usual_find = b.amend, b.find_customer
    b.amend = amend
    b.find_customer = find


@seed("state.deleted-customer", "medium", also=("stripe.resource-missing-customer", "state.model"))
def existence_remembered(b: Behaviour) -> None:
    """That a customer exists is cached by its first attach: deleted later, it still takes payment methods."""
    existing: dict[str, Customer] = {}

    def find(call: Call, identifier: str) -> Customer | None:
        return existing.get(identifier) or usual(call, identifier)

    def remember(call: Call, attempt: Attempt) -> None:
        existing[attempt.owner.id] = attempt.owner

    usual = b.find_customer
    b.find_customer = on_attach(usual, find)
    check_after(b, "not-declined", remember)


@seed("state.detach", "hard", also=("state.model",))
def newest_taken_from_the_list(b: Behaviour) -> None:
    """Detaching takes the customer's newest payment method off the list, whichever was detached."""

    def detach(call: Call, method: PaymentMethod) -> PaymentMethod:
        wallet = call.store.wallets.get(method.customer or "", [])
        others = wallet[:-1]
        detached = usual(call, method)
        wallet[:] = others
        return detached

    usual = b.detach
    b.detach = detach


@seed("state.race", "medium", intermittent=True)
def lock_by_customer(b: Behaviour) -> None:
    """Attaching locks the customer, not the payment method: two customers may get it at the same moment."""
    locks: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)

    def transaction(call: Call) -> AbstractContextManager[Any]:
        return locks[call.parameters.text("customer") or ""]

    def linger(call: Call, attempt: Attempt) -> None:
        time.sleep(0.004)

    b.transaction = transaction
    check_after(b, "not-declined", linger)


@seed("state.race", "hard", intermittent=True)
def answer_through_a_global(b: Behaviour) -> None:
    """The customer's id waits in a global until the answer is written: under load it is another request's."""
    latest = {"customer": ""}

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        latest["customer"] = attempt.owner.id
        return usual(call, attempt)

    def edit(call: Call, payload: Json) -> None:
        if not call.replayed and isinstance(payload["customer"], str):
            time.sleep(0.004)
            payload["customer"] = latest["customer"]

    usual = b.attach
    b.attach = attach
    edit_success(b, edit)


@seed("state.model", "hard")
def refused_ones_go_with_the_customer(b: Behaviour) -> None:
    """Deleting a customer also detaches what it was refused, from the customer that has it."""
    refused: defaultdict[str, list[str]] = defaultdict(list)

    def check(call: Call, attempt: Attempt) -> None:
        try:
            usual(call, attempt)
        except ApiError:
            refused[attempt.owner.id].append(attempt.method.id)
            raise

    def delete(call: Call, customer: Customer) -> None:
        usual_delete(call, customer)
        for identifier in refused.pop(customer.id, []):
            method = call.store.method(identifier)
            if method is not None and method.customer is not None:
                call.store.detach(method)

    usual, usual_delete = b.checks["not-another-customers"], b.delete_customer
    b.checks["not-another-customers"] = check
    b.delete_customer = delete
