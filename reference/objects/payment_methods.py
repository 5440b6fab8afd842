"""The payment-method endpoints other than attach: create, retrieve, update, detach, list."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..rules import errors, expansion, listing, schema
from ..rules.schema import ADDRESS, EXPAND, FREE, TEXT
from ..wire.values import Answer
from . import cards, customers
from .models import CONTACT, PaymentMethod
from .store import new_card

if TYPE_CHECKING:
    from ..call import Call

STUB_TYPES = (
    "affirm", "afterpay_clearpay", "alipay", "bancontact", "blik", "cashapp", "eps", "giropay", "ideal",
    "klarna", "link", "oxxo", "p24", "paypal", "pix", "sepa_debit", "sofort", "twint", "wechat_pay",
)  # fmt: skip
NUMBER = re.compile(r"\d{1,4}", re.ASCII)
REDISPLAY = ("always", "limited", "unspecified")
CARD = {"token": TEXT, "number": TEXT, "exp_month": TEXT, "exp_year": TEXT, "cvc": TEXT}
BILLING = {**dict.fromkeys(CONTACT, TEXT), "address": ADDRESS}
COMMON: dict[str, Any] = {
    "billing_details": BILLING, "metadata": FREE, "allow_redisplay": TEXT, "expand": EXPAND,
}  # fmt: skip
NEW: dict[str, Any] = {
    **COMMON, "type": TEXT, "customer": TEXT, "card": CARD, **{key: {} for key in STUB_TYPES},
    "sepa_debit": {"iban": TEXT},
}  # fmt: skip


def create(call: Call) -> Answer:
    """`POST /v1/payment_methods`."""
    schema.check(call, NEW)
    paths = expansion.check(call, expansion.OF_PAYMENT_METHOD)
    if "customer" in call.parameters.tree:
        raise errors.invalid_value(
            "customer",
            "You cannot attach a PaymentMethod to a Customer during PaymentMethod creation. Please instead"
            " create the PaymentMethod and then attach it using the attachment method of the PaymentMethods"
            " API.",
        )
    kind = call.parameters.text("type")
    if not kind:
        raise errors.missing_parameter("type")
    if kind == "card":
        method = _card(call.parameters.hash("card"), call.behaviour.new_id("pm_"))
    elif kind in STUB_TYPES:
        method = PaymentMethod(call.behaviour.new_id("pm_"), int(time.time()), kind)
    else:
        raise errors.invalid_value("type", f"Invalid type: {errors.shorten(kind)}")
    return _answer(call, call.store.put_method(_changed(call, method)), paths)


def retrieve(call: Call) -> Answer:
    """`GET /v1/payment_methods/{payment_method}`; a shared test id makes a new one."""
    schema.check(call, {"expand": EXPAND})
    paths = expansion.check(call, expansion.OF_PAYMENT_METHOD)
    method = call.store.method(call.arguments[0])
    shared = cards.by_shared_id(call.arguments[0])
    if method is None and shared is not None:
        method = call.store.put_method(new_card(shared, call.behaviour.new_id("pm_")))
    if method is None:
        raise errors.no_such("PaymentMethod", call.arguments[0], "payment_method", 404)
    return _answer(call, method, paths)


def update(call: Call) -> Answer:
    """`POST /v1/payment_methods/{payment_method}`."""
    schema.check(call, COMMON)
    paths = expansion.check(call, expansion.OF_PAYMENT_METHOD)
    with call.store.lock:
        return _answer(call, call.store.put_method(_changed(call, _found(call))), paths)


def detach(call: Call) -> Answer:
    """`POST /v1/payment_methods/{payment_method}/detach`."""
    schema.check(call, {"expand": EXPAND})
    paths = expansion.check(call, expansion.OF_PAYMENT_METHOD)
    with call.store.lock:
        method = _found(call)
        if method.customer is None:
            raise errors.not_attached()
        return _answer(call, call.behaviour.detach(call, method), paths)


def detach_step(call: Call, method: PaymentMethod) -> PaymentMethod:
    """Take the payment method from its customer, for good."""
    return call.store.detach(method)


def every(call: Call) -> Answer:
    """`GET /v1/payment_methods?customer=&type=`; none without a customer."""
    schema.check(call, listing.PAGE | {"customer": TEXT, "type": TEXT})
    paths = expansion.check(call, expansion.OF_PAYMENT_METHOD, listed=True)
    customer = call.parameters.text("customer")
    if customer is None:
        return _listed(call, "/v1/payment_methods", [], paths)
    if not customer:
        raise errors.empty_parameter("customer")
    found = customers.find(call, customer, "customer", 400)
    return _listed(call, "/v1/payment_methods", call.behaviour.methods_of(call, found.id), paths)


def of_customer(call: Call) -> Answer:
    """`GET /v1/customers/{customer}/payment_methods?type=`."""
    schema.check(call, listing.PAGE | {"type": TEXT})
    paths = expansion.check(call, expansion.OF_PAYMENT_METHOD, listed=True)
    found = customers.find(call, call.arguments[0], "customer", 404)
    url = f"/v1/customers/{found.id}/payment_methods"
    return _listed(call, url, call.behaviour.methods_of(call, found.id), paths)


def one_of_customer(call: Call) -> Answer:
    """`GET /v1/customers/{customer}/payment_methods/{payment_method}`."""
    schema.check(call, {"expand": EXPAND})
    paths = expansion.check(call, expansion.OF_PAYMENT_METHOD)
    found = customers.find(call, call.arguments[0], "customer", 404)
    method = call.store.method(call.arguments[1])
    if method is None:
        raise errors.no_such("PaymentMethod", call.arguments[1], "payment_method", 404)
    if method.customer != found.id:
        raise errors.ApiError(errors.Rejection("not-the-customers", 404, "Invalid request", param="customer"))
    return _answer(call, method, paths)


def methods_of(call: Call, customer: str) -> list[PaymentMethod]:
    """Return the customer's payment methods, the newest attached first."""
    return call.store.methods_of(customer)


