"""Other ways to authenticate, and other sets of endpoints."""

from __future__ import annotations

import itertools
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from ..behaviour import Behaviour, Finish, Guard, Route, Serve
from ..call import Call, Endpoint
from ..changes import Change, apply, change, override, take_key_by, wrap
from ..objects import cards, customers, payment_methods
from ..objects.models import Customer, PaymentMethod
from ..objects.store import Store, new_card
from ..rules import attach, errors, forms
from ..rules.errors import ApiError, Rejection
from ..rules.routes import ROUTES
from ..wire.values import Answer, Response
from .registry import CONTRACT, STATEFUL, STRIPE, Variants
from .rules import amend

variant = Variants()


def forget_routes(known: Callable[[Endpoint], bool]) -> Change:
    """Leave some endpoints out of the API."""

    @wrap("route")
    def route(usual: Route, call: Call) -> Endpoint:
        endpoint = usual(call)
        if not known(endpoint):
            raise errors.unrecognized_url(call.request.method, call.request.path)
        return endpoint

    return route


@variant(STATEFUL, partial(override, "authenticate"))
def any_key(call: Call) -> None:
    """No key is needed."""
    call.authenticated = True


variant.row("any-well-formed-key", STATEFUL)(
    "Every well-formed key is accepted.",
    override("known_key", lambda call, key: key.startswith(("sk_test_", "rk_test_"))),
)


@variant(STRIPE, amend)
def publishable_key_is_403(call: Call, rejection: Rejection) -> Rejection:
    """A publishable key is answered with 403."""
    publishable = (call.request.header("authorization") or "").partition(" ")[2].startswith("pk_")
    forbidden = rejection.rule == "unauthorized" and publishable
    return replace(rejection, status=403, code="secret_key_required", headers=()) if forbidden else rejection


@variant(STRIPE, amend, deviates=("method.unrecognized",))
def other_methods_are_405(call: Call, rejection: Rejection) -> Rejection:
    """Another method on the attach URL is answered with 405."""
    wrong = call.is_attach and rejection.rule == "unrecognized-url" and call.request.method != "POST"
    return replace(rejection, status=405, headers=(("Allow", "POST"),)) if wrong else rejection


@variant(STRIPE, wrap("serve"), deviates=("method.unrecognized",), batch="alarms 2")
def other_methods_are_501_as_a_page(usual: Serve, call: Call) -> Response:
    """Another method on the attach URL is answered 501 with a page, as Python's http.server answers what it lacks."""
    if call.request.method == "POST" or not call.request.path.endswith("/attach"):
        return usual(call)
    page = b"<!DOCTYPE HTML><title>Error response</title><p>Message: Unsupported method.</p>"
    return Response(501, (("Content-Type", "text/html;charset=utf-8"), ("Connection", "close")), page)


@variant(STRIPE, wrap("route"))
def deleted_customer_not_retrieved(usual: Route, call: Call) -> Endpoint:
    """Retrieving a deleted customer is answered with 404."""
    endpoint = usual(call)
    asked = endpoint is ROUTES["customers", "*"]["GET"]
    if asked and call.store.live_customer(call.arguments[0]) is None:
        raise errors.no_such("customer", call.arguments[0], "id", 404)
    return endpoint


@variant(STRIPE)
def raw_cards_refused(b: Behaviour) -> None:
    """Card numbers are rejected with 402; only tokens are taken."""
    text = "Sending credit card numbers directly to the Stripe API is generally unsafe."

    @apply(b, wrap("route"))
    def route(usual: Route, call: Call) -> Endpoint:
        endpoint = usual(call)
        if b"card[number]" in call.request.body or b"card%5Bnumber%5D" in call.request.body:
            raise ApiError(Rejection("raw-card", 402, text))
        return endpoint


@variant(STATEFUL)
def tokens_refused(b: Behaviour) -> None:
    """Test tokens and shared test ids are unknown; only card numbers are taken."""
    usual_find = b.find_payment_method

    @apply(b, wrap("route"))
    def route(usual: Route, call: Call) -> Endpoint:
        endpoint = usual(call)
        if b"card[token]" in call.request.body or b"card%5Btoken%5D" in call.request.body:
            raise errors.invalid_value("token", "No such token.")
        if endpoint is ROUTES["payment_methods", "*"]["GET"] and cards.by_shared_id(call.arguments[0]):
            raise errors.no_such("PaymentMethod", call.arguments[0], "payment_method", 404)
        return endpoint

    b.find_payment_method = lambda call, identifier: (
        None if cards.by_shared_id(identifier) else usual_find(call, identifier)
    )


variant.row("no-detach", STATEFUL)(
    "There is no endpoint to detach.",
    forget_routes(lambda endpoint: endpoint is not ROUTES["payment_methods", "*", "detach"]["POST"]),
)


@variant(STATEFUL)
def one_kind_of_list(b: Behaviour) -> None:
    """There are no lists below a customer; `GET /v1/payment_methods?customer=` is the only one."""
    below = [endpoint for path, routes in ROUTES.items() if len(path) > 2 for endpoint in routes.values()]
    lists = [endpoint for endpoint in below if endpoint.__name__.endswith("of_customer")]
    forget_routes(lambda endpoint: endpoint not in lists)(b)


