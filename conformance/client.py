"""The client: the one way by which everything is sent to the implementation at a base URL."""

from __future__ import annotations

import ipaddress
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import SplitResult, unquote, urlencode, urlsplit

import requests
import urllib3
from requests.structures import CaseInsensitiveDict
from requests.utils import get_environ_proxies
from schemathesis.core import NOT_SET

from conformance.answer_limits import raise_limits
from conformance.exchange import CONNECTION_LOST, CONNECTION_REFUSED, NEVER_ARRIVED, NOT_CONNECTED, TIMED_OUT, Exchange
from conformance.history import History
from conformance.raw import NoAnswer, exchange_raw
from conformance.secret import Secret
from conformance.serializer import operation_of
from conformance.session import WireSession, headers_on_wire
from contracts import Contract
from contracts.contract import FORM_MEDIA_TYPE
from strategies.attempt import PATH_PREFIX, PATH_SUFFIX, Credentials, Request

DEFAULT_TIMEOUT = 10.0
MAX_THROTTLED_RETRIES = 4
LONGEST_RETRY_WAIT = 10.0


class TargetError(ValueError):
    """The base URL cannot be one; the message says what to give instead."""


@dataclass(frozen=True)
class Address:
    """A base URL taken apart: scheme, host and port, and a path prefix without a final slash."""

    url: str

    @property
    def parts(self) -> SplitResult:
        """The URL's components."""
        return urlsplit(self.url)

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine by its name or number."""
        host = self.parts.hostname or ""
        try:
            return host == "localhost" or ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host.endswith(".localhost")

    @classmethod
    def of(cls, url: str) -> Address:
        """The address that `url` names. Raises TargetError when it is no plain http or https URL."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise TargetError(f"--base-url {url!r} is no URL: give one such as http://127.0.0.1:8420") from None
        if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
            raise TargetError(f"--base-url {url!r} must start with http:// or https:// and name a host")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise TargetError("--base-url must hold no credentials, query or fragment: give the key in STRIPE_API_KEY")
        path = parts.path.rstrip("/")
        return cls(f"{parts.scheme}://{parts.netloc}{path.removesuffix('/v1')}")


