"""Freedoms that a close reading of the judgements found to be endangered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..behaviour import Behaviour
from ..call import Call
from ..errors import Refusal
from ..forms import Form, Pair
from ..objects import Customer
from ..values import Json, Response
from .registry import STRIPE, Variants
from .rules import amend, refuse_losers
from .shape import edit_methods

variant = Variants()


@variant(STRIPE)
def empty_expand_is_an_empty_array(b: Behaviour) -> None:
    """`expand=` is how client libraries write an array without entries, and is taken for that."""
    usual = b.build

    def build(call: Call, pairs: Sequence[Pair]) -> Form:
        return usual(call, [pair for pair in pairs if pair != ("expand", "")])

    b.build = build


@variant(STRIPE)
def unknown_hash_named_with_its_keys(b: Behaviour) -> None:
    """The error about an unknown hash names it as it was sent, with its keys."""

    def named(call: Call, refusal: Refusal) -> Refusal:
        if refusal.rule != "unknown-parameter":
            return refusal
        sent = (name for name, _ in call.parameters.pairs if name.startswith(f"{refusal.param}["))
        return replace(refusal, param=next(sent, refusal.param))

    amend(b, named)


@variant(STRIPE)
def expanded_customer_without_metadata(b: Behaviour) -> None:
    """Where a customer is expanded its metadata are left out, and its email is shown."""
    usual = b.customer_json

    def shown(call: Call, customer: Customer) -> Json:
        payload = usual(call, customer)
        if call.is_attach:
            del payload["metadata"]
        return payload

    b.customer_json = shown


@variant(STRIPE)
def busy_customer_is_409(b: Behaviour) -> None:
    """A customer is locked while something is attached to it: another attach at that time is answered with 409."""
    refuse_losers(b, 409, "lock_timeout", lambda call: call.parameters.text("customer") or "")


@variant(STRIPE)
def created_has_a_fraction_of_zero(b: Behaviour) -> None:
    """`created` is written with a fraction, which is zero: a whole number all the same."""
    edit_methods(b, lambda payload: payload.update(created=float(payload["created"])))


@variant(STRIPE)
def body_where_none_belongs_is_a_page(b: Behaviour) -> None:
    """A front-end server refuses the body of a GET or a DELETE, with a page of its own."""
    usual = b.finish
    page = b"<html><title>Error 400 (Bad Request)</title><p>Your client has issued a malformed request.</html>"

    def finish(call: Call, response: Response) -> Response:
        response = usual(call, response)
        if call.request.method not in ("GET", "DELETE") or not call.request.body:
            return response
        return Response(400, (("Server", "front"), ("Content-Type", "text/html")), page)

    b.finish = finish


@variant(STRIPE)
def refusals_in_plain_words(b: Behaviour) -> None:
    """Refusals say what to do, in words that are those of SQL, too."""
    words = "Please select another customer from your account, or update your request and set customer to it."
    amend(b, lambda call, refusal: replace(refusal, message=words))
