"""Mistakes of serializers and of what caches their output."""

from __future__ import annotations

import re
import time
from collections.abc import Hashable
from typing import Any

from ..behaviour import Attached, Behaviour, Expand, ShowMethod
from ..call import Call
from ..changes import apply, edit_card, wrap, wrap_at_attach
from ..objects.models import PaymentMethod
from ..rules.attach import Attempt
from ..wire.values import Answer, Json
from .fifth_field_state import method_retrieved
from .registry import Topic
from .seventh_field_handlers import BATCH

contract = Topic("contract")
stateful = Topic("stateful")
stripe = Topic("stripe")

BRIEF = ("brand", "exp_month", "exp_year", "funding", "last4")
"""The columns of a card in a table of its own."""
BEFORE_A_DIGIT = re.compile(r"(?<=[a-z])(?=\d)")


# Names and members.


def in_snake_case(value: Any) -> Any:
    """Return a value with names as lodash's snakeCase writes them: `last_4`."""
    if isinstance(value, dict):
        return {BEFORE_A_DIGIT.sub("_", name): in_snake_case(item) for name, item in value.items()}
    return [in_snake_case(item) for item in value] if isinstance(value, list) else value


@contract("response.schema", "medium", wrap("payment_method_json"), batch=BATCH)
def digits_get_an_underscore(usual: ShowMethod, call: Call, method: PaymentMethod) -> Json:
    """Names are converted to snake case: `last4` is `last_4`, and `line1` is `line_1`.

    snakeCase of lodash 4.17, dataclasses-json 0.6 (issue 555), camel-converter (pull request 33).
    """
    shown: Json = in_snake_case(usual(call, method))
    return shown


def without_zero_values(value: Any) -> Any:
    """Return a hash without members that are false, 0, empty or null."""
    if not isinstance(value, dict):
        return value
    kept = {name: without_zero_values(item) for name, item in value.items()}
    return {name: item for name, item in kept.items() if item or isinstance(item, dict)}


@contract("expand.inlined", "medium", wrap_at_attach("expand"), batch=BATCH)
def expanded_zero_values_are_left_out(usual: Expand, call: Call, payload: Json, items: list[str]) -> None:
    """Members of the expanded customer that are false, 0, empty or null are left out: `livemode` is missing.

    `omitempty` of Go's encoding/json, on each field of the struct.
    """
    usual(call, payload, items)
    if isinstance(payload.get("customer"), dict):
        payload["customer"] = without_zero_values(payload["customer"])


def keep_columns(card: Json) -> None:
    """Keep the card's columns, and nothing that is stored elsewhere."""
    for name in set(card) - set(BRIEF):
        del card[name]


stateful.row("answer-has-a-brief-card", "state.same-object", "medium", batch=BATCH)(
    # Two serializers for one model: one for answers, one for details.
    "The answer's card has brand, expiry, funding and last4 only; retrieved, it has all.",
    edit_card(keep_columns),
)


# Caches.


@stateful("state.persisted", "medium", intermittent=True, batch=BATCH)
def fragments_are_cached_by_the_second(b: Behaviour) -> None:
    """The JSON that retrieving shows is cached by id and second of change: attached in that second, it is the old one.

    `cache_key` of Rails before 4.1 and on MySQL without fractions of a second, Django's `vary_on` an integer.
    """
    changed: dict[str, int] = {}
    fragments: dict[Hashable, PaymentMethod] = {}

    @apply(b, wrap("payment_method_json"))
    def payment_method_json(usual: ShowMethod, call: Call, method: PaymentMethod) -> Json:
        if call.request.method == "POST" and call.request.path != "/v1/payment_methods":
            changed[method.id] = int(time.time())
        if method_retrieved(call) is None:
            return usual(call, method)
        name = method.id, changed.get(method.id, method.created)
        return usual(call, fragments.setdefault(name, method))


@stripe("expand.nested-path", "hard", wrap("attached", answers=dict), batch=BATCH)
def answer_is_memoized(
    usual: Attached, call: Call, attempt: Attempt, method: PaymentMethod, answers: dict[Hashable, Answer]
) -> Answer:
    """The answer is memoized by its arguments: attached again, what was changed in between is not shown.

    `functools.lru_cache` and `cache` of Python, memoizee, `@Cacheable` on the service's method.
    """
    name = method.id, method.customer, tuple(attempt.expand)
    if name not in answers:
        answers[name] = usual(call, attempt, method)
    return answers[name]
