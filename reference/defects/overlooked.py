"""Mistakes that a close reading of the tests found room for: values, positions and orders that nobody had tried."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from .. import cards
from ..attach import Attempt
from ..behaviour import Behaviour
from ..call import Call
from ..errors import ApiError, Refusal, unauthorized
from ..expansion import OF_PAYMENT_METHOD
from ..forms import Form, Pair
from ..objects import Customer, PaymentMethod
from ..store import StatelessStore, checked, new_card
from ..values import Answer, Response
from .expand import edit_expanded
from .keys import sent
from .registry import Chapter
from .requests import obey_method
from .tools import crash, edit_response, interrupt, on_attach, skip_check, tolerate

contract = Chapter("overlooked in requests", "contract")
stateful = Chapter("overlooked in objects", "stateful")
seed = Chapter("overlooked in Stripe's own answers", "stripe")

SEEDS = (contract, stateful, seed)

INHERITED = ("constructor", "toString", "hasOwnProperty", "__proto__")
"""What a look-up in an object of JavaScript finds, though nobody has put it there."""


# contract


@contract("expand.every-entry", "medium")
def only_the_first_index_read(b: Behaviour) -> None:
    """Of `expand` only `expand[]` and `expand[0]` are read, and other indexes are passed over."""
    usual = b.build

    def build(call: Call, pairs: Sequence[Pair]) -> Form:
        return usual(call, [pair for pair in pairs if re.fullmatch(r"expand\[[1-9]\d*\]", pair[0]) is None])

    b.build = on_attach(usual, build)


@contract("body.unknown-parameter", "medium")
def customer_id_is_an_alias(b: Behaviour) -> None:
    """`customer_id` is tolerated, since it once was the name of `customer`."""
    tolerate(b, lambda call, name: name == "customer_id")


@contract("request.other-methods", "hard")
def get_attaches_by_query_alone(b: Behaviour) -> None:
    """A GET with the customer in its query attaches, unless it has a body."""
    obey_method(b, "GET", lambda request: bool(request.query) and not request.body)


@contract("request.other-methods", "hard")
def put_attaches_by_body_alone(b: Behaviour) -> None:
    """A PUT with the customer in its body attaches, unless it has a query."""
    obey_method(b, "PUT", lambda request: bool(request.body) and not request.query)


@contract("response.json", "hard", also=("error.envelope", "robustness.quotes"))
def error_written_by_hand(b: Behaviour) -> None:
    """The error about an unknown parameter is put together as a string, so that a quote in the name ends it early."""

    def break_off(call: Call, response: Response) -> Response:
        named = any('"' in name for name, _ in call.form.pairs) if call.form else False
        return replace(response, body=response.body.replace(b'\\"', b'"')) if named else response

    edit_response(b, break_off, success=False)


@contract("robustness.control-characters", "medium")
def nul_in_a_name_crashes(b: Behaviour) -> None:
    """A NUL in the name of a parameter is a 500: the log takes none."""
    interrupt(b, lambda call: b"%00=" in call.request.body.lower(), crash)


@contract("robustness.odd-path-id", "medium")
def double_quote_in_the_path_crashes(b: Behaviour) -> None:
    """A double quote in the id in the path is a 500."""
    interrupt(b, lambda call: "%22" in call.request.path, crash)


@contract("response.json", "hard", also=("error.envelope", "robustness.quotes"))
def path_put_into_the_error_by_hand(b: Behaviour) -> None:
    """The error about a path to expand is put together as a string, so that a quote in the path ends it early."""

    def break_off(call: Call, response: Response) -> Response:
        named = call.form is not None and any('"' in path for path in call.form.items("expand"))
        return replace(response, body=response.body.replace(b'\\"', b'"')) if named else response

    edit_response(b, break_off, success=False)


@contract("body.unknown-parameter", "medium")
def whatever_begins_with_expand_passes(b: Behaviour) -> None:
    """`expand[…]` is known by how it begins, so that `expands` passes too, and is not used."""
    tolerate(b, lambda call, name: name.startswith("expand"))


@contract("robustness.empty-values", "medium")
def name_without_equals_sign_crashes(b: Behaviour) -> None:
    """`customer` without an equals sign is null, and its length a 500."""
    interrupt(b, lambda call: re.search(rb"(?:^|&)customer(?:&|$)", call.request.body) is not None, crash)


@contract("response.json", "easy")
def charset_called_an_encoding(b: Behaviour) -> None:
    """`Content-Encoding: utf-8`, which is a charset and no coding."""

    def add(call: Call, response: Response) -> Response:
        return replace(response, headers=(*response.headers, ("Content-Encoding", "utf-8")))

    edit_response(b, add, success=True)


@contract("expand.inlined", "medium")
def expanded_customer_is_a_stub(b: Behaviour) -> None:
    """The expanded customer is built from its id alone: it has no email and no metadata."""
    edit_expanded(b, lambda call, payload, customer: customer.update(email=None, metadata={}))


@contract("expand.inlined", "hard")
def attached_again_not_expanded(b: Behaviour) -> None:
    """Attaching again to the same customer returns at once what is stored, whatever is to be expanded."""
    usual = b.attached

    def attached(call: Call, attempt: Attempt, method: PaymentMethod) -> Answer:
        if attempt.method.customer == attempt.owner.id:
            attempt.expand = []
        return usual(call, attempt, method)

    b.attached = attached


# stateful


@stateful("state.unknown-customer", "hard")
def inherited_name_is_a_customer(b: Behaviour) -> None:
    """Customers are looked up in a plain object, which has a `constructor` of its own."""
    usual = b.find_customer
    b.find_customer = lambda call, name: Customer(name, 0) if name in INHERITED else usual(call, name)


@stateful("state.unknown-payment-method", "hard")
def inherited_name_is_a_payment_method(b: Behaviour) -> None:
    """Payment methods are looked up in a plain object, which has a `constructor` of its own."""
    usual = b.find_payment_method

    def find(call: Call, name: str) -> PaymentMethod | None:
        return new_card(cards.CARDS["visa"], name) if name in INHERITED else usual(call, name)

    b.find_payment_method = find


@stateful("state.unknown-payment-method", "hard")
def customer_in_the_path_attached(b: Behaviour) -> None:
    """All objects are in one store and found by their ids, so that a customer can be attached to itself."""
    usual = b.find_payment_method

    def find(call: Call, name: str) -> PaymentMethod | None:
        is_customer = name.startswith("cus_") and call.store.live_customer(name) is not None
        return new_card(cards.CARDS["visa"], name) if is_customer else usual(call, name)

    b.find_payment_method = find


@stateful("state.unknown-payment-method", "medium", also=("stripe.card-declined",))
def any_shared_token_is_a_visa(b: Behaviour) -> None:
    """Whatever begins with `pm_card_` is taken for a Visa that succeeds, if it is no other card."""
    usual = b.find_payment_method

    def find(call: Call, name: str) -> PaymentMethod | None:
        found = usual(call, name)
        if found is None and name.startswith("pm_card_"):
            return new_card(cards.CARDS["visa"], call.behaviour.new_id("pm_"))
        return found

    b.find_payment_method = find


@stateful("state.refusal-changes-nothing", "hard", also=("state.model",))
def deleted_customer_written_and_refused(b: Behaviour) -> None:
    """An attach to a deleted customer is stored, and then refused."""

    def find(call: Call, identifier: str) -> Customer | None:
        customer = call.store.customer(identifier)
        if call.is_attach and customer is not None and customer.deleted:
            method = call.store.method(call.arguments[0])
            if method is not None:
                call.store.put_method(replace(method, customer=identifier))
        return usual(call, identifier)

    usual = b.find_customer
    b.find_customer = find


@stateful("state.refusal-changes-nothing", "medium")
def empty_customer_written_and_refused(b: Behaviour) -> None:
    """An empty customer is stored, and then refused."""
    usual = b.checks["customer-empty"]

    def check(call: Call, attempt: Attempt) -> None:
        method = call.store.method(attempt.payment_method_id)
        if method is not None and attempt.customer_id == "" and method.customer is None:
            call.store.put_method(replace(method, customer=""))
        usual(call, attempt)

    b.checks["customer-empty"] = check


# stripe


@seed("stripe.test-tokens", "hard", also=("state.only-this-one",))
def clone_not_stored(b: Behaviour) -> None:
    """A shared token is answered with a new payment method that is stored nowhere."""
    usual = b.attach

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        is_shared = attempt.payment_method_id.startswith("pm_card_") and not isinstance(call.store, StatelessStore)
        return checked(attempt.method, attempt.owner.id) if is_shared else usual(call, attempt)

    b.attach = attach


@seed("stripe.expand-path", "hard", level="SHOULD")
def own_fields_can_be_expanded(b: Behaviour) -> None:
    """Any field of a payment method is a path to expand, also one that holds no other object."""
    fields = {"metadata", "created", "billing_details", "livemode", "type", *OF_PAYMENT_METHOD}

    def is_field(call: Call, attempt: Attempt) -> bool:
        return all(path.partition(".")[0] in fields and path.count(".") < 4 for path in attempt.expand)

    skip_check(b, "expand-paths", is_field)


@seed("auth.challenge", "hard")
def challenge_not_for_what_is_no_key(b: Behaviour) -> None:
    """The 401 to credentials that cannot be read has no WWW-Authenticate: it is made somewhere else."""
    usual = b.authenticate

    def authenticate(call: Call) -> None:
        scheme, credentials = sent(call)
        if scheme and (not credentials or scheme not in ("bearer", "basic")):
            raise ApiError(replace(unauthorized("Invalid credentials.").refusal, headers=()))
        usual(call)

    b.authenticate = on_attach(usual, authenticate)


@seed("stripe.parameter-unknown", "hard")
def unknown_hash_has_no_code(b: Behaviour) -> None:
    """A hash that is an unknown parameter is refused for its structure, without a code."""

    def check(call: Call, attempt: Attempt) -> None:
        unknown: Any = [value for name, value in call.parameters.tree.items() if name not in ("customer", "expand")]
        if unknown and all(isinstance(value, dict) for value in unknown):
            raise ApiError(Refusal("structure", 400, "Invalid request."))
        usual(call, attempt)

    usual = b.checks["unknown-parameters"]
    b.checks["unknown-parameters"] = check