GIVEN_CUSTOMERS = tuple(f"cus_given{number}" for number in range(1, 4))


GIVEN_METHODS = tuple(f"pm_given{number}" for number in range(1, 41))


def given(*, methods: bool = True) -> Change:
    """Have the customers, and the payment methods, of these names from the start."""

    @partial(override, "furnish")
    def furnish(store: Store) -> None:
        for identifier in GIVEN_CUSTOMERS:
            store.put_customer(Customer(identifier, int(time.time())))
        for identifier in GIVEN_METHODS if methods else ():
            store.put_method(new_card(cards.CARDS["visa"], identifier))

    return furnish


@variant(CONTRACT, customers=GIVEN_CUSTOMERS, payment_methods=GIVEN_METHODS)
def no_provisioning(b: Behaviour) -> None:
    """There is nothing but attach; three customers and forty payment methods are there from the start."""
    given()(b)
    forget_routes(lambda endpoint: endpoint is attach.endpoint)(b)


@variant(STRIPE, wrap("authenticate"))
def unknown_urls_before_the_key(usual: Guard, call: Call) -> None:
    """Without a key, a URL that does not exist is answered with 404, not with 401."""
    call.behaviour.route(call)
    usual(call)


@variant(STRIPE, wrap("authenticate"), batch="reading 2")
def unreadable_body_before_the_key(usual: Guard, call: Call) -> None:
    """The body is read before the key is asked for: what cannot be decoded as a form is rejected with 400."""
    if call.is_attach and call.request.method == "POST":
        for name, value in forms.split(call, call.request.body):
            forms.unescape(name)
            forms.unescape(value)
    usual(call)


@variant(STRIPE, wrap("route"), batch="reading 2")
def list_below_a_customer_is_501(usual: Route, call: Call) -> Endpoint:
    """The lists below a customer are not implemented, and say so with 501."""
    endpoint = usual(call)
    if endpoint is payment_methods.of_customer:
        raise ApiError(Rejection("not-implemented", 501, "Not implemented.", type="api_error"))
    return endpoint


ALARMS = "alarms 1"


def challenge(*values: str) -> Change:
    """Challenge clients without a valid key in other words."""

    def changed(call: Call, rejection: Rejection) -> Rejection:
        headers = tuple(("WWW-Authenticate", value) for value in values)
        return replace(rejection, headers=headers) if rejection.rule == "unauthorized" else rejection

    return amend(changed)


variant.row("two-challenges", STRIPE, batch=ALARMS)(
    "A 401 has two challenges, for Basic and for Bearer, in two headers.",
    challenge('Basic realm="Stripe", charset="UTF-8"', 'Bearer realm="Stripe", error="invalid_token"'),
)
variant.row("two-challenges-in-one-header", STRIPE, batch=ALARMS)(
    "A 401 has two challenges in one header, the name of the second scheme in lower case.",
    challenge('Basic realm="a, b", charset="UTF-8", bearer realm="Stripe", scope="a b"'),
)
variant.row("challenge-without-parameters", STRIPE, batch=ALARMS)(
    "The challenge of a 401 is the name of the scheme alone, in capitals.", challenge("BEARER")
)


@variant(STRIPE, wrap("finish"), batch=ALARMS)
def required_headers_only(usual: Finish, call: Call, response: Response) -> Response:
    """There are no headers but those that a clause asks for."""
    wanted = ("content-type", "www-authenticate", "request-id", "stripe-version", "cache-control")
    response = usual(call, response)
    kept = (item for item in response.headers if item[0].lower() in (*wanted, "idempotent-replayed"))
    return replace(response, headers=tuple(kept))


@variant(STRIPE, wrap("finish"), batch=ALARMS)
def directives_in_two_headers(usual: Finish, call: Call, response: Response) -> Response:
    """The directives of Cache-Control are in two headers, in capitals, and in the other order."""
    response = usual(call, response)
    if response.header("Cache-Control") is None:
        return response
    two = (("Cache-Control", "NO-STORE"), ("cache-control", "No-Cache"))
    return replace(response, headers=(*response.without("Cache-Control").headers, *two))


@variant(STRIPE, batch=ALARMS)
def request_ids_counted(b: Behaviour) -> None:
    """Request ids are counted up, and have signs in them: `req_eu-1.000001`."""
    numbers = itertools.count(1)

    @apply(b, wrap("serve"))
    def serve(usual: Serve, call: Call) -> Response:
        call.request_id = call.original_request = f"req_eu-1.{next(numbers):06}"
        return usual(call)


def lacks(*names: str) -> Change:
    """Leave some endpoints out, by the names of their functions."""
    return forget_routes(lambda endpoint: f"{endpoint.__module__.rpartition('.')[2]}.{endpoint.__name__}" not in names)


