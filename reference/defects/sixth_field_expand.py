"""Mistakes of the code that reads paths of `expand` and follows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..behaviour import Attach, Attached, Check
from ..call import Call
from ..changes import Change, check_after, wrap, wrap_check
from ..objects.cards import by_shared_id
from ..objects.models import PaymentMethod
from ..rules.attach import Attempt
from ..rules.expansion import OF_PAYMENT_METHOD
from ..wire.values import Answer
from .parts import unexpected_error
from .registry import Topic
from .sixth_field_requests import BATCH
from .unknown_parameters import OF_EVERY_OBJECT

stateful = Topic("stateful")
stripe = Topic("stripe")


def root_of(path: str) -> str:
    """Return the first segment of a path."""
    return path.partition(".")[0]


def read_paths(read: Callable[[str], str]) -> Change:
    """Change each path before it is checked."""

    def change(call: Call, attempt: Attempt) -> None:
        attempt.expand = [read(path) for path in attempt.expand]

    return check_after("expand-length", change)


stripe.row("paths-are-trimmed", "stripe.expand-path", "hard", level="SHOULD", batch=BATCH)(
    "White space around a path of `expand` is removed: `expand[]=+customer` is `customer` (TrimStrings of Laravel 12).",
    read_paths(str.strip),
)
stripe.row("empty-segments-dropped", "stripe.expand-path", "hard", level="SHOULD", batch=BATCH)(
    "Empty segments of a path are dropped: `.customer` is `customer` (`split('.').filter(Boolean)`).",
    read_paths(lambda path: ".".join(filter(None, path.split(".")))),
)


@stripe("stripe.expand-path", "hard", wrap_check("expand-paths"), level="SHOULD", batch=BATCH)
def inherited_names_are_paths(usual: Check, call: Call, attempt: Attempt) -> None:
    """`constructor` and the like are paths: `path in expandable` asks an object that inherits.

    JavaScript; the same look-up as in lodash 4.17 (`_.get`) and langfuse 3 (issue 17685).
    """
    attempt.expand = [path for path in attempt.expand if root_of(path) not in OF_EVERY_OBJECT]
    usual(call, attempt)


@stripe("stripe.expand-path", "hard", wrap_check("expand-paths"), level="SHOULD", batch=BATCH)
def paths_of_attached_ones_unchecked(usual: Check, call: Call, attempt: Attempt) -> None:
    """If the customer has it already, nothing is left to do: paths that cannot be expanded are passed over.

    Handlers that return early, as in localstripe 1.
    """
    method = call.store.method(attempt.payment_method_id)
    if method is not None and method.customer is not None and method.customer == attempt.customer_id:
        attempt.expand = [path for path in attempt.expand if root_of(path) in OF_PAYMENT_METHOD]
    usual(call, attempt)


def leads_through_null(node: Any, path: str) -> bool:
    """Return whether a path goes on where a value is null or absent."""
    for name in path.split("."):
        if node is None:
            return True
        if not isinstance(node, dict):
            return False
        node = node.get(name)
    return False


@stateful("error.status-class", "hard", wrap("attach"), batch=BATCH)
def path_through_null_crashes(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
    """A path that goes on behind a null, as `customer.address.city` may, is a 500.

    JavaScript's "Cannot read properties of null", Python's "'NoneType' object has no attribute 'get'".
    """
    shown = call.behaviour.payment_method_json(call, attempt.method)
    shown["customer"] = call.behaviour.customer_json(call, attempt.owner)
    if any(leads_through_null(shown, path) for path in attempt.expand):
        raise unexpected_error()
    return usual(call, attempt)


@stripe("expand.inlined", "hard", wrap("attached"), batch=BATCH)
def clone_is_not_expanded(usual: Attached, call: Call, attempt: Attempt, method: PaymentMethod) -> Answer:
    """A copy of a shared test token is answered at once, and `expand` ignored.

    Handlers that return early, as in localstripe 1.
    """
    if by_shared_id(attempt.payment_method_id) is not None:
        attempt.expand = []
    return usual(call, attempt, method)
