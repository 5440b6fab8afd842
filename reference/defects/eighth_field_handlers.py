"""Mistakes of a handler's own code, in requests that every client sends sooner or later."""

from __future__ import annotations

import re
from dataclasses import replace

from ..behaviour import Attached, Behaviour, Check, FindCustomer, FindMethod, Reject, Serve
from ..call import Call
from ..changes import (
    apply,
    check_after,
    edit_rejections,
    edit_success,
    rejection,
    skip_check,
    wrap,
    wrap_at_attach,
    wrap_check,
)
from ..objects.cards import by_token
from ..objects.models import Customer, PaymentMethod
from ..objects.store import new_card
from ..rules.attach import Attempt
from ..rules.errors import Rejection
from ..wire.values import Answer, Json, Response
from .parts import hang_up, unexpected_error
from .registry import Topic

contract = Topic("contract")
stateful = Topic("stateful")
stripe = Topic("stripe")

BATCH = "eighth field, inner layers"

MOST_METHODS = 5
"""How many payment methods a shop lets a customer have."""
ALWAYS_TRUE = re.compile(r"'\s*or\s.*=", re.IGNORECASE | re.DOTALL)
"""The injection that every scanner tries first."""
CONFLICTS = frozenset({"already-attached", "used-up", "declined"})
"""The rules that a service checks, and not the validator of the request."""


# Looking things up.


@stateful("state.unknown-customer", "hard", wrap_at_attach("find_customer"), batch=BATCH)
def email_finds_the_customer(usual: FindCustomer, call: Call, identifier: str) -> Customer | None:
    """A customer is found by its e-mail address, too.

    Look-ups that serve several pages: `Customer.where(id: key).or(Customer.where(email: key))`, `$or` of MongoDB.
    """
    found = usual(call, identifier)
    if found is not None or not identifier:
        return found
    return next((one for one in call.store.all_customers() if one.details.get("email") == identifier), None)


@stateful("state.unknown-customer", "medium", wrap_at_attach("find_customer"), batch=BATCH)
def injected_condition_finds_a_customer(usual: FindCustomer, call: Call, identifier: str) -> Customer | None:
    """The id is put into the query's text: `x' OR '1'='1` finds a customer.

    `db.First(&customer, "id = '" + id + "'")` of GORM, `where("id = '#{id}'")` of Rails, f-strings in raw SQL.
    """
    if ALWAYS_TRUE.search(identifier):
        return next(iter(call.store.all_customers()), None)
    return usual(call, identifier)


@stateful("state.unknown-payment-method", "medium", wrap_at_attach("find_payment_method"), batch=BATCH)
def tokens_serve_as_payment_methods(usual: FindMethod, call: Call, identifier: str) -> PaymentMethod | None:
    """A card's test token in the path, `tok_visa`, is attached as though it were a payment method.

    Fakes of Stripe with one function for `tok_…`, `pm_card_…` and `src_…`.
    """
    found, card = usual(call, identifier), by_token(identifier)
    return new_card(card, call.behaviour.new_id("pm_")) if found is None and card is not None else found


@contract("error.status-class", "medium", wrap_check("customer"), batch=BATCH)
def unknown_customer_breaks_a_foreign_key(usual: Check, call: Call, attempt: Attempt) -> None:
    """The customer is not looked up: the foreign key notices an unknown one, and nobody catches that: 500.

    `customer_id = form["customer"]` and commit(): IntegrityError of SQLAlchemy, P2003 of Prisma.
    """
    if call.store.customer(attempt.customer_id or "") is None:
        raise unexpected_error()
    usual(call, attempt)


# Rules that nobody asked for.


def demand_email(call: Call, attempt: Attempt) -> None:
    """Reject a customer that has no e-mail address."""
    if not attempt.owner.details.get("email"):
        raise rejection(400, "Validation failed: Email can't be blank")


contract.row("owner-without-an-email-is-invalid", "request.minimal-body", "medium", batch=BATCH)(
    # `customer.save!` of Rails and full_clean() of Django validate what was not changed, too.
    "Attaching saves the customer, and one without an e-mail address is invalid: 400.",
    check_after("not-declined", demand_email),
)


def limit_methods(call: Call, attempt: Attempt) -> None:
    """Reject one payment method more than a customer may have."""
    is_new = attempt.method.customer is None
    if is_new and len(call.store.methods_of(attempt.owner.id)) >= MOST_METHODS:
        raise rejection(400, f"A customer can have at most {MOST_METHODS} payment methods.")


contract.row("customers-have-five-methods-at-most", "request.minimal-body", "medium", batch=BATCH)(
    # Wallets of shops: Magento's vault extensions, WooCommerce's limits on saved cards.
    "A customer's sixth payment method is rejected with 400.",
    check_after("not-declined", limit_methods),
)


