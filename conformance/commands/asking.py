"""The client of a command that asks a target which is named on its command line."""

from __future__ import annotations

from collections.abc import Mapping

from conformance.plugin.options import key_for
from conformance.transport.client import DEFAULT_TIMEOUT, Address, Client
from conformance.verdict.settings import usual_rate
from contracts import published_contract


def client_for(base_url: str, environment: Mapping[str, str], timeout: float = DEFAULT_TIMEOUT) -> Client:
    """Return a client of the target at that URL, with the key of the environment; `timeout` is in seconds.

    Raises TargetError for a bad URL, and pytest's UsageError for a key that must not be used.
    """
    address, key = Address.of(base_url), key_for(environment, base_url)
    rate = usual_rate(is_loopback=address.is_loopback)
    return Client(address, key, published_contract(), timeout=timeout, rate=rate)
