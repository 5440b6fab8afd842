"""Other ways to say who may ask, and for what there are endpoints."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from .. import attach, cards, errors
from ..behaviour import Behaviour
from ..call import Call, Endpoint
from ..errors import ApiError, Refusal
from ..objects import Customer
from ..routes import ROUTES
from ..store import Store, new_card
from .registry import CONTRACT, STATEFUL, STRIPE, Variants
from .rules import amend

variant = Variants()


@variant(STATEFUL)
def any_key(b: Behaviour) -> None:
    """Nobody asks for a key."""

    def authenticate(call: Call) -> None:
        call.authenticated = True

    b.authenticate = authenticate


@variant(STATEFUL)
def any_well_formed_key(b: Behaviour) -> None:
    """Every well-formed key will do."""
    b.known_key = lambda call, key: key.startswith(("sk_test_", "rk_test_"))


@variant(STRIPE)
def publishable_key_is_403(b: Behaviour) -> None:
    """A publishable key is answered with 403."""

    def change(call: Call, refusal: Refusal) -> Refusal:
        publishable = (call.request.header("authorization") or "").partition(" ")[2].startswith("pk_")
        forbidden = refusal.rule == "unauthorized" and publishable
        return replace(refusal, status=403, code="secret_key_required", headers=()) if forbidden else refusal

    amend(b, change)


@variant(STRIPE, deviates=("method.unrecognized",))
def other_methods_are_405(b: Behaviour) -> None:
    """Another method on the attach URL is answered with 405."""

    def change(call: Call, refusal: Refusal) -> Refusal:
        wrong = call.is_attach and refusal.rule == "unrecognized-url" and call.request.method != "POST"
        return replace(refusal, status=405, headers=(("Allow", "POST"),)) if wrong else refusal

    amend(b, change)


@variant(STRIPE)
def deleted_customer_not_retrieved(b: Behaviour) -> None:
    """Retrieving a deleted customer is answered with 404."""
    usual = b.route

    def route(call: Call) -> Endpoint:
        endpoint = usual(call)
        asked = endpoint is ROUTES["customers", "*"]["GET"]
        if asked and call.store.live_customer(call.arguments[0]) is None:
            raise errors.no_such("customer", call.arguments[0], "id", 404)
        return endpoint

    b.route = route


@variant(STRIPE)
def raw_cards_refused(b: Behaviour) -> None:
    """Card numbers are refused with 402; only tokens are taken."""
    text = "Sending credit card numbers directly to the Stripe API is generally unsafe."

    def route(call: Call) -> Endpoint:
        endpoint = usual(call)
        if b"card[number]" in call.request.body or b"card%5Bnumber%5D" in call.request.body:
            raise ApiError(Refusal("raw-card", 402, text))
        return endpoint

    usual, b.route = b.route, route


@variant(STATEFUL)
def tokens_refused(b: Behaviour) -> None:
    """Test tokens and shared test ids are unknown; only card numbers are taken."""
    usual, usual_find = b.route, b.find_payment_method

    def route(call: Call) -> Endpoint:
        endpoint = usual(call)
        if b"card[token]" in call.request.body or b"card%5Btoken%5D" in call.request.body:
            raise errors.invalid_value("token", "No such token.")
        if endpoint is ROUTES["payment_methods", "*"]["GET"] and cards.by_shared_id(call.arguments[0]):
            raise errors.no_such("PaymentMethod", call.arguments[0], "payment_method", 404)
        return endpoint

    b.route = route
    b.find_payment_method = lambda call, identifier: (
        None if cards.by_shared_id(identifier) else usual_find(call, identifier)
    )


def forget_routes(b: Behaviour, known: Callable[[Endpoint], bool]) -> None:
    """Leave some endpoints out of the API."""
    usual = b.route

    def route(call: Call) -> Endpoint:
        endpoint = usual(call)
        if not known(endpoint):
            raise errors.unrecognized_url(call.request.method, call.request.path)
        return endpoint

    b.route = route


@variant(STATEFUL)
def no_detach(b: Behaviour) -> None:
    """There is no endpoint to detach."""
    forget_routes(b, lambda endpoint: endpoint is not ROUTES["payment_methods", "*", "detach"]["POST"])


@variant(STATEFUL)
def one_kind_of_list(b: Behaviour) -> None:
    """There are no lists below a customer; `GET /v1/payment_methods?customer=` is the only one."""
    below = [endpoint for path, routes in ROUTES.items() if len(path) > 2 for endpoint in routes.values()]
    lists = [endpoint for endpoint in below if endpoint.__name__.endswith("of_customer")]
    forget_routes(b, lambda endpoint: endpoint not in lists)


GIVEN_CUSTOMERS = tuple(f"cus_given{number}" for number in range(1, 4))
GIVEN_METHODS = tuple(f"pm_given{number}" for number in range(1, 41))


@variant(CONTRACT, customers=GIVEN_CUSTOMERS, payment_methods=GIVEN_METHODS)
def no_provisioning(b: Behaviour) -> None:
    """There is nothing but attach; three customers and forty payment methods are there from the start."""

    def furnish(store: Store) -> None:
        for identifier in GIVEN_CUSTOMERS:
            store.put_customer(Customer(identifier, int(time.time())))
        for identifier in GIVEN_METHODS:
            store.put_method(new_card(cards.CARDS["visa"], identifier))

    b.furnish = furnish
    forget_routes(b, lambda endpoint: endpoint is attach.endpoint)
