"""What is stored."""

import secrets
from typing import Any

from django.db import models


def customer_id() -> str:
    """Return a new id."""
    return "cus_" + secrets.token_hex(7)


def payment_method_id() -> str:
    """Return a new id."""
    return "pm_" + secrets.token_hex(12)


class Customer(models.Model):
    """A customer."""

    id = models.CharField(primary_key=True, max_length=40, default=customer_id)
    created = models.DateTimeField(auto_now_add=True)
    email = models.CharField(max_length=512, null=True)
    name = models.CharField(max_length=256, null=True)
    description = models.TextField(null=True)
    metadata = models.JSONField(default=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the customer as Stripe shows it."""
        shown = {key: getattr(self, key) for key in ("id", "email", "name", "description", "metadata")}
        return {**shown, "object": "customer", "created": int(self.created.timestamp()), "livemode": False}


class PaymentMethod(models.Model):
    """A card."""

    id = models.CharField(primary_key=True, max_length=40, default=payment_method_id)
    created = models.DateTimeField(auto_now_add=True)
    brand = models.CharField(max_length=20)
    last4 = models.CharField(max_length=4)
    billing_details = models.JSONField(default=dict)
    metadata = models.JSONField(default=dict)
    customer = models.ForeignKey(Customer, null=True, on_delete=models.SET_NULL, related_name="payment_methods")

    def as_dict(self, expand: bool = False) -> dict[str, Any]:
        """Return the payment method as Stripe shows it."""
        card = {"brand": self.brand, "last4": self.last4, "exp_month": 12, "exp_year": 2034, "country": "US"}
        return {
            "id": self.id,
            "object": "payment_method",
            "billing_details": self.billing_details,
            "card": {**card, "funding": "credit"},
            "created": int(self.created.timestamp()),
            "customer": self.customer.as_dict() if expand and self.customer else self.customer_id,
            "livemode": False,
            "metadata": self.metadata,
            "type": "card",
        }


class SavedAnswer(models.Model):
    """The answer to a request with an Idempotency-Key."""

    key = models.CharField(primary_key=True, max_length=255)
    request = models.TextField()
    status = models.IntegerField()
    body = models.TextField()
