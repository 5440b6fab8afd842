"""Mistakes in the paths that can be expanded."""

from __future__ import annotations

from collections.abc import Sequence

from .. import errors
from ..attach import Attempt
from ..behaviour import Behaviour
from ..call import Call
from ..values import Json
from .codes import code, status
from .registry import Chapter
from .tools import check_after, skip_check

seed = Chapter("paths", "stripe")


@seed("expand.nested-path", "medium")
def nested_path_half_expanded(b: Behaviour) -> None:
    """`customer.invoice_settings.default_payment_method` expands the customer and stops there."""
    usual = b.expand
    b.expand = lambda call, payload, paths: usual(call, payload, [path.split(".")[0] for path in paths])


@seed("expand.nested-path", "medium")
def nested_path_refused(b: Behaviour) -> None:
    """Paths of more than two segments are refused."""

    def refuse(call: Call, attempt: Attempt) -> None:
        for path in attempt.expand:
            if path.count(".") > 1 and path.startswith("customer."):
                raise errors.not_expandable(path)

    check_after(b, "expand-paths", refuse)


@seed("expand.nested-path", "hard")
def nested_path_ends_in_null(b: Behaviour) -> None:
    """The payment method at the end of a nested path is null."""
    usual = b.expand

    def expand(call: Call, payload: Json, paths: Sequence[str]) -> None:
        usual(call, payload, paths)
        customer = payload.get("customer")
        settings = customer.get("invoice_settings") if isinstance(customer, dict) else None
        if isinstance(settings, dict) and isinstance(settings["default_payment_method"], dict):
            settings["default_payment_method"] = None

    b.expand = expand


@seed("stripe.expand-path", "medium", level="SHOULD")
def unknown_path_accepted(b: Behaviour) -> None:
    """A path that leads nowhere is accepted and ignored."""
    skip_check(b, "expand-paths", lambda call, attempt: all(path.count(".") < 4 for path in attempt.expand))


@seed("stripe.expand-path", "hard", level="SHOULD")
def path_in_any_case(b: Behaviour) -> None:
    """`CUSTOMER` is a path like `customer`."""

    def fold(call: Call, attempt: Attempt) -> None:
        attempt.expand = [path.lower() for path in attempt.expand]

    check_after(b, "expand-structure", fold)


@seed("stripe.expand-path", "medium", level="SHOULD")
def unknown_path_is_404(b: Behaviour) -> None:
    """A path that leads nowhere is answered with 404."""
    status(b, ("expand-path",), 404)


@seed("stripe.expand-depth", "medium", level="SHOULD")
def depth_not_limited(b: Behaviour) -> None:
    """Paths may have any number of levels."""
    b.expand_levels = 10**9


@seed("stripe.expand-depth", "hard", level="SHOULD")
def depth_one_too_many(b: Behaviour) -> None:
    """Paths may have five levels."""
    b.expand_levels = 5


@seed("stripe.expand-depth", "medium", level="SHOULD")
def depth_without_code(b: Behaviour) -> None:
    """A path of too many levels has no code."""
    code(b, ("expand-depth",), None)
