"""Mistakes of serializers: nested objects, members without a value, other types than card."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..behaviour import Expand, Reject, ShowMethod
from ..call import Call
from ..changes import wrap, wrap_at_attach
from ..objects.models import PaymentMethod
from ..rules.errors import Rejection
from ..wire.values import Answer, Json
from .eighth_field_handlers import BATCH
from .registry import Topic

contract = Topic("contract")
stateful = Topic("stateful")


def without_inner_members(value: Any) -> Any:
    """Return a hash whose inner hashes are empty."""
    return {name: {} if isinstance(item, dict) else item for name, item in value.items()}


@contract("response.schema", "medium", wrap("payment_method_json"), batch=BATCH)
def inner_objects_are_empty(usual: ShowMethod, call: Call, method: PaymentMethod) -> Json:
    """Objects two levels deep are empty: `card.networks` and `card.checks` are `{}`.

    class-transformer of Node with `excludeExtraneousValues` and a `@Type` forgotten.
    """
    shown = usual(call, method)
    for name in ("card", "billing_details"):
        if name in shown:
            shown[name] = without_inner_members(shown[name])
    return shown


@contract("response.type-hash", "medium", wrap("payment_method_json"), batch=BATCH)
def only_cards_have_a_hash(usual: ShowMethod, call: Call, method: PaymentMethod) -> Json:
    """The serializer knows the hash `card` alone: a payment method of another type has none of its own.

    Models with a fixed list of fields: Pydantic, Marshmallow, ActiveModel::Serializer.
    """
    shown = usual(call, method)
    if method.type != "card":
        del shown[method.type]
        shown["card"] = None
    return shown


@stateful("error.null-members", "medium", wrap_at_attach("reject"), level="SHOULD", batch=BATCH)
def code_is_null_where_there_is_none(usual: Reject, call: Call, rejected: Rejection) -> Answer:
    """An error without a code, as that of a payment method of another customer, has a `code` that is null.

    Classes of errors with optional members: Pydantic without `exclude_none`, Jackson without NON_NULL.
    """
    answer = usual(call, rejected)
    return replace(answer, payload={"error": {"code": None, **answer.payload["error"]}})


@contract("expand.inlined", "medium", wrap_at_attach("expand"), batch=BATCH)
def expanded_balance_is_text(usual: Expand, call: Call, payload: Json, items: list[str]) -> None:
    """The expanded customer's `balance` is a text, `0.00`.

    DecimalField of Django REST framework (COERCE_DECIMAL_TO_STRING), BigDecimal of Rails' to_json.
    """
    usual(call, payload, items)
    if isinstance(payload.get("customer"), dict):
        payload["customer"]["balance"] = "0.00"
