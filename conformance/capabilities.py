"""What a target can do besides the operation under test: other endpoints and fixtures, which may be absent.

What a clause obliges is never a capability.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import quote

from conformance.client import Client
from conformance.exchange import Exchange
from conformance.fixture_forms import PAYMENT_METHOD_FORMS
from conformance.foreign import usable_id
from conformance.options import CAPABILITY_NAMES
from conformance.provisioning import RUN_TAG, Provision, delete_customer
from contracts.contract import FORM_MEDIA_TYPE
from strategies.attempt import PATH_PREFIX, PATH_SUFFIX, Request

NO_SUCH_ENDPOINT = frozenset({404, 405, 501})


def probe_capabilities(client: Client, provision: Provision) -> tuple[str, ...]:
    """The capabilities of `client`'s target, in the order of CAPABILITY_NAMES; at most ten requests."""
    customer = client.call("POST", "/v1/customers", {f"metadata[{RUN_TAG}]": "capabilities"})
    own = _id_of(customer)
    customer_id = own or next(iter(provision.given_customers), "cus_conformance0probe")
    method_id = provision.probed_payment_method or "pm_conformance0probe"
    creates = provision.payment_methods in PAYMENT_METHOD_FORMS or (provision.stateless and _creates(client))
    probes: Mapping[str, Callable[[], bool]] = {
        "create-customer": lambda: bool(own),
        "create-payment-method": lambda: creates,
        "retrieve": lambda: provision.retrieves,
        "list": lambda: _lists(client, customer_id),
        "detach": lambda: _exists(client.call("POST", f"/v1/payment_methods/{quote(method_id)}/detach", {})),
        "shared-tokens": lambda: _attach(client, "pm_card_visa", customer_id).is_success,
        "declining-cards": lambda: _attach(client, "pm_card_chargeDeclined", customer_id).status == 402,
        "delete": lambda: bool(own) and delete_customer(client, own).is_success,
    }
    found = {name for name, probe in probes.items() if probe()}
    return tuple(name for name in CAPABILITY_NAMES if name in found)


def _id_of(exchange: Exchange) -> str:
    return usable_id(exchange.object.get("id")) if exchange.is_success else ""


def _creates(client: Client) -> bool:
    ways = PAYMENT_METHOD_FORMS.values()
    return any(_id_of(client.call("POST", "/v1/payment_methods", dict(form))) for form in ways)


def _exists(exchange: Exchange) -> bool:
    return exchange.answered and exchange.status not in NO_SUCH_ENDPOINT


def _lists(client: Client, customer: str) -> bool:
    query = "type=card&limit=1"
    ways = (
        f"/v1/payment_methods?customer={quote(customer)}&{query}",
        f"/v1/customers/{quote(customer)}/payment_methods?{query}",
    )
    return any(isinstance(client.call("GET", way).object.get("data"), list) for way in ways)


def _attach(client: Client, payment_method: str, customer: str) -> Exchange:
    headers = (("Accept", "application/json"), ("Content-Type", FORM_MEDIA_TYPE))
    target = f"{PATH_PREFIX}{payment_method}{PATH_SUFFIX}"
    return client.send(Request("POST", target, headers, f"customer={quote(customer)}".encode()))
