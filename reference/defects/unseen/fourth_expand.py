"""Expanding: which entries are read, followed and refused, and what comes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ... import errors, expansion, forms
from ...attach import Attempt
from ...behaviour import Behaviour
from ...call import Call
from ...objects import PaymentMethod
from ...values import DROPPED, Answer, Json
from ..registry import Chapter
from ..tools import check_after, edit_success, interrupt, on_attach

seed = Chapter("expand", "contract")

SUMMARY = ("id", "object", "created", "customer", "livemode", "type")
MANY = 64


@seed("expand.accepted", "easy")
def expansion_asked_of_the_unattached(b: Behaviour) -> None:
    """Whether `customer` can be expanded is asked before attaching, when there is none: refused."""

    def check(call: Call, attempt: Attempt) -> None:
        if attempt.method.customer is None and any(path.startswith("customer") for path in attempt.expand):
            raise errors.not_expandable("customer")

    check_after(b, "payment-method", check)


@seed(
    "expand.inlined",
    "medium",
    also=("response.schema", "response.type-hash", "response.billing-details", "state.same-object"),
)
def expanded_answer_is_a_summary(b: Behaviour) -> None:
    """With an expanded customer the payment method itself is cut down to a summary."""

    def cut(call: Call, payload: Json) -> Json:
        return {key: payload[key] for key in SUMMARY} if isinstance(payload["customer"], dict) else payload

    edit_success(b, cut)


@seed("expand.indexed", "easy", also=("expand.inlined", "expand.every-entry"))
def items_counted_from_one(b: Behaviour) -> None:
    """The items are counted from one: `expand[0]` is passed over."""

    def skip(call: Call, attempt: Attempt) -> None:
        first = call.parameters.hash("expand").get("0")
        attempt.expand = [item for item in attempt.expand if item != first]

    check_after(b, "expand-paths", skip)


@seed("expand.not-expanded", "hard", also=("response.customer",))
def expansion_stays_in_the_session(b: Behaviour) -> None:
    """Objects loaded on a connection stay loaded: expanded once, a payment method stays so there."""
    usual = b.attached
    loaded: dict[tuple[int, str], list[str]] = {}

    def attached(call: Call, attempt: Attempt, method: PaymentMethod) -> Answer:
        session = (call.request.connection, method.id)
        if attempt.expand:
            loaded[session] = attempt.expand
        attempt.expand = loaded.get(session, [])
        return usual(call, attempt, method)

    b.attached = attached


@seed("expand.every-entry", "hard")
def first_null_ends_the_expansion(b: Behaviour) -> None:
    """The loop over the entries ends at the first that leads to null; the ones after it are not honoured."""
    usual = b.expand

    def expand(call: Call, payload: Json, items: Sequence[str]) -> None:
        for item in items:
            usual(call, payload, [item])
            node: Any = payload
            for name in item.split("."):
                node = node.get(name) if isinstance(node, dict) else None
            if node is None:
                return

    b.expand = on_attach(usual, expand)


@seed("expand.structure", "medium")
def nested_items_flattened(b: Behaviour) -> None:
    """`expand` is flattened before it is read: `expand[0][a]=customer` counts as `expand[0]=customer`."""

    def check(call: Call, attempt: Attempt) -> None:
        tree = call.parameters.tree
        value = tree.get("expand")
        if isinstance(value, dict):
            flattened = {
                key: forms.flat(item)[0][1] if isinstance(item, dict) and item else item for key, item in value.items()
            }
            tree = {"expand": flattened}
        expansion.check_structure(tree)
        attempt.expand = forms.Form((), tree).items("expand")

    b.checks["expand-structure"] = check


@seed("expand.many", "easy", also=("robustness.many-parameters",))
def many_expansions_hang_up(b: Behaviour) -> None:
    """Each entry starts a job of its own; with more than 64 of them the worker dies without an answer."""
    interrupt(b, lambda call: call.request.body.count(b"expand") > MANY, lambda call: DROPPED)
