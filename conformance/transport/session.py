"""Sending a request: on a kept-alive session that Schemathesis can call, or as exact bytes on a connection of its own.

A client library rewrites paths, re-encodes bodies and believes Content-Length. Here the request leaves as it is, and
the answer is compared with what its headers say.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import requests
import urllib3
from requests.structures import CaseInsensitiveDict

from conformance.evidence.failure import NEVER_ARRIVED, ExchangeFailed, Failure
from conformance.evidence.secret import Secret
from conformance.transport.answer import Answer, read_answer
from conformance.transport.connection import Connection, Deadline
from conformance.transport.kept import KeptConnections
from conformance.transport.request import Headers, headers_on_wire, pieces_of, request_bytes
from conformance.transport.route import Route
from strategies.attempt import Credentials, Request

WITHOUT_LENGTH = frozenset({"GET", "HEAD"})
"""The methods whose requests announce no length where they have no body (RFC 9110 section 8.6)."""
REQUEST_TIMEOUT = 408


@dataclass(frozen=True)
class Outgoing:
    """A request to send before a deadline; `scheme` presents the key where the request does not name a scheme."""

    request: Request
    deadline: Deadline
    scheme: Credentials


@dataclass(frozen=True)
class Delivery:
    """An answer, and how the session got it.

    `idle` is for how many seconds the kept connection on which the request was sent first had been idle, None for a new
    one. `resent` tells that this connection was closed without an answer, and that the answer came on a new one;
    `unread` that a reset (TCP RST), or a 408, shows that the server had not read the request there.
    """

    answer: Answer
    idle: float | None = None
    resent: bool = False
    unread: bool = False


class WireSession(requests.Session):
    """A session that sends requests with exactly their own headers, one at a time.

    Schemathesis calls it as any other session, but it connects, sends and reads by itself: so that one deadline
    covers all, nothing is rewritten, and nobody else decides about certificates, proxies and retries. The key enters
    here, in the last step before the socket. `kept` is shared by the sessions of a client.
    """

    def __init__(self, key: Secret, route: Route, base_path: str, kept: KeptConnections) -> None:
        super().__init__()
        self.trust_env = False
        self._key = key
        self._route = route
        self._base_path = base_path
        self._kept = kept
        self._outgoing: Outgoing | None = None
        self._delivery: Delivery | None = None

    def carry(self, outgoing: Outgoing, call: Callable[[], object]) -> Delivery:
        """Have `call` make Schemathesis call this session, which sends `outgoing`. Raises ExchangeFailed.

        The response that Schemathesis returns has no room for all of a delivery.
        """
        self._outgoing = outgoing
        call()
        delivery, self._delivery = self._delivery, None
        assert delivery is not None, "Schemathesis sends on the session that it is given"
        return delivery

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send the outgoing request with the body that Schemathesis made of it."""
        body = request.body.encode() if isinstance(request.body, str) else request.body
        assert body is None or isinstance(body, bytes), "a body is bytes, never a file"
        assert self._outgoing is not None, "Schemathesis calls the session only by `carry`"
        self._delivery = self.deliver(self._outgoing, body)
        return _as_response(self._delivery.answer, request)

    def deliver(self, outgoing: Outgoing, body: bytes | None) -> Delivery:
        """Send a request with this body, and again where its kept connection turns out to be closed.

        A server may close a connection at any time (RFC 9112 section 9.3), and a request that crosses this on its way
        is lost through no fault of anybody's. So, decided here and nowhere else: a kept connection that the server has
        closed is left before it is used; a request that gets no byte of an answer on a kept connection is sent again,
        once, on a new one, within the same deadline, and the delivery says so. So is one that gets the 408 with which a
        server closes an idle connection, since it was in transit by then (RFC 9110 section 15.5.9). A request without
        an answer on a new connection was dropped. Raises ExchangeFailed.
        """
        kept = self._kept.take(self)
        if kept is not None and not kept.is_open:
            kept.close()
            kept = None
        if kept is None:
            return Delivery(self._send_on_new(outgoing, body))
        idle = time.monotonic() - kept.last_used
        try:
            answer = self._send_on(kept, outgoing, body, is_kept=True)
        except ExchangeFailed as lost:
            if lost.failure is not Failure.CONNECTION_LOST:
                raise
            return Delivery(self._send_again(outgoing, body, lost), idle, resent=True, unread=kept.is_reset)
        if answer.status == REQUEST_TIMEOUT and not answer.keeps:
            return Delivery(self._send_on_new(outgoing, body), idle, resent=True, unread=True)
        return Delivery(answer, idle)

    def deliver_raw(self, outgoing: Outgoing) -> Delivery:
        """Send a request as exact bytes on a new connection and read to its end. Raises ExchangeFailed."""
        request = outgoing.request
        connection = self._kept.connect(self._route, outgoing.deadline)
        try:
            headers = headers_on_wire(request, self._key, outgoing.scheme)
            data = self._bytes_of(connection, request, (*headers.items(), ("Connection", "close")), request.body)
            answer, _ = _exchange(connection, pieces_of(request, data), outgoing, to_the_end=True)
            self._kept.learn_from(connection)
        finally:
            connection.close()
        return Delivery(answer)

    def close(self) -> None:
        """Close the kept connection."""
        super().close()
        kept = self._kept.take(self)
        if kept is not None:
            kept.close()

    def _send_again(self, outgoing: Outgoing, body: bytes | None, lost: ExchangeFailed) -> Answer:
        """Send a lost request on a new connection; where none can be made, the server ended over the request."""
        try:
            return self._send_on_new(outgoing, body)
        except ExchangeFailed as failed:
            raise (lost if failed.failure in NEVER_ARRIVED else failed) from None

    def _send_on_new(self, outgoing: Outgoing, body: bytes | None) -> Answer:
        """Send a request on a new connection, and keep that if the server does."""
        return self._send_on(self._kept.connect(self._route, outgoing.deadline), outgoing, body)

    def _send_on(
        self, connection: Connection, outgoing: Outgoing, body: bytes | None, *, is_kept: bool = False
    ) -> Answer:
        """Send a request on a connection, read the answer, and keep the connection if the server does."""
        request = outgoing.request
        headers = headers_on_wire(request, self._key, outgoing.scheme)
        content = b"" if body is None and request.method not in WITHOUT_LENGTH else body
        data = self._bytes_of(connection, request, tuple(headers.items()), content)
        keeps = False
        try:
            answer, problem = _exchange(connection, (data,), outgoing)
            keeps = answer.keeps and problem is None
            self._kept.learn_from(connection)
        except ExchangeFailed as failed:
            if is_kept and failed.failure is Failure.CONNECTION_LOST:
                connection.note_reset()
            raise
        finally:
            if keeps:
                self._kept.keep(self, connection)
            else:
                connection.close()
        return answer

    def _bytes_of(self, connection: Connection, request: Request, headers: Headers, body: bytes | None) -> bytes:
        target = self._base_path + request.target
        chunked = request.raw and request.chunked
        return request_bytes(connection, self._route, request.method, target, headers, body, chunked=chunked)


def _exchange(
    connection: Connection, pieces: Sequence[bytes], outgoing: Outgoing, *, to_the_end: bool = False
) -> tuple[Answer, OSError | None]:
    """Send the pieces and read the answer; return it with the error that ended the sending, None for none.

    Raises ExchangeFailed, with the error of the sending where that explains a lost connection.
    """
    problem = connection.send_apart(pieces, outgoing.deadline)
    try:
        return read_answer(connection, outgoing.deadline, outgoing.request.method, to_the_end=to_the_end), problem
    except ExchangeFailed as failed:
        if problem is None or failed.failure is not Failure.CONNECTION_LOST:
            raise
        raise ExchangeFailed(failed.failure, problem) from failed


OF_THE_FRAMING = frozenset({"content-encoding", "transfer-encoding", "content-length"})
"""Headers that a body which was read has no more use for; urllib3 raises an error for two different lengths."""


def _as_response(answer: Answer, request: requests.PreparedRequest) -> requests.Response:
    """Return an answer as Schemathesis wants to have it."""
    fields = urllib3.HTTPHeaderDict()
    for name, value in answer.headers:
        if name.lower() not in OF_THE_FRAMING:
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
