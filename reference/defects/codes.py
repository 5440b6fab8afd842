"""Mistakes in Stripe's own statuses, codes and params."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from ..behaviour import Behaviour, Check
from ..call import Call
from ..changes import drop_check, edit_rejections, rejection, wrap_check
from ..rules.attach import Attempt
from ..rules.errors import ApiError, Rejection
from .parts import reject_with
from .registry import Topic

stripe = Topic("stripe")

MISSING = "missing-customer"


stripe.row("missing-customer-is-422", "stripe.parameter-missing", "easy")(
    "A missing customer is answered with 422.", reject_with(MISSING, status=422)
)
stripe.row("missing-customer-is-an-api-error", "stripe.parameter-missing", "medium")(
    "A missing customer is an `api_error`.", reject_with(MISSING, type="api_error")
)
stripe.row("missing-customer-blamed-on-method", "stripe.parameter-missing", "medium")(
    "For a missing customer `param` is `payment_method`.", reject_with(MISSING, param="payment_method")
)
stripe.row("missing-customer-is-unprocessable", "stripe.parameter-missing", "easy", batch="unseen 4")(
    "A missing customer is answered with 422, as frameworks do for what fails validation.",
    reject_with("missing-customer", status=422),
)
stripe.row("missing-customer-without-code", "stripe.parameter-missing-code", "medium", level="SHOULD")(
    "A missing customer has no code.", reject_with(MISSING, code=None)
)
stripe.row("missing-customer-with-another-code", "stripe.parameter-missing-code", "hard", level="SHOULD")(
    "For a missing customer the code is `missing_parameter`.", reject_with(MISSING, code="missing_parameter")
)
stripe.row("empty-customer-is-404", "stripe.customer-empty", "medium", level="SHOULD")(
    "An empty customer is answered with 404.", reject_with("empty", status=404)
)
stripe.row("empty-customer-is-an-api-error", "stripe.customer-empty", "hard", level="SHOULD")(
    "An empty customer is an `api_error`.", reject_with("empty", type="api_error")
)
stripe.row("wrong-structure-is-422", "stripe.wrong-structure", "medium", level="SHOULD")(
    "A hash for `customer` is answered with 422.", reject_with("structure", status=422)
)
stripe.row("wrong-structure-is-an-api-error", "stripe.wrong-structure", "hard", level="SHOULD")(
    "A hash for `customer` is an `api_error`.", reject_with("structure", type="api_error")
)
stripe.row("long-customer-looked-up", "stripe.too-long", "medium", level="SHOULD")(
    "A customer that is too long is looked up, and missing.", drop_check("customer-length")
)
stripe.row("long-customer-is-413", "stripe.too-long", "medium", level="SHOULD")(
    "A customer that is too long is answered with 413.", reject_with("too-long", status=413)
)


@stripe("stripe.too-long", "easy", partial(edit_rejections, ["too-long"]), level="SHOULD", batch="unseen 2")
def too_long_is_too_large(rejection: Rejection) -> Rejection:
    """A customer of more than 5000 characters is answered with 413 instead of 400."""
    return replace(rejection, status=413) if rejection.param == "customer" else rejection


NO_METHOD = "no-such-paymentmethod"


stripe.row("unknown-method-is-400", "stripe.resource-missing-payment-method", "easy")(
    "An unknown payment method is answered with 400.", reject_with(NO_METHOD, status=400)
)
stripe.row("unknown-method-not-found", "stripe.resource-missing-payment-method", "medium")(
    "For an unknown payment method the code is `not_found`.", reject_with(NO_METHOD, code="not_found")
)
stripe.row("unknown-method-is-id", "stripe.resource-missing-payment-method", "medium")(
    "For an unknown payment method `param` is `id`.", reject_with(NO_METHOD, param="id")
)


@stripe("stripe.resource-missing-payment-method", "medium", wrap_check("payment-method"), batch="unseen 1")
def foreign_prefix_is_no_id(usual: Check, call: Call, attempt: Attempt) -> None:
    """An unknown id in the path that does not begin with `pm_` is answered 400 instead of 404."""
    try:
        usual(call, attempt)
    except ApiError:
        identifier = attempt.payment_method_id
        if identifier.startswith("pm_"):
            raise
        text = "Invalid payment method id: it must start with 'pm_'."
        raise rejection(400, text, "resource_missing", "payment_method") from None


@stripe("stripe.resource-missing-payment-method", "medium", wrap_check("payment-method"), batch="unseen 2")
def ids_without_prefix_are_malformed(usual: Check, call: Call, attempt: Attempt) -> None:
    """An unknown payment method whose id does not begin with `pm_` is 400 parameter_invalid, not 404."""
    if not attempt.payment_method_id.startswith(("pm_", "card_", "src_")):
        raise rejection(400, "Invalid payment method id.", "parameter_invalid", "payment_method")
    usual(call, attempt)


NO_CUSTOMER = "no-such-customer"


stripe.row("unknown-customer-is-404", "stripe.resource-missing-customer", "medium")(
    "An unknown customer is answered with 404, as though it were in the path.", reject_with(NO_CUSTOMER, status=404)
)
stripe.row("unknown-customer-without-param", "stripe.resource-missing-customer", "medium")(
    "For an unknown customer there is no `param`.", reject_with(NO_CUSTOMER, param=None)
)
stripe.row("unknown-customer-with-another-code", "stripe.resource-missing-customer", "medium")(
    "For an unknown customer the code is `customer_missing`.", reject_with(NO_CUSTOMER, code="customer_missing")
)


@stripe("stripe.resource-missing-customer", "hard", wrap_check("customer"))
def deleted_customer_is_410(usual: Check, call: Call, attempt: Attempt) -> None:
    """A deleted customer is answered with 410."""
    customer = call.store.customer(attempt.customer_id or "")
    if customer is not None and customer.deleted:
        raise rejection(410, "This customer was deleted.", "resource_missing", "customer")
    usual(call, attempt)


@stripe("stripe.resource-missing-customer", "medium", wrap_check("customer"), batch="unseen 2")
def deleted_customers_have_no_code(usual: Check, call: Call, attempt: Attempt) -> None:
    """A deleted customer is rejected with 400 and another message, without the code resource_missing."""
    stored = call.store.customer(attempt.customer_id or "")
    if stored is not None and stored.deleted:
        raise rejection(400, "This customer has been deleted.", None, "customer")
    usual(call, attempt)


@stripe("stripe.resource-missing-customer", "hard", batch="reading 2")
def detachment_told_before_deletion(b: Behaviour) -> None:
    """A detached payment method is rejected before the customer is looked up."""
    names = [name for name in b.checks if name != "not-detached"]
    names.insert(names.index("customer"), "not-detached")
    b.checks = {name: b.checks[name] for name in names}
