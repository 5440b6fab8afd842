"""One kept-alive session: what leaves is exactly the request's headers and bytes, and what comes is read unmended."""

from __future__ import annotations

import base64
import io
import time
from dataclasses import dataclass
from typing import Any

import requests
import urllib3
from requests.structures import CaseInsensitiveDict

from conformance.evidence.failure import NEVER_ARRIVED, ExchangeFailed, Failure
from conformance.evidence.secret import Secret
from conformance.transport.answer import Answer, read_answer
from conformance.transport.connection import Connection, connect
from conformance.transport.deadline import Deadline
from conformance.transport.raw import explained
from conformance.transport.request import request_bytes
from conformance.transport.route import Route
from strategies.attempt import Credentials, Request

IDENTIFICATION = "attach-conformance"
WITHOUT_LENGTH = frozenset({"GET", "HEAD"})
"""The methods whose requests announce no length where they have no body (RFC 9110 section 8.6)."""


@dataclass(frozen=True)
class Delivery:
    """An answer, and how it was got.

    `idle` is for how many seconds the kept connection had been idle on which the request was sent first, None where
    that was new. `resent` tells that this connection was closed without an answer, and that the answer came on a new
    one; `unread` that a reset (TCP RST) shows that the server had not read the request there.
    """

    answer: Answer
    idle: float | None = None
    resent: bool = False
    unread: bool = False


class WireSession(requests.Session):
    """A session that sends the `Request` in hand with its own headers and no others.

    Schemathesis calls it as any other session, but it connects, sends and reads by itself: so that one deadline
    covers all, nothing is mended, and nobody else decides about certificates, proxies and retries. The key enters
    here, in the last step before the socket, and is held nowhere else.
    """

    def __init__(self, key: Secret, route: Route, base_path: str) -> None:
        super().__init__()
        self.trust_env = False
        self._key = key
        self._route = route
        self._base_path = base_path
        self._kept: Connection | None = None
        self.in_hand: Request | None = None
        self.deadline = Deadline(0)
        self.scheme: Credentials = "bearer"
        self._delivery: Delivery | None = None

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send the request in hand, with the body that Schemathesis made of it."""
        body = request.body.encode() if isinstance(request.body, str) else request.body
        assert body is None or isinstance(body, bytes), "a body is bytes, never a file"
        self._delivery = self.deliver(body)
        return _as_response(self._delivery.answer, request)

    def handed_over(self) -> Delivery:
        """Return what Schemathesis's call led to, once: its own response has no room for all of it."""
        delivery, self._delivery = self._delivery, None
        assert delivery is not None, "Schemathesis sends on the session that it is given"
        return delivery

    def deliver(self, body: bytes | None) -> Delivery:
        """Send the request in hand with this body, and again where its kept connection turns out to be closed.

        A server may close a connection whenever it likes (RFC 9112 section 9.3), and the request that crosses this on
        its way is lost through no fault of anybody's. So, decided here and nowhere else: before a kept connection is
        used it is looked at, and one that the server has closed is left; a request that gets no byte of an answer on a
        kept connection is sent again, once, on a new one, within the same deadline, and the delivery says so. What gets
        no answer on a new connection was dropped. Raises ExchangeFailed.
        """
        assert self.in_hand is not None, "a request is put in hand before it is sent"
        kept, self._kept = self._kept, None
        if kept is not None and not kept.is_open:
            kept.close()
            kept = None
        if kept is None:
            return Delivery(self._over(connect(self._route, self.deadline), body))
        idle = time.monotonic() - kept.last_used
        try:
            return Delivery(self._over(kept, body, is_kept=True), idle)
        except ExchangeFailed as lost:
            if lost.failure is not Failure.CONNECTION_LOST:
                raise
            return Delivery(self._again(body, lost), idle, resent=True, unread=kept.is_reset)

    def close(self) -> None:
        """Close the kept connection."""
        super().close()
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _again(self, body: bytes | None, lost: ExchangeFailed) -> Answer:
        """Send on a new connection what was lost; where there is none any more, the server ended over the request."""
        try:
            return self._over(connect(self._route, self.deadline), body)
        except ExchangeFailed as failed:
            raise (lost if failed.failure in NEVER_ARRIVED else failed) from None

    def _over(self, connection: Connection, body: bytes | None, *, is_kept: bool = False) -> Answer:
        """Send the request in hand on a connection, read the answer, and keep the connection if the server does."""
        request = self.in_hand
        assert request is not None
        headers = headers_on_wire(request, self._key, self.scheme)
        content = b"" if body is None and request.method not in WITHOUT_LENGTH else body
        target = self._base_path + request.target
        data = request_bytes(connection, self._route, request.method, target, tuple(headers.items()), content)
        keeps = False
        try:
            problem = connection.send(data, self.deadline)
            try:
                answer = read_answer(connection, self.deadline, request.method)
            except ExchangeFailed as failed:
                if is_kept and failed.failure is Failure.CONNECTION_LOST:
                    connection.note_reset()
                raise explained(failed, problem) from failed
            keeps = answer.keeps and problem is None
        finally:
            if keeps:
                self._kept = connection
            else:
                connection.close()
        return answer


def _as_response(answer: Answer, request: requests.PreparedRequest) -> requests.Response:
    """Return an answer as Schemathesis wants to have it."""
    fields = urllib3.HTTPHeaderDict()
    for name, value in answer.headers:
        if name.lower() not in ("content-encoding", "transfer-encoding"):  # the body is without them by now
            fields.add(name, value)
    response = requests.Response()
    response.status_code = answer.status
    response.headers = CaseInsensitiveDict(fields)
    response.raw = urllib3.HTTPResponse(io.BytesIO(answer.body), fields, answer.status, preload_content=False)
    response.request = request
    response.url = request.url or ""
    response._content = answer.body  # requests has no public way to hand over a body that was read elsewhere
    response._content_consumed = True  # type: ignore[attr-defined]  # the stubs leave it out
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
