"""Other ways to create fixtures: endpoints that create objects, and are narrow."""

from __future__ import annotations

import json
import re
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from ..behaviour import Behaviour, Build, Finish, Guard, ListMethods, Route, Serve, ShowMethod, Split
from ..call import RANDOM, Call, Endpoint
from ..changes import Change, apply, change, wrap
from ..objects import cards, customers, payment_methods
from ..objects.models import Customer, PaymentMethod
from ..objects.store import StatelessStore, Store, new_card
from ..rules import attach, errors
from ..rules.errors import ApiError, Rejection
from ..rules.forms import FORM, Pair
from ..wire.values import Answer, Json, Response
from .access import forget_routes
from .registry import CONTRACT, STATEFUL, STRIPE, Variants

variant = Variants()


def before(endpoints: tuple[Endpoint, ...], check: Callable[[Call], None]) -> Change:
    """Check something before these endpoints do anything."""

    @wrap("route")
    def route(usual: Route, call: Call) -> Endpoint:
        endpoint = usual(call)
        if endpoint not in endpoints:
            return endpoint

        def checked(call: Call) -> Answer:
            check(call)
            return endpoint(call)

        return checked

    return route


def takes_only(endpoint: Endpoint, *names: str) -> Change:
    """Reject all other parameters of an endpoint."""

    def check(call: Call) -> None:
        if unknown := [str(name) for name in call.parameters.tree if name not in names]:
            raise errors.unknown_parameters(unknown)

    return before((endpoint,), check)


variant.row("customers-take-no-metadata", STRIPE)(
    "Customers have no metadata.", takes_only(customers.create, "email", "description", "name")
)
variant.row("customers-take-no-parameters", STRIPE)(
    "Customers are created without any parameter.", takes_only(customers.create)
)
variant.row("customers-take-no-email", STRIPE)(
    "Customers have no email; they can be tagged.", takes_only(customers.create, "metadata")
)


def demands(endpoint: Endpoint, *names: str, alone: bool = False) -> Change:
    """Reject requests that lack one of these parameters, or with `alone` have any other."""

    def check(call: Call) -> None:
        sent = {pair[0] for pair in call.parameters.pairs}
        for name in names:
            if name not in sent:
                raise errors.missing_parameter(name)
        if alone and (unknown := sorted(sent - set(names))):
            raise errors.unknown_parameters(unknown)

    return before((endpoint,), check)


variant.row("customers-need-an-email", STRIPE)(
    "A customer is not created without an email.", demands(customers.create, "email")
)
variant.row("customers-need-a-name-alone", STRIPE)(
    "A customer is created from a name, and from nothing else.", demands(customers.create, "name", alone=True)
)


def with_the_same_email(call: Call) -> list[Customer]:
    """Return the customers, deleted ones too, that have the email of a request to create one."""
    sent = dict(call.parameters.pairs).get("email")
    return [one for one in call.store.customers.values() if sent and one.details.get("email") == sent]


def check_email(call: Call) -> None:
    """Reject the creation of a customer whose email another one has."""
    if with_the_same_email(call):
        raise ApiError(Rejection("variant", 409, "A customer with this email exists.", param="email"))


variant.row("emails-are-unique", STRIPE, batch="alarms 3")(
    "A customer with an email that another one has, a deleted one too, is not created.",
    before((customers.create,), check_email),
)


@variant(STRIPE, wrap("route"), batch="alarms 3")
def customers_are_found_by_email(usual: Route, call: Call) -> Endpoint:
    """To create a customer with the email of another one gives that one, unless it is deleted."""

    def find(call: Call) -> Answer:
        found = [one for one in with_the_same_email(call) if not one.deleted]
        return Answer(200, call.behaviour.customer_json(call, found[0])) if found else customers.create(call)

    endpoint = usual(call)
    return find if endpoint is customers.create else endpoint


@variant(STRIPE)
def payment_methods_need_billing_details(b: Behaviour) -> None:
    """A payment method is not created without the name, the email and the address of who pays."""
    needed = ("name", "email", "address][line1", "address][country")
    demands(payment_methods.create, *(f"billing_details[{name}]" for name in needed))(b)


CREATIONS = (customers.create, payment_methods.create)


def brackets_of_creations(wrong: bytes) -> Change:
    """Let creations reject one spelling of brackets in names."""

    def check(call: Call) -> None:
        if wrong in call.request.body.lower():
            raise errors.malformed_form()

    return before(CREATIONS, check)


