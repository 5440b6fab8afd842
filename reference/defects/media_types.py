"""Mistakes in media types: of the body, and of the answer that is acceptable."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from email import message_from_bytes
from typing import Any
from urllib.parse import quote, quote_from_bytes, urlencode

from ..behaviour import Behaviour, Build, Guard, Route, Split, Unquote
from ..call import Call, Endpoint
from ..changes import Change, apply, rejection, wrap_at_attach
from ..rules.errors import malformed_form, wrong_media_type
from ..rules.forms import FORM, Form, Pair, RawPair
from ..wire.values import Request
from .parts import change_request, demand_media_type, rewrite_pairs
from .registry import Topic

contract = Topic("contract")


@contract("request.charset-parameter", "medium", wrap_at_attach("media_type"))
def media_type_compared_whole(usual: Guard, call: Call) -> None:
    """The media type is compared with its parameters, so a charset makes it another one."""
    usual(call)
    if ";" in (call.request.header("content-type") or ""):
        raise wrong_media_type()


@contract("request.charset-parameter", "medium", wrap_at_attach("split"))
def charset_hides_body(usual: Split, call: Call, body: bytes) -> list[RawPair]:
    """With a charset on the media type the body is not parsed, and everything is missing."""
    hidden = "charset" in (call.request.header("content-type") or "").lower()
    return [] if hidden else list(usual(call, body))


contract.row("charset-refused", "request.charset-parameter", "medium")(
    "A form is rejected by every endpoint if its media type names the charset.", demand_media_type(with_charset=False)
)


@contract("request.charset-parameter", "hard", wrap_at_attach("build"), batch="unseen 1")
def charset_chooses_the_flat_parser(usual: Build, call: Call, pairs: Sequence[Pair]) -> Form:
    """With `; charset=utf-8` the form is read by a parser that silently drops `expand[…]`."""
    if ";" in (call.request.header("content-type") or ""):
        pairs = [pair for pair in pairs if not pair[0].startswith("expand[")]
    return usual(call, pairs)


@contract("request.charset-parameter", "hard", wrap_at_attach("unquote"), stateless=True, batch="unseen 2")
def charset_given_means_latin_1(usual: Unquote, call: Call, raw: bytes) -> str:
    """Any charset parameter, `utf-8` too, has the form decoded as Latin-1: `é` comes back as two letters."""
    text = usual(call, raw)
    given = "charset" in (call.request.header("content-type") or "").lower()
    return text.encode().decode("latin-1") if given else text


@contract("request.charset-parameter", "hard", rewrite_pairs, batch="unseen 3")
def charset_drops_empty_values(call: Call, pair: RawPair) -> RawPair | None:
    """With a `charset` the body is read by another library, which leaves out parameters without a value."""
    parameters = (call.request.header("content-type") or "").partition(";")[2]
    return None if "charset" in parameters.lower() and not pair[1] else pair


@contract("request.charset-parameter", "easy", wrap_at_attach("split"), batch="unseen 4")
def form_with_a_charset_not_read(usual: Split, call: Call, body: bytes) -> list[RawPair]:
    """The form parser is chosen by the whole Content-Type: with a charset none fits, and nothing is read."""
    named = "charset" in (call.request.header("content-type") or "").lower()
    return [] if named else list(usual(call, body))


@contract("request.charset-parameter", "medium", wrap_at_attach("media_type"), batch="unseen 5")
def charset_without_a_blank(usual: Guard, call: Call) -> None:
    """A media type with `;charset=utf-8` behind it is rejected where no blank stands after the semicolon."""
    usual(call)
    sent = (call.request.header("content-type") or "").partition("; ")[0].strip().lower()
    if call.request.body and ";" in sent and "charset=utf-8" in sent:
        raise wrong_media_type()


@contract("request.media-type-capitals", "medium", wrap_at_attach("media_type"), level="SHOULD", batch="reading 2")
def media_type_in_lower_case_only(usual: Guard, call: Call) -> None:
    """A media type that is not in lower case is rejected."""
    sent = (call.request.header("content-type") or "").partition(";")[0].strip()
    if sent != sent.lower():
        raise rejection(400, "Invalid request: check the Content-Type.")
    usual(call)


@contract("request.media-type-capitals", "hard", change_request, level="SHOULD", batch="reading 2")
def other_capitals_are_no_form(request: Request) -> Request:
    """A body whose media type is not in lower case is not read, as if it were empty."""
    sent = (request.header("content-type") or "").partition(";")[0]
    return request if sent == sent.lower() else replace(request, body=b"")


def allow_media(*types: str) -> Change:
    """Accept bodies of other media types at the attach URL."""

    @wrap_at_attach("media_type")
    def media_type(usual: Guard, call: Call) -> None:
        if call.request.media_type not in types:
            usual(call)

    return media_type


def pairs_of_json(body: bytes) -> list[RawPair]:
    """Return the members of a JSON object, as though they had come in a form."""
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


@contract("request.json-refused", "easy")
def json_obeyed(b: Behaviour) -> None:
    """A JSON body is obeyed like a form."""
    allow_media("application/json")(b)

    @apply(b, wrap_at_attach("split"))
    def split(usual: Split, call: Call, body: bytes) -> list[RawPair]:
        is_json = call.request.media_type == "application/json"
        return pairs_of_json(body) if is_json else list(usual(call, body))


@contract("request.json-refused", "medium")
def json_recognised_by_its_look(b: Behaviour) -> None:
    """A body that begins with a brace is read as JSON, with any media type."""
    allow_media("application/json", "text/json", "text/plain")(b)

    @apply(b, wrap_at_attach("split"))
    def split(usual: Split, call: Call, body: bytes) -> list[RawPair]:
        if body.lstrip().startswith(b"{"):
            return pairs_of_json(body)
        if call.request.media_type not in ("", FORM):
            raise wrong_media_type()
        return list(usual(call, body))


def _quoted(text: str) -> bytes:
    return quote_from_bytes(text.encode("utf-8", "replace"), safe="").encode("ascii")


def _members(value: dict[str, Any]) -> list[RawPair]:
    pairs: list[tuple[str, str]] = []
    for name, item in value.items():
        items = [(f"{name}[]", each) for each in item] if isinstance(item, list) else [(name, item)]
        pairs += [(key, each if isinstance(each, str) else json.dumps(each)) for key, each in items]
    return [(_quoted(name), _quoted(item)) for name, item in pairs]


@contract("request.json-refused", "medium", wrap_at_attach("split"), batch="unseen 1")
def form_sniffed_as_json(usual: Split, call: Call, body: bytes) -> Sequence[RawPair]:
    """A body that begins with a brace is obeyed as JSON although its media type says form."""
    if call.request.media_type == FORM and body.lstrip().startswith(b"{"):
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            return usual(call, body)
        if isinstance(value, dict):
            return _members(value)
    return usual(call, body)


JSON = "application/json"


@contract("request.json-refused", "medium", batch="unseen 2")
def json_with_a_charset_obeyed(b: Behaviour) -> None:
    """JSON is rejected by comparing the whole header; `application/json; charset=utf-8` is obeyed."""

    def passes(call: Call) -> bool:
        return call.request.media_type == JSON and ";" in (call.request.header("content-type") or "")

    @apply(b, wrap_at_attach("media_type"))
    def check(media_type: Guard, call: Call) -> None:
        if not passes(call):
            media_type(call)

    @apply(b, wrap_at_attach("split"))
    def read(split: Split, call: Call, body: bytes) -> Sequence[RawPair]:
        if not passes(call):
            return split(call, body)
        try:
            sent = json.loads(body)
        except ValueError:
            raise malformed_form() from None
        if not isinstance(sent, dict):
            raise malformed_form()
        pairs: list[RawPair] = []
        for name, value in sent.items():
            values = value if isinstance(value, list) else [value]
            key = quote(name) + ("[]" if isinstance(value, list) else "")
            pairs += [(key.encode(), quote(str(item)).encode()) for item in values]
        return pairs


@contract("request.json-refused", "medium", wrap_at_attach("media_type"), batch="unseen 3")
def kinds_of_json_obeyed(usual: Guard, call: Call) -> None:
    """`application/json` is rejected, but a JSON body called `application/vnd.api+json` or the like is obeyed."""
    if call.request.media_type.endswith("+json"):
        try:
            sent = json.loads(call.request.body)
        except ValueError:
            sent = None
        if isinstance(sent, dict):
            headers = tuple(item for item in call.request.headers if item[0] != "content-type")
            form = urlencode(sent).encode()
            call.request = replace(call.request, headers=(*headers, ("content-type", FORM)), body=form)
    usual(call)


Raw = Sequence[RawPair]


def _pairs_of_json(body: bytes) -> Raw:
    try:
        value: Any = json.loads(body)
    except ValueError:
        raise wrong_media_type() from None
    if not isinstance(value, dict):
        raise wrong_media_type()
    pairs: list[RawPair] = []
    for name, item in value.items():
        if isinstance(item, list):
            pairs += [(f"{name}[]".encode(), str(entry).encode()) for entry in item]
        else:
            pairs.append((str(name).encode(), str(item).encode()))
    return pairs


@contract("request.json-refused", "hard", batch="unseen 5")
def json_with_a_charset(b: Behaviour) -> None:
    """JSON is rejected as `application/json`, but obeyed as `application/json; charset=utf-8`."""

    def is_json(call: Call) -> bool:
        return call.request.media_type == "application/json" and ";" in (call.request.header("content-type") or "")

    @apply(b, wrap_at_attach("media_type"))
    def media_type(usual_type: Guard, call: Call) -> None:
        if not is_json(call):
            usual_type(call)

    @apply(b, wrap_at_attach("split"))
    def split(usual_split: Split, call: Call, body: bytes) -> Raw:
        if not is_json(call):
            return usual_split(call, body)
        return _pairs_of_json(body)


@contract("request.other-media-types", "medium", level="SHOULD")
def multipart_obeyed(b: Behaviour) -> None:
    """A multipart form is obeyed too."""
    allow_media("multipart/form-data")(b)

    @apply(b, wrap_at_attach("split"))
    def split(usual: Split, call: Call, body: bytes) -> list[RawPair]:
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


contract.row("text-plain-obeyed", "request.other-media-types", "medium", level="SHOULD")(
    "A form that calls itself text/plain is obeyed.", allow_media("text/plain")
)


def insist_on_accept(rejects: Callable[[str | None], bool]) -> Change:
    """Reject some Accept headers with 406."""

    @wrap_at_attach("route")
    def route(usual: Route, call: Call) -> Endpoint:
        endpoint = usual(call)
        if rejects(call.request.header("accept")):
            raise rejection(406, "This API speaks application/json only.")
        return endpoint

    return route


contract.row("accept-quality-not-understood", "request.accept", "hard", level="SHOULD")(
    "An Accept header with a quality value is rejected with 406.",
    insist_on_accept(lambda accept: ";" in (accept or "")),
)
contract.row("accept-expected", "request.accept", "medium", level="SHOULD")(
    "A request without an Accept header is rejected with 406.", insist_on_accept(lambda accept: accept is None)
)
