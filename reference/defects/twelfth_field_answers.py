"""Mistakes in what is kept and in what is answered: tables, defaults, other types than cards, headers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..behaviour import Attach, FindMethod, ListMethods, ShowCustomer
from ..call import Call
from ..changes import edit_errors, edit_response, edit_success, wrap, wrap_at_attach
from ..objects import cards
from ..objects.models import Customer, PaymentMethod
from ..objects.store import mark_attached, new_card
from ..rules.attach import Attempt
from ..wire.values import Json, Response
from .registry import Topic
from .twelfth_field_requests import BATCH

contract = Topic("contract")
stateful = Topic("stateful")
stripe = Topic("stripe")

COLUMN = 255
"""How many characters a column of text holds."""


# What is kept.


@stateful("state.persisted", "hard", wrap("attach"), batch=BATCH)
def only_cards_are_saved(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
    """A payment method that is no card is answered as attached, and not saved: that is done in the branch for cards."""
    if attempt.method.card is None:
        return mark_attached(attempt.method, attempt.owner.id)
    return usual(call, attempt)


@stateful("state.same-object", "hard", wrap("attach"), batch=BATCH)
def long_metadata_are_cut(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
    """Attaching saves values of metadata in a column of 255 characters, and cuts what is longer; 500 are allowed."""
    method = usual(call, attempt)
    metadata = {key: value[:COLUMN] for key, value in method.metadata.items()}
    return call.store.put_method(replace(method, metadata=metadata))


@stateful("state.same-object", "hard", wrap("attach", shared=dict), batch=BATCH)
def address_in_a_shared_default(usual: Attach, call: Call, attempt: Attempt, *, shared: Json) -> PaymentMethod:
    """A default address is updated in place by each attach: one that has none gets the address of an earlier one."""
    method = usual(call, attempt)
    shared.update(method.billing_details.get("address", {}))
    return call.store.put_method(replace(method, billing_details={**method.billing_details, "address": dict(shared)}))


@stateful("state.listed", "hard", wrap("methods_of"), batch=BATCH)
def customers_without_an_email_share_a_list(usual: ListMethods, call: Call, customer: str) -> list[PaymentMethod]:
    """Payment methods are listed by the customer's e-mail address: those of all who have none are on one list."""
    asked = call.store.customer(customer)
    if asked is None or asked.details.get("email"):
        return usual(call, customer)
    alike = [one.id for one in call.store.all_customers() if not one.details.get("email")]
    return usual(call, customer) + [method for one in alike if one != customer for method in usual(call, one)]


# What is answered.


@contract("expand.inlined", "hard", wrap_at_attach("customer_json", first=dict), batch=BATCH)
def fields_of_the_first_expanded(usual: ShowCustomer, call: Call, customer: Customer, *, first: Json) -> Json:
    """The first expanded customer is kept as a template, in which only the id is replaced for those that follow."""
    first = first or (first.update(usual(call, customer)) or first)
    return {**first, "id": customer.id}


def without_billing_details(call: Call, payload: Json) -> None:
    """Show no billing details for what is no card."""
    if payload["type"] != "card":
        payload["billing_details"] = None


contract.row("only-cards-have-billing-details", "response.billing-details", "hard", batch=BATCH)(
    "The `billing_details` of a payment method that is no card are null.", edit_success(without_billing_details)
)


def owner_as_id(error: Json) -> None:
    """Name the payment method in the error of one that is attached to another customer."""
    if "already been attached" in error["message"]:
        error["payment_method"] = "pm_1Taken"


contract.row("error-names-the-payment-method-by-its-id", "error.member-types", "hard", batch=BATCH)(
    "The error for a payment method of another customer has a `payment_method` that is an id, where the object is due.",
    edit_errors(owner_as_id),
)


@stripe("stripe.test-tokens", "hard", wrap_at_attach("find_payment_method"), batch=BATCH)
def every_token_is_a_visa(usual: FindMethod, call: Call, identifier: str) -> PaymentMethod | None:
    """All shared test ids that are not declined are copies of one Visa, `pm_card_amex` too."""
    card = cards.by_shared_id(identifier)
    if card is None or card.decline is not None:
        return usual(call, identifier)
    return new_card(cards.CARDS["visa"], call.behaviour.new_id("pm_"))


# Headers.


def type_twice(call: Call, response: Response) -> Response:
    """Show the media type twice."""
    return replace(response, headers=(*response.headers, ("Content-Type", "text/html; charset=UTF-8")))


contract.row("default-type-beside-the-own", "response.media-type", "hard", batch=BATCH)(
    "A success has a second Content-Type, the framework's default `text/html`, behind its own.",
    edit_response(type_twice, success=True),
)


@contract("response.json", "hard", wrap_at_attach("finish"), batch=BATCH)
def head_announces_nothing(usual: Any, call: Call, response: Response) -> Response:
    """The answer to HEAD has `Content-Length: 0`, where that to GET has a body: Node 15 (pull request 34231).

    RFC 9110 (8.6): a server must not send it unless it is the length of the answer to GET.
    """
    response = usual(call, response)
    return replace(response, declared_length=0) if call.request.method == "HEAD" else response