def _card(sent: Mapping[Any, Any], identifier: str) -> PaymentMethod:
    name = str(sent.get("token", ""))
    if name:
        card = cards.by_token(name)
        if card is None:
            raise errors.invalid_value("token", f"Invalid token id: {errors.shorten(name)}")
        return new_card(card, identifier)
    number = str(sent.get("number", "")).replace(" ", "")
    if not number:
        raise errors.missing_parameter("card[token]")
    card = cards.BY_NUMBER.get(number)
    if card is None:
        text = "Your card was declined. Your request was in test mode, but used a non test card."
        raise errors.declined("test_mode_live_card", "card_declined", text, "number")
    month, year = _number(sent, "exp_month", 1, 12), _number(sent, "exp_year", 0, 9999)
    return replace(
        new_card(card, identifier),
        exp_month=month,
        exp_year=year + 2000 if year < 100 else year,
        cvc_check="unchecked" if sent.get("cvc") else None,
    )


def _number(sent: Mapping[Any, Any], name: str, low: int, high: int) -> int:
    text = str(sent.get(name, ""))
    if not text:
        raise errors.missing_parameter(f"card[{name}]")
    if not NUMBER.fullmatch(text) or not low <= int(text) <= high:
        raise errors.invalid_value(f"card[{name}]", f"Invalid integer: {errors.shorten(text)}")
    return int(text)


def _changed(call: Call, method: PaymentMethod) -> PaymentMethod:
    form = call.parameters
    sent = form.hash("billing_details")
    address = schema.merge(method.billing_details.get("address", {}), sent.get("address"))
    contact = {key: value for key, value in method.billing_details.items() if key != "address"}
    texts = {key: value for key, value in sent.items() if key != "address"}
    redisplay = form.text("allow_redisplay") or method.allow_redisplay
    if redisplay not in REDISPLAY:
        raise errors.invalid_value("allow_redisplay", f"Invalid allow_redisplay: {errors.shorten(redisplay)}")
    return replace(
        method,
        billing_details={**schema.merge(contact, texts), "address": address},
        metadata=schema.merge(method.metadata, form.tree.get("metadata")),
        allow_redisplay=redisplay,
    )


def _found(call: Call) -> PaymentMethod:
    method = call.store.method(call.arguments[0])
    if method is None:
        raise errors.no_such("PaymentMethod", call.arguments[0], "payment_method", 404)
    return method


def _listed(call: Call, url: str, methods: list[PaymentMethod], paths: list[str]) -> Answer:
    kind = call.parameters.text("type")
    picked = [method for method in methods if kind is None or method.type == kind]
    payload = listing.page(call, url, picked, call.behaviour.payment_method_json)
    call.behaviour.expand(call, payload, paths)
    return Answer(200, payload)


def _answer(call: Call, method: PaymentMethod, paths: list[str]) -> Answer:
    payload = call.behaviour.payment_method_json(call, method)
    call.behaviour.expand(call, payload, paths)
    return Answer(200, payload)