class Pacer:
    """Keeps requests at a rate of at most `per_second`, evenly spaced; None sets no limit."""

    def __init__(self, per_second: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval = 1 / per_second if per_second else 0.0
        self._clock = clock
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Sleep until the next request may leave."""
        if not self._interval:
            return
        with self._lock:
            now = self._clock()
            start = max(now, self._next)
            self._next = start + self._interval
        time.sleep(max(0.0, start - now))


@dataclass(frozen=True)
class _Answer:
    """An answer as either transport read it."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Client:
    """Sends requests to one implementation and tells what came back. It never raises for what a server does.

    `credentials` says how the key is presented where a request leaves that open. Every request of the operation is a
    Schemathesis case on a kept-alive session, one a thread; raw ones go as exact bytes. A 429 is retried, `Retry-After`
    honoured, a bounded number of times. `resends` counts the requests that were sent again because a kept connection
    was closed before the answer. `history` keeps the last exchanges.
    """

    def __init__(
        self,
        address: Address,
        key: Secret,
        contract: Contract,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        rate: float | None = None,
    ) -> None:
        raise_limits()
        self.address = address
        self.key = key
        self.timeout = timeout
        self.requests_sent = 0
        self.resends = 0
        self.history = History()
        self.credentials: Credentials = "bearer"
        self._operation = operation_of(contract)
        self._pacer = Pacer(rate)
        self._local = threading.local()
        self._count_lock = threading.Lock()
        self._sessions: list[WireSession] = []

    def send(self, request: Request, *, new_connection: bool = False) -> Exchange:
        """Send a request of the operation, and again while it is throttled. `new_connection` leaves the kept one."""
        return self._patiently(request, lambda: self._send_once(request, new_connection=new_connection))

    def call(self, method: str, target: str, form: dict[str, str] | None = None) -> Exchange:
        """Send a plain request to another endpoint; `target` is path and query below the base URL."""
        body = None if form is None else urlencode(form).encode()
        headers = [("Accept", "application/json")] + [("Content-Type", FORM_MEDIA_TYPE)] * (body is not None)
        request = Request(method, target, tuple(headers), body)
        return self._patiently(request, lambda: self._over_session(request, self._session(), plain=True))

    def repeat(self, request: Request, *, new_connection: bool = False) -> Exchange:
        """Send a request that has been sent before, to whichever endpoint."""
        if request.raw or Exchange(request).is_to_operation:
            return self.send(request, new_connection=new_connection)
        return self._patiently(request, lambda: self._over_session(request, self._session(), plain=True))

    def reconnect(self) -> None:
        """Leave the kept connection: the next request opens another."""
        self._session().close()
        self.history.leave_connection()

    def close(self) -> None:
        """Close every connection."""
        for session in self._sessions:
            session.close()

    def _patiently(self, request: Request, send: Callable[[], Exchange]) -> Exchange:
        exchange = send()
        for retry in range(1, MAX_THROTTLED_RETRIES + 1):
            if exchange.status != 429:
                break
            time.sleep(_retry_wait(exchange, retry))
            exchange = replace(send(), retries=retry)
        self.history.add(exchange)
        return exchange

    def _send_once(self, request: Request, *, new_connection: bool) -> Exchange:
        if request.raw:
            return self._over_raw(request)
        if not new_connection:
            return self._over_session(request, self._session())
        session = self._new_session()
        try:
            return replace(self._over_session(request, session), new_connection=True)
        finally:
            session.close()

    def _session(self) -> WireSession:
        session: WireSession | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = self._new_session()
            self._sessions.append(session)
        return session

    def _new_session(self) -> WireSession:
        proxies = {} if self.address.is_loopback else get_environ_proxies(self.address.url)
        verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
        return WireSession(self.key, proxies, verify)

    def _over_session(self, request: Request, session: WireSession, *, plain: bool = False) -> Exchange:
        self._pacer.wait()
        self._count()
        session.in_hand, session.framing, session.times_sent = request, (), 0
        session.scheme = self.credentials
        start = time.monotonic()
        try:
            answer = self._plain(request, session) if plain else self._as_case(request, session)
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            failure = _failure(error)
            if session.times_sent > 1 and failure in NEVER_ARRIVED:  # it arrived, was lost, and could not be sent again
                failure = CONNECTION_LOST
            return Exchange(request, failure=failure, seconds=time.monotonic() - start, received=time.time())
        received = self._received(request, answer, session.framing, time.monotonic() - start)
        is_resent = session.times_sent > 1
        with self._count_lock:
            self.resends += is_resent
        return replace(received, resent=is_resent)

    def _as_case(self, request: Request, session: WireSession) -> _Answer:
        path, _, query = request.target.partition("?")
        identifier = path.removeprefix(PATH_PREFIX).removesuffix(PATH_SUFFIX)
        case = self._operation.Case(
            method=request.method,  # type: ignore[arg-type]  # any method is sent, on purpose
            path_parameters={"payment_method": unquote(identifier)},
            query=dict(pair.split("=", 1) for pair in query.split("&")) if query else {},
            headers=CaseInsensitiveDict(request.headers),
            media_type=FORM_MEDIA_TYPE if request.body is not None else None,
            body=NOT_SET if request.body is None else request.body,
        )
        response = case.call(base_url=self.address.url, session=session, timeout=self.timeout, allow_redirects=False)
        headers = tuple((name, value) for name, values in response.headers.items() for value in values)
        return _Answer(response.status_code, headers, response.content)

    def _plain(self, request: Request, session: WireSession) -> _Answer:
        response = session.request(
            request.method, self.address.url + request.target, data=request.body, timeout=self.timeout
        )
        return _Answer(response.status_code, tuple(response.headers.items()), response.content)

    def _over_raw(self, request: Request) -> Exchange:
        self._pacer.wait()
        self._count()
        start = time.monotonic()
        try:
            answer = exchange_raw(
                self.address.parts,
                request.method,
                self.address.parts.path + request.target,
                tuple(headers_on_wire(request, self.key, self.credentials).items()),
                request.body,
                chunked=request.chunked,
                timeout=self.timeout,
            )
        except NoAnswer as missing:
            failure = TIMED_OUT if missing.timed_out else CONNECTION_LOST
            return Exchange(request, failure=failure, seconds=time.monotonic() - start, received=time.time())
        except OSError as error:
            failure = CONNECTION_REFUSED if "refused" in str(error).lower() else NOT_CONNECTED
            return Exchange(request, failure=failure, seconds=time.monotonic() - start, received=time.time())
        received = _Answer(answer.status, answer.headers, answer.body)
        return self._received(request, received, answer.framing, time.monotonic() - start)

    def _received(self, request: Request, answer: _Answer, framing: tuple[str, ...], seconds: float) -> Exchange:
        headers, body = answer.headers, answer.body
        leaked = self.key.stands_in(body) or any(self.key.stands_in(value.encode()) for _, value in headers)
        body = self.key.blotted_bytes(body)
        headers = tuple((name, self.key.blotted(value)) for name, value in headers)
        return Exchange(
            request,
            answer.status,
            headers,
            body,
            seconds,
            received=time.time(),
            framing=framing,
            leaked_key=leaked,
        )

    def _count(self) -> None:
        with self._count_lock:
            self.requests_sent += 1


def _failure(error: Exception) -> str:
    """Why there was no answer: whether the request can have arrived at all, and else what became of it."""
    told = str(error).lower()
    if "refused" in told or "resolve" in told:
        return CONNECTION_REFUSED
    if isinstance(error, _BEFORE_SENDING) or "newconnectionerror" in told:
        return NOT_CONNECTED
    return TIMED_OUT if isinstance(error, requests.exceptions.Timeout) else CONNECTION_LOST


_BEFORE_SENDING = (
    requests.exceptions.ConnectTimeout,
    requests.exceptions.ProxyError,
    requests.exceptions.SSLError,
)
"""What comes of a connection before anything is sent on it."""


def _retry_wait(exchange: Exchange, retry: int) -> float:
    announced = exchange.header("Retry-After") or ""
    seconds = float(announced) if announced.isdecimal() else 0.25 * 2**retry
    return min(seconds, LONGEST_RETRY_WAIT)
