"""Seeded defects: which parameters there are, and what they may be."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from ...attach import Attempt
from ...behaviour import Behaviour
from ...call import Call
from ...objects import PaymentMethod
from ..registry import Chapter
from ..tools import expands, on_attach, tolerate

seed = Chapter("body", "contract")
ID_LENGTH = 28


@seed("body.customer-required", "medium", also=("stripe.parameter-missing", "state.refusal-changes-nothing"))
def last_customer_is_remembered(b: Behaviour) -> None:
    """A body with `expand` but no `customer` attaches to the customer that was last attached to."""
    last: list[str] = []

    def structure(call: Call, attempt: Attempt) -> None:
        usual_check(call, attempt)
        if attempt.customer_id is None and last and expands(call):
            attempt.customer_id = last[-1]

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        last[:] = [attempt.owner.id]
        return usual_attach(call, attempt)

    usual_check, usual_attach = b.checks["customer-structure"], b.attach
    b.checks["customer-structure"], b.attach = structure, attach


@seed("body.customer-structure", "easy", also=("stripe.wrong-structure",))
def list_of_one_customer(b: Behaviour) -> None:
    """`customer[0]` with a known id is taken for the id itself."""

    def structure(call: Call, attempt: Attempt) -> None:
        value: Any = call.parameters.tree.get("customer")
        if isinstance(value, dict) and list(value) == ["0"] and isinstance(value["0"], str):
            attempt.customer_id = value["0"]
            return
        usual(call, attempt)

    usual = b.checks["customer-structure"]
    b.checks["customer-structure"] = structure


@seed("body.customer-max-length", "hard", also=("request.value-exact", "state.unknown-customer", "stripe.too-long"))
def long_customer_is_cut(b: Behaviour) -> None:
    """A `customer` of more than 5000 characters is cut to the length of an id instead of refused."""

    def length(call: Call, attempt: Attempt) -> None:
        if attempt.customer_id is not None and len(attempt.customer_id) > call.behaviour.limit:
            attempt.customer_id = attempt.customer_id[:ID_LENGTH]
        usual(call, attempt)

    usual = b.checks["customer-length"]
    b.checks["customer-length"] = length


@seed("body.length-in-characters", "medium")
def limit_before_decoding(b: Behaviour) -> None:
    """The limit of 5000 counts a value as it stands in the body, with three characters for each escaped byte."""

    def measure(call: Call, text: str) -> int:
        return len(quote(text, safe=""))

    usual = b.measure
    b.measure = on_attach(usual, measure)


@seed(
    "body.unknown-parameter",
    "hard",
    also=("robustness.same-request-same-answer", "stripe.parameter-unknown"),
)
def unknown_name_refused_once(b: Behaviour) -> None:
    """Each unknown name is refused the first time only; sent again, it is ignored."""
    reported: set[str] = set()

    def ignored(call: Call, name: str) -> bool:
        if name in reported:
            return True
        reported.add(name)
        return False

    tolerate(b, ignored)


@seed("body.unknown-parameter-nested", "easy")
def unknown_arrays_ignored(b: Behaviour) -> None:
    """An unknown parameter that is an array (`foo[]`) is ignored."""

    def ignored(call: Call, name: str) -> bool:
        value: Any = call.parameters.tree[name]
        return isinstance(value, dict) and all(isinstance(key, int) for key in value)

    tolerate(b, ignored)
