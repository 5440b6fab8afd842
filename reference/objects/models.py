"""Customers and payment methods: the values that are stored, and the JSON in which they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .cards import Card

if TYPE_CHECKING:
    from ..call import Call
    from ..wire.values import Json

ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")
CONTACT = ("email", "name", "phone", "tax_id")


@dataclass(frozen=True, slots=True)
class PaymentMethod:
    """A payment method. `customer` is the id of its owner; `detached` is final."""

    id: str
    created: int
    type: str = "card"
    card: Card | None = None
    exp_month: int = 1
    exp_year: int = 2030
    cvc_check: str | None = None
    billing_details: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    allow_redisplay: str = "unspecified"
    customer: str | None = None
    detached: bool = False


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer."""

    id: str
    created: int
    details: Mapping[str, str] = field(default_factory=dict)
    address: Mapping[str, str] | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    default_payment_method: str | None = None
    deleted: bool = False


def payment_method_json(call: Call, method: PaymentMethod) -> Json:
    """Return a payment method with the keys of 2026, in Stripe's order."""
    return {
        "id": method.id,
        "object": "payment_method",
        "allow_redisplay": method.allow_redisplay,
        "billing_details": billing_json(method.billing_details),
        method.type: {} if method.card is None else card_json(method, method.card),
        "created": method.created,
        "customer": method.customer,
        "customer_account": None,
        "livemode": False,
        "metadata": dict(method.metadata),
        "shared_payment_granted_token": None,
        "type": method.type,
    }


def billing_json(details: Mapping[str, Any]) -> Json:
    """Return billing details with all keys, null where unset."""
    shown: Json = {"address": address_json(details.get("address", {}))}
    return shown | {key: details.get(key) for key in CONTACT}


def address_json(address: Mapping[str, str]) -> Json:
    """Return an address with all keys, null where unset."""
    return {key: address.get(key) for key in ADDRESS}


def card_json(method: PaymentMethod, card: Card) -> Json:
    """Return the public part of a card."""
    address = method.billing_details.get("address", {})
    return {
        "brand": card.brand,
        "checks": {
            "address_line1_check": _check(method, address.get("line1")),
            "address_postal_code_check": _check(method, address.get("postal_code")),
            "cvc_check": method.cvc_check,
        },
        "country": card.country,
        "display_brand": card.brand,
        "exp_month": method.exp_month,
        "exp_year": method.exp_year,
        "fingerprint": card.fingerprint,
        "funding": card.funding,
        "generated_from": None,
        "last4": card.last4,
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def _check(method: PaymentMethod, value: str | None) -> str | None:
    return method.cvc_check if value else None


def customer_json(call: Call, customer: Customer) -> Json:
    """Return a customer with all keys; a deleted one shows only that."""
    if customer.deleted:
        return {"id": customer.id, "object": "customer", "deleted": True}
    return {
        "id": customer.id,
        "object": "customer",
        "address": None if customer.address is None else address_json(customer.address),
        "balance": 0,
        "created": customer.created,
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": customer.details.get("description"),
        "discount": None,
        "email": customer.details.get("email"),
        "invoice_prefix": customer.id[-8:].upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": customer.default_payment_method,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": dict(customer.metadata),
        "name": customer.details.get("name"),
        "next_invoice_sequence": 1,
        "phone": customer.details.get("phone"),
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }
