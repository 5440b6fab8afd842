"""Other ways to show the same objects."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..behaviour import Behaviour, Present, ShowCustomer, ShowMethod
from ..call import RANDOM, Call
from ..changes import Change, apply, override, wrap
from ..objects.models import Customer, PaymentMethod
from ..wire.values import Answer, Json
from .registry import STATEFUL, STRIPE, Variants

variant = Variants()


def edit_errors(edit: Callable[[Json], Json]) -> Change:
    """Show errors differently, on every endpoint."""

    @wrap("present")
    def present(usual: Present, call: Call, answer: Answer) -> Answer:
        answer = usual(call, answer)
        failed = answer.status >= 400 and "error" in answer.payload
        return replace(answer, payload=edit(answer.payload)) if failed else answer

    return present


variant.row("bare-errors", STATEFUL)(
    "Errors have a type and a message, and nothing else.",
    edit_errors(lambda body: {"error": {key: body["error"][key] for key in ("message", "type")}}),
)


@variant(STRIPE)
def talkative_errors(b: Behaviour) -> None:
    """Errors have more members of all kinds, and so have the bodies that hold them."""
    more = {"charge": "ch_1", "hints": ["one", 2], "payment_method": {"object": "payment_method"}}
    edit_errors(lambda body: {"status": "failed", "error": {**more, **body["error"]}, "trace": [None, 1.5]})(b)


def grown(value: Any) -> Any:
    """Return the value with one more key in every object but metadata."""
    if isinstance(value, list):
        return [grown(item) for item in value]
    if not isinstance(value, dict):
        return value
    inner = {key: item if key == "metadata" else grown(item) for key, item in value.items()}
    return inner | {"x_preview": {"enabled": True, "weights": [1, 0.5, None], "note": "\u00fc\u4f60\U0001f600"}}


@variant(STRIPE, wrap("present"))
def extra_keys(usual: Present, call: Call, answer: Answer) -> Answer:
    """Every object has a key that the schema does not name."""
    answer = usual(call, answer)
    return replace(answer, payload=grown(answer.payload))


def edit_methods(edit: Callable[[Json], Any]) -> Change:
    """Show payment methods differently, on every endpoint."""

    @wrap("payment_method_json")
    def shown(usual: ShowMethod, call: Call, method: PaymentMethod) -> Json:
        payload = usual(call, method)
        edit(payload)
        return payload

    return shown


@variant(STRIPE, edit_methods)
def old_shape(payload: Json) -> None:
    """Payment methods have the keys of 2020 only."""
    for key in ("allow_redisplay", "customer_account", "shared_payment_granted_token"):
        payload.pop(key, None)
    payload["billing_details"].pop("tax_id", None)
    for key in ("display_brand", "regulated_status"):
        payload.get("card", {}).pop(key, None)


variant.row("no-metadata", STRIPE)(
    "Payment methods have no metadata, as for mobile clients.", edit_methods(lambda payload: payload.pop("metadata"))
)
variant.row("null-metadata", STRIPE)(
    "The metadata of payment methods are null.", edit_methods(lambda payload: payload.update(metadata=None))
)


@variant(STRIPE, edit_methods)
def nothing_optional(payload: Json) -> None:
    """Members of a card that may be null or absent are one or the other."""
    card = payload.get("card", {})
    for key in ("checks", "networks", "three_d_secure_usage", "country", "fingerprint"):
        if key in card:
            card[key] = None
    for key in ("display_brand", "generated_from", "wallet"):
        card.pop(key, None)


@variant(STRIPE, edit_methods)
def checks_unchanged(payload: Json) -> None:
    """Attaching does not look at the security code: its check stays `unchecked`."""
    if "card" in payload and payload["card"]["checks"]["cvc_check"] is not None:
        payload["card"]["checks"]["cvc_check"] = "unchecked"


@variant(STRIPE, edit_methods)
def radar_options_shown(payload: Json) -> None:
    """Payment methods have `radar_options`, and cards a wallet."""
    payload["radar_options"] = {}
    if "card" in payload:
        wallet = {"apple_pay": {"type": "apple_pay"}, "dynamic_last4": "6396", "type": "apple_pay"}
        payload["card"]["wallet"] = wallet


@variant(STRIPE)
def counted_ids(b: Behaviour) -> None:
    """Ids are short and counted up: `pm_00000001`."""
    numbers = itertools.count(1)
    b.new_id = lambda prefix: f"{prefix}{next(numbers):08}"


variant.row("uuid-ids", STRIPE)(
    "Ids are UUIDs behind the usual prefix.", override("new_id", lambda prefix: prefix + str(uuid.uuid4()))
)


@variant(STRIPE, batch="unseen 1")
def ids_of_digits(b: Behaviour) -> None:
    """Ids are counted up: the prefix and sixteen digits, without a single letter."""
    numbers = itertools.count(1_000_000_000_000_037, 37)
    b.new_id = lambda prefix: f"{prefix}{next(numbers)}"


@variant(STRIPE, edit_methods, batch="unseen 2")
def empty_metadata_left_out(payload: Json) -> None:
    """A payment method without metadata is shown without the member, everywhere."""
    if not payload["metadata"]:
        del payload["metadata"]


LONG_AGO = 915_148_800


@variant(STRIPE, batch="unseen 3")
def clock_stopped_long_ago(b: Behaviour) -> None:
    """Everything was created on the first of January 1999."""

    @apply(b, wrap("payment_method_json"))
    def method(method_json: ShowMethod, call: Call, shown: PaymentMethod) -> Json:
        return method_json(call, replace(shown, created=LONG_AGO))

    @apply(b, wrap("customer_json"))
    def customer(customer_json: ShowCustomer, call: Call, shown: Customer) -> Json:
        return customer_json(call, replace(shown, created=LONG_AGO))


SIGNS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_~"


variant.row("ids-with-signs", STRIPE, batch="unseen 3")(
    "Ids are long, and have hyphens, underscores and tildes in them, at their ends too.",
    override("new_id", lambda prefix: prefix + "".join(RANDOM.choices(SIGNS, k=60))),
)
BRIEF = ("id", "object", "created", "livemode", "metadata", "invoice_settings", "deleted")


@variant(STRIPE, wrap("customer_json"), batch="unseen 3")
def customers_told_briefly(usual: ShowCustomer, call: Call, customer: Customer) -> Json:
    """A customer shows only its id, its age, its metadata and its default payment method."""
    payload = {name: value for name, value in usual(call, customer).items() if name in BRIEF}
    if "invoice_settings" in payload:
        payload["invoice_settings"] = {"default_payment_method": customer.default_payment_method}
    return payload


variant.row("lists-begin-with-the-oldest", STRIPE, batch="unseen 3")(
    "A customer's payment methods are listed in the order in which they were attached.",
    wrap("methods_of")(lambda usual, call, customer: list(reversed(usual(call, customer)))),
)


@variant(STRIPE, wrap("customer_json"), batch="reading 1")
def expanded_customer_without_metadata(usual: ShowCustomer, call: Call, customer: Customer) -> Json:
    """An expanded customer is shown without its metadata, and with its email."""
    payload = usual(call, customer)
    if call.is_attach:
        del payload["metadata"]
    return payload


variant.row("created-has-a-fraction-of-zero", STRIPE, batch="reading 1")(
    "`created` is written with a fraction, which is zero: a whole number all the same.",
    edit_methods(lambda payload: payload.update(created=float(payload["created"]))),
)
