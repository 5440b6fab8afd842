"""Freedoms that the tests of keys, lists and rare answers must leave alone."""

from __future__ import annotations

from .. import forms, payment_methods
from ..behaviour import Behaviour
from ..call import Call, Endpoint
from ..errors import ApiError, Refusal
from .registry import STRIPE, Variants

variant = Variants()


@variant(STRIPE)
def unreadable_body_before_the_key(b: Behaviour) -> None:
    """The body is read before the key is asked for: what cannot be decoded as a form is refused with 400."""
    usual = b.authenticate

    def authenticate(call: Call) -> None:
        if call.is_attach and call.request.method == "POST":
            for name, value in forms.split(call, call.request.body):
                forms.unescaped(name)
                forms.unescaped(value)
        usual(call)

    b.authenticate = authenticate


@variant(STRIPE)
def list_below_a_customer_is_501(b: Behaviour) -> None:
    """The lists below a customer are not implemented, and say so with 501."""
    usual = b.route

    def route(call: Call) -> Endpoint:
        endpoint = usual(call)
        if endpoint is payment_methods.of_customer:
            raise ApiError(Refusal("not-implemented", 501, "Not implemented.", type="api_error"))
        return endpoint

    b.route = route
