"""Mistakes of home-made checks, databases and proxies that show in how a request is read."""

from __future__ import annotations

import html
import re
from dataclasses import replace

from ..behaviour import Check, FindCustomer, Guard, Serve
from ..call import Call
from ..changes import override, rejection, skip_check, tolerate, wrap, wrap_at_attach, wrap_check
from ..objects.cards import by_shared_id
from ..objects.models import Customer
from ..rules.attach import Attempt
from ..wire.values import Response
from .parts import unexpected_error
from .registry import Topic

contract = Topic("contract")
stateful = Topic("stateful")
stripe = Topic("stripe")

BATCH = "sixth field"

OPTIONS = frozenset({"api_key", "api_version", "idempotency_key", "stripe_account", "stripe_version"})
"""Options of the client libraries, which are headers of a request."""
FORM_TOKENS = frozenset({"authenticity_token", "commit", "csrf_token", "csrfmiddlewaretoken", "submit"})
"""Fields that web frameworks put into the forms of a page."""
OBJECT_ID = re.compile(r"cus_[A-Za-z0-9]{24}", re.ASCII)
"""An id of this server's customers."""
ALLOWED_ADDRESSES = ("10.", "127.", "192.168.", "::1")


# Forms.


contract.row("options-of-client-libraries-pass", "body.unknown-parameter", "hard", batch=BATCH)(
    # stripe-ruby-mock 3, and stripe-node before 8: options and parameters in one hash.
    "Options of the client libraries, as `idempotency_key` or `stripe_account`, are tolerated in the form.",
    tolerate(lambda call, name: name in OPTIONS),
)
contract.row("tokens-of-forms-pass", "body.unknown-parameter", "hard", batch=BATCH)(
    # Rails 8 (form_with), Django 5 (csrf_token), Flask-WTF 1.2.
    "Fields that frameworks put into every form, as `authenticity_token` or `commit`, are tolerated.",
    tolerate(lambda call, name: name in FORM_TOKENS),
)
stripe.row("tokens-skip-the-validation", "body.unknown-parameter", "hard", batch=BATCH)(
    # Handlers for test tokens at the top of a route, as in localstripe 1.
    "Shared test tokens have a handler of their own, in which unknown parameters are not looked for.",
    skip_check("unknown-parameters", lambda call, attempt: by_shared_id(attempt.payment_method_id) is not None),
)


# Values.


def first_customer(call: Call) -> Customer | None:
    """Return the customer whose row a query finds first."""
    return next((customer for customer in call.store.customers.values() if not customer.deleted), None)


@contract("body.customer-structure", "hard", wrap_check("customer-structure"), batch=BATCH)
def hash_becomes_a_condition(usual: Check, call: Call, attempt: Attempt) -> None:
    """`customer[id]=1` becomes the condition `id = id = '1'`, which holds of every customer: the first is taken.

    mysqljs/mysql 2 without stringifyObjects, behind qs: issues 501 and 2554.
    """
    first = first_customer(call)
    if call.parameters.tree.get("customer") == {"id": "1"} and first is not None:
        attempt.customer_id = first.id
        return
    usual(call, attempt)


contract.row("length-of-the-trimmed", "body.customer-max-length", "hard", stateless=True, batch=BATCH)(
    "The length is taken of the trimmed value: blanks at its ends do not count (Yup's trim() before max()).",
    override("measure", lambda call, text: len(text.strip())),
)
contract.row("length-with-entities", "body.length-in-characters", "hard", batch=BATCH)(
    # express-validator 7: `escape().isLength({ max: 5000 })`, a chain of sanitizers and checks.
    "The length is taken of the value escaped for HTML: an `&` counts as five characters.",
    override("measure", lambda call, text: len(html.escape(text))),
)


@stateful("state.unknown-customer", "medium", wrap_at_attach("find_customer"), batch=BATCH)
def zero_equals_every_id(usual: FindCustomer, call: Call, identifier: str) -> Customer | None:
    """`customer=0` becomes a number, and a text that begins with a letter equals 0: the first customer is found.

    MySQL 8.4, which compares a text with a number as numbers, behind a parser that converts.
    """
    if identifier and not identifier.strip("0"):
        return first_customer(call)
    return usual(call, identifier)


@stateful("error.status-class", "easy", wrap_at_attach("find_customer"), batch=BATCH)
def malformed_ids_crash(usual: FindCustomer, call: Call, identifier: str) -> Customer | None:
    """An unknown customer whose id is not of this server's form is a 500: it cannot be cast.

    Mongoose 8 (CastError: Cast to ObjectId failed), PostgreSQL (invalid input syntax for type uuid).
    """
    customer = usual(call, identifier)
    if customer is None and not OBJECT_ID.fullmatch(identifier):
        raise unexpected_error()
    return customer


@stripe("state.unknown-customer", "hard", wrap_check("customer"), batch=BATCH)
def tokens_attach_to_anybody(usual: Check, call: Call, attempt: Attempt) -> None:
    """With a shared test token the customer is not looked up: an unknown one gets the payment method.

    Mocks that answer test tokens from a template, as stripe-ruby-mock 3 does.
    """
    identifier = attempt.customer_id or ""
    if by_shared_id(attempt.payment_method_id) is not None and call.store.live_customer(identifier) is None:
        attempt.customer = Customer(identifier, 0)
        return
    usual(call, attempt)


# Routes and proxies.


@contract("request.exact-path", "hard", wrap("serve"), level="SHOULD", batch=BATCH)
def path_parameters_behind_attach(usual: Serve, call: Call) -> Response:
    """`…/attach;x=1` is `…/attach`: parameters of a path are removed before it is routed.

    Spring 5 (UrlPathHelper with removeSemicolonContent), Tomcat's `;jsessionid`.
    """
    path, question, query = call.request.target.partition("?")
    call.request = replace(call.request, target=re.sub(r"/attach;[^/]*\Z", "/attach", path) + question + query)
    return usual(call)


@contract("request.other-headers", "medium", wrap_at_attach("check_version"), level="SHOULD", batch=BATCH)
def addresses_outside_the_list_forbidden(usual: Guard, call: Call) -> None:
    """Requests from addresses outside a list are 403, and `X-Forwarded-For` says what the address is.

    express-ipfilter 1 with trustProxy, Django's middleware of that kind.
    """
    usual(call)
    sent = call.request.header("x-forwarded-for")
    if sent is not None and not sent.strip().startswith(ALLOWED_ADDRESSES):
        raise rejection(403, "Access denied to this address.")