variant.row("creations-take-raw-brackets", STRIPE)(
    "Creations take names with brackets as client libraries send them, and no percent-encoded ones.",
    brackets_of_creations(b"%5b"),
)
variant.row("creations-take-encoded-brackets", STRIPE)(
    "Creations take names with percent-encoded brackets, and no raw ones.", brackets_of_creations(b"[")
)


@variant(STRIPE, wrap("split"))
def creations_overlook_raw_brackets(usual: Split, call: Call, body: bytes) -> Any:
    """Creations overlook names with raw brackets."""
    pairs = usual(call, body)
    created = call.request.path in ("/v1/customers", "/v1/payment_methods")
    return [pair for pair in pairs if not (created and b"[" in pair[0])]


def shows_by(scheme: str, endpoints: tuple[Endpoint, ...]) -> Change:
    """Let these endpoints take the key by one scheme of authentication."""

    def check(call: Call) -> None:
        sent = (call.request.header("authorization") or "").partition(" ")[0].lower()
        if sent != scheme:
            raise errors.unauthorized(f"Use {scheme}.")

    return before(endpoints, check)


variant.row("creations-take-basic-only", STRIPE)(
    "Creations take the key as the user name of Basic authentication.", shows_by("basic", CREATIONS)
)
WITH_CHARSET = f"{FORM}; charset=utf-8"


def creations_are_called(media_type: str) -> Change:
    """Let creations take one spelling of the media type."""

    def check(call: Call) -> None:
        if call.request.header("content-type") != media_type:
            raise errors.wrong_media_type()

    return before(CREATIONS, check)


variant.row("creations-need-a-charset", STRIPE)(
    "Creations take forms that name their charset.", creations_are_called(WITH_CHARSET)
)
variant.row("creations-take-no-charset", STRIPE)(
    "Creations take forms that name no charset.", creations_are_called(FORM)
)


def flat(tree: Mapping[str, Any], prefix: str = "") -> list[Pair]:
    """Return the fields of a JSON object as those of a form."""
    pairs: list[Pair] = []
    for key, value in tree.items():
        name = f"{prefix}[{key}]" if prefix else key
        pairs += flat(value, name) if isinstance(value, dict) else [(name, value)]
    return pairs


@variant(STRIPE)
def creations_take_json(b: Behaviour) -> None:
    """Creations take JSON; attaching takes forms."""
    usual_split = b.split

    def is_json(call: Call) -> bool:
        creates = call.request.path in ("/v1/customers", "/v1/payment_methods")
        return creates and call.request.method == "POST"

    @apply(b, wrap("media_type"))
    def media_type(usual_type: Guard, call: Call) -> None:
        if not is_json(call):
            usual_type(call)
        elif call.request.media_type != "application/json":
            raise errors.wrong_media_type()

    @apply(b, wrap("build"))
    def build(usual_build: Build, call: Call, pairs: Any) -> Any:
        return usual_build(call, flat(json.loads(call.request.body)) if is_json(call) else pairs)

    b.split = lambda call, body: [] if is_json(call) else usual_split(call, body)


@variant(STRIPE, wrap("finish"))
def creations_are_201(usual: Finish, call: Call, response: Response) -> Response:
    """Creations are answered with 201."""
    response = usual(call, response)
    creates = call.request.method == "POST" and call.request.path in ("/v1/customers", "/v1/payment_methods")
    return replace(response, status=201) if creates and response.status == 200 else response


@variant(STRIPE, partial(before, (payment_methods.create,)))
def raw_card_numbers_only(call: Call) -> None:
    """Payment methods are created from card numbers; tokens are unknown."""
    if "token" in call.parameters.hash("card"):
        raise errors.unknown_parameters(["card[token]"])


@variant(STRIPE, partial(before, (payment_methods.create,)), batch="alarms 5")
def cards_alone(call: Call) -> None:
    """Payment methods are cards; other types are not created."""
    if call.parameters.text("type") != "card":
        raise errors.invalid_value("type", "Invalid type: must be card")


@variant(STRIPE, partial(before, (payment_methods.create,)))
def tokens_only(call: Call) -> None:
    """Payment methods are created from tokens; card numbers are rejected."""
    if "number" in call.parameters.hash("card"):
        raise errors.declined("generic_decline", "card_declined", "Use a token.", "number")


variant.row("shared-tokens-are-retrieved", STRIPE)(
    "Payment methods are not created: each retrieval of a shared token gives a new one.",
    forget_routes(lambda endpoint: endpoint is not payment_methods.create),
)


def instead_of(endpoint: Endpoint, other: Endpoint) -> Change:
    """Put another endpoint in the place of one."""

    @wrap("route")
    def route(usual: Route, call: Call) -> Endpoint:
        found = usual(call)
        return other if found is endpoint else found

    return route


