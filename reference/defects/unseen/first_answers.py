"""Seeded defects: what comes back. JSON that is almost JSON, numbers that leak, errors of another shape."""

from __future__ import annotations

import itertools
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from ...auth import basic_user
from ...behaviour import Behaviour
from ...call import Call
from ...cards import AMEX_TOKEN, BY_NUMBER
from ...errors import ApiError, Refusal, unauthorized
from ...values import Json
from ..registry import Chapter
from ..tools import crash, edit_card, edit_errors, edit_success, interrupt, on_attach

seed = Chapter("answers", "contract")


@seed("response.json", "medium")
def expanded_customer_appended(b: Behaviour) -> None:
    """The expanded customer is written beside its id, not in place of it: the key `customer` comes twice."""

    def dump(call: Call, payload: Any) -> bytes:
        body = usual(call, payload)
        customer = payload.get("customer") if isinstance(payload, dict) else None
        if not isinstance(customer, dict):
            return body
        both = f'\n  "customer": {json.dumps(customer["id"])},\n  "customer": {{'.encode()
        return body.replace(b'\n  "customer": {', both, 1)

    usual = b.dump
    b.dump = on_attach(usual, dump)


@seed("response.metadata", "medium", also=("state.same-object",))
def metadata_digits_become_numbers(b: Behaviour) -> None:
    """Values of metadata that look like integers come back as numbers."""

    def coerce(call: Call, payload: Json) -> None:
        metadata = payload["metadata"]
        for key, value in metadata.items():
            if re.fullmatch(r"-?\d{1,15}", value, re.ASCII):
                metadata[key] = int(value)

    edit_success(b, coerce)


@seed("response.no-card-data", "hard")
def card_number_in_groups(b: Behaviour) -> None:
    """A text that describes the card has its whole number, in groups of four."""
    by_fingerprint = {card.fingerprint: card for card in (*BY_NUMBER.values(), AMEX_TOKEN)}

    def describe(shown: Json) -> None:
        number = by_fingerprint[shown["fingerprint"]].number
        groups = " ".join(number[at : at + 4] for at in range(0, len(number), 4))
        shown["description"] = f"{shown['brand']} {groups}"

    edit_card(b, describe)


@seed("error.no-secrets", "medium")
def basic_key_in_full(b: Behaviour) -> None:
    """A wrong key is masked where it came as a bearer token, and shown in full where it came by Basic."""

    def authenticate(call: Call) -> None:
        try:
            usual(call)
        except ApiError:
            scheme, _, credentials = (call.request.header("authorization") or "").partition(" ")
            key = basic_user(credentials.strip()) if scheme.lower() == "basic" else None
            if key and key.isascii() and key.isprintable():
                raise unauthorized(f"Invalid API Key provided: {key}") from None
            raise

    usual = b.authenticate
    b.authenticate = on_attach(usual, authenticate)


@seed("error.envelope", "medium")
def several_errors_in_an_array(b: Behaviour) -> None:
    """Two to nine unknown parameters are answered with an array of errors, one for each."""

    def split(error: Json) -> Json | None:
        names = str(error["message"]).removeprefix("Received unknown parameters: ")
        if error.get("code") != "parameter_unknown" or not 0 < names.count(", ") < 9:
            return None
        one = "Received unknown parameter: "
        return {"error": [error | {"message": one + name, "param": name} for name in names.split(", ")]}

    edit_errors(b, split)


@seed("robustness.invalid-utf8", "hard")
def surrogates_decoded(b: Behaviour) -> None:
    """Bytes of a lone surrogate (`%ED%A0%80`) are decoded, and fail with a 500 when they are written out."""

    def unquote(call: Call, raw: bytes) -> str:
        try:
            return usual(call, raw)
        except ApiError:
            if re.search(rb"(?i)%ED%[AB][0-9A-F]%[89AB][0-9A-F]", raw):
                failure = Refusal("seeded", 500, "An unexpected error occurred.", "api_error")
                raise ApiError(failure) from None
            raise

    usual = b.unquote
    b.unquote = on_attach(usual, unquote)


@seed("robustness.same-request-same-answer", "medium", intermittent=True, also=("error.status-class",))
def fiftieth_on_a_connection(b: Behaviour) -> None:
    """Every fiftieth attach request of one kept connection fails with a 500."""
    turns: defaultdict[int, Iterator[int]] = defaultdict(lambda: itertools.count(1))
    interrupt(b, lambda call: next(turns[call.request.connection]) % 50 == 0, crash)
