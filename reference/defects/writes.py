"""Requests that are refused, and leave a mark all the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

from ..attach import Attempt
from ..behaviour import Behaviour
from ..call import Call
from ..errors import ApiError, Refusal
from ..values import Answer
from .registry import Chapter

seed = Chapter("refusals that write", "stateful")


def attach_anyway(call: Call, customer: Any) -> None:
    """Attach the payment method in the path, where it and the customer are good."""
    method = call.store.method(call.request.path.split("/")[3])
    owner = call.store.live_customer(str(customer))
    if method is not None and owner is not None and method.customer is None and not method.detached:
        call.store.attach(method, owner.id)


def first_good(call: Call) -> str:
    """A value that was sent somewhere in the body and is a customer's id."""
    sent = [value for _, value in parse_qsl(call.request.body.decode("latin-1"))]
    values = [*sent, *(value.partition("%")[0] for value in sent)]
    return next((value for value in values if call.store.live_customer(value)), "")


def on_refusal(b: Behaviour, wanted: Callable[[Refusal], bool], deed: Callable[[Call], None]) -> None:
    """Do something at each refusal of some kind of a POST."""
    usual = b.refuse

    def refuse(call: Call, refusal: Refusal) -> Answer:
        if call.is_attach and call.request.method == "POST" and wanted(refusal):
            deed(call)
        return usual(call, refusal)

    b.refuse = refuse


def write_at(b: Behaviour, *rules: str) -> None:
    """Attach before refusing by some rules."""
    on_refusal(b, lambda refusal: refusal.rule in rules, lambda call: attach_anyway(call, first_good(call)))


@seed("state.refusal-changes-nothing", "medium")
def unknown_parameter_refused_too_late(b: Behaviour) -> None:
    """An unknown parameter is refused after the payment method was attached."""
    write_at(b, "unknown-parameter")


@seed("state.refusal-changes-nothing", "hard")
def bad_path_refused_too_late(b: Behaviour) -> None:
    """A path that cannot be expanded is refused after the payment method was attached."""
    write_at(b, "expand-path", "expand-depth")


@seed("state.refusal-changes-nothing", "medium")
def structure_refused_too_late(b: Behaviour) -> None:
    """A hash or array for `customer`, or a string for `expand`, is refused after attaching."""
    write_at(b, "structure")


@seed("state.refusal-changes-nothing", "hard")
def key_refused_too_late(b: Behaviour) -> None:
    """A request without a good key is answered with 401, and obeyed."""
    write_at(b, "unauthorized")


@seed("state.refusal-changes-nothing", "hard")
def malformed_refused_too_late(b: Behaviour) -> None:
    """A body with a malformed escape is refused after what came before it was obeyed."""
    write_at(b, "malformed")


@seed("state.refusal-changes-nothing", "hard", also=("request.json-refused",))
def json_refused_too_late(b: Behaviour) -> None:
    """A JSON body is refused, and obeyed."""

    def obey(call: Call) -> None:
        try:
            members = json.loads(call.request.body)
        except ValueError:
            return
        if isinstance(members, dict):
            attach_anyway(call, members.get("customer"))

    on_refusal(b, lambda refusal: refusal.rule == "media-type", obey)


def method_in_path(call: Call, deed: Callable[[Call, str], None]) -> None:
    """Do something to the unattached payment method in the path."""
    method = call.store.method(call.request.path.split("/")[3])
    if method is not None and method.customer is None:
        deed(call, method.id)


@seed(
    "state.refusal-changes-nothing",
    "medium",
    also=("state.unknown-customer", "state.deleted-customer"),
)
def unknown_customer_written(b: Behaviour) -> None:
    """An unknown customer is refused, but the payment method says that it is that customer's."""
    usual = b.checks["customer"]

    def check(call: Call, attempt: Attempt) -> None:
        try:
            usual(call, attempt)
        except ApiError:
            if attempt.method.customer is None:
                call.store.put_method(replace(attempt.method, customer=attempt.customer_id))
            raise

    b.checks["customer"] = check


@seed("state.refusal-changes-nothing", "hard")
def missing_customer_spends_method(b: Behaviour) -> None:
    """After a request without `customer` the payment method can no longer be attached."""

    def spend(call: Call, identifier: str) -> None:
        call.store.put_method(replace(call.store.methods[identifier], detached=True))

    on_refusal(b, lambda refusal: refusal.rule == "missing-customer", lambda call: method_in_path(call, spend))


@seed("state.refusal-changes-nothing", "hard")
def refusals_counted_in_metadata(b: Behaviour) -> None:
    """The payment method's metadata count the requests that were refused."""

    def count(call: Call, identifier: str) -> None:
        method = call.store.methods[identifier]
        number = int(method.metadata.get("refused", "0")) + 1
        call.store.put_method(replace(method, metadata={**method.metadata, "refused": str(number)}))

    on_refusal(b, lambda refusal: True, lambda call: method_in_path(call, count))


@seed("state.refusal-changes-nothing", "hard")
def long_customer_deletes_method(b: Behaviour) -> None:
    """A customer that is too long is refused, and the payment method gone."""

    def delete(call: Call, identifier: str) -> None:
        del call.store.methods[identifier]

    on_refusal(b, lambda refusal: refusal.rule == "too-long", lambda call: method_in_path(call, delete))
