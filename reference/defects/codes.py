"""Mistakes in Stripe's own statuses, codes and params."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .. import errors
from ..attach import Attempt
from ..behaviour import Behaviour
from ..call import Call
from .registry import Chapter
from .tools import edit_refusals, refused

seed = Chapter("codes", "stripe")

MISSING = ("missing-customer",)
UNKNOWN = ("unknown-parameter",)
NO_METHOD = ("no-such-paymentmethod",)
NO_CUSTOMER = ("no-such-customer",)


def status(b: Behaviour, rules: tuple[str, ...], number: int) -> None:
    """Refuse by some rules with another status."""
    edit_refusals(b, rules, lambda refusal: replace(refusal, status=number))


def code(b: Behaviour, rules: tuple[str, ...], name: str | None) -> None:
    """Refuse by some rules with another code."""
    edit_refusals(b, rules, lambda refusal: replace(refusal, code=name))


def param(b: Behaviour, rules: tuple[str, ...], name: str | None) -> None:
    """Refuse by some rules with another param."""
    edit_refusals(b, rules, lambda refusal: replace(refusal, param=name))


def kind(b: Behaviour, rules: tuple[str, ...], name: str) -> None:
    """Refuse by some rules with another type."""
    edit_refusals(b, rules, lambda refusal: replace(refusal, type=name))


@seed("stripe.parameter-missing", "easy")
def missing_customer_is_422(b: Behaviour) -> None:
    """A missing customer is answered with 422."""
    status(b, MISSING, 422)


@seed("stripe.parameter-missing", "medium")
def missing_customer_is_an_api_error(b: Behaviour) -> None:
    """A missing customer is an `api_error`."""
    kind(b, MISSING, "api_error")


@seed("stripe.parameter-missing", "medium")
def missing_customer_blamed_on_method(b: Behaviour) -> None:
    """For a missing customer `param` is `payment_method`."""
    param(b, MISSING, "payment_method")


@seed("stripe.parameter-missing-code", "medium", level="SHOULD")
def missing_customer_without_code(b: Behaviour) -> None:
    """A missing customer has no code."""
    code(b, MISSING, None)


@seed("stripe.parameter-missing-code", "hard", level="SHOULD")
def missing_customer_with_another_code(b: Behaviour) -> None:
    """For a missing customer the code is `missing_parameter`."""
    code(b, MISSING, "missing_parameter")


@seed("stripe.parameter-unknown", "medium")
def unknown_parameter_without_code(b: Behaviour) -> None:
    """An unknown parameter has no code."""
    code(b, UNKNOWN, None)


@seed("stripe.parameter-unknown", "easy")
def unknown_parameter_is_422(b: Behaviour) -> None:
    """An unknown parameter is answered with 422."""
    status(b, UNKNOWN, 422)


@seed("stripe.parameter-unknown", "medium")
def unknown_parameter_without_param(b: Behaviour) -> None:
    """For an unknown parameter there is no `param`."""
    param(b, UNKNOWN, None)


def blame(b: Behaviour, choose: Callable[[list[str]], str]) -> None:
    """Name others than the first of several unknown parameters."""

    def check(call: Call, attempt: Attempt) -> None:
        names = [str(name) for name in call.parameters.tree if name not in ("customer", "expand")]
        if names:
            raise errors.ApiError(replace(errors.unknown_parameters(names).refusal, param=choose(names)))

    b.checks["unknown-parameters"] = check


@seed("stripe.parameter-unknown", "hard")
def last_unknown_parameter_named(b: Behaviour) -> None:
    """Of several unknown parameters `param` is the last."""
    blame(b, lambda names: names[-1])


@seed("stripe.parameter-unknown", "hard")
def unknown_parameters_sorted(b: Behaviour) -> None:
    """Of several unknown parameters `param` is the first in the alphabet."""
    blame(b, min)


@seed("stripe.parameter-unknown", "hard")
def all_unknown_parameters_named(b: Behaviour) -> None:
    """Of several unknown parameters `param` is a list of all, with commas."""
    blame(b, ", ".join)


@seed("stripe.too-long", "medium", level="SHOULD")
def long_customer_looked_up(b: Behaviour) -> None:
    """A customer that is too long is looked up, and missing."""
    del b.checks["customer-length"]


@seed("stripe.too-long", "medium", level="SHOULD")
def long_customer_is_413(b: Behaviour) -> None:
    """A customer that is too long is answered with 413."""
    status(b, ("too-long",), 413)


@seed("stripe.wrong-structure", "medium", level="SHOULD")
def wrong_structure_is_422(b: Behaviour) -> None:
    """A hash for `customer` is answered with 422."""
    status(b, ("structure",), 422)


@seed("stripe.wrong-structure", "hard", level="SHOULD")
def wrong_structure_is_an_api_error(b: Behaviour) -> None:
    """A hash for `customer` is an `api_error`."""
    kind(b, ("structure",), "api_error")


@seed("stripe.customer-empty", "medium", level="SHOULD")
def empty_customer_is_404(b: Behaviour) -> None:
    """An empty customer is answered with 404."""
    status(b, ("empty",), 404)


@seed("stripe.customer-empty", "hard", level="SHOULD")
def empty_customer_is_an_api_error(b: Behaviour) -> None:
    """An empty customer is an `api_error`."""
    kind(b, ("empty",), "api_error")


@seed("stripe.resource-missing-payment-method", "easy")
def unknown_method_is_400(b: Behaviour) -> None:
    """An unknown payment method is answered with 400."""
    status(b, NO_METHOD, 400)


@seed("stripe.resource-missing-payment-method", "medium")
def unknown_method_not_found(b: Behaviour) -> None:
    """For an unknown payment method the code is `not_found`."""
    code(b, NO_METHOD, "not_found")


@seed("stripe.resource-missing-payment-method", "medium")
def unknown_method_is_id(b: Behaviour) -> None:
    """For an unknown payment method `param` is `id`."""
    param(b, NO_METHOD, "id")


@seed("stripe.resource-missing-customer", "medium")
def unknown_customer_is_404(b: Behaviour) -> None:
    """An unknown customer is answered with 404, as though it were in the path."""
    status(b, NO_CUSTOMER, 404)


@seed("stripe.resource-missing-customer", "medium")
def unknown_customer_without_param(b: Behaviour) -> None:
    """For an unknown customer there is no `param`."""
    param(b, NO_CUSTOMER, None)


@seed("stripe.resource-missing-customer", "medium")
def unknown_customer_with_another_code(b: Behaviour) -> None:
    """For an unknown customer the code is `customer_missing`."""
    code(b, NO_CUSTOMER, "customer_missing")


@seed("stripe.resource-missing-customer", "hard")
def deleted_customer_is_410(b: Behaviour) -> None:
    """A deleted customer is answered with 410."""
    usual = b.checks["customer"]

    def check(call: Call, attempt: Attempt) -> None:
        customer = call.store.customer(attempt.customer_id or "")
        if customer is not None and customer.deleted:
            raise refused(410, "This customer was deleted.", "resource_missing", "customer")
        usual(call, attempt)

    b.checks["customer"] = check
