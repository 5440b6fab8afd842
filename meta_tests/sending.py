"""Sending one request to a server of a test, by either way to send."""

from __future__ import annotations

from conformance.evidence.exchange import Exchange
from conformance.evidence.secret import Secret
from conformance.transport.client import Address, Client
from contracts import published_contract
from strategies.valid import MINIMAL

KEY = Secret("sk_test_0123456789abcdefghijklmn")
BINDINGS = {"customer": "cus_Known0", "payment_method": "pm_Known0"}


def client_of(url: str, timeout: float = 5) -> Client:
    return Client(Address.of(url), KEY, published_contract(), timeout=timeout)


def sent(url: str, transport: str, timeout: float = 5) -> Exchange:
    return client_of(url, timeout).send(MINIMAL.but(transport=transport).bind(BINDINGS))
