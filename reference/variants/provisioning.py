"""Other ways to give fixtures: the operation is as ever, and what creates objects for it is narrow."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from .. import attach, cards, customers, errors, payment_methods
from ..behaviour import Behaviour
from ..call import Call, Endpoint
from ..forms import FORM, Pair
from ..objects import PaymentMethod
from ..store import Store, new_card
from ..values import Answer, Response
from .access import forget_routes
from .registry import CONTRACT, STATEFUL, STRIPE, Variants

variant = Variants()

CREATIONS = (customers.create, payment_methods.create)
WITH_CHARSET = f"{FORM}; charset=utf-8"


def before(b: Behaviour, endpoints: tuple[Endpoint, ...], check: Callable[[Call], None]) -> None:
    """Ask something before these endpoints do anything."""
    usual = b.route

    def route(call: Call) -> Endpoint:
        endpoint = usual(call)
        if endpoint not in endpoints:
            return endpoint

        def checked(call: Call) -> Answer:
            check(call)
            return endpoint(call)

        return checked

    b.route = route


def instead_of(b: Behaviour, endpoint: Endpoint, other: Endpoint) -> None:
    """Have another endpoint in the place of one."""
    usual = b.route

    def route(call: Call) -> Endpoint:
        found = usual(call)
        return other if found is endpoint else found

    b.route = route


def takes_only(b: Behaviour, endpoint: Endpoint, *names: str) -> None:
    """Refuse all other parameters of an endpoint."""

    def check(call: Call) -> None:
        if unknown := [str(name) for name in call.parameters.tree if name not in names]:
            raise errors.unknown_parameters(unknown)

    before(b, (endpoint,), check)


def demands(b: Behaviour, endpoint: Endpoint, *names: str, alone: bool = False) -> None:
    """Refuse an endpoint's request that lacks one of these parameters, or has others besides where they stand alone."""

    def check(call: Call) -> None:
        sent = {pair[0] for pair in call.parameters.pairs}
        for name in names:
            if name not in sent:
                raise errors.missing_parameter(name)
        if alone and (unknown := sorted(sent - set(names))):
            raise errors.unknown_parameters(unknown)

    before(b, (endpoint,), check)


def shows_by(b: Behaviour, scheme: str, endpoints: tuple[Endpoint, ...]) -> None:
    """Have these endpoints take the key by one scheme of authentication."""

    def check(call: Call) -> None:
        sent = (call.request.header("authorization") or "").partition(" ")[0].lower()
        if sent != scheme:
            raise errors.unauthorized(f"Use {scheme}.")

    before(b, endpoints, check)


def creations_are_called(b: Behaviour, media_type: str) -> None:
    """Have creations take one spelling of the media type."""

    def check(call: Call) -> None:
        if call.request.header("content-type") != media_type:
            raise errors.wrong_media_type()

    before(b, CREATIONS, check)


@variant(STRIPE)
def customers_take_no_metadata(b: Behaviour) -> None:
    """Customers have no metadata."""
    takes_only(b, customers.create, "email", "description", "name")


@variant(STRIPE)
def customers_take_no_parameters(b: Behaviour) -> None:
    """Customers are created without any parameter."""
    takes_only(b, customers.create)


@variant(STRIPE)
def customers_take_no_email(b: Behaviour) -> None:
    """Customers have no email; they can be tagged."""
    takes_only(b, customers.create, "metadata")


@variant(STRIPE)
def customers_need_an_email(b: Behaviour) -> None:
    """A customer is not created without an email."""
    demands(b, customers.create, "email")


@variant(STRIPE)
def customers_need_a_name_alone(b: Behaviour) -> None:
    """A customer is created from a name, and from nothing else."""
    demands(b, customers.create, "name", alone=True)


@variant(STRIPE)
def payment_methods_need_billing_details(b: Behaviour) -> None:
    """A payment method is not created without the name, the email and the address of who pays."""
    needed = ("name", "email", "address][line1", "address][country")
    demands(b, payment_methods.create, *(f"billing_details[{name}]" for name in needed))


def brackets_of_creations(b: Behaviour, wrong: bytes) -> None:
    """Have creations refuse names whose brackets are written in a certain way."""

    def check(call: Call) -> None:
        if wrong in call.request.body.lower():
            raise errors.malformed_form()

    before(b, CREATIONS, check)


@variant(STRIPE)
def creations_take_raw_brackets(b: Behaviour) -> None:
    """Creations take names with brackets as client libraries send them, and no percent-encoded ones."""
    brackets_of_creations(b, b"%5b")


