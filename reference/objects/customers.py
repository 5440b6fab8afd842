"""The customer endpoints: create, retrieve, update, delete, list."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..rules import errors, expansion, listing, schema
from ..rules.schema import ADDRESS, EXPAND, FREE, TEXT
from ..wire.values import Answer
from .models import Customer

if TYPE_CHECKING:
    from ..call import Call

DETAILS = ("description", "email", "name", "phone")
FIELDS: dict[str, Any] = {
    **dict.fromkeys(DETAILS, TEXT),
    "address": ADDRESS,
    "metadata": FREE,
    "invoice_settings": {"default_payment_method": TEXT},
    "expand": EXPAND,
}


def create(call: Call) -> Answer:
    """`POST /v1/customers`."""
    schema.check(call, FIELDS)
    paths = expansion.check(call, expansion.OF_CUSTOMER)
    blank = Customer(call.behaviour.new_id("cus_"), int(time.time()))
    return _answer(call, call.store.put_customer(_changed(call, blank)), paths)


def retrieve(call: Call) -> Answer:
    """`GET /v1/customers/{customer}`: a deleted one is shown as such."""
    schema.check(call, {"expand": EXPAND})
    paths = expansion.check(call, expansion.OF_CUSTOMER)
    customer = call.store.customer(call.arguments[0])
    if customer is None:
        raise errors.no_such("customer", call.arguments[0], "id", 404)
    return _answer(call, customer, paths)


def update(call: Call) -> Answer:
    """`POST /v1/customers/{customer}`."""
    schema.check(call, FIELDS)
    paths = expansion.check(call, expansion.OF_CUSTOMER)
    with call.store.lock:
        changed = _changed(call, find(call, call.arguments[0], "id", 404))
        return _answer(call, call.store.put_customer(changed), paths)


def delete(call: Call) -> Answer:
    """`DELETE /v1/customers/{customer}`."""
    schema.check(call, {})
    with call.store.lock:
        customer = find(call, call.arguments[0], "id", 404)
        call.behaviour.delete_customer(call, customer)
        return Answer(200, {"id": customer.id, "object": "customer", "deleted": True})


def every(call: Call) -> Answer:
    """`GET /v1/customers`, newest first."""
    schema.check(call, listing.PAGE | {"email": TEXT})
    paths = expansion.check(call, expansion.OF_CUSTOMER, listed=True)
    customers = call.store.all_customers()
    email = call.parameters.text("email")
    if email is not None:
        customers = [customer for customer in customers if customer.details.get("email") == email]
    payload = listing.page(call, "/v1/customers", customers, call.behaviour.customer_json)
    call.behaviour.expand(call, payload, paths)
    return Answer(200, payload)


def find(call: Call, identifier: str, param: str, status: int) -> Customer:
    """Return the customer of that id, or raise the rejection."""
    customer = call.store.live_customer(identifier)
    if customer is None:
        raise errors.no_such("customer", identifier, param, status)
    return customer


def delete_customer(call: Call, customer: Customer) -> None:
    """Delete the customer and detach its payment methods."""
    call.store.delete_customer(customer)


def _changed(call: Call, customer: Customer) -> Customer:
    form = call.parameters
    sent = {key: value for key in DETAILS if (value := form.text(key)) is not None}
    address = form.tree.get("address")
    if address is not None:
        address = schema.merge(customer.address or {}, address) or None
    return replace(
        customer,
        details=schema.merge(customer.details, sent),
        address=customer.address if address is None else address,
        metadata=schema.merge(customer.metadata, form.tree.get("metadata")),
        default_payment_method=_default(call, customer),
    )


def _default(call: Call, customer: Customer) -> str | None:
    sent = call.parameters.hash("invoice_settings").get("default_payment_method")
    if sent is None:
        return customer.default_payment_method
    if sent == "":
        return None
    method = call.store.method(str(sent))
    param = "invoice_settings[default_payment_method]"
    if method is None:
        raise errors.no_such("PaymentMethod", str(sent), param, 400)
    if method.customer != customer.id:
        raise errors.invalid_value(
            param,
            f"The customer does not have a payment method with the ID {errors.shorten(str(sent))}. The payment"
            " method must be attached to the customer.",
        )
    return method.id


def _answer(call: Call, customer: Customer, paths: list[str]) -> Answer:
    payload = call.behaviour.customer_json(call, customer)
    call.behaviour.expand(call, payload, paths)
    return Answer(200, payload)
