"""One kept-alive session: what leaves is exactly the request's headers and bytes, and what comes is read unmended."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

from conformance.raw import decoded
from conformance.secret import Secret
from strategies.attempt import Credentials, Request

IDENTIFICATION = "attach-conformance"


class WireSession(requests.Session):
    """A session that sends the `Request` in hand with its own headers and no others.

    The key enters here, in the last step before the socket, and is held nowhere else. `framing` lists the lies that
    the last answer's Content-Length and Content-Encoding told; `times_sent` counts how often the request in hand went
    out: what is lost with a kept connection, Schemathesis sends once more on a new one.
    """

    def __init__(self, key: Secret, environment_proxies: Mapping[str, str], verify: bool | str) -> None:
        super().__init__()
        self.trust_env = False
        self.proxies.update(environment_proxies)
        self.verify = verify
        self.mount("http://", HTTPAdapter(max_retries=0))
        self.mount("https://", HTTPAdapter(max_retries=0))
        self._key = key
        self.in_hand: Request | None = None
        self.times_sent = 0
        self.scheme: Credentials = "bearer"
        self.framing: tuple[str, ...] = ()

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send with exactly the headers of the request in hand, and read the answer without mending it."""
        assert self.in_hand is not None, "a request is put in hand before it is sent"
        self.times_sent += 1
        length = request.headers.get("Content-Length")
        request.headers.clear()
        request.headers.update(headers_on_wire(self.in_hand, self._key, self.scheme))
        if length is not None:
            request.headers["Content-Length"] = length
        for skipped in ("Accept-Encoding", "User-Agent"):
            request.headers.setdefault(skipped, urllib3.util.SKIP_HEADER)
        options.update(stream=True, allow_redirects=False)
        response = super().send(request, **options)
        self.framing = _read_unmended(response)
        return response


def headers_on_wire(request: Request, key: Secret, scheme: Credentials) -> dict[str, str]:
    """The headers that leave with `request`; where it presents the key in no scheme of its own, in `scheme`."""
    headers = {"User-Agent": IDENTIFICATION, "Accept-Encoding": "gzip, deflate"}
    for name, value in request.headers:
        headers.pop(name, None)
        headers[name] = value
    match scheme if request.credentials == "key" else request.credentials:
        case "bearer":
            headers["Authorization"] = f"Bearer {key.reveal()}"
        case "basic":
            headers["Authorization"] = "Basic " + base64.b64encode(f"{key.reveal()}:".encode()).decode()
        case "key and junk":
            headers["Authorization"] = f"Bearer {key.reveal()}x"
        case "key in another scheme":
            headers["Authorization"] = f"Token {key.reveal()}"
        case "key cut short":
            headers["Authorization"] = f"Bearer {key.reveal()[:-1]}"
        case "key in another case":
            headers["Authorization"] = f"Bearer {in_another_case(key.reveal())}"
        case "key as password":
            headers["Authorization"] = "Basic " + base64.b64encode(f"nobody:{key.reveal()}".encode()).decode()
        case "none":
            pass
        case other:
            headers["Authorization"] = other
    return headers


LETTERS_IN_ANOTHER_CASE = 8
"""How many characters at the end of a key change their case: few enough that the rest of it is still blotted out."""


def in_another_case(key: str) -> str:
    """Return the key with its last letters in the other case; with junk behind it where it has no letters."""
    start, end = key[:-LETTERS_IN_ANOTHER_CASE], key[-LETTERS_IN_ANOTHER_CASE:]
    spellings = (start + end.swapcase(), key.swapcase(), f"{key}x")
    return next(spelling for spelling in spellings if spelling != key)


def _read_unmended(response: requests.Response) -> tuple[str, ...]:
    """Read the body as it came and decode it here, so that a false header is seen rather than raised."""
    framing: list[str] = []
    chunks: list[bytes] = []
    try:
        for chunk in response.raw.stream(65536, decode_content=False):
            chunks.append(chunk)
    except urllib3.exceptions.ProtocolError as error:
        if not isinstance(error.args[-1], urllib3.exceptions.IncompleteRead) and not chunks:
            raise requests.exceptions.ConnectionError(str(error)) from None
        framing.append("the body ends before the length that its headers announce")
    body = b"".join(chunks)
    encoding = (response.headers.get("Content-Encoding") or "").strip().lower()
    if body:
        body, lie = decoded(body, encoding)
        framing += lie
    response._content = body  # requests has no public way to hand over a body that was read here
    response._content_consumed = True  # type: ignore[attr-defined]  # the stubs leave it out
    return tuple(framing)
