"""`customer`, and parameters that are none."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...attach import Attempt
from ...behaviour import Behaviour
from ...call import Call
from ...errors import too_long
from ..registry import Chapter
from ..tools import check_after, on_attach, skip_check, tolerate

seed = Chapter("body", "contract")

ENCODED_BRACKETS = re.compile(rb"customer%5[Bb][^\[\]%]*%5[Dd]")
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
FALSY = frozenset({"0", "false", "null", "no", "off"})


@seed("body.customer-required", "hard")
def attached_ones_need_no_customer(b: Behaviour) -> None:
    """Without `customer`, a payment method that is attached already is answered as attached to its owner."""
    usual = b.checks["customer-given"]

    def check(call: Call, attempt: Attempt) -> None:
        if attempt.customer_id is None:
            attempt.customer_id = attempt.method.customer
        usual(call, attempt)

    b.checks["customer-given"] = check


@seed("body.customer-structure", "hard", also=("request.equivalent-encodings",))
def encoded_brackets_unwrapped(b: Behaviour) -> None:
    """Brackets are looked for before decoding: `customer%5B%5D` passes for a string, and is one later."""
    usual = b.split

    def split(call: Call, body: bytes) -> Sequence[tuple[bytes, bytes]]:
        pairs = usual(call, body)
        return [(b"customer" if ENCODED_BRACKETS.fullmatch(name) else name, value) for name, value in pairs]

    b.split = on_attach(usual, split)


@seed("body.customer-max-length", "medium", stateless=True)
def own_prefix_not_measured(b: Behaviour) -> None:
    """What begins with `cus_` is thought to be an id of one's own, and of any length."""
    skip_check(b, "customer-length", lambda call, attempt: (attempt.customer_id or "").startswith("cus_"))


@seed("expand.item-length-limit-exact", "hard", also=("body.customer-length-limit-exact",))
def values_measured_together(b: Behaviour) -> None:
    """The limit holds for all values together: a customer of 5000 characters is too long beside an `expand`."""

    def check(call: Call, attempt: Attempt) -> None:
        sent = attempt.customer_id
        if sent is not None and len(sent) + sum(map(len, attempt.expand)) > call.behaviour.limit:
            raise too_long("customer", sent, call.behaviour.limit)

    check_after(b, "customer-length", check)


@seed("body.unknown-parameter", "medium")
def names_with_signs_ignored(b: Behaviour) -> None:
    """Names are found by a pattern for identifiers: `x-y`, `1` and `ü` are not seen."""
    tolerate(b, lambda call, name: name != "" and not IDENTIFIER.fullmatch(name))


@seed("body.unknown-parameter", "medium")
def falsy_extras_ignored(b: Behaviour) -> None:
    """An unknown parameter counts only where its value says yes: `0`, `false` and `null` pass."""
    tolerate(b, lambda call, name: call.parameters.text(name) in FALSY)


@seed("body.unknown-parameter", "hard")
def doubled_extras_ignored(b: Behaviour) -> None:
    """Values are collected by name, and only single ones are looked at: an unknown one sent twice passes."""

    def ignored(call: Call, name: str) -> bool:
        return sum(sent == name for sent, _ in call.parameters.pairs) > 1

    tolerate(b, ignored)


@seed("body.unknown-parameter", "hard")
def attached_ones_answered_unchecked(b: Behaviour) -> None:
    """Where the customer has it already there is nothing to do: unknown parameters are not looked for."""

    def there(call: Call, attempt: Attempt) -> bool:
        method = call.store.method(attempt.payment_method_id)
        owner = None if method is None else method.customer
        return owner is not None and owner == call.parameters.text("customer")

    skip_check(b, "unknown-parameters", there)


@seed(
    "robustness.same-request-same-answer",
    "hard",
    intermittent=True,
    also=(
        "body.unknown-parameter-nested",
        "stripe.parameter-unknown",
        "body.unknown-parameter",
        "state.refusal-changes-nothing",
    ),
)
def every_twelfth_extra_passes(b: Behaviour) -> None:
    """The compiled list of names is renewed now and then: the twelfth unknown parameter each time passes."""
    seen = 0

    def turn(call: Call, attempt: Attempt) -> bool:
        nonlocal seen
        if set(call.parameters.tree) <= {"customer", "expand"}:
            return False
        seen += 1
        return seen % 12 == 0

    skip_check(b, "unknown-parameters", turn)
