"""What a target can do besides the operation under test: other endpoints and fixtures, which may be absent.

What a clause obliges is never a capability.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import quote

from conformance.client import Client
from conformance.endpoints import (
    NO_SUCH_ENDPOINT,
    created_id,
    delete_customer,
    detach_payment_method,
    find_list,
    is_absent,
)
from conformance.exchange import Exchange
from conformance.fixture_forms import PAYMENT_METHOD_FORMS
from conformance.options import CAPABILITY_NAMES
from conformance.provisioning import RUN_TAG, Provision
from contracts.contract import FORM_MEDIA_TYPE
from strategies.attempt import PATH_PREFIX, PATH_SUFFIX, Request


def probe_capabilities(client: Client, provision: Provision) -> tuple[tuple[str, ...], Provision]:
    """The capabilities of `client`'s target, in the order of CAPABILITY_NAMES; at most some fifteen requests.

    With them, the provision, which from now on says which list works and whether payment methods can be detached.
    """
    way = provision.customer_way
    tag = {f"metadata[{RUN_TAG}]": "capabilities"} if way.tagged else {}
    own = created_id(client.call("POST", "/v1/customers", {**dict(way.details), **tag}, way.manner))
    customer_id = own or next(iter(provision.given_customers), "cus_conformance0probe")
    method_id = provision.probed_payment_method or "pm_conformance0probe"
    creates = provision.payment_methods in PAYMENT_METHOD_FORMS or (provision.stateless and _creates(client))
    lists, _ = find_list(client, customer_id)
    detached = detach_payment_method(client, method_id, provision.method_way.manner)
    probes: Mapping[str, Callable[[], bool]] = {
        "create-customer": lambda: bool(own),
        "create-payment-method": lambda: creates,
        "retrieve": lambda: provision.retrieves,
        "list": lambda: bool(lists),
        "detach": lambda: _exists(detached),
        "shared-tokens": lambda: _attach(client, "pm_card_visa", customer_id).is_success,
        "declining-cards": lambda: _attach(client, "pm_card_chargeDeclined", customer_id).status == 402,
        "delete": lambda: bool(own) and delete_customer(client, own).is_success,
    }
    found = {name for name, probe in probes.items() if probe()}
    absent = (*provision.absent, "detach") if is_absent(detached) else provision.absent
    known = replace(provision, lists=lists, absent=absent)
    return tuple(name for name in CAPABILITY_NAMES if name in found), known


def _creates(client: Client) -> bool:
    ways = PAYMENT_METHOD_FORMS.values()
    return any(created_id(client.call("POST", "/v1/payment_methods", form)) for form in ways)


def _exists(exchange: Exchange) -> bool:
    return exchange.answered and exchange.status not in NO_SUCH_ENDPOINT and not is_absent(exchange)


def _attach(client: Client, payment_method: str, customer: str) -> Exchange:
    headers = (("Accept", "application/json"), ("Content-Type", FORM_MEDIA_TYPE))
    target = f"{PATH_PREFIX}{payment_method}{PATH_SUFFIX}"
    return client.send(Request("POST", target, headers, f"customer={quote(customer)}".encode()))
