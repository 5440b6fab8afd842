"""Mistakes of type and structure in the payment method, and card data that it must not show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..behaviour import Behaviour, Check
from ..call import Call
from ..changes import Change, apply, edit_answer, edit_card, edit_success, wrap_check
from ..objects.cards import AMEX_TOKEN, BY_NUMBER
from ..rules.attach import Attempt
from ..rules.errors import ApiError
from ..wire.values import Answer, Json
from .parts import drop_field, set_field
from .registry import Topic

contract = Topic("contract")
stripe = Topic("stripe")


def put_in_card(key: str, value: Callable[[Any], Any]) -> Change:
    """Change one member of the card."""

    def edit(card: Json) -> None:
        card[key] = value(card.get(key))

    return edit_card(edit)


contract.row("expiry-month-is-text", "response.schema", "medium")(
    "`card.exp_month` is a string with a leading zero.", put_in_card("exp_month", lambda old: f"{old:02}")
)
contract.row("expiry-year-has-a-fraction", "response.schema", "hard")(
    "`card.exp_year` is no integer.", put_in_card("exp_year", lambda old: old + 0.5)
)
contract.row("last4-is-a-number", "response.schema", "medium")("`card.last4` is a number.", put_in_card("last4", int))
contract.row("brand-is-null", "response.schema", "medium")(
    "`card.brand` is null.", put_in_card("brand", lambda old: None)
)


@contract("response.schema", "medium", edit_card)
def funding_missing(card: Json) -> None:
    """`card.funding`, which is required, is missing."""
    del card["funding"]


def put_in(outer: str, inner: str, value: Callable[[Any], Any]) -> Change:
    """Change one member of a hash in the card."""

    def edit(card: Json) -> None:
        card[outer][inner] = value(card[outer][inner])

    return edit_card(edit)


contract.row("check-is-a-boolean", "response.schema", "hard")(
    "`card.checks.cvc_check` is true instead of `pass`.", put_in("checks", "cvc_check", lambda old: True)
)
contract.row("checks-is-a-list", "response.schema", "medium")(
    "`card.checks` is an array.", put_in_card("checks", lambda old: ["pass"])
)
contract.row("networks-not-a-list", "response.schema", "hard")(
    "`card.networks.available` is a string.", put_in("networks", "available", lambda old: old[0])
)
contract.row("networks-of-objects", "response.schema", "hard")(
    "`card.networks.available` is an array of hashes.",
    put_in("networks", "available", lambda old: [{"name": name} for name in old]),
)
contract.row("secure-usage-is-text", "response.schema", "hard")(
    "`card.three_d_secure_usage.supported` is a string.",
    put_in("three_d_secure_usage", "supported", lambda old: "true"),
)
contract.row("country-is-an-object", "response.schema", "hard")(
    "`card.country` is a hash.", put_in_card("country", lambda old: {"code": old})
)


@contract("response.schema", "medium", edit_success)
def address_is_text(call: Call, payload: Json) -> None:
    """`billing_details.address` is a string."""
    payload["billing_details"]["address"] = "510 Townsend St"


@contract("response.schema", "hard", edit_success)
def address_line_is_a_list(call: Call, payload: Json) -> None:
    """`billing_details.address.line1` is an array."""
    payload["billing_details"]["address"]["line1"] = []


@contract("response.schema", "medium", edit_success)
def email_is_a_boolean(call: Call, payload: Json) -> None:
    """`billing_details.email` is false where it is unset."""
    payload["billing_details"]["email"] = False


@contract("response.schema", "medium", edit_success)
def type_renamed(call: Call, payload: Json) -> None:
    """`type` is `credit_card`, which is none of the types, and its hash is named likewise."""
    payload["type"] = "credit_card"
    payload["credit_card"] = payload.pop("card", {})


contract.row("redisplay-misspelt", "response.schema", "hard")(
    "`allow_redisplay` is `Unspecified`, which is none of its values.",
    set_field("allow_redisplay", lambda old: "Unspecified"),
)


@contract("response.schema", "hard", edit_success, also="state.same-object", batch="unseen 3")
def digits_in_an_address_become_numbers(call: Call, payload: Json) -> None:
    """Billing details go through a loader that knows numbers when it sees them: `94107` is one."""
    address = payload["billing_details"]["address"]
    for name, value in address.items():
        if value and value.isascii() and value.isdigit():
            address[name] = int(value)


contract.row("card-missing", "response.type-hash", "easy")("The hash that `type` names is missing.", drop_field("card"))
contract.row("card-is-null", "response.type-hash", "medium")(
    "The hash that `type` names is null.", set_field("card", lambda old: None)
)


@contract("response.type-hash", "medium", edit_success)
def card_under_details(call: Call, payload: Json) -> None:
    """The card is in `details` instead of under the name that `type` gives."""
    payload["details"] = payload.pop("card", None)


contract.row("billing-details-null", "response.billing-details", "medium")(
    "`billing_details` is null.", set_field("billing_details", lambda old: None)
)
contract.row("billing-details-missing", "response.billing-details", "easy")(
    "`billing_details` is missing.", drop_field("billing_details")
)
contract.row("billing-details-is-a-list", "response.billing-details", "medium")(
    "`billing_details` is an empty array.", set_field("billing_details", lambda old: [])
)


@contract("response.billing-details", "easy", edit_success, also="response.schema state.same-object", batch="unseen 4")
def empty_billing_details_left_out(call: Call, payload: Json) -> None:
    """Empty members are left out of the JSON: without any detail there are no `billing_details`."""
    details = payload["billing_details"]
    if not any([*details["address"].values(), *(details[key] for key in details if key != "address")]):
        del payload["billing_details"]


contract.row("card-number-shown", "response.no-card-data", "medium")(
    "The number of the card comes back.", put_in_card("number", lambda old: "4242424242424242")
)
contract.row("security-code-shown", "response.no-card-data", "medium")(
    "The security code of the card comes back.", put_in_card("cvc", lambda old: "123")
)
contract.row("card-number-in-metadata", "response.no-card-data", "hard")(
    "The number of the card comes back, deep in another member.",
    set_field("debug", lambda old: {"source": {"card": {"number": "4242424242424242"}}}),
)


@contract("response.no-card-data", "hard", batch="unseen 1")
def card_number_in_groups(b: Behaviour) -> None:
    """A text that describes the card has its whole number, in groups of four."""
    by_fingerprint = {card.fingerprint: card for card in (*BY_NUMBER.values(), AMEX_TOKEN)}

    @apply(b, edit_card)
    def describe(shown: Json) -> None:
        number = by_fingerprint[shown["fingerprint"]].number
        groups = " ".join(number[at : at + 4] for at in range(0, len(number), 4))
        shown["description"] = f"{shown['brand']} {groups}"


contract.row("number-shown", "response.no-card-data", "easy", batch="unseen 6")(
    "The card has a masked `number` and the `cvc` check under `cvc`.",
    edit_card(lambda card: card.update(number="*" * 12 + card["last4"], cvc=card["checks"]["cvc_check"])),
)


@stripe("response.no-card-data", "hard", wrap_check("not-declined"), batch="unseen 4")
def decline_names_the_card(usual: Check, call: Call, attempt: Attempt) -> None:
    """The message of a decline tells the number of the card that was declined."""
    try:
        usual(call, attempt)
    except ApiError as error:
        card = attempt.method.card
        number = "" if card is None else card.number
        message = f"Your card {number} was declined."
        raise ApiError(replace(error.rejection, message=message)) from None


@stripe("response.no-card-data", "medium", edit_answer, batch="unseen 5")
def declined_number_is_shown(call: Call, answer: Answer) -> Answer:
    """The error of a declined card holds the payment method, with the whole number of the card."""
    method = call.store.method(call.arguments[0]) if answer.status == 402 else None
    if method is None or method.card is None:
        return answer
    shown = call.behaviour.payment_method_json(call, method)
    shown["card"]["number"] = method.card.number
    return replace(answer, payload={"error": answer.payload["error"] | {"payment_method": shown}})
