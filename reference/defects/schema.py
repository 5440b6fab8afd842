"""Mistakes of type, deep in the payment method."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..behaviour import Behaviour
from ..call import Call
from ..values import Json
from .registry import Chapter
from .shape import put, put_in_card
from .tools import edit_card, edit_success

seed = Chapter("the schema", "contract")


def put_in(b: Behaviour, outer: str, inner: str, value: Callable[[Any], Any]) -> None:
    """Change one member of a hash in the card."""

    def edit(card: Json) -> None:
        card[outer][inner] = value(card[outer][inner])

    edit_card(b, edit)


@seed("response.schema", "medium")
def expiry_month_is_text(b: Behaviour) -> None:
    """`card.exp_month` is a string with a leading zero."""
    put_in_card(b, "exp_month", lambda old: f"{old:02}")


@seed("response.schema", "hard")
def expiry_year_has_a_fraction(b: Behaviour) -> None:
    """`card.exp_year` is no integer."""
    put_in_card(b, "exp_year", lambda old: old + 0.5)


@seed("response.schema", "medium")
def last4_is_a_number(b: Behaviour) -> None:
    """`card.last4` is a number."""
    put_in_card(b, "last4", int)


@seed("response.schema", "medium")
def brand_is_null(b: Behaviour) -> None:
    """`card.brand` is null."""
    put_in_card(b, "brand", lambda old: None)


@seed("response.schema", "medium")
def funding_missing(b: Behaviour) -> None:
    """`card.funding`, which is required, is missing."""

    def edit(card: Json) -> None:
        del card["funding"]

    edit_card(b, edit)


@seed("response.schema", "hard")
def check_is_a_boolean(b: Behaviour) -> None:
    """`card.checks.cvc_check` is true instead of `pass`."""
    put_in(b, "checks", "cvc_check", lambda old: True)


@seed("response.schema", "medium")
def checks_is_a_list(b: Behaviour) -> None:
    """`card.checks` is an array."""
    put_in_card(b, "checks", lambda old: ["pass"])


@seed("response.schema", "hard")
def networks_not_a_list(b: Behaviour) -> None:
    """`card.networks.available` is a string."""
    put_in(b, "networks", "available", lambda old: old[0])


@seed("response.schema", "hard")
def networks_of_objects(b: Behaviour) -> None:
    """`card.networks.available` is an array of hashes."""
    put_in(b, "networks", "available", lambda old: [{"name": name} for name in old])


@seed("response.schema", "hard")
def secure_usage_is_text(b: Behaviour) -> None:
    """`card.three_d_secure_usage.supported` is a string."""
    put_in(b, "three_d_secure_usage", "supported", lambda old: "true")


@seed("response.schema", "hard")
def country_is_an_object(b: Behaviour) -> None:
    """`card.country` is a hash."""
    put_in_card(b, "country", lambda old: {"code": old})


@seed("response.schema", "medium")
def address_is_text(b: Behaviour) -> None:
    """`billing_details.address` is a string."""

    def edit(call: Call, payload: Json) -> None:
        payload["billing_details"]["address"] = "510 Townsend St"

    edit_success(b, edit)


@seed("response.schema", "hard")
def address_line_is_a_list(b: Behaviour) -> None:
    """`billing_details.address.line1` is an array."""

    def edit(call: Call, payload: Json) -> None:
        payload["billing_details"]["address"]["line1"] = []

    edit_success(b, edit)


@seed("response.schema", "medium")
def email_is_a_boolean(b: Behaviour) -> None:
    """`billing_details.email` is false where it is unset."""

    def edit(call: Call, payload: Json) -> None:
        payload["billing_details"]["email"] = False

    edit_success(b, edit)


@seed("response.schema", "medium")
def type_renamed(b: Behaviour) -> None:
    """`type` is `credit_card`, which is none of the types, and its hash is named likewise."""

    def edit(call: Call, payload: Json) -> None:
        payload["type"] = "credit_card"
        payload["credit_card"] = payload.pop("card", {})

    edit_success(b, edit)


@seed("response.schema", "hard")
def redisplay_misspelt(b: Behaviour) -> None:
    """`allow_redisplay` is `Unspecified`, which is none of its values."""
    put(b, "allow_redisplay", lambda old: "Unspecified")
