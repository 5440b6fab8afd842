"""A recorded exchange as evidence: the parts that a reader found, put together, with the API key taken out."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from conformance.commands.traffic.recordings.bodies import as_bytes
from conformance.commands.traffic.recordings.members import Headers, UnreadableMember, value_of
from conformance.evidence.exchange import Exchange
from conformance.evidence.secret import BLOT, SHORTEST_TO_BLOT, holds_key, without_key
from strategies.attempt import PATH_PREFIX, PATH_SUFFIX, Request

NO_ANSWER = "no answer was recorded"
UNRECORDED = "unrecorded"
METHODS = frozenset({"POST", "GET", "PUT", "PATCH", "DELETE"})
"""Requests by other methods (a browser's OPTIONS, HEAD) are no calls of the operation."""

FORM = "application/x-www-form-urlencoded"

_OPERATION = re.compile(f"(?P<prefix>.*?)(?P<path>{PATH_PREFIX}[^/]*{PATH_SUFFIX})")
_KEPT_HEADERS = {
    name.lower(): name
    for name in ("Accept", "Content-Type", "Stripe-Version", "Stripe-Account", "Idempotency-Key", "Transfer-Encoding")
}
_IN_EVERY_RESPONSE = frozenset({"date", "content-type", "content-length", "transfer-encoding"})
_KEY = re.compile(r"\b(?:sk|rk|pk|ek)_(?:test|live)_[A-Za-z0-9_]+")


class UnreadableRecording(ValueError):
    """A file cannot be read as recorded traffic; the message names it and says why."""


@dataclass(frozen=True)
class Recorded:
    """One recorded exchange, and what its recording lacks.

    `where` names its place, `base_url` what stands before the operation's path. In `exchange` the request's body is
    None where it was not recorded, the answer's headers and body likewise. `path_known` says that the URL was recorded,
    `is_form` that the request was called a form or that its media type was dropped, `raw_body` that the answer's body
    stands there as text and not parsed. `test_key` says whether the key was of a test account, None where it was not
    recorded; `key_sought` that the answer was searched for that key. `may_lack_headers` says that a hook may have
    taken single headers out of the answer, as is usual with cassettes.
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
class Recording:
    """The contents of files: exchanges with the operation in order, how many others were `ignored`, and `unreadable`.

    Each text in `unreadable` names an exchange that could not be read, and the member at fault.
    """

    exchanges: tuple[Recorded, ...]
    ignored: int = 0
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True)
class SentParts:
    """The parts of a recorded request. `media_type` is None where it was not recorded, empty where none was sent."""

    method: str
    url: str
    headers: Headers
    body: bytes | None
    media_type: str | None


@dataclass(frozen=True)
class AnswerParts:
    """The parts of a recorded response; `headers` is None where not all of them were recorded."""

    status: int | None = None
    headers: Headers | None = None
    body: bytes | None = None
    raw_body: bool = True
    received: float = 0.0
    seconds: float = 0.0
    may_lack_headers: bool = False


def blotted(text: str) -> str:
    """Return `text` without anything that looks like an API key, and with nothing that cannot be printed."""
    return _KEY.sub(BLOT, text).encode("utf-8", "backslashreplace").decode()


def is_of_operation(method: str, url: str, member: str) -> bool:
    """Tell whether a request goes to the operation's URL; one whose URL was not recorded is taken to."""
    if method.upper() not in METHODS:
        return False
    return not url or _OPERATION.fullmatch(_parts(url, member).path) is not None


def certain_body(body: bytes | None, headers: Headers) -> bytes | None:
    """Return a request's body where it has the length that was announced, else None."""
    length = value_of(headers, "Content-Length")
    return body if body is not None and length in (None, str(len(body))) else None


def whole_headers(headers: Headers) -> Headers | None:
    """Return a response's headers, None where those that every server sends were filtered out."""
    return headers if any(name.lower() in _IN_EVERY_RESPONSE for name, _ in headers) else None


def recorded(where: str, sent: SentParts, answer: AnswerParts, member: str = "request.url") -> Recorded:
    """Put an exchange with the operation together from its parts."""
    parts = _parts(sent.url, member)
    place = _OPERATION.fullmatch(parts.path)
    key = _key_of(sent.headers) or parts.username or ""
    is_sought = len(key) >= SHORTEST_TO_BLOT
    searched = b"\n".join([answer.body or b"", *(as_bytes(value) for _, value in answer.headers or ())])

    def clean(text: str) -> str:
        return without_key(text, key) if is_sought else text

    def clean_bytes(data: bytes | None) -> bytes | None:
        return data and clean(data.decode("latin-1")).encode("latin-1", "replace")

    path = place["path"] if place else f"{PATH_PREFIX}{UNRECORDED}{PATH_SUFFIX}"
    request = Request(
        method=sent.method.upper(),
        target=clean(path + (f"?{parts.query}" if parts.query else "")),
        headers=tuple(
            (_KEPT_HEADERS[name.lower()], clean(value)) for name, value in sent.headers if name.lower() in _KEPT_HEADERS
        ),
        body=clean_bytes(sent.body),
    )
    exchange = Exchange(
        request=request,
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
        is_form=sent.media_type is None or sent.media_type.partition(";")[0].strip().lower() == FORM,
        raw_body=answer.raw_body,
        test_key=key.startswith(("sk_test_", "rk_test_")) if key else None,
        key_sought=is_sought and answer.body is not None and answer.headers is not None,
        may_lack_headers=answer.may_lack_headers,
    )


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
