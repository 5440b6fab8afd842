"""A recorded exchange as evidence: the parts that a form's readers found, put together without the API key."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from conformance.commands.traffic.recordings.bodies import as_bytes
from conformance.commands.traffic.recordings.members import Headers, Member, UnreadableMember, value_of
from conformance.evidence.exchange import Exchange
from conformance.evidence.secret import BLOT, holds_key, without_key
from conformance.evidence.spellings import SHORTEST_TO_BLOT
from strategies.attempt import PATH_PREFIX, PATH_SUFFIX, Request

NO_ANSWER = "no answer was recorded"
UNRECORDED = "unrecorded"
METHODS = frozenset({"POST", "GET", "PUT", "PATCH", "DELETE"})
"""Requests by other methods (a browser's OPTIONS, HEAD) are no calls of the operation."""

FORM = "application/x-www-form-urlencoded"

_OPERATION = re.compile(f"(?P<prefix>.*?)(?P<path>{PATH_PREFIX}[^/]+{PATH_SUFFIX})")
_KEPT_HEADERS = {
    name.lower(): name
    for name in ("Accept", "Content-Type", "Stripe-Version", "Stripe-Account", "Idempotency-Key", "Transfer-Encoding")
}
_IN_EVERY_RESPONSE = frozenset({"date", "content-type", "content-length", "transfer-encoding"})
_KEY = re.compile(r"\b(?:sk|rk|pk|ek)_(?:test|live)_[A-Za-z0-9_]+")


@dataclass(frozen=True)
class Recorded:
    """A recorded exchange, and the gaps of its recording.

    In `exchange` the request's body, the answer's headers and its body are None where they were not recorded.

    - `where`: its place; `base_url`: the URL before the operation's path.
    - `path_known`: the URL was recorded.
    - `is_form`: the request was called a form, or its media type was dropped.
    - `raw_body`: the answer's body was recorded as text and not parsed.
    - `test_key`: the key was of a test account; None where it was not recorded.
    - `key_sought`: the answer was searched for that key.
    - `may_lack_headers`: a hook may have taken single headers out of the answer, as is usual with cassettes.
    """

    exchange: Exchange
    where: str
    base_url: str
    path_known: bool = True
    is_form: bool = True
    raw_body: bool = True
    test_key: bool | None = None
    key_sought: bool = False
    may_lack_headers: bool = False


@dataclass(frozen=True)
class Target:
    """The method and URL of a request, None where they are missing, and the member that holds the URL."""

    method: str | None
    url: str | None
    member: str


@dataclass(frozen=True)
class Sent:
    """The rest of a request. `media_type` is None where it was not recorded, empty where none was sent."""

    headers: Headers
    body: bytes | None
    media_type: str | None


@dataclass(frozen=True)
class Answer:
    """A response; `headers` is None where not all of them were recorded."""

    status: int | None = None
    headers: Headers | None = None
    body: bytes | None = None
    raw_body: bool = True
    received: float = 0.0
    seconds: float = 0.0
    may_lack_headers: bool = False


@dataclass(frozen=True)
class Form:
    """A form of recordings: the functions that read an entry's target, its request and its answer."""

    target: Callable[[Member], Target]
    sent: Callable[[Member], Sent]
    answer: Callable[[Member], Answer]

    def read(self, entry: Member, where: str) -> Recorded | None:
        """Read an entry, None where it is not with the operation. Raises UnreadableMember."""
        target = self.target(entry)
        if target.url is None:
            raise UnreadableMember(target.member, "is missing")
        method = (target.method or "POST").upper()
        if method not in METHODS:
            return None
        parts = _parts(target.url, target.member)
        if target.url and _OPERATION.fullmatch(parts.path) is None:
            return None
        if not target.method:
            raise UnreadableMember("request.method", "is missing")
        return _assemble(where, method, parts, self.sent(entry), self.answer(entry))


def blot(text: str) -> str:
    """Return `text` without anything that looks like an API key, and with nothing that cannot be printed."""
    return _KEY.sub(BLOT, text).encode("utf-8", "backslashreplace").decode()


def certain_body(body: bytes | None, headers: Headers) -> bytes | None:
    """Return a request's body where it has the length that was announced, else None."""
    length = value_of(headers, "Content-Length")
    return body if body is not None and length in (None, str(len(body))) else None


def whole_headers(headers: Headers) -> Headers | None:
    """Return a response's headers, None where those that every server sends were filtered out."""
    return headers if any(name.lower() in _IN_EVERY_RESPONSE for name, _ in headers) else None


def _assemble(where: str, method: str, parts: SplitResult, sent: Sent, answer: Answer) -> Recorded:
    place = _OPERATION.fullmatch(parts.path)
    key = _key_of(sent.headers) or parts.username or ""
    is_sought = len(key) >= SHORTEST_TO_BLOT
    searched = b"\n".join([answer.body or b"", *(as_bytes(value) for _, value in answer.headers or ())])

    def clean(text: str) -> str:
        return without_key(text, key) if is_sought else text

    def clean_bytes(data: bytes | None) -> bytes | None:
        return data and clean(data.decode("latin-1")).encode("latin-1", "replace")

    path = place["path"] if place else f"{PATH_PREFIX}{UNRECORDED}{PATH_SUFFIX}"
    query = f"?{parts.query}" if parts.query else ""
    kept = ((_KEPT_HEADERS.get(name.lower()), value) for name, value in sent.headers)
    headers = tuple((name, clean(value)) for name, value in kept if name is not None)
    exchange = Exchange(
        request=Request(method, clean(path + query), headers, clean_bytes(sent.body)),
        status=answer.status,
        headers=None if answer.headers is None else tuple((name, clean(value)) for name, value in answer.headers),
        body=clean_bytes(answer.body),
        seconds=answer.seconds,
        received=answer.received,
        failure="" if answer.status else NO_ANSWER,
        leaked_key=is_sought and holds_key(searched.decode("latin-1"), key),
    )
    host = parts.netloc.rpartition("@")[2]
    return Recorded(
        exchange=exchange,
        where=where,
        base_url=f"{parts.scheme}://{host}{place['prefix']}" if place else "$BASE_URL",
        path_known=place is not None,
        is_form=sent.media_type is None or is_form_type(sent.media_type),
        raw_body=answer.raw_body,
        test_key=key.startswith(("sk_test_", "rk_test_")) if key else None,
        key_sought=is_sought and answer.body is not None and answer.headers is not None,
        may_lack_headers=answer.may_lack_headers,
    )


def is_form_type(media_type: str) -> bool:
    """Return whether a media type, with any parameters, is that of a form."""
    return media_type.partition(";")[0].strip().lower() == FORM


def _parts(url: str, member: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError as error:
        raise UnreadableMember(member, f"is not a URL: {error}") from None


def _key_of(headers: Headers) -> str:
    """Return the API key of the Authorization header, empty where there is none."""
    scheme, _, credentials = (value_of(headers, "Authorization") or "").strip().partition(" ")
    if scheme.lower() != "basic":
        return credentials.strip()
    try:
        return base64.b64decode(credentials).decode().partition(":")[0]
    except ValueError:
        return ""