@variant(STRIPE)
def creations_take_encoded_brackets(b: Behaviour) -> None:
    """Creations take names with percent-encoded brackets, and no raw ones."""
    brackets_of_creations(b, b"[")


@variant(STRIPE)
def creations_overlook_raw_brackets(b: Behaviour) -> None:
    """Creations overlook names with raw brackets."""
    usual = b.split

    def split(call: Call, body: bytes) -> Any:
        pairs = usual(call, body)
        created = call.request.path in ("/v1/customers", "/v1/payment_methods")
        return [pair for pair in pairs if not (created and b"[" in pair[0])]

    b.split = split


@variant(STRIPE)
def creations_take_basic_only(b: Behaviour) -> None:
    """Creations take the key as the user name of Basic authentication."""
    shows_by(b, "basic", CREATIONS)


@variant(STRIPE)
def creations_need_a_charset(b: Behaviour) -> None:
    """Creations take forms that name their charset."""
    creations_are_called(b, WITH_CHARSET)


@variant(STRIPE)
def creations_take_no_charset(b: Behaviour) -> None:
    """Creations take forms that name no charset."""
    creations_are_called(b, FORM)


@variant(STRIPE)
def creations_take_json(b: Behaviour) -> None:
    """Creations take JSON; attaching takes forms."""
    usual_type, usual_split = b.media_type, b.split

    def is_json(call: Call) -> bool:
        creates = call.request.path in ("/v1/customers", "/v1/payment_methods")
        return creates and call.request.method == "POST"

    def media_type(call: Call) -> None:
        if not is_json(call):
            usual_type(call)
        elif call.request.media_type != "application/json":
            raise errors.wrong_media_type()

    def build(call: Call, pairs: Any) -> Any:
        return usual_build(call, flat(json.loads(call.request.body)) if is_json(call) else pairs)

    usual_build = b.build
    b.media_type = media_type
    b.split = lambda call, body: [] if is_json(call) else usual_split(call, body)
    b.build = build


def flat(tree: Mapping[str, Any], prefix: str = "") -> list[Pair]:
    """The fields of a JSON object as those of a form."""
    pairs: list[Pair] = []
    for key, value in tree.items():
        name = f"{prefix}[{key}]" if prefix else key
        pairs += flat(value, name) if isinstance(value, dict) else [(name, value)]
    return pairs


@variant(STRIPE)
def creations_are_201(b: Behaviour) -> None:
    """What is created is answered with 201."""
    usual = b.finish

    def finish(call: Call, response: Response) -> Response:
        response = usual(call, response)
        creates = call.request.method == "POST" and call.request.path in ("/v1/customers", "/v1/payment_methods")
        return replace(response, status=201) if creates and response.status == 200 else response

    b.finish = finish


@variant(STRIPE)
def raw_card_numbers_only(b: Behaviour) -> None:
    """Payment methods are created from card numbers; tokens are unknown."""

    def check(call: Call) -> None:
        if "token" in call.parameters.hash("card"):
            raise errors.unknown_parameters(["card[token]"])

    before(b, (payment_methods.create,), check)


@variant(STRIPE)
def tokens_only(b: Behaviour) -> None:
    """Payment methods are created from tokens; card numbers are refused."""

    def check(call: Call) -> None:
        if "number" in call.parameters.hash("card"):
            raise errors.declined("generic_decline", "card_declined", "Use a token.", "number")

    before(b, (payment_methods.create,), check)


@variant(STRIPE)
def shared_tokens_are_retrieved(b: Behaviour) -> None:
    """Payment methods are not created: each retrieval of a shared token gives a new one."""
    forget_routes(b, lambda endpoint: endpoint is not payment_methods.create)


@variant(CONTRACT)
def shared_tokens_are_attached(b: Behaviour) -> None:
    """There are no payment methods but what shared tokens become when they are attached."""

    def retrieve(call: Call) -> Answer:
        if cards.by_shared_id(call.arguments[0]):
            raise errors.no_such("PaymentMethod", call.arguments[0], "payment_method", 404)
        return payment_methods.retrieve(call)

    instead_of(b, payment_methods.retrieve, retrieve)
    forget_routes(b, lambda endpoint: endpoint is not payment_methods.create)