variant.row("no-lists", STATEFUL, batch=ALARMS)(
    "There are no lists at all.",
    lacks("customers.every", "payment_methods.every", "payment_methods.of_customer", "payment_methods.one_of_customer"),
)
variant.row("no-retrieval", STATEFUL, batch=ALARMS)(
    "Nothing can be retrieved; there are lists only.",
    lacks("customers.retrieve", "payment_methods.retrieve", "payment_methods.one_of_customer"),
)
variant.row("no-deletion", STATEFUL, batch=ALARMS)("Customers cannot be deleted.", lacks("customers.delete"))


@variant(STRIPE, customers=GIVEN_CUSTOMERS, batch="alarms 3")
def customers_are_not_created(b: Behaviour) -> None:
    """There are three customers, who are there from the start; none is created, and none deleted."""
    given(methods=False)(b)
    lacks("customers.create", "customers.delete")(b)


variant.row("no-updates", STATEFUL, batch=ALARMS)(
    "Customers and payment methods cannot be changed.", lacks("customers.update", "payment_methods.update")
)


@change
def give_past(b: Behaviour, count: int) -> None:
    """Have that many customers there from the start, each with a payment method."""

    @apply(b, partial(override, "furnish"))
    def furnish(store: Store) -> None:
        for _ in range(count):
            customer = store.put_customer(Customer(b.new_id("cus_"), int(time.time()) - 9999))
            store.attach(store.put_method(new_card(cards.CARDS["visa"], b.new_id("pm_"))), customer.id)


@variant(STRIPE, batch=ALARMS)
def account_with_a_past(b: Behaviour) -> None:
    """The account has two thousand customers from the start, each with a payment method."""
    give_past(2000)(b)


@variant(STATEFUL, batch=ALARMS)
def row_numbers_of_an_account_with_a_past(b: Behaviour) -> None:
    """Ids are the numbers of rows, the first is 0, and two hundred customers are there from the start."""
    rows: dict[str, Iterator[int]] = defaultdict(itertools.count)
    b.new_id = lambda prefix: str(next(rows[prefix]))
    give_past(200)(b)


@change
def knows_cards(b: Behaviour, *names: str) -> None:
    """Know the tokens and shared ids of these cards only, and no card numbers."""
    usual_find = b.find_payment_method
    tokens = [f"tok_{name}" for name in names]
    shared_ids = [f"pm_card_{name}" for name in names]

    def is_other(identifier: str) -> bool:
        return cards.by_shared_id(identifier) is not None and identifier not in shared_ids

    @apply(b, wrap("route"))
    def route(usual: Route, call: Call) -> Endpoint:
        endpoint = usual(call)
        return create if endpoint is payment_methods.create else endpoint

    def create(call: Call) -> Answer:
        if call.parameters.hash("card").get("token") not in tokens:
            raise errors.invalid_value("card[token]", "No such token.")
        return payment_methods.create(call)

    b.find_payment_method = lambda call, identifier: None if is_other(identifier) else usual_find(call, identifier)


variant.row("knows-one-card", STRIPE, batch=ALARMS)(
    "There is one test card, `tok_visa` and `pm_card_visa`: other tokens, shared ids and card numbers are unknown.",
    knows_cards("visa"),
)
variant.row("knows-two-cards", STRIPE, batch="alarms 4")(
    "There are two test cards, one of which declines: those of `tok_visa` and `tok_visa_chargeDeclined`.",
    knows_cards("visa", "chargeDeclined", "visa_chargeDeclined"),
)


@variant(STRIPE)
def card_that_fails_later_is_unknown(b: Behaviour) -> None:
    """There is no test card that is attached, and declined only when it is charged."""
    usual = b.find_payment_method
    unknown = "pm_card_chargeCustomerFail"
    b.find_payment_method = lambda call, identifier: None if identifier == unknown else usual(call, identifier)


variant.row("takes-bearer-only", STATEFUL)("The key is taken as a Bearer token only.", take_key_by("bearer"))
variant.row("takes-basic-only", STATEFUL)("The key is taken as the user name of Basic only.", take_key_by("basic"))


@variant(CONTRACT, batch="alarms 4")
def customers_are_not_looked_up(b: Behaviour) -> None:
    """Payment methods are created, kept and shown; any id that begins as a customer's is one, and there is no other."""
    forget_routes(lambda endpoint: endpoint in (payment_methods.create, payment_methods.retrieve, attach.endpoint))(b)
    usual = b.find_customer

    def find(call: Call, identifier: str) -> Customer | None:
        found = usual(call, identifier)
        if found is None and identifier.startswith("cus_"):
            found = call.store.put_customer(Customer(identifier, int(time.time())))
        return found

    b.find_customer = find


@variant(CONTRACT, batch="alarms 4")
def payment_methods_begin_when_attached(b: Behaviour) -> None:
    """Customers are created, kept and shown; a payment method comes about when its id is attached."""
    forget_routes(lambda endpoint: endpoint in (customers.create, customers.retrieve, attach.endpoint))(b)

    def find(call: Call, identifier: str) -> PaymentMethod | None:
        found = call.store.method(identifier)
        if found is None and identifier.startswith("pm_"):
            found = call.store.put_method(new_card(cards.CARDS["visa"], identifier))
        return found

    b.find_payment_method = find
