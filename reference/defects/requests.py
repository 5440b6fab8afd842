"""Mistakes in taking a request: media types, methods, what is acceptable."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from email import message_from_bytes
from urllib.parse import quote_from_bytes

from .. import payment_methods
from ..attach import Attempt
from ..behaviour import Behaviour
from ..call import Call, Endpoint
from ..errors import unrecognized_url, wrong_media_type
from ..forms import FORM
from ..values import Request
from .registry import Chapter
from .tools import check_after, expands, on_attach, refused

seed = Chapter("request", "contract")

RawPair = tuple[bytes, bytes]


@seed("request.minimal-body", "easy")
def always_refused(b: Behaviour) -> None:
    """Every request to attach is refused, however good it is."""

    def refuse(call: Call, attempt: Attempt) -> None:
        raise refused(400, "Attaching is not available.")

    b.checks["not-declined"] = refuse


@seed("request.minimal-body", "easy")
def expand_required(b: Behaviour) -> None:
    """A request without `expand` is refused, as though it were required."""

    def refuse(call: Call, attempt: Attempt) -> None:
        if not expands(call):
            raise refused(400, "Missing required param: expand.", "parameter_missing", "expand")

    check_after(b, "customer", refuse)


@seed("request.minimal-body", "easy")
def attach_not_routed(b: Behaviour) -> None:
    """The URL is answered with 404, as though it were not part of the API."""
    usual = b.route

    def route(call: Call) -> Endpoint:
        raise unrecognized_url(call.request.method, call.request.path)

    b.route = on_attach(usual, route)


@seed("request.charset-parameter", "medium")
def media_type_compared_whole(b: Behaviour) -> None:
    """The media type is compared with its parameters, so a charset makes it another one."""
    usual = b.media_type

    def media_type(call: Call) -> None:
        usual(call)
        if ";" in (call.request.header("content-type") or ""):
            raise wrong_media_type()

    b.media_type = on_attach(usual, media_type)


@seed("request.charset-parameter", "medium")
def charset_hides_body(b: Behaviour) -> None:
    """With a charset on the media type the body is not parsed, and everything is missing."""
    usual = b.split

    def split(call: Call, body: bytes) -> list[RawPair]:
        hidden = "charset" in (call.request.header("content-type") or "").lower()
        return [] if hidden else list(usual(call, body))

    b.split = on_attach(usual, split)


def allow_media(b: Behaviour, *types: str) -> None:
    """Take bodies of other media types at the attach URL."""
    usual = b.media_type

    def media_type(call: Call) -> None:
        if call.request.media_type not in types:
            usual(call)

    b.media_type = on_attach(usual, media_type)


def pairs_of_json(body: bytes) -> list[RawPair]:
    """The members of a JSON object, as though they had come in a form."""
    try:
        members = json.loads(body)
    except ValueError:
        return []
    pairs: list[RawPair] = []
    for name, value in members.items() if isinstance(members, dict) else ():
        texts = value if isinstance(value, list) else [value]
        suffix = b"[]" if isinstance(value, list) else b""
        pairs += [(name.encode() + suffix, quote_from_bytes(str(text).encode()).encode()) for text in texts]
    return pairs


@seed("request.json-refused", "easy")
def json_obeyed(b: Behaviour) -> None:
    """A JSON body is obeyed like a form."""
    usual = b.split
    allow_media(b, "application/json")

    def split(call: Call, body: bytes) -> list[RawPair]:
        is_json = call.request.media_type == "application/json"
        return pairs_of_json(body) if is_json else list(usual(call, body))

    b.split = on_attach(usual, split)


@seed("request.json-refused", "medium")
def json_recognised_by_its_look(b: Behaviour) -> None:
    """A body that begins with a brace is read as JSON, whatever its media type."""
    usual = b.split
    allow_media(b, "application/json", "text/json", "text/plain")

    def split(call: Call, body: bytes) -> list[RawPair]:
        if body.lstrip().startswith(b"{"):
            return pairs_of_json(body)
        if call.request.media_type not in ("", FORM):
            raise wrong_media_type()
        return list(usual(call, body))

    b.split = on_attach(usual, split)


@seed("request.other-media-types", "medium", level="SHOULD")
def multipart_obeyed(b: Behaviour) -> None:
    """A multipart form is obeyed too."""
    usual = b.split
    allow_media(b, "multipart/form-data")

    def split(call: Call, body: bytes) -> list[RawPair]:
        if call.request.media_type != "multipart/form-data":
            return list(usual(call, body))
        kind = (call.request.header("content-type") or "").encode("latin-1")
        pairs: list[RawPair] = []
        for part in message_from_bytes(b"Content-Type: " + kind + b"\r\n\r\n" + body).walk():
            name = part.get_param("name", header="content-disposition")
            content = part.get_payload(decode=True)
            if isinstance(name, str) and isinstance(content, bytes):
                pairs.append((name.encode(), quote_from_bytes(content).encode()))
        return pairs

    b.split = on_attach(usual, split)


@seed("request.other-media-types", "medium", level="SHOULD")
def text_plain_obeyed(b: Behaviour) -> None:
    """A form that calls itself text/plain is obeyed."""
    allow_media(b, "text/plain")


def obey_method(b: Behaviour, method: str, when: Callable[[Request], bool] = lambda request: True) -> None:
    """Take another method for a POST, in some cases; its query counts where it has no body."""
    usual = b.route

    def route(call: Call) -> Endpoint:
        request = call.request
        if request.method == method and when(request):
            body = request.body or request.query.encode("latin-1")
            call.request = replace(request, method="POST", body=body)
        return usual(call)

    b.route = on_attach(usual, route)


@seed("request.other-methods", "easy")
def get_attaches(b: Behaviour) -> None:
    """A GET with the customer in its query attaches."""
    obey_method(b, "GET")


@seed("request.other-methods", "medium")
def put_attaches(b: Behaviour) -> None:
    """A PUT attaches like a POST."""
    obey_method(b, "PUT")


@seed("request.other-methods", "medium")
def patch_attaches(b: Behaviour) -> None:
    """A PATCH attaches like a POST."""
    obey_method(b, "PATCH")


@seed("request.other-methods", "medium")
def delete_attaches(b: Behaviour) -> None:
    """A DELETE with the customer in its query or body attaches."""
    obey_method(b, "DELETE")


@seed("request.other-methods", "medium")
def get_shows_payment_method(b: Behaviour) -> None:
    """A GET is answered with 200 and the payment method, though nothing is attached."""
    usual = b.route

    def route(call: Call) -> Endpoint:
        if call.request.method != "GET":
            return usual(call)
        call.arguments = (call.request.path.split("/")[3],)
        call.request = replace(call.request, target=call.request.path)
        return payment_methods.retrieve

    b.route = on_attach(usual, route)


def insist_on_accept(b: Behaviour, refuses: Callable[[str | None], bool]) -> None:
    """Refuse some Accept headers with 406."""
    usual = b.route

    def route(call: Call) -> Endpoint:
        endpoint = usual(call)
        if refuses(call.request.header("accept")):
            raise refused(406, "This API speaks application/json only.")
        return endpoint

    b.route = on_attach(usual, route)


@seed("request.accept", "hard", level="SHOULD")
def accept_quality_not_understood(b: Behaviour) -> None:
    """An Accept header with a quality value is refused with 406."""
    insist_on_accept(b, lambda accept: ";" in (accept or ""))


@seed("request.accept", "medium", level="SHOULD")
def accept_expected(b: Behaviour) -> None:
    """A request without an Accept header is refused with 406."""
    insist_on_accept(b, lambda accept: accept is None)