def is_attached_so_already(call: Call, attempt: Attempt) -> bool:
    """Return whether the customer that was sent has the payment method."""
    method = call.store.method(attempt.payment_method_id)
    return method is not None and method.customer is not None and method.customer == call.parameters.text("customer")


contract.row("attached-already-is-not-validated", "body.unknown-parameter", "hard", batch=BATCH)(
    # `return method if method.customer_id == params[:customer]` in a before_action, ahead of the validator.
    "If the customer has the payment method already, there is nothing to do: unknown parameters are passed over.",
    skip_check("unknown-parameters", is_attached_so_already),
)


# Failures.


def refuse_no_card(call: Call, attempt: Attempt) -> None:
    """Crash where a payment method has no card."""
    if attempt.method.card is None:
        raise unexpected_error()


contract.row("cardless-methods-crash", "error.status-class", "medium", batch=BATCH)(
    # `logger.info("attached %s", method.card.last4)`, `method["card"]["fingerprint"]`.
    "Attaching a payment method that is no card is a 500: the handler reads its card.",
    check_after("not-declined", refuse_no_card),
)


class Uncaught(Exception):
    """An error that no handler catches."""


@stateful("robustness.still-serving", "medium", batch=BATCH)
def detached_one_is_not_answered(b: Behaviour) -> None:
    """Attaching a detached payment method throws where nobody catches: the connection ends without an answer.

    Express 4 with an async handler: nobody catches the rejected promise, and Node 15 and later end for it.
    """

    @apply(b, wrap_check("not-detached"))
    def not_detached(usual: Check, call: Call, attempt: Attempt) -> None:
        if attempt.method.detached:
            raise Uncaught

    @apply(b, wrap("serve"))
    def serve(usual: Serve, call: Call) -> Response:
        try:
            return usual(call)
        except Uncaught:
            return hang_up(call)


def as_the_record_says(rejected: Rejection) -> Rejection:
    """Return the rejection of an unknown customer with Rails' message."""
    identifier = rejected.message.partition("'")[2].rstrip("'")
    message = f'Couldn\'t find Customer with \'id\'={identifier} [WHERE "customers"."deleted_at" IS NULL]'
    return replace(rejected, message=message)


contract.row("default-scope-in-the-message", "error.no-internals", "medium", level="SHOULD", batch=BATCH)(
    # `rescue_from ActiveRecord::RecordNotFound { |e| render_error(e.message) }` with acts_as_paranoid.
    "An unknown customer is rejected with the record's own message, which has the condition of its default scope.",
    edit_rejections(["no-such-customer"], as_the_record_says),
)


def as_the_database_says(rejected: Rejection) -> Rejection:
    """Return the rejection of an unknown customer with PostgreSQL's message."""
    constraint = 'insert or update on table "payment_methods" violates foreign key constraint "fk_customer"'
    return replace(rejected, message=constraint)


contract.row("constraint-in-the-message", "error.no-internals", "medium", level="SHOULD")(
    # `except IntegrityError as error: return problem(400, str(error.orig))` of SQLAlchemy.
    "An unknown customer is rejected with the database's words about the foreign key.",
    edit_rejections(["no-such-customer"], as_the_database_says),
)


@stateful("error.envelope", "medium", wrap_at_attach("reject"), batch=BATCH)
def conflicts_are_within_detail(usual: Reject, call: Call, rejected: Rejection) -> Answer:
    """A rejection of the service comes within `detail`: `{"detail": {"error": …}}`.

    FastAPI: `raise HTTPException(400, detail={"error": {…}})`.
    """
    answer = usual(call, rejected)
    return replace(answer, payload={"detail": answer.payload}) if rejected.rule in CONFLICTS else answer


# Switches.


def is_in_the_rollout(customer: str) -> bool:
    """Return whether a customer is among the eighth for whom a feature is switched on."""
    return sum(customer.encode()) % 8 == 0


def count_milliseconds(call: Call, payload: Json) -> None:
    """Show `created` in milliseconds where the new serializer is switched on."""
    if is_in_the_rollout(call.parameters.text("customer") or ""):
        payload["created"] *= 1000


contract.row("new-serializer-for-some-customers", "response.created", "hard", intermittent=True, batch=BATCH)(
    # Gradual rollouts by the customer's id: Unleash, LaunchDarkly, Flipper's percentage of actors.
    "For every eighth customer a new serializer is switched on, which shows `created` in milliseconds.",
    edit_success(count_milliseconds),
)


@contract("response.schema", "medium", wrap("attached"), batch=BATCH)
def attaching_again_answers_a_summary(usual: Attached, call: Call, attempt: Attempt, method: PaymentMethod) -> Answer:
    """Attached again to the same customer, the payment method is its id, `object` and customer only.

    An early return by hand: `if (pm.customer === customer) return res.json({ id, object, customer })`.
    """
    answer = usual(call, attempt, method)
    if attempt.method.customer is None:
        return answer
    return replace(answer, payload={name: answer.payload[name] for name in ("id", "object", "customer")})