def unknown_urls_are(b: Behaviour, status: int, page: bytes, media_type: str) -> None:
    """Answer URLs that there are not in a certain way; there is but what a small mock has."""
    there = {customers.create, payment_methods.create, payment_methods.retrieve, attach.endpoint}
    usual = b.finish
    known = b.route

    def is_there(call: Call) -> bool:
        try:
            return known(call) in there
        except errors.ApiError:
            return call.is_attach

    def finish(call: Call, response: Response) -> Response:
        response = usual(call, response)
        if is_there(call) or not call.authenticated:
            return response
        return replace(response, status=status, body=page, headers=(("Content-Type", media_type),))

    forget_routes(b, lambda endpoint: endpoint in there)
    b.finish = finish


@variant(STRIPE)
def unknown_urls_are_400_in_words(b: Behaviour) -> None:
    """A small mock answers 400 in plain text to what it does not have."""
    unknown_urls_are(b, 400, b"Bad Request", "text/plain")


@variant(STRIPE)
def unknown_urls_are_501_in_words(b: Behaviour) -> None:
    """A small mock answers 501 in plain text to what it does not have."""
    unknown_urls_are(b, 501, b"not implemented", "text/plain")


@variant(STRIPE)
def unknown_urls_are_500_as_a_page(b: Behaviour) -> None:
    """A small mock answers 500 with a page to what it does not have."""
    unknown_urls_are(b, 500, b"<html><h1>Internal Server Error</h1></html>", "text/html")


def lists_only(b: Behaviour, there: Endpoint, status: int) -> None:
    """Have one kind of list; the other is answered with `status`."""

    def gone(call: Call) -> Answer:
        raise errors.ApiError(errors.Refusal("no-such-list", status, "There is no such list."))

    for one in (payment_methods.every, payment_methods.of_customer):
        if one is not there:
            instead_of(b, one, gone)


@variant(STRIPE)
def list_by_filter_is_501(b: Behaviour) -> None:
    """A customer's payment methods are listed below the customer; the other list is answered 501."""
    lists_only(b, payment_methods.of_customer, 501)


@variant(STRIPE)
def list_below_customer_is_500(b: Behaviour) -> None:
    """A customer's payment methods are listed by a filter; the list below the customer is answered 500."""
    lists_only(b, payment_methods.every, 500)


@variant(STRIPE)
def lists_refuse_parameters(b: Behaviour) -> None:
    """The list below the customer is the only one, takes no parameters, and is whole."""

    def whole(call: Call) -> Answer:
        if call.parameters.tree:
            raise errors.unknown_parameters([str(name) for name in call.parameters.tree])
        customer = customers.found(call, call.arguments[0], "customer", 404)
        shown = [b.payment_method_json(call, method) for method in b.methods_of(call, customer.id)]
        return Answer(200, {"object": "list", "data": shown, "has_more": False, "url": call.request.path})

    lists_only(b, payment_methods.of_customer, 501)
    instead_of(b, payment_methods.of_customer, whole)


@variant(STRIPE)
def lists_ignore_parameters(b: Behaviour) -> None:
    """Lists show all that a customer has, whatever type and however few were asked for."""

    def whole(call: Call) -> Answer:
        path = call.request.path
        identifier = call.parameters.text("customer") or path.removeprefix("/v1/customers/").partition("/")[0]
        customer = customers.found(call, identifier, "customer", 400)
        shown = [b.payment_method_json(call, method) for method in b.methods_of(call, customer.id)]
        return Answer(200, {"object": "list", "data": shown, "has_more": False, "url": path})

    instead_of(b, payment_methods.every, whole)
    instead_of(b, payment_methods.of_customer, whole)


GIVEN_METHODS = tuple(f"pm_givenDebit{number}" for number in range(1, 301))


def give(b: Behaviour, is_card: Callable[[int], bool]) -> None:
    """Have payment methods from the start, and create none; all that are no cards are bank debits."""

    def furnish(store: Store) -> None:
        now = int(time.time())
        for number, identifier in enumerate(GIVEN_METHODS):
            card = new_card(cards.CARDS["visa"], identifier)
            store.put_method(card if is_card(number) else PaymentMethod(identifier, now, "us_bank_account"))

    b.furnish = furnish
    forget_routes(b, lambda endpoint: endpoint is not payment_methods.create)


@variant(STATEFUL, payment_methods=GIVEN_METHODS)
def given_bank_debits(b: Behaviour) -> None:
    """The payment methods that are there are of another type than cards."""
    give(b, lambda number: False)


@variant(STATEFUL, payment_methods=GIVEN_METHODS)
def given_cards_and_bank_debits(b: Behaviour) -> None:
    """Of the payment methods that are there every second one is a card."""
    give(b, lambda number: number % 2 == 0)
