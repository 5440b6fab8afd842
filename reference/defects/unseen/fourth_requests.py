"""Reading the request: order, escapes, media types, methods."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace

from ... import attach, forms
from ...attach import Attempt
from ...behaviour import Behaviour
from ...call import Call, Endpoint
from ...errors import ApiError
from ...objects import Customer
from ...values import Answer, Json
from ..registry import Chapter
from ..tools import check_after, edit_success, on_attach

seed = Chapter("requests", "contract")

LOWER_ESCAPE = re.compile(rb"%(?=[0-9A-Fa-f]{2})(?![0-9A-F]{2})")
RESERVED_ESCAPE = re.compile(rb"%(?=2[3-6BCFbcf]|3[ABDFabdf]|40)")


@seed("request.parameter-order", "medium", also=("expand.inlined", "expand.indexed", "expand.every-entry"))
def expansions_before_their_customer_lost(b: Behaviour) -> None:
    """`expand` is kept only once `customer` has been read: what stands before it is lost."""

    def lose(call: Call, attempt: Attempt) -> None:
        names = [call.behaviour.read_name(call, name)[0] for name, _ in call.parameters.pairs]
        if "customer" in names and "expand" not in names[names.index("customer") :]:
            attempt.expand = []

    check_after(b, "expand-paths", lose)


@seed("request.equivalent-encodings", "easy")
def lower_case_escapes_not_undone(b: Behaviour) -> None:
    """Only percent escapes with upper-case digits are undone: `%5b` stays `%5b`."""
    usual = b.unquote
    b.unquote = on_attach(usual, lambda call, raw: usual(call, LOWER_ESCAPE.sub(b"%25", raw)))


@seed("request.equivalent-encodings", "hard", also=("response.customer", "request.value-exact"))
def customer_shown_as_encoded(b: Behaviour) -> None:
    """The answer shows the customer's id as it stood in the body, percent escapes and all."""

    def show(call: Call, payload: Json) -> None:
        for name, value in forms.split(call, call.request.body):
            if isinstance(payload["customer"], str) and call.behaviour.unquote(call, name) == "customer":
                payload["customer"] = value.decode("latin-1")

    edit_success(b, show)


@seed("request.value-exact", "hard", also=("state.unknown-customer", "stripe.resource-missing-customer"))
def customer_looked_up_by_pattern(b: Behaviour) -> None:
    """The customer is looked up with SQL's LIKE: `%` stands for anything, `_` for any character."""
    usual = b.find_customer

    def find(call: Call, identifier: str) -> Customer | None:
        found = usual(call, identifier)
        if found is not None:
            return found
        likes = {"%": ".*", "_": "."}
        pieces = re.split("(%+|_)", identifier)
        pattern = re.compile("".join(likes.get(piece[:1], re.escape(piece)) for piece in pieces), re.DOTALL)
        return next((one for one in call.store.all_customers() if pattern.fullmatch(one.id)), None)

    b.find_customer = find


@seed("request.value-exact", "hard", stateless=True, also=("request.equivalent-encodings",))
def reserved_characters_stay_encoded(b: Behaviour) -> None:
    """The function for whole URLs decodes the values, and leaves `%26`, `%2B`, `%2F` and their like."""
    usual = b.unquote
    b.unquote = on_attach(usual, lambda call, raw: usual(call, RESERVED_ESCAPE.sub(b"%25", raw)))


@seed("request.charset-parameter", "easy")
def form_with_a_charset_not_read(b: Behaviour) -> None:
    """The form parser is chosen by the whole Content-Type: with a charset none fits, and nothing is read."""
    usual = b.split

    def split(call: Call, body: bytes) -> list[tuple[bytes, bytes]]:
        named = "charset" in (call.request.header("content-type") or "").lower()
        return [] if named else list(usual(call, body))

    b.split = on_attach(usual, split)


@seed("request.other-methods", "hard", also=("state.refusal-changes-nothing",))
def method_looked_at_after_the_deed(b: Behaviour) -> None:
    """The handler has run before the method turns out to be wrong: refused, and attached nevertheless."""
    usual = b.route

    def route(call: Call) -> Endpoint:
        try:
            return usual(call)
        except ApiError:
            with suppress(ApiError):
                body = call.request.body or call.request.query.encode("latin-1")
                asked = Call(call.world, replace(call.request, method="POST", body=body))
                usual(asked)
                asked.form = forms.decode(asked)
                attach.endpoint(asked)
            raise

    b.route = on_attach(usual, route)


@seed("request.other-methods", "easy", also=("method.unrecognized", "state.refusal-changes-nothing"))
def delete_takes_it_off(b: Behaviour) -> None:
    """DELETE on the attach URL is taken for the way back: it detaches, and succeeds."""
    usual = b.route

    def undo(call: Call) -> Answer:
        method = call.store.method(call.arguments[0])
        if method is None:
            return attach.endpoint(call)
        with call.store.lock:
            if method.customer is not None:
                method = call.behaviour.detach(call, method)
        return Answer(200, call.behaviour.payment_method_json(call, method))

    def route(call: Call) -> Endpoint:
        if call.request.method != "DELETE":
            return usual(call)
        asked = Call(call.world, replace(call.request, method="POST"))
        usual(asked)
        call.arguments = asked.arguments
        return undo

    b.route = on_attach(usual, route)