@variant(CONTRACT)
def shared_tokens_are_attached(b: Behaviour) -> None:
    """There are no payment methods but what shared tokens become when they are attached."""

    @apply(b, partial(instead_of, payment_methods.retrieve))
    def retrieve(call: Call) -> Answer:
        if cards.by_shared_id(call.arguments[0]):
            raise errors.no_such("PaymentMethod", call.arguments[0], "payment_method", 404)
        return payment_methods.retrieve(call)

    forget_routes(lambda endpoint: endpoint is not payment_methods.create)(b)


@change
def unknown_urls_are(b: Behaviour, status: int, page: bytes, media_type: str) -> None:
    """Answer unknown URLs in some way, and know only those of a small mock."""
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

    forget_routes(lambda endpoint: endpoint in there)(b)
    b.finish = finish


variant.row("unknown-urls-are-400-in-words", STRIPE)(
    "A small mock answers 400 in plain text to what it does not have.",
    unknown_urls_are(400, b"Bad Request", "text/plain"),
)
variant.row("unknown-urls-are-501-in-words", STRIPE)(
    "A small mock answers 501 in plain text to what it does not have.",
    unknown_urls_are(501, b"not implemented", "text/plain"),
)
variant.row("unknown-urls-are-500-as-a-page", STRIPE)(
    "A small mock answers 500 with a page to what it does not have.",
    unknown_urls_are(500, b"<html><h1>Internal Server Error</h1></html>", "text/html"),
)


@change
def lists_only(b: Behaviour, there: Endpoint, status: int) -> None:
    """Offer one kind of list; the other is answered with `status`."""

    def gone(call: Call) -> Answer:
        raise errors.ApiError(errors.Rejection("no-such-list", status, "There is no such list."))

    for one in (payment_methods.every, payment_methods.of_customer):
        if one is not there:
            instead_of(one, gone)(b)


variant.row("list-by-filter-is-501", STRIPE)(
    "A customer's payment methods are listed below the customer; the other list is answered 501.",
    lists_only(payment_methods.of_customer, 501),
)
variant.row("list-below-customer-is-500", STRIPE)(
    "A customer's payment methods are listed by a filter; the list below the customer is answered 500.",
    lists_only(payment_methods.every, 500),
)


@variant(STRIPE)
def lists_refuse_parameters(b: Behaviour) -> None:
    """The list below the customer is the only one, takes no parameters, and is whole."""

    @apply(b, partial(instead_of, payment_methods.of_customer))
    def whole(call: Call) -> Answer:
        if call.parameters.tree:
            raise errors.unknown_parameters([str(name) for name in call.parameters.tree])
        customer = customers.find(call, call.arguments[0], "customer", 404)
        shown = [
            call.behaviour.payment_method_json(call, method) for method in call.behaviour.methods_of(call, customer.id)
        ]
        return Answer(200, {"object": "list", "data": shown, "has_more": False, "url": call.request.path})

    lists_only(payment_methods.of_customer, 501)(b)


@variant(STRIPE)
def lists_ignore_parameters(b: Behaviour) -> None:
    """Lists show all that a customer has, and ignore the type and the limit."""

    def whole(call: Call) -> Answer:
        path = call.request.path
        identifier = call.parameters.text("customer") or path.removeprefix("/v1/customers/").partition("/")[0]
        customer = customers.find(call, identifier, "customer", 400)
        shown = [b.payment_method_json(call, method) for method in b.methods_of(call, customer.id)]
        return Answer(200, {"object": "list", "data": shown, "has_more": False, "url": path})

    instead_of(payment_methods.every, whole)(b)
    instead_of(payment_methods.of_customer, whole)(b)


GIVEN_METHODS = tuple(f"pm_givenDebit{number}" for number in range(1, 301))


@change
def give(b: Behaviour, is_card: Callable[[int], bool]) -> None:
    """Have payment methods from the start, and create none; those that are not cards are bank debits."""

    def furnish(store: Store) -> None:
        now = int(time.time())
        for number, identifier in enumerate(GIVEN_METHODS):
            card = new_card(cards.CARDS["visa"], identifier)
            store.put_method(card if is_card(number) else PaymentMethod(identifier, now, "us_bank_account"))

    b.furnish = furnish
    forget_routes(lambda endpoint: endpoint is not payment_methods.create)(b)


