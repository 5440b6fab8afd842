"""Recorded traffic as evidence: HAR 1.2 files, and JSON files that hold one exchange each. Nothing is sent."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from conformance.exchange import Exchange
from conformance.secret import BLOT, SHORTEST_TO_BLOT, holds_key, without_key
from strategies.attempt import PATH_PREFIX, PATH_SUFFIX, Request

NO_ANSWER = "no answer was recorded"
UNRECORDED = "unrecorded"
METHODS = frozenset({"POST", "GET", "PUT", "PATCH", "DELETE"})
"""Requests by other methods (a browser's OPTIONS, HEAD) are no calls of the operation."""

_OPERATION = re.compile(f"(?P<prefix>.*?)(?P<path>{PATH_PREFIX}[^/]*{PATH_SUFFIX})")
_KEPT_HEADERS = {
    name.lower(): name
    for name in ("Accept", "Content-Type", "Stripe-Version", "Stripe-Account", "Idempotency-Key", "Transfer-Encoding")
}
_TOLD_BY_EVERY_SERVER = frozenset({"date", "content-type", "content-length", "transfer-encoding"})
_KEY = re.compile(r"\b(?:sk|rk|pk|ek)_(?:test|live)_[A-Za-z0-9_]+")

Headers = tuple[tuple[str, str], ...]


class UnreadableRecording(ValueError):
    """A file cannot be read as recorded traffic; the message names it and says why."""


@dataclass(frozen=True)
class Recorded:
    """One recorded exchange, and what its recording lacks.

    `where` names its place, `base_url` what stands before the operation's path. In `exchange` the request's body is
    None where it was not recorded, the answer's headers and body likewise. `path_known` says that the URL was recorded,
    `is_form` that the request was called a form or that its media type was dropped, `raw_body` that the answer's body
    stands there as text and not parsed. `test_key` says whether the key was of a test account, None where it was not
    recorded; `key_sought` that the answer was searched for that key.
    """

    exchange: Exchange
    where: str
    base_url: str
    path_known: bool = True
    is_form: bool = True
    raw_body: bool = True
    test_key: bool | None = None
    key_sought: bool = False


@dataclass(frozen=True)
class Recording:
    """What the files hold: the exchanges with the operation in order, and how many others were `ignored`."""

    exchanges: tuple[Recorded, ...]
    ignored: int = 0


def read_recordings(paths: Iterable[Path]) -> Recording:
    """Read HAR files and files of one exchange each.

    Raises UnreadableRecording for a file that cannot be read, is no JSON or has neither form.
    """
    found: list[Recorded | None] = []
    for path in paths:
        try:
            document = json.loads(path.read_text(encoding="utf-8-sig"))
        except OSError as error:
            raise UnreadableRecording(f"{path} cannot be read: {error.strerror or error}") from None
        except (ValueError, RecursionError):
            raise UnreadableRecording(f"{path} is no JSON: give a HAR file or a JSON file of one exchange") from None
        try:
            found += recorded_in(document, str(path))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UnreadableRecording(
                f"{path} is neither a HAR file nor a JSON file of one exchange ({_why(error)})"
            ) from None
    exchanges = tuple(recorded for recorded in found if recorded is not None)
    return Recording(exchanges, len(found) - len(exchanges))


def recorded_in(document: Any, name: str) -> list[Recorded | None]:
    """The exchanges of a decoded file called `name`, None for each that is not with the operation.

    Raises KeyError, TypeError, ValueError or AttributeError when the file has neither form.
    """
    if "log" in document:
        entries = document["log"]["entries"]
        return [_of_entry(entry, f"{name}, entry {number}") for number, entry in enumerate(entries, start=1)]
    return [_of_exchange(document, name)]


def blotted(text: str) -> str:
    """`text` without anything that looks like an API key."""
    return _KEY.sub(BLOT, text)


# the two forms


def _of_entry(entry: Mapping[str, Any], where: str) -> Recorded | None:
    sent, answer = entry["request"], entry["response"]
    headers = _har_headers(sent)
    content = answer.get("content") or {}
    fields = _har_headers(answer)
    seconds = max(float(entry.get("time") or 0), 0.0) / 1000
    started = _time(entry.get("startedDateTime"))
    return _recorded(
        where,
        method=sent["method"],
        url=sent["url"],
        sent_headers=headers,
        sent_body=_har_request_body(sent, headers),
        media_type_was_dropped=not headers,
        status=int(answer["status"]),
        headers=fields or None,
        body=_har_body(content, fields),
        received=started + seconds if started else 0.0,
        seconds=seconds,
    )


def _of_exchange(document: Mapping[str, Any], where: str) -> Recorded | None:
    sent, answer = document.get("request") or {}, document["response"]
    source = document.get("source") or {}
    headers = _pairs(sent.get("headers"))
    fields = _pairs(answer.get("headers"))
    is_whole = any(name.lower() in _TOLD_BY_EVERY_SERVER for name, _ in fields)
    body, text = answer.get("body"), sent.get("body")
    if text is not None and not isinstance(text, str):
        raise TypeError("the request's body is no string")
    raw = isinstance(body, str)
    return _recorded(
        where,
        method=sent.get("method") or "POST",
        url=sent.get("uri") or sent.get("url") or "",
        sent_headers=headers,
        sent_body=None if text is None else text.encode(),
        media_type_was_dropped=_value(headers, "Content-Type") is None,
        status=int(answer["status"]),
        headers=fields if is_whole else None,
        body=None if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode(),
        received=_time(document.get("recorded_at") or source.get("recorded_at")),
        raw_body=raw,
    )


def _recorded(
    where: str,
    *,
    method: str,
    url: str,
    sent_headers: Headers,
    sent_body: bytes | None,
    media_type_was_dropped: bool,
    status: int,
    headers: Headers | None,
    body: bytes | None,
    received: float,
    seconds: float = 0.0,
    raw_body: bool = True,
) -> Recorded | None:
    parts = urlsplit(url)
    place = _OPERATION.fullmatch(parts.path)
    if (url and place is None) or method.upper() not in METHODS:
        return None
    key = _key_of(sent_headers) or parts.username or ""
    is_sought = len(key) >= SHORTEST_TO_BLOT
    answer = b"\n".join([body or b"", *(value.encode() for _, value in headers or ())])
    leaked = is_sought and holds_key(answer.decode("latin-1"), key)

    def clean(text: str) -> str:
        return without_key(text, key) if is_sought else text

    def clean_bytes(data: bytes | None) -> bytes | None:
        return data and clean(data.decode("latin-1")).encode("latin-1")

    path = place["path"] if place else f"{PATH_PREFIX}{UNRECORDED}{PATH_SUFFIX}"
    request = Request(
        method=method.upper(),
        target=clean(path + (f"?{parts.query}" if parts.query else "")),
        headers=tuple(
            (_KEPT_HEADERS[name.lower()], clean(value)) for name, value in sent_headers if name.lower() in _KEPT_HEADERS
        ),
        body=clean_bytes(sent_body),
    )
    exchange = Exchange(
        request=request,
        status=status or None,
        headers=None if headers is None else tuple((name, clean(value)) for name, value in headers),
        body=clean_bytes(body),
        seconds=seconds,
        received=received,
        failure="" if status else NO_ANSWER,
        leaked_key=leaked,
    )
    media_type = (_value(sent_headers, "Content-Type") or "").partition(";")[0].strip().lower()
    host = parts.netloc.rpartition("@")[2]
    return Recorded(
        exchange=exchange,
        where=where,
        base_url=f"{parts.scheme}://{host}{place['prefix']}" if place else "$BASE_URL",
        path_known=place is not None,
        is_form=media_type == "application/x-www-form-urlencoded" or (not media_type and media_type_was_dropped),
        raw_body=raw_body,
        test_key=key.startswith(("sk_test_", "rk_test_")) if key else None,
        key_sought=is_sought and body is not None and headers is not None,
    )


# the parts of a HAR entry


def _har_headers(message: Mapping[str, Any]) -> Headers:
    return tuple((str(header["name"]), str(header["value"])) for header in message.get("headers") or ())


def _har_request_body(sent: Mapping[str, Any], headers: Headers) -> bytes | None:
    """The body where it is certain: a text of the length that was announced, or nothing where nothing was."""
    length = _value(headers, "Content-Length")
    text = (sent.get("postData") or {}).get("text")
    if not isinstance(text, str):
        return b"" if length == "0" else None
    body = text.encode()
    return body if length is None or length == str(len(body)) else None


def _har_body(content: Mapping[str, Any], headers: Headers) -> bytes | None:
    """The body where it is whole; None where its text is missing or shorter than its size."""
    text = content.get("text")
    if not isinstance(text, str):
        return None
    body = base64.b64decode(text) if content.get("encoding") == "base64" else text.encode("utf-8", "surrogatepass")
    size = content.get("size")
    is_cut = isinstance(size, int) and size > len(body)
    is_lost = not body and (_value(headers, "Content-Length") or "0") != "0"
    return None if is_cut or is_lost else body


# values


def _pairs(headers: Mapping[str, Any] | Sequence[Sequence[str]] | None) -> Headers:
    """Headers given as an object (of strings, or of lists of strings) or as a list of pairs."""
    items = headers.items() if isinstance(headers, Mapping) else headers or ()
    flat: list[tuple[str, str]] = []
    for name, value in items:
        flat += [(str(name), str(item)) for item in (value if isinstance(value, list) else [value])]
    return tuple(flat)


def _value(headers: Headers, name: str) -> str | None:
    return next((value for key, value in headers if key.lower() == name.lower()), None)


def _key_of(headers: Headers) -> str:
    """The API key of the Authorization header; empty when there is none."""
    scheme, _, credentials = (_value(headers, "Authorization") or "").strip().partition(" ")
    if scheme.lower() != "basic":
        return credentials.strip()
    try:
        return base64.b64decode(credentials).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _time(text: Any) -> float:
    """A date of a header or of ISO 8601 in seconds since 1970, UTC where it names no zone; 0 when it is none."""
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(str(text))
        except ValueError:
            continue
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return 0.0


def _why(error: Exception) -> str:
    return f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else "its members are of other types"
