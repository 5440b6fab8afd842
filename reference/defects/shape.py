"""Mistakes in the payment method that comes back."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from ..behaviour import Behaviour
from ..call import Call, token
from ..values import Json
from .registry import Chapter
from .tools import edit_card, edit_success

seed = Chapter("the payment method", "contract")


def put(b: Behaviour, key: str, value: Callable[[Any], Any]) -> None:
    """Change one member of the body."""

    def edit(call: Call, payload: Json) -> None:
        payload[key] = value(payload.get(key))

    edit_success(b, edit)


def drop(b: Behaviour, key: str) -> None:
    """Leave one member of the body out."""

    def edit(call: Call, payload: Json) -> None:
        payload.pop(key, None)

    edit_success(b, edit)


def put_in_card(b: Behaviour, key: str, value: Callable[[Any], Any]) -> None:
    """Change one member of the card."""

    def edit(card: Json) -> None:
        card[key] = value(card.get(key))

    edit_card(b, edit)


@seed("response.object", "easy")
def object_misnamed(b: Behaviour) -> None:
    """`object` is `paymentMethod`."""
    put(b, "object", lambda old: "paymentMethod")


@seed("response.object", "easy")
def object_is_the_customers(b: Behaviour) -> None:
    """The body is the customer instead of the payment method."""

    def edit(call: Call, payload: Json) -> Json | None:
        identifier = payload["customer"]
        customer = call.store.customer(identifier) if isinstance(identifier, str) else None
        return None if customer is None else b.customer_json(call, customer)

    edit_success(b, edit)


@seed("response.object", "easy")
def object_in_data(b: Behaviour) -> None:
    """The payment method is wrapped in a member `data`."""
    edit_success(b, lambda call, payload: {"data": payload})


@seed("response.object", "medium")
def object_in_list(b: Behaviour) -> None:
    """The body is an array that holds the payment method."""
    edit_success(b, lambda call, payload: [payload])


@seed("response.object", "medium")
def encoded_twice(b: Behaviour) -> None:
    """The body is a JSON string that contains JSON."""
    edit_success(b, lambda call, payload: json.dumps(payload))


@seed("response.id", "medium")
def id_of_the_attachment(b: Behaviour) -> None:
    """`id` is a new id, of the attachment."""
    put(b, "id", lambda old: token("pm_", 24))


@seed("response.id", "medium")
def id_without_prefix(b: Behaviour) -> None:
    """`id` lacks its prefix."""
    put(b, "id", lambda old: str(old).removeprefix("pm_"))


@seed("response.id", "hard")
def id_of_the_request_before(b: Behaviour) -> None:
    """`id` is that of the payment method attached before."""
    last: list[str] = []

    def edit(call: Call, payload: Json) -> None:
        own = payload["id"]
        payload["id"] = last[-1] if last else own
        last[:] = [own]

    edit_success(b, edit)


@seed("response.customer", "easy")
def customer_stays_null(b: Behaviour) -> None:
    """`customer` is null in the answer, which was written before the attachment."""
    put(b, "customer", lambda old: None)


@seed("response.customer", "easy")
def customer_left_out(b: Behaviour) -> None:
    """`customer` is missing from the answer."""
    drop(b, "customer")


@seed("response.customer", "hard")
def customer_of_the_request_before(b: Behaviour) -> None:
    """`customer` is that of the request before, out of a variable that is shared."""
    last: list[str] = []

    def edit(call: Call, payload: Json) -> None:
        own = payload["customer"]
        if isinstance(own, str):
            payload["customer"] = last[-1] if last else own
            last[:] = [own]

    edit_success(b, edit)


@seed("response.customer", "medium")
def customer_in_lower_case(b: Behaviour) -> None:
    """`customer` is in lower case."""
    put(b, "customer", lambda old: old.lower() if isinstance(old, str) else old)


@seed("response.type-hash", "easy")
def card_missing(b: Behaviour) -> None:
    """The hash that `type` names is missing."""
    drop(b, "card")


@seed("response.type-hash", "medium")
def card_is_null(b: Behaviour) -> None:
    """The hash that `type` names is null."""
    put(b, "card", lambda old: None)


@seed("response.type-hash", "medium")
def card_under_details(b: Behaviour) -> None:
    """The card is in `details` instead of under the name that `type` gives."""

    def edit(call: Call, payload: Json) -> None:
        payload["details"] = payload.pop("card", None)

    edit_success(b, edit)


@seed("response.created", "medium")
def created_in_milliseconds(b: Behaviour) -> None:
    """`created` counts milliseconds."""
    put(b, "created", lambda old: old * 1000)


@seed("response.created", "easy")
def created_is_text(b: Behaviour) -> None:
    """`created` is a string of digits."""
    put(b, "created", str)


@seed("response.created", "medium")
def created_is_a_date(b: Behaviour) -> None:
    """`created` is an ISO date."""
    put(b, "created", lambda old: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(old)))


@seed("response.created", "hard")
def created_next_year(b: Behaviour) -> None:
    """`created` lies a year ahead, where the card expires."""
    put(b, "created", lambda old: old + 365 * 86400)


@seed("response.created", "hard")
def created_with_fraction(b: Behaviour) -> None:
    """`created` has a fraction."""
    put(b, "created", lambda old: old + 0.25)


@seed("response.livemode", "easy")
def livemode_true(b: Behaviour) -> None:
    """`livemode` is true for a test key."""
    put(b, "livemode", lambda old: True)


@seed("response.livemode", "hard")
def livemode_is_a_number(b: Behaviour) -> None:
    """`livemode` is 0."""
    put(b, "livemode", lambda old: 0)


@seed("response.metadata", "medium")
def metadata_with_numbers(b: Behaviour) -> None:
    """A value in `metadata` is a number."""
    put(b, "metadata", lambda old: {**old, "attempts": 1})


@seed("response.metadata", "medium")
def metadata_is_a_list(b: Behaviour) -> None:
    """`metadata` is an empty array, as some languages write an empty hash."""
    put(b, "metadata", lambda old: [])


@seed("response.metadata", "hard")
def metadata_with_hash(b: Behaviour) -> None:
    """A value in `metadata` is a hash."""
    put(b, "metadata", lambda old: {**old, "origin": {"channel": "api"}})


@seed("response.billing-details", "medium")
def billing_details_null(b: Behaviour) -> None:
    """`billing_details` is null."""
    put(b, "billing_details", lambda old: None)


@seed("response.billing-details", "easy")
def billing_details_missing(b: Behaviour) -> None:
    """`billing_details` is missing."""
    drop(b, "billing_details")


@seed("response.billing-details", "medium")
def billing_details_is_a_list(b: Behaviour) -> None:
    """`billing_details` is an empty array."""
    put(b, "billing_details", lambda old: [])


@seed("response.no-card-data", "medium")
def card_number_shown(b: Behaviour) -> None:
    """The number of the card comes back."""
    put_in_card(b, "number", lambda old: "4242424242424242")


@seed("response.no-card-data", "medium")
def security_code_shown(b: Behaviour) -> None:
    """The security code of the card comes back."""
    put_in_card(b, "cvc", lambda old: "123")


@seed("response.no-card-data", "hard")
def card_number_in_metadata(b: Behaviour) -> None:
    """The number of the card comes back, deep in another member."""
    put(b, "debug", lambda old: {"source": {"card": {"number": "4242424242424242"}}})
