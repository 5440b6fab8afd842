"""The endpoints of payment methods and customers besides the operation, and which of them a target has."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.client import Client
from conformance.exchange import Exchange
from conformance.foreign import path_segment, usable_id
from conformance.ways import Manner

LISTS: Sequence[str] = tuple(
    endpoint + parameters
    for parameters in ("&type={type}&limit=100", "&type={type}", "")
    for endpoint in ("/v1/payment_methods?customer={customer}", "/v1/customers/{customer}/payment_methods?")
)
"""The lists of a customer's payment methods in the order in which they are tried: with few parameters only where a
target refuses more."""

CARD = "card"
"""The type of a payment method of which nothing else is known."""

NO_SUCH_ENDPOINT = frozenset({404, 405, 501})
OUT_OF_ORDER = frozenset({502, 503, 504})
"""Statuses by which a gateway says that a server does not answer, which says nothing of its endpoints."""


def is_absent(exchange: Exchange) -> bool:
    """Whether an answer says that there is no such endpoint, other than by a 404, which may be about the object."""
    if not exchange.answered or exchange.is_success or exchange.status in OUT_OF_ORDER:
        return False
    return exchange.status in (405, 501) or not exchange.error


def created_id(exchange: Exchange) -> str:
    """The id of the object that an answer gives; empty without one."""
    return usable_id(exchange.object.get("id")) if exchange.is_success else ""


def delete_customer(client: Client, identifier: str) -> Exchange:
    """Ask for the deletion of a customer; the answer."""
    return client.call("DELETE", f"/v1/customers/{path_segment(identifier)}")


def detach_payment_method(client: Client, identifier: str, manner: Manner) -> Exchange:
    """Ask for a payment method to be detached, in the `manner` in which it is created; the answer."""
    return client.call("POST", f"/v1/payment_methods/{path_segment(identifier)}/detach", {}, manner)


def list_target(template: str, customer: str, kind: str) -> str:
    """The path and query of a list."""
    target = template.format(customer=path_segment(customer), type=path_segment(kind))
    return target.replace("?&", "?").removesuffix("?")


def find_list(client: Client, customer: str, kind: str = CARD) -> tuple[str | None, Exchange | None]:
    """The first of LISTS that the target answers with a list, and its answer; empty and None where there is none.

    Where one of them may only be out of order, None and that answer.
    """
    gone: set[str] = set()
    trouble: Exchange | None = None
    for template in LISTS:
        endpoint = template.partition("?")[0]
        if endpoint in gone:
            continue
        answer = client.call("GET", list_target(template, customer, kind))
        if answer.is_success and isinstance(answer.object.get("data"), list):
            return template, answer
        if answer.status in NO_SUCH_ENDPOINT:
            gone.add(endpoint)
        elif not answer.is_refusal and not is_absent(answer):
            trouble = trouble or answer
    return ("", None) if trouble is None else (None, trouble)


def find_other_list(client: Client, used: str, customer: str, kind: str) -> Exchange | None:
    """Return the answer of a list that is not at the endpoint of the one in use; None where there is none."""
    for template in LISTS:
        if template.partition("?")[0] == used.partition("?")[0]:
            continue
        answer = client.call("GET", list_target(template, customer, kind))
        if answer.is_success and isinstance(answer.object.get("data"), list):
            return answer
        if answer.status in NO_SUCH_ENDPOINT:
            return None
    return None
