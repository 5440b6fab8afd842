"""What answers of other endpoints tell: the customer of a payment method, and what a list holds."""

from __future__ import annotations

import re
from urllib.parse import quote

from conformance.evidence.episode import Outcome
from conformance.evidence.exchange import Exchange
from conformance.judge.expectations import Verdict

LIST = re.compile(r"/v1/payment_methods|/v1/customers/[^/]+/payment_methods")
"""The paths of lists of payment methods."""

CUT_SHORT = Verdict(Outcome.INCONCLUSIVE, "the list has more entries than it shows at once")
"""The verdict where what is looked for may stand behind the end of what a list shows."""


def unreadable(exchange: Exchange) -> Verdict | None:
    """The verdict when another endpoint gives no answer to judge by: none at all, or one that is no clause's matter."""
    if not exchange.answered:
        return Verdict(Outcome.INCONCLUSIVE, exchange.why_unanswered or "throttled (429) to the end")
    if not (exchange.is_success or exchange.is_refusal):
        path = exchange.request.target.partition("?")[0]
        return Verdict(Outcome.INCONCLUSIVE, f"{exchange.request.method} {path} is answered {exchange.status}")
    return None


def shown_customer(exchange: Exchange) -> str:
    """The customer that a payment method shows, in words: its id, `null`, or what else stands there."""
    customer = exchange.object.get("customer")
    if isinstance(customer, str):
        return customer
    return "null" if customer is None else "an object"


def is_list(exchange: Exchange) -> bool:
    """Return whether the request asked for a list of payment methods, by either endpoint."""
    path = exchange.request.target.partition("?")[0]
    return exchange.request.method == "GET" and LIST.fullmatch(path) is not None


def is_list_of(exchange: Exchange, customer: str) -> bool:
    """Whether the request asked for the list of that customer's payment methods."""
    path, _, query = exchange.request.target.partition("?")
    escaped = quote(customer, safe="")
    return f"customer={escaped}" in query.split("&") or path == f"/v1/customers/{escaped}/payment_methods"


def times_listed(exchange: Exchange, payment_method: str) -> int:
    """How often a list holds the payment method."""
    data = exchange.object.get("data")
    entries = data if isinstance(data, list) else []
    return sum(isinstance(entry, dict) and entry.get("id") == payment_method for entry in entries)
