"""What attaching leaves behind, and what it should have left alone."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from dataclasses import replace

from ...attach import Attempt
from ...behaviour import Behaviour
from ...call import Call, Endpoint
from ...errors import ApiError
from ...forms import unescaped
from ...objects import Customer, PaymentMethod
from ...values import Answer, Json
from ..registry import Chapter
from ..tools import edit_answer, skip_check

seed = Chapter("state", "stateful")

LONGEST_LIST = 8


@seed(
    "state.listed",
    "medium",
    also=("state.only-this-one", "state.race", "state.model", "state.same-customer-again", "idempotency.replay"),
)
def list_holds_the_last_eight(b: Behaviour) -> None:
    """The customer's list is a ring: the ninth payment method pushes the first one off it."""
    usual = b.attach

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        attached = usual(call, attempt)
        del call.store.wallets.get(attempt.owner.id, [])[:-LONGEST_LIST]
        return attached

    b.attach = attach


@seed("state.same-object", "medium")
def fingerprint_of_the_owner(b: Behaviour) -> None:
    """The fingerprint is made of the card and its owner: attaching changes it."""
    usual = b.payment_method_json

    def shown(call: Call, method: PaymentMethod) -> Json:
        payload = usual(call, method)
        if method.customer is not None and method.card is not None:
            owned = f"{method.customer} {method.card.fingerprint}"
            payload["card"]["fingerprint"] = hashlib.sha256(owned.encode()).hexdigest()[:16]
        return payload

    b.payment_method_json = shown


@seed("state.same-object", "hard", intermittent=True)
def created_when_attached(b: Behaviour) -> None:
    """Attaching writes a new row: `created` is the second in which that happened."""
    usual = b.attach

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        return call.store.put_method(replace(usual(call, attempt), created=int(time.time())))

    b.attach = attach


@seed("state.refusal-changes-nothing", "hard", also=("request.other-methods",))
def delete_detaches_behind_a_404(b: Behaviour) -> None:
    """DELETE on the attach URL undoes the attaching, for good, before it is answered as unrecognised."""
    usual = b.route

    def route(call: Call) -> Endpoint:
        if call.request.method == "DELETE" and call.is_attach:
            identifier = call.request.path.split("/")[-2]
            method = call.store.method(unescaped(identifier.encode("latin-1")))
            if method is not None:
                call.store.detach(method)
        return usual(call)

    b.route = route


@seed("state.refusal-changes-nothing", "hard", also=("state.second-customer", "state.model"))
def unknown_customer_lets_it_go(b: Behaviour) -> None:
    """It is taken from its owner before the new one is looked up: refused with an unknown one, it has none."""
    usual = b.checks["customer"]

    def check(call: Call, attempt: Attempt) -> None:
        try:
            usual(call, attempt)
        except ApiError:
            owner = attempt.method.customer
            if owner is not None:
                call.store.wallets[owner].remove(attempt.method.id)
                call.store.put_method(replace(attempt.method, customer=None))
            raise

    b.checks["customer"] = check


@seed("state.only-this-one", "medium", also=("state.same-object",))
def billing_details_spread(b: Behaviour) -> None:
    """A customer has one address: attaching gives its billing details to the payment methods already there."""
    usual = b.attach

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        for other in call.store.methods_of(attempt.owner.id):
            call.store.put_method(replace(other, billing_details=attempt.method.billing_details))
        return usual(call, attempt)

    b.attach = attach


@seed("state.second-customer", "hard", also=("stripe.already-attached", "state.race", "state.model", "state.listed"))
def expanded_owner_not_recognised(b: Behaviour) -> None:
    """After an expanded attach the owner is kept as an object; compared with an id it is nobody, and free to take."""
    usual = b.attach
    objects: set[str] = set()

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        (objects.add if "customer" in attempt.expand else objects.discard)(attempt.method.id)
        return usual(call, attempt)

    b.attach = attach
    skip_check(b, "not-another-customers", lambda call, attempt: attempt.method.id in objects)


@seed("state.unknown-payment-method", "hard", also=("stripe.resource-missing-payment-method", "response.id"))
def matrix_parameters_cut(b: Behaviour) -> None:
    """What follows a semicolon in a segment of the path is set aside: `pm_1;x` finds `pm_1`."""
    usual = b.find_payment_method
    b.find_payment_method = lambda call, identifier: usual(call, identifier.partition(";")[0])


@seed("state.unknown-customer", "hard", also=("request.value-exact", "stripe.resource-missing-customer"))
def customer_found_through_what_it_has(b: Behaviour) -> None:
    """Any id leads to a customer: that of an attached payment method stands for its owner."""
    usual = b.find_customer

    def find(call: Call, identifier: str) -> Customer | None:
        found = usual(call, identifier)
        method = call.store.methods.get(identifier)
        if found is None and method is not None and method.customer is not None:
            return usual(call, method.customer)
        return found

    b.find_customer = find


@seed("state.detach", "hard", also=("state.model",))
def detaching_counts_down(b: Behaviour) -> None:
    """Attaching to the same customer again counts up, and detaching counts down: one of two leaves it attached."""
    attach, detach = b.attach, b.detach
    times: Counter[str] = Counter()

    def count_up(call: Call, attempt: Attempt) -> PaymentMethod:
        times[attempt.method.id] += 1
        return attach(call, attempt)

    def count_down(call: Call, method: PaymentMethod) -> PaymentMethod:
        times[method.id] -= 1
        return method if times[method.id] > 0 else detach(call, method)

    b.attach, b.detach = count_up, count_down


@seed("state.race", "hard", intermittent=True, also=("state.same-customer-again", "state.listed", "state.model"))
def listed_for_each_at_once(b: Behaviour) -> None:
    """Looked for in the list under the lock, entered after it: attaches of one at once enter it several times."""
    new: set[str] = set()

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        wallet = call.store.wallets.setdefault(attempt.owner.id, [])
        listed = attempt.method.id in wallet
        attached = call.store.attach(attempt.method, attempt.owner.id)
        if not listed:
            wallet.remove(attempt.method.id)
            new.add(call.request_id)
        return attached

    def enter(call: Call, answer: Answer) -> Answer:
        if call.request_id in new:
            new.discard(call.request_id)
            time.sleep(0.02)
            method = call.store.methods[answer.payload["id"]]
            if method.customer is not None:
                call.store.wallets[method.customer].append(method.id)
        return answer

    b.attach = attach
    edit_answer(b, enter)
