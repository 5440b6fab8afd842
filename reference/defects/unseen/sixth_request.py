"""Seeded defects: reading the request."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from ... import attach
from ...attach import Attempt
from ...behaviour import Behaviour
from ...call import Call, Endpoint
from ...forms import Form, Pair
from ...values import Answer
from ..registry import Chapter
from ..tools import check_after, on_attach, skip_check, tolerate

seed = Chapter("request", "contract")


@seed("request.equivalent-encodings", "medium", also=("expand.accepted", "robustness.malformed-encoding"))
def lower_hex_kept(b: Behaviour) -> None:
    """Escapes with a lower-case hexadecimal letter are not decoded."""
    usual = b.unquote

    def unquote(call: Call, raw: bytes) -> str:
        return usual(call, re.sub(rb"%(?=[0-9A-Fa-f]?[a-f])", b"%25", raw))

    b.unquote = on_attach(usual, unquote)


@seed("request.parameter-order", "easy", also=("expand.accepted", "request.minimal-body", "body.unknown-parameter"))
def reading_ends_at_the_array(b: Behaviour) -> None:
    """Parameters that stand behind an entry of `expand` are not read, save further entries."""
    usual = b.build

    def build(call: Call, pairs: Sequence[Pair]) -> Form:
        seen, kept = False, []
        for name, value in pairs:
            seen = seen or name.startswith("expand[")
            if not seen or name.startswith("expand["):
                kept.append((name, value))
        return usual(call, kept)

    b.build = on_attach(usual, build)


@seed("request.value-exact", "medium", also=("state.unknown-customer", "stripe.resource-missing-customer"))
def column_of_28(b: Behaviour) -> None:
    """Customers are looked up by the first 28 characters of what was sent."""
    usual = b.find_customer
    b.find_customer = on_attach(usual, lambda call, identifier: usual(call, identifier[:28]))


@seed("request.other-methods", "medium", also=("method.unrecognized",))
def get_with_query_attaches(b: Behaviour) -> None:
    """GET with `customer` in the query attaches."""
    usual = b.route

    def route(call: Call) -> Endpoint:
        if call.request.method != "GET":
            return usual(call)
        call.arguments = (call.request.path.split("/")[3],)
        return attach.endpoint

    b.route = on_attach(usual, route)


@seed("body.customer-required", "medium", also=("stripe.parameter-missing",))
def empty_body_is_a_read(b: Behaviour) -> None:
    """Without any parameter the payment method is shown with 200, and nothing is asked."""
    usual = b.once

    def once(call: Call, endpoint: Endpoint) -> Answer:
        method = call.store.method(call.arguments[0])
        if call.parameters.pairs or method is None:
            return usual(call, endpoint)
        return Answer(200, call.behaviour.payment_method_json(call, method))

    b.once = on_attach(usual, once)


@seed("body.customer-structure", "medium", also=("stripe.wrong-structure",))
def hash_with_an_id(b: Behaviour) -> None:
    """`customer[id]` is taken for the customer's id."""
    usual = b.build

    def build(call: Call, pairs: Sequence[Pair]) -> Form:
        form = usual(call, pairs)
        value = form.tree.get("customer")
        if isinstance(value, dict) and isinstance(value.get("id"), str):
            return replace(form, tree=form.tree | {"customer": value["id"]})
        return form

    b.build = on_attach(usual, build)


@seed(
    "body.customer-length-limit-exact",
    "medium",
    also=("body.length-in-characters", "expand.item-length-limit-exact"),
)
def limit_excludes_itself(b: Behaviour) -> None:
    """A value of exactly 5000 characters is too long."""
    usual = b.measure
    b.measure = on_attach(usual, lambda call, text: usual(call, text) + (not text.startswith("customer")))


@seed("body.length-in-characters", "hard")
def length_in_utf16(b: Behaviour) -> None:
    """The length of a string is that of its UTF-16 units."""
    b.measure = on_attach(b.measure, lambda call, text: len(text.encode("utf-16-le", "surrogatepass")) // 2)


@seed("body.unknown-parameter", "hard", also=("stripe.parameter-unknown", "robustness.same-request-same-answer"))
def warned_once(b: Behaviour) -> None:
    """An unknown parameter is refused the first time that its name is seen, and ignored from then on."""
    seen: set[str] = set()

    def known(call: Call, name: str) -> bool:
        before = name in seen
        seen.add(name)
        return before

    tolerate(b, known)


@seed("body.unknown-parameter-nested", "medium", also=("stripe.parameter-unknown",))
def arrays_unchecked(b: Behaviour) -> None:
    """Only unknown strings are refused; unknown hashes and arrays pass."""
    tolerate(b, lambda call, name: isinstance(call.parameters.tree.get(name), dict))


@seed("expand.structure", "easy")
def scalar_expand(b: Behaviour) -> None:
    """`expand=customer` is taken for an array of one."""

    def more(call: Call, attempt: Attempt) -> None:
        value = call.parameters.tree.get("expand")
        if isinstance(value, str) and value:
            attempt.expand = [value]

    skip_check(b, "expand-structure", lambda call, attempt: isinstance(call.parameters.tree.get("expand"), str))
    check_after(b, "expand-structure", more)
