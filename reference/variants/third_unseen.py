"""Still more ways to conform, written without a look at the tests."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from .. import expansion
from ..attach import Attempt
from ..behaviour import Behaviour
from ..call import RANDOM, Call
from ..errors import Refusal, no_such
from ..objects import Customer, PaymentMethod
from ..values import Json, Response
from .registry import STATEFUL, STRIPE, Variants

variant = Variants()

LONG_AGO = 915_148_800
SIGNS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_~"
WELL_FORMED = re.compile(r"[A-Za-z0-9_]+", re.ASCII)
BRIEF = ("id", "object", "created", "livemode", "metadata", "invoice_settings", "deleted")
STATUSES = {
    "unknown-parameter": 422,
    "structure": 406,
    "too-long": 413,
    "empty": 412,
    "missing-customer": 428,
    "media-type": 415,
    "malformed": 400,
    "expand-path": 404,
    "expand-depth": 451,
    "no-such-customer": 410,
    "already-attached": 423,
    "used-up": 409,
}


@variant(STRIPE)
def clock_stopped_long_ago(b: Behaviour) -> None:
    """Everything was created on the first of January 1999."""
    method_json, customer_json = b.payment_method_json, b.customer_json

    def method(call: Call, shown: PaymentMethod) -> Json:
        return method_json(call, replace(shown, created=LONG_AGO))

    def customer(call: Call, shown: Customer) -> Json:
        return customer_json(call, replace(shown, created=LONG_AGO))

    b.payment_method_json, b.customer_json = method, customer


@variant(STATEFUL)
def every_rule_its_own_status(b: Behaviour) -> None:
    """Each rule of attaching has a 4xx status of its own: 406, 410, 412, 423, 428, 451 and others."""
    usual = b.amend

    def amend(call: Call, refusal: Refusal) -> Refusal:
        refusal = usual(call, refusal)
        return replace(refusal, status=STATUSES.get(refusal.rule, refusal.status)) if call.is_attach else refusal

    b.amend = amend


@variant(STRIPE)
def ids_with_signs(b: Behaviour) -> None:
    """Ids are long, and have hyphens, underscores and tildes in them, at their ends too."""
    b.new_id = lambda prefix: prefix + "".join(RANDOM.choices(SIGNS, k=60))


@variant(STRIPE, deviates=("stripe.expand-path", "stripe.expand-depth"))
def unknown_paths_passed_over(b: Behaviour) -> None:
    """What cannot be expanded is passed over, however many levels its path has."""
    expand = b.expand

    def known(call: Call, payload: Json, items: Sequence[str]) -> None:
        expand(call, payload, [item for item in items if item.split(".")[0] in expansion.OF_PAYMENT_METHOD])

    del b.checks["expand-paths"]
    b.expand = lambda call, payload, items: (known if call.is_attach else expand)(call, payload, items)


@variant(STRIPE)
def customers_told_briefly(b: Behaviour) -> None:
    """A customer shows no more than its id, its age, its metadata and its default payment method."""
    usual = b.customer_json

    def shown(call: Call, customer: Customer) -> Json:
        payload = {name: value for name, value in usual(call, customer).items() if name in BRIEF}
        if "invoice_settings" in payload:
            payload["invoice_settings"] = {"default_payment_method": customer.default_payment_method}
        return payload

    b.customer_json = shown


@variant(STRIPE)
def refusals_in_greek_hang_up(b: Behaviour) -> None:
    """Refusals are in Greek, say no more than that, and end the connection."""
    usual, finish = b.amend, b.finish

    def amend(call: Call, refusal: Refusal) -> Refusal:
        return replace(usual(call, refusal), message="Το αίτημα απορρίφθηκε.")

    def hang_up(call: Call, response: Response) -> Response:
        response = finish(call, response)
        return replace(response, close=True) if response.status >= 400 else response

    b.amend, b.finish = amend, hang_up


@variant(STRIPE)
def lists_begin_with_the_oldest(b: Behaviour) -> None:
    """A customer's payment methods are listed in the order in which they were attached."""
    usual = b.methods_of
    b.methods_of = lambda call, customer: list(reversed(usual(call, customer)))


@variant(STATEFUL)
def ids_looked_at_before_they_are_looked_up(b: Behaviour) -> None:
    """An id that cannot be one, for what is in it, is refused with 400 before anything else is asked."""

    def check(call: Call, attempt: Attempt) -> None:
        if not WELL_FORMED.fullmatch(attempt.payment_method_id):
            raise no_such("PaymentMethod", "that", "payment_method", 400)
        sent = call.parameters.tree.get("customer")
        if isinstance(sent, str) and not WELL_FORMED.fullmatch(sent):
            raise no_such("customer", "that", "customer", 400)

    b.checks = {"well-formed": check} | b.checks