variant.row("given-bank-debits", STATEFUL, payment_methods=GIVEN_METHODS)(
    "The payment methods that are there are of another type than cards.", give(lambda number: False)
)
variant.row("given-cards-and-bank-debits", STATEFUL, payment_methods=GIVEN_METHODS)(
    "Every second of the payment methods that exist is a card.", give(lambda number: number % 2 == 0)
)


ALARMS = "alarms 1"
LISTS = (payment_methods.every, payment_methods.of_customer)


def limit_allowed(call: Call) -> None:
    """Reject a limit of more than ten."""
    if (call.parameters.text("limit") or "1") not in map(str, range(1, 11)):
        raise errors.invalid_value("limit", "This value must be between 1 and 10.")


variant.row("ten-at-most-on-a-page", STRIPE, batch=ALARMS)(
    "A limit of more than ten entries a page is rejected.", before(LISTS, limit_allowed)
)


def no_cursor(call: Call) -> None:
    """Reject the parameters that lead to more than ten entries."""
    asked = [name for name in ("limit", "starting_after") if call.parameters.text(name)]
    if asked:
        raise errors.unknown_parameters(asked)


variant.row("lists-have-no-further-pages", STRIPE, batch="alarms 13")(
    "A list shows ten entries at most, says whether there are more, and knows no way to them.", before(LISTS, no_cursor)
)


def type_given(call: Call) -> None:
    """Reject a list without a type."""
    if not call.parameters.text("type"):
        raise errors.missing_parameter("type")


variant.row("lists-need-a-type", STRIPE, batch=ALARMS)(
    "A list is not shown without a type, as once at Stripe.", before(LISTS, type_given)
)
variant.row("retrievals-take-no-key-by-basic", STRIPE, batch=ALARMS)(
    "All that is not attaching takes the key as a Bearer token only.",
    shows_by("bearer", (customers.retrieve, payment_methods.retrieve, *CREATIONS, *LISTS)),
)


@variant(STRIPE, wrap("methods_of"), batch=ALARMS)
def lists_in_any_order(usual: ListMethods, call: Call, customer: str) -> list[PaymentMethod]:
    """A customer's payment methods are listed in the order of a digest of their ids, which means nothing."""
    return sorted(usual(call, customer), key=lambda method: zlib.crc32(method.id.encode()))


@variant(STRIPE, batch=ALARMS)
def three_at_most_on_a_page(b: Behaviour) -> None:
    """A customer's payment methods are listed the oldest first, three at most on a page; a higher limit is no error."""

    def cut(call: Call) -> None:
        call.parameters.tree["limit"] = "3"

    @apply(b, wrap("methods_of"))
    def oldest_first(usual: ListMethods, call: Call, customer: str) -> list[PaymentMethod]:
        return usual(call, customer)[::-1]

    before(LISTS, cut)(b)


@variant(CONTRACT, batch=ALARMS)
def creations_are_not_kept(b: Behaviour) -> None:
    """Objects are created, shown once and not kept: any id is attached, and nothing can be retrieved."""

    @apply(b, wrap("serve"))
    def forget(usual: Serve, call: Call) -> Response:
        if not isinstance(call.world.store, StatelessStore):
            call.world.store = StatelessStore()
        return usual(call)

    forget_routes(lambda endpoint: endpoint in (*CREATIONS, attach.endpoint))(b)


@variant(CONTRACT, batch="alarms 13")
def members_come_and_go(b: Behaviour) -> None:
    """Nothing is kept, and each answer is made up: every optional member of a payment method is there half the time."""
    creations_are_not_kept(b)

    @apply(b, wrap("payment_method_json"))
    def shown(usual: ShowMethod, call: Call, method: PaymentMethod) -> Json:
        optional = ("allow_redisplay", "metadata", "radar_options")
        payload = usual(call, method) | {"radar_options": {}}
        return {name: value for name, value in payload.items() if name not in optional or RANDOM.random() < 0.5}


@variant(CONTRACT, batch="alarms 6")
def ids_are_known_by_their_form(b: Behaviour) -> None:
    """Nothing is kept: an id is known where its prefix has at most 60 letters, digits and underscores behind it."""
    creations_are_not_kept(b)
    find_customer, find_method = b.find_customer, b.find_payment_method

    def customer(call: Call, identifier: str) -> Customer | None:
        return find_customer(call, identifier) if re.fullmatch(r"cus_\w{1,60}", identifier, re.ASCII) else None

    def method(call: Call, identifier: str) -> PaymentMethod | None:
        return find_method(call, identifier) if re.fullmatch(r"pm_\w{1,60}", identifier, re.ASCII) else None

    b.find_customer, b.find_payment_method = customer, method
