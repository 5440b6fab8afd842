"""Mistakes of mappers, databases and locks that show in what is kept."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..behaviour import Behaviour, Check
from ..call import Call
from ..changes import apply, rejection, wrap, wrap_check
from ..objects.cards import by_shared_id
from ..objects.models import PaymentMethod
from ..rules.attach import Attempt
from ..rules.errors import ApiError
from .fifth_field_state import in_texts, save
from .registry import Topic
from .sixth_field_requests import BATCH

stateful = Topic("stateful")


def save_metadata(change: Callable[[Mapping[str, str]], Mapping[str, Any]]) -> Callable[[PaymentMethod], PaymentMethod]:
    """Return a function that changes the metadata of a payment method."""
    return lambda method: replace(method, metadata=change(method.metadata))


def nest(metadata: Mapping[str, str]) -> Mapping[str, Any]:
    """Return metadata with a hash for each key that has a dot in it."""
    nested: dict[str, Any] = {}
    for key, value in metadata.items():
        first, dot, rest = key.partition(".")
        nested |= {first: {rest: value}} if dot else {key: value}
    return nested


def merge_cases(metadata: Mapping[str, str]) -> Mapping[str, str]:
    """Return metadata in which keys that differ in case only are one: the first spelling, and the last value."""
    spelling: dict[str, str] = {}
    return {spelling.setdefault(key.lower(), key): value for key, value in metadata.items()}


def trim(method: PaymentMethod) -> PaymentMethod:
    """Remove white space around all texts."""
    details, metadata = in_texts((method.billing_details), str.strip), in_texts(method.metadata, str.strip)
    return replace(method, billing_details=details, metadata=metadata)


def round_created(method: PaymentMethod) -> PaymentMethod:
    """Round `created` to what a float of 32 bits holds."""
    (rounded,) = struct.unpack("f", struct.pack("f", method.created))
    return replace(method, created=int(rounded))


def normalize_phone(method: PaymentMethod) -> PaymentMethod:
    """Write the phone number in its international form."""
    details = dict(method.billing_details)
    phone = details.get("phone")
    if isinstance(phone, str):
        digits = re.sub(r"\D", "", phone)
        details["phone"] = f"+{digits}" if phone.startswith("+") else f"+1{digits}"
    return replace(method, billing_details=details)


stateful.row("dots-in-metadata-nest", "response.metadata", "hard", also="state.same-object", batch=BATCH)(
    "Attaching saves, and a key of metadata with a dot becomes a hash: `$set` of MongoDB, by Mongoose 8.",
    wrap("attach")(save(save_metadata(nest))),
)
stateful.row("metadata-keys-in-any-case", "state.same-object", "hard", batch=BATCH)(
    "Attaching saves, and keys of metadata that differ in case only become one: .NET's OrdinalIgnoreCase.",
    wrap("attach")(save(save_metadata(merge_cases))),
)
stateful.row("texts-trimmed-when-saved", "state.same-object", "hard", batch=BATCH)(
    "Attaching saves, and trims billing details and metadata: `trim: true` of Mongoose 8.",
    wrap("attach")(save(trim)),
)
stateful.row("created-in-single-precision", "state.same-object", "medium", batch=BATCH)(
    "Attaching saves, and rounds `created` to two minutes or so: FLOAT of MySQL 8.4.",
    wrap("attach")(save(round_created)),
)
stateful.row("phone-in-international-form", "state.same-object", "hard", batch=BATCH)(
    "Attaching saves, and writes the phone number in its international form: phony_rails 0.15 (before_validation).",
    wrap("attach")(save(normalize_phone)),
)


@stateful("state.refusal-changes-nothing", "medium", batch=BATCH)
def lock_outlives_the_unknown_customer(b: Behaviour) -> None:
    """A payment method stays locked when its customer is not found: attaching it later is 409.

    Locks in Redis that are not released in `finally`.
    """
    locked: set[str] = set()

    @apply(b, wrap_check("payment-method"))
    def payment_method(usual: Check, call: Call, attempt: Attempt) -> None:
        usual(call, attempt)
        if attempt.payment_method_id in locked:
            raise rejection(409, "The payment method is locked.")

    @apply(b, wrap_check("customer"))
    def customer(usual: Check, call: Call, attempt: Attempt) -> None:
        try:
            usual(call, attempt)
        except ApiError:
            if by_shared_id(attempt.payment_method_id) is None:
                locked.add(attempt.payment_method_id)
            raise
