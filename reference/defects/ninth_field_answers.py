"""Mistakes in keys, versions, errors and replays, and in JSON by hand."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import Any

from ..behaviour import Amend, Behaviour, Check, Dump, KeyName, Once
from ..call import Call, Endpoint
from ..changes import apply, wrap, wrap_at_attach, wrap_check
from ..rules import errors
from ..rules.attach import Attempt
from ..rules.errors import Rejection
from ..wire.values import Answer
from .registry import Topic

stateful = Topic("stateful")
stripe = Topic("stripe")

BATCH = "ninth field, inner layers"

OLDEST_STRICT = "2024"
"""The beginning of the oldest version that has the present handler."""


def each_text(value: Any, change: Callable[[str], str]) -> Any:
    """Return a JSON value with all its texts changed."""
    if isinstance(value, dict):
        return {name: each_text(item, change) for name, item in value.items()}
    if isinstance(value, list):
        return [each_text(item, change) for item in value]
    return change(value) if isinstance(value, str) else value


@stripe("idempotency.replay", "hard", wrap_at_attach("idempotency_name"), batch=BATCH)
def numeric_keys_are_numbers(usual: KeyName, call: Call, key: str) -> Hashable:
    """Idempotency keys that read as numbers are compared as numbers: `0010`, `10` and `1e1` are one key.

    `==` of PHP, columns of numbers, YAML.
    """
    with contextlib.suppress(ValueError):
        return float(key)
    return usual(call, key)


@stripe("body.unknown-parameter", "hard", wrap_check("unknown-parameters"), batch=BATCH)
def old_versions_are_lenient(usual: Check, call: Call, attempt: Attempt) -> None:
    """With a `Stripe-Version` from before 2024 unknown parameters are ignored: the old handler was kept for it."""
    if call.version is None or call.version >= OLDEST_STRICT:
        usual(call, attempt)


@stripe("robustness.same-request-same-answer", "hard", batch=BATCH)
def error_keeps_earlier_members(b: Behaviour) -> None:
    """An error without code and param shows those of the error before: there is one object for all errors."""
    last: dict[str, str | None] = {"code": None, "param": None}

    @apply(b, wrap("amend"))
    def amend(usual: Amend, call: Call, rejection: Rejection) -> Rejection:
        rejection = usual(call, rejection)
        if not call.is_attach:
            return rejection
        last["code"] = rejection.code or last["code"]
        last["param"] = rejection.param or last["param"]
        return replace(rejection, code=last["code"], param=last["param"])


@stripe("stripe.test-tokens", "medium", wrap_check("not-declined"), batch=BATCH)
def cards_that_fail_later_are_declined_at_once(usual: Check, call: Call, attempt: Attempt) -> None:
    """The card that attaches and fails when it is charged, `pm_card_chargeCustomerFail`, is declined when attached."""
    usual(call, attempt)
    if attempt.method.card is not None and attempt.method.card.last4 == "0341":
        raise errors.declined("generic_decline", "card_declined", "Your card was declined.", "")


@stripe("idempotency.replay", "hard", wrap_at_attach("once"), batch=BATCH)
def replay_is_read_as_latin_1(usual: Once, call: Call, endpoint: Endpoint) -> Answer:
    """A stored answer is read back in Latin-1: in a replay a letter beyond ASCII is two.

    Columns of MySQL on a connection without `SET NAMES`, `bytes.decode("latin-1")`, Buffer's `binary` in Node.
    """
    answer = usual(call, endpoint)
    if not call.replayed:
        return answer
    return replace(answer, payload=each_text(answer.payload, lambda text: text.encode("utf-8").decode("latin-1")))


@stateful("state.same-object", "hard", wrap("dump"), batch=BATCH)
def emoji_are_escaped_with_five_digits(usual: Dump, call: Call, payload: Any) -> bytes:
    """Characters beyond the basic plane are escaped with five digits, which are another character and a digit.

    JSON by hand in C, C++ and Lua: `printf("\\\\u%04x", code)`.
    """
    if not call.is_attach:
        return usual(call, payload)
    text = json.dumps(payload, indent=2, ensure_ascii=False)
    return "".join(f"\\u{ord(char):04x}" if ord(char) > 0xFFFF else char for char in text).encode("utf-8")
