"""Mistakes in other methods, and in the path."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from urllib.parse import parse_qs

from ..behaviour import Behaviour, Route, Serve
from ..call import Call, Endpoint
from ..changes import Change, apply, edit_rejections, is_authentic, override, wrap, wrap_at_attach
from ..objects import payment_methods
from ..rules import attach, errors, forms, routes
from ..rules.errors import ApiError
from ..wire.values import Answer, Headers, Request, Response
from .parts import change_request
from .registry import Topic

contract = Topic("contract")
stripe = Topic("stripe")


def obey_method(method: str, when: Callable[[Request], bool] = lambda request: True) -> Change:
    """Treat another method as POST in some cases; its query counts if it has no body."""

    @wrap_at_attach("route")
    def route(usual: Route, call: Call) -> Endpoint:
        request = call.request
        if request.method == method and when(request):
            body = request.body or request.query.encode("latin-1")
            call.request = replace(request, method="POST", body=body)
        return usual(call)

    return route


contract.row("get-attaches", "request.other-methods", "easy")(
    "A GET with the customer in its query attaches.", obey_method("GET")
)
contract.row("put-attaches", "request.other-methods", "medium")("A PUT attaches like a POST.", obey_method("PUT"))
contract.row("patch-attaches", "request.other-methods", "medium")("A PATCH attaches like a POST.", obey_method("PATCH"))
contract.row("delete-attaches", "request.other-methods", "medium")(
    "A DELETE with the customer in its query or body attaches.", obey_method("DELETE")
)


@contract("request.other-headers", "medium", wrap_at_attach("route"), level="SHOULD", batch="fourteenth field")
def method_of_a_header(usual: Route, call: Call) -> Endpoint:
    """A method that `X-HTTP-Method-Override` names counts in place of POST: Express' method-override, and others."""
    method = call.request.header("x-http-method-override")
    if method is not None:
        call.request = replace(call.request, method=method.upper())
    return usual(call)


@contract("request.other-methods", "medium", wrap_at_attach("route"))
def get_shows_payment_method(usual: Route, call: Call) -> Endpoint:
    """A GET is answered with 200 and the payment method, though nothing is attached."""
    if call.request.method != "GET":
        return usual(call)
    call.arguments = (call.request.path.split("/")[3],)
    call.request = replace(call.request, target=call.request.path)
    return payment_methods.retrieve


def _attach_what_is_named(call: Call) -> None:
    sent = f"{call.request.query}&{call.request.body.decode('latin-1')}"
    customers = parse_qs(sent, encoding="utf-8", errors="replace").get("customer", [""])
    with call.store.lock:
        customer = call.store.live_customer(customers[0])
        method = call.store.methods.get(call.request.path.split("/")[3])
        if customer is not None and method is not None and method.customer is None:
            call.store.attach(method, customer.id)


@contract(
    "request.other-methods", "hard", wrap_at_attach("route"), also="state.refusal-changes-nothing", batch="unseen 1"
)
def delete_attaches_quietly(usual: Route, call: Call) -> Endpoint:
    """DELETE with `customer` in query or body is answered 404, and attaches all the same."""
    if call.request.method == "DELETE":
        _attach_what_is_named(call)
    return usual(call)


@contract("request.other-methods", "hard", wrap("serve"), also="state.refusal-changes-nothing", batch="unseen 2")
def put_attaches_behind_a_404(usual: Serve, call: Call) -> Response:
    """PUT is answered with 404, but only after the same handler as for POST has attached."""
    if call.is_attach and call.request.method == "PUT" and is_authentic(call):
        usual(Call(call.world, replace(call.request, method="POST")))
    return usual(call)


@contract(
    "request.other-methods", "hard", wrap_at_attach("route"), also="state.refusal-changes-nothing", batch="unseen 4"
)
def method_looked_at_after_the_deed(usual: Route, call: Call) -> Endpoint:
    """The handler has run before the method turns out to be wrong: rejected, and attached nevertheless."""
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


@contract("request.other-methods", "easy", also="method.unrecognized state.refusal-changes-nothing", batch="unseen 4")
def delete_takes_it_off(b: Behaviour) -> None:
    """DELETE on the attach URL is taken for the way back: it detaches, and succeeds."""

    def undo(call: Call) -> Answer:
        method = call.store.method(call.arguments[0])
        if method is None:
            return attach.endpoint(call)
        with call.store.lock:
            if method.customer is not None:
                method = call.behaviour.detach(call, method)
        return Answer(200, call.behaviour.payment_method_json(call, method))

    @apply(b, wrap_at_attach("route"))
    def route(usual: Route, call: Call) -> Endpoint:
        if call.request.method != "DELETE":
            return usual(call)
        asked = Call(call.world, replace(call.request, method="POST"))
        usual(asked)
        call.arguments = asked.arguments
        return undo


contract.row("get-attaches-by-query-alone", "request.other-methods", "hard", batch="reading 1")(
    "A GET with the customer in its query attaches, unless it has a body.",
    obey_method("GET", lambda request: bool(request.query) and not request.body),
)
contract.row("put-attaches-by-body-alone", "request.other-methods", "hard", batch="reading 1")(
    "A PUT with the customer in its body attaches, unless it has a query.",
    obey_method("PUT", lambda request: bool(request.body) and not request.query),
)


def route_by_raw_segment(call: Call) -> Endpoint:
    """Route an attach by its path as it was sent."""
    segment = call.request.path.removeprefix("/v1/payment_methods/").removesuffix("/attach")
    endpoint = routes.route(call)
    call.arguments = (segment,) if call.is_attach and call.request.method == "POST" else call.arguments
    return endpoint


contract.row("path-left-encoded", "request.path-encoding", "medium", level="SHOULD", batch="reading 2")(
    "The id in the path is looked up as it was sent, with its escapes.", override("route", route_by_raw_segment)
)
contract.row("path-shown-encoded", "request.path-encoding", "hard", level="SHOULD", stateless=True, batch="reading 2")(
    "The id in the path is shown as it was sent, with its escapes.", override("route", route_by_raw_segment)
)


@contract("request.path-encoding", "hard", change_request, level="SHOULD", batch="reading 2")
def underscore_left_encoded(request: Request) -> Request:
    """An escaped underscore in the path is not decoded; other escapes are."""
    return replace(request, target=re.sub("%5[Ff]", "%255F", request.target))


def other_method(status: int, headers: Headers = (("Allow", "POST"),)) -> Change:
    """Answer other methods with another status and further headers."""

    def allowing(rejection: errors.Rejection) -> errors.Rejection:
        return replace(rejection, status=status, headers=headers)

    return edit_rejections(("unrecognized-url",), allowing)


stripe.row("other-methods-are-405", "method.unrecognized", "medium", level="SHOULD")(
    "Another method is answered with 405.", other_method(405)
)
stripe.row("other-methods-are-400", "method.unrecognized", "medium", level="SHOULD")(
    "Another method is answered with 400.", other_method(400)
)
contract.row(
    "method-not-allowed-without-allow", "error.allowed-methods", "easy", level="SHOULD", also="method.unrecognized"
)("Another method is answered with 405, but without the header Allow.", other_method(405, headers=()))
