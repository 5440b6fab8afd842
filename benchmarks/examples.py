"""Exchanges made by hand, for the tests of the judge."""

from __future__ import annotations

import json
from typing import Any

from conformance.evidence.episode import Episode, Step
from conformance.evidence.exchange import Exchange
from strategies.attempt import Request

CUSTOMER = "cus_Example0"
PAYMENT_METHOD = "pm_Example0"
NOW = 1_790_000_000

CARD = {
    "brand": "visa",
    "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
    "country": "US",
    "exp_month": 4,
    "exp_year": 2034,
    "fingerprint": "abcdefgh",
    "funding": "credit",
    "last4": "4242",
    "networks": {"available": ["visa"], "preferred": None},
    "three_d_secure_usage": {"supported": True},
    "wallet": None,
}

SUCCESS: dict[str, Any] = {
    "id": PAYMENT_METHOD,
    "object": "payment_method",
    "billing_details": {"address": None, "email": None, "name": None, "phone": None},
    "card": CARD,
    "created": NOW,
    "customer": CUSTOMER,
    "livemode": False,
    "metadata": {},
    "type": "card",
}

EXPANDED_CUSTOMER = {"id": CUSTOMER, "object": "customer", "created": NOW, "livemode": False}

ERROR: dict[str, Any] = {"error": {"type": "invalid_request_error", "message": "No."}}


def but(value: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a copy with some members changed; those changed to `...` are left out."""
    changed = {**value, **changes}
    return {key: item for key, item in changed.items() if item is not ...}


def exchange(
    status: int | None,
    body: Any = None,
    *,
    sent: str = f"customer={CUSTOMER}",
    method: str = "POST",
    media_type: str | None = "application/json",
    payment_method: str = PAYMENT_METHOD,
    **more: Any,
) -> Exchange:
    """Return an exchange; a `body` that is not bytes is written as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = Request(method, f"/v1/payment_methods/{payment_method}/attach", (), sent.encode())
    headers = (("Content-Type", media_type),) if media_type else ()
    return Exchange(request, status, headers, content, received=NOW, **more)


def episode(expectation: str, *subjects: Exchange, clause: str = "", kind: str = "valid", **facts: Any) -> Episode:
    """Return an episode whose steps are all subjects."""
    steps = tuple(Step("subject", subject, kind=kind) for subject in subjects)
    return Episode(clause or "request.minimal-body", expectation, steps, {}, facts)
