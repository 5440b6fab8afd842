"""Other ways to describe the same things."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..behaviour import Behaviour
from ..call import Call
from ..objects import PaymentMethod
from ..values import Answer, Json
from .registry import STATEFUL, STRIPE, Variants

variant = Variants()


def edit_methods(b: Behaviour, edit: Callable[[Json], Any]) -> None:
    """Show payment methods differently, on every endpoint."""
    usual = b.payment_method_json

    def shown(call: Call, method: PaymentMethod) -> Json:
        payload = usual(call, method)
        edit(payload)
        return payload

    b.payment_method_json = shown


def edit_errors(b: Behaviour, edit: Callable[[Json], Json]) -> None:
    """Show errors differently, on every endpoint."""
    usual = b.present

    def present(call: Call, answer: Answer) -> Answer:
        answer = usual(call, answer)
        failed = answer.status >= 400 and "error" in answer.payload
        return replace(answer, payload=edit(answer.payload)) if failed else answer

    b.present = present


@variant(STATEFUL)
def bare_errors(b: Behaviour) -> None:
    """Errors have a type and a message, and nothing else."""
    edit_errors(b, lambda body: {"error": {key: body["error"][key] for key in ("message", "type")}})


@variant(STRIPE)
def talkative_errors(b: Behaviour) -> None:
    """Errors have more members, inside and beside, of all kinds."""
    more = {"charge": "ch_1", "hints": ["one", 2], "payment_method": {"object": "payment_method"}}
    edit_errors(b, lambda body: {"status": "failed", "error": {**more, **body["error"]}, "trace": [None, 1.5]})


def grown(value: Any) -> Any:
    """The value with one more key in every object but metadata."""
    if isinstance(value, list):
        return [grown(item) for item in value]
    if not isinstance(value, dict):
        return value
    inner = {key: item if key == "metadata" else grown(item) for key, item in value.items()}
    return inner | {"x_preview": {"enabled": True, "weights": [1, 0.5, None], "note": "\u00fc\u4f60\U0001f600"}}


@variant(STRIPE)
def extra_keys(b: Behaviour) -> None:
    """Every object has a key that nobody knows."""
    usual = b.present

    def present(call: Call, answer: Answer) -> Answer:
        answer = usual(call, answer)
        return replace(answer, payload=grown(answer.payload))

    b.present = present


@variant(STRIPE)
def old_shape(b: Behaviour) -> None:
    """Payment methods have the keys of 2020 only."""

    def edit(payload: Json) -> None:
        for key in ("allow_redisplay", "customer_account", "shared_payment_granted_token"):
            payload.pop(key, None)
        payload["billing_details"].pop("tax_id", None)
        for key in ("display_brand", "regulated_status"):
            payload.get("card", {}).pop(key, None)

    edit_methods(b, edit)


@variant(STRIPE)
def no_metadata(b: Behaviour) -> None:
    """Payment methods have no metadata, as for mobile clients."""
    edit_methods(b, lambda payload: payload.pop("metadata"))


@variant(STRIPE)
def null_metadata(b: Behaviour) -> None:
    """The metadata of payment methods are null."""
    edit_methods(b, lambda payload: payload.update(metadata=None))


@variant(STRIPE)
def nothing_optional(b: Behaviour) -> None:
    """What may be null or absent in a card is one or the other."""

    def edit(payload: Json) -> None:
        card = payload.get("card", {})
        for key in ("checks", "networks", "three_d_secure_usage", "country", "fingerprint"):
            if key in card:
                card[key] = None
        for key in ("display_brand", "generated_from", "wallet"):
            card.pop(key, None)

    edit_methods(b, edit)


@variant(STRIPE)
def checks_unchanged(b: Behaviour) -> None:
    """Attaching does not look at the security code: its check stays `unchecked`."""

    def edit(payload: Json) -> None:
        if "card" in payload and payload["card"]["checks"]["cvc_check"] is not None:
            payload["card"]["checks"]["cvc_check"] = "unchecked"

    edit_methods(b, edit)


@variant(STRIPE)
def radar_options_shown(b: Behaviour) -> None:
    """Payment methods have `radar_options`, and cards a wallet."""

    def edit(payload: Json) -> None:
        payload["radar_options"] = {}
        if "card" in payload:
            wallet = {"apple_pay": {"type": "apple_pay"}, "dynamic_last4": "6396", "type": "apple_pay"}
            payload["card"]["wallet"] = wallet

    edit_methods(b, edit)


@variant(STRIPE)
def counted_ids(b: Behaviour) -> None:
    """Ids are short and counted up: `pm_00000001`."""
    numbers = itertools.count(1)
    b.new_id = lambda prefix: f"{prefix}{next(numbers):08}"


@variant(STRIPE)
def uuid_ids(b: Behaviour) -> None:
    """Ids are UUIDs behind the usual prefix."""
    b.new_id = lambda prefix: prefix + str(uuid.uuid4())
