"""The client, which sends every request to the implementation at a base URL."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from requests.structures import CaseInsensitiveDict
from schemathesis import Case
from schemathesis.core import NOT_SET

from conformance.evidence.exchange import Exchange, goes_to_operation
from conformance.evidence.failure import ExchangeFailed, Failure, LiveAccount
from conformance.evidence.foreign import one_line, seconds_of_date
from conformance.evidence.history import History
from conformance.evidence.secret import Secret, without_any_key
from conformance.evidence.strict_json import count_values
from conformance.transport.answer import Answer
from conformance.transport.bounds import Bounds
from conformance.transport.connection import Deadline
from conformance.transport.kept import KeptConnections
from conformance.transport.lanes import AT_ONCE, LANE, Crossing, Lane, Pacer
from conformance.transport.route import Route, is_this_machine
from conformance.transport.serializer import operation_of
from conformance.transport.session import Delivery, Outgoing, WireSession
from conformance.transport.ways import Manner
from contracts import Contract
from contracts.contract import FORM_MEDIA_TYPE
from strategies.attempt import PATH_PREFIX, PATH_SUFFIX, Credentials, Request

DEFAULT_TIMEOUT = 10.0
"""Seconds for one exchange: many times what the operation takes."""
PLAINLY = Manner()
"""The usual form of requests to other endpoints."""
MAX_THROTTLED_RETRIES = 4

TOO_MANY_REQUESTS, SERVICE_UNAVAILABLE = 429, 503

PATIENT_TIMES = 3
"""How many requests in a row may stay throttled through all retries before further ones are sent once each: of those to
the operation, and of the others."""

LARGE_ANSWER = 64 * 1024
MOST_IN_LARGE_ANSWERS = 24 * 1024 * 1024
"""How many bytes a run keeps of answers that are larger than LARGE_ANSWER, each several times over (read, in the record
and in reports); an object of this API has some thousand."""

BYTES_OF_HEADER = 200
"""The bytes that a header takes in memory, however short it is."""

MOST_VALUES = 200_000
"""How many values the JSON of an answer may have: each takes some hundred bytes of memory, however short it is."""

MANY_VALUES = 5_000
MOST_IN_MANY_VALUES = 600_000
"""How many values a run keeps of answers with more than MANY_VALUES."""

LONGEST_RETRY_WAIT = 10.0
"""Seconds before a rate-limited request is sent again, however long the server asks to wait."""


PLAIN_URL = re.compile(r"[!-~]*")
HOW_TO_WRITE_OTHERS = "write another host as xn--…, and other characters of a path with percent signs"

BELOW_BASE = re.compile(r"/v1(/customers|/payment_methods(/[^/]+/attach)?)?$")
"""The end of a URL that is no part of a base URL, although users copy it."""


class TargetError(ValueError):
    """The base URL cannot be one; the message says what to give instead."""


@dataclass(frozen=True)
class Address:
    """A base URL: scheme, host and port, and a path prefix without a final slash or what follows from `/v1` on."""

    url: str

    @property
    def parts(self) -> SplitResult:
        """Split the URL into its components."""
        return urlsplit(self.url)

    @property
    def is_loopback(self) -> bool:
        """Return whether the host is this machine by its name or number."""
        return is_this_machine(self.parts.hostname or "")

    @classmethod
    def of(cls, url: str) -> Address:
        """Return the address that `url` names. Raises TargetError when it is no plain http or https URL."""
        if not PLAIN_URL.fullmatch(url.strip()):
            raise TargetError(f"--base-url {_shown(url)} must be plain ASCII without blanks: {HOW_TO_WRITE_OTHERS}")
        try:
            parts = urlsplit(url.strip())
            port = parts.port
        except ValueError:
            raise TargetError(f"--base-url {_shown(url)} is no URL: give one such as http://127.0.0.1:8420") from None
        if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
            raise TargetError(f"--base-url {_shown(url)} must start with http:// or https:// and name a host")
        holds_key = "@" in parts.netloc or without_any_key(url) != url
        if holds_key or parts.query or parts.fragment:
            raise TargetError("--base-url must hold no credentials, query or fragment: give the key in STRIPE_API_KEY")
        path = BELOW_BASE.sub("", parts.path.rstrip("/"))
        return cls(f"{parts.scheme}://{parts.netloc}{path}")


def _shown(url: str) -> str:
    """Return what was given as a URL without what stands before an `@` or looks like a key."""
    scheme, slashes, rest = url.rpartition("//")
    return repr(without_any_key(f"{scheme}{slashes}{rest.rpartition('@')[2]}"))


class Client:
    """The sender of all requests to one implementation. It never raises for anything that a server does.

    A request of the operation leaves as a Schemathesis case on a kept-alive session, one a thread; a raw one as exact
    bytes on a connection of its own; a request to another endpoint on the session, without Schemathesis. A 429 is
    retried, as is a 503 with a `Retry-After`, which is honoured, a bounded number of times.

    - `timeout`: the seconds for a whole exchange, from the look-up of the host to the last byte of the answer.
    - `credentials`: the scheme by which the key is presented where a request leaves that open.
    - `main`: the lane of the requests of code that is on no other one. `history`, `requests_sent` and `resends` are
      those of the lane that the running code is on, `sent_in_all` is the number of requests on all lanes.
    - `making`: held while an object is made that all lanes share.
    - `bounds`: those of the run; beyond them every request raises BoundReached.
    """

    def __init__(
        self,
        address: Address,
        key: Secret,
        contract: Contract,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        rate: float | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        self.address = address
        self.key = key
        self.timeout = timeout
        self.main = Lane()
        self.sent_in_all = 0
        self.bounds = bounds or Bounds()
        self.credentials: Credentials = "bearer"
        self._in_large_answers = 0
        self._in_many_values = 0
        self._operation = operation_of(contract)
        self._route = Route.to(address.url)
        self._pacer = Pacer(rate)
        self._crossing = Crossing()
        self.making = threading.RLock()
        self._local = threading.local()
        self._count_lock = threading.Lock()
        self._sessions: list[WireSession] = []
        self._kept = KeptConnections()

    @property
    def lane(self) -> Lane:
        """The lane that the running code is on."""
        return LANE.get() or self.main

    @property
    def history(self) -> History:
        """The last exchanges of this lane."""
        return self.lane.history

    @property
    def requests_sent(self) -> int:
        """The number of requests that were sent on this lane."""
        return self.lane.sent

    @property
    def resends(self) -> int:
        """The number of requests of this lane sent again because a kept connection was closed before the answer."""
        return self.lane.resends

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let no other lane send for as long as the block lasts; none is then making what all lanes share."""
        with self.making, self._crossing.alone(self.lane):
            yield

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Let nothing come between the requests of the block, which leave at the same time, or one after the other.

        Where a pace sets them apart already, what is under way on other lanes makes no difference to them.
        """
        lane = self.lane
        if not self._pacer.interval:
            with self.alone():
                yield
            return
        usual, lane.rank = lane.rank, AT_ONCE
        try:
            yield
        finally:
            lane.rank = usual

    def send(self, request: Request, *, new_connection: bool = False) -> Exchange:
        """Send a request, and again while it is rate-limited. `new_connection` leaves the kept one as it is."""
        lane = self.lane
        exchange = self._send_once(request, new_connection=new_connection)
        place = goes_to_operation(request)
        for retry in range(1, MAX_THROTTLED_RETRIES + 1):
            if not is_put_off(exchange) or lane.throttled[place] >= PATIENT_TIMES:
                break
            pause = _retry_wait(exchange, retry)
            self.bounds.check_time(pause)
            if lane is not self.main:  # what the main one sends, it sends alone
                self._pacer.hold(pause)
            lane.sleep(pause)
            exchange = replace(self._send_once(request, new_connection=new_connection), retries=retry)
        lane.throttled[place] = lane.throttled[place] + 1 if is_put_off(exchange) else 0
        lane.history.add(exchange)
        lane.check(exchange)
        return exchange

    def call(
        self, method: str, target: str, form: Mapping[str, str] | None = None, manner: Manner = PLAINLY
    ) -> Exchange:
        """Write and send a request to another endpoint; `target` is path and query below the base URL.

        Raises LiveAccount where what it made or changed is live.
        """
        exchange = self.send(manner.request(method, target, form))
        if method == "POST" and exchange.is_success and exchange.object.get("livemode") is True:
            what = one_line(str(exchange.object.get("id", "an object")))
            raise LiveAccount(
                f"POST {target} was answered with `livemode: true`: this is a live account, and nothing more is sent. "
                f"Remove {what} by hand, and test with the key of a sandbox."
            )
        return exchange

    @property
    def is_proxied(self) -> bool:
        """Return whether requests go through a proxy."""
        return bool(self._route.proxy_url)

    def keep_to(self, per_second: float | None) -> None:
        """Change the rate."""
        self._pacer = Pacer(per_second)

    def reconnect(self) -> None:
        """Close this thread's kept connection, so that the next request opens another."""
        self._session().close()
        self.history.leave_connection()

    def close(self) -> None:
        """Close every connection."""
        for session in self._sessions:
            session.close()

    def _send_once(self, request: Request, *, new_connection: bool) -> Exchange:
        if request.raw or not new_connection:
            return self._exchange(request, self._session())
        session = self._new_session()
        try:
            return replace(self._exchange(request, session), new_connection=True)
        finally:
            session.close()

    def _session(self) -> WireSession:
        session: WireSession | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = self._new_session()
            self._sessions.append(session)
        return session

    def _new_session(self) -> WireSession:
        return WireSession(self.key, self._route, self.address.parts.path, self._kept)

    def _exchange(self, request: Request, session: WireSession) -> Exchange:
        """Send a request once and return its exchange. Errors of the suite itself pass through."""
        lane = self.lane
        lane.begin()
        self._wait_for_turn(lane)
        try:
            return self._exchange_now(request, session, lane)
        finally:
            self._crossing.leave(lane)

    def _wait_for_turn(self, lane: Lane) -> None:
        """Wait until the pace, and those who send alone, let a request leave on this lane."""
        is_leaving = False
        while not is_leaving:
            self._crossing.wait(lane)
            is_leaving = self._pacer.wait(
                self.bounds.check_time, rank=lane.rank, sleep=lane.sleep, may_leave=lambda: self._crossing.enter(lane)
            )

    def _exchange_now(self, request: Request, session: WireSession, lane: Lane) -> Exchange:
        with self._count_lock:
            self.bounds.count_request()
            lane.sent += 1
            self.sent_in_all += 1
        start = time.monotonic()
        try:
            delivery = self._deliver(Outgoing(request, Deadline(self.timeout), self.credentials), session)
            self._check_size(delivery.answer)
        except ExchangeFailed as failed:
            seconds, error = time.monotonic() - start, self.key.blotted(failed.error)
            return Exchange(
                request, failure=failed.failure, original_error=error, seconds=seconds, received=time.time()
            )
        seconds = time.monotonic() - start
        with self._count_lock:
            lane.resends += delivery.resent
        return self._to_exchange(request, delivery, seconds)

    def _check_size(self, answer: Answer) -> None:
        """Raise ExchangeFailed for an answer that is too large, and BoundReached where all together take too much."""
        values = count_values(answer.body)
        if values > MOST_VALUES:
            raise ExchangeFailed(Failure.TOO_LARGE, f"more than {MOST_VALUES} values")
        size = len(answer.body) + sum(BYTES_OF_HEADER + len(name) + len(value) for name, value in answer.headers)
        with self._count_lock:
            self._in_large_answers += size if size > LARGE_ANSWER else 0
            self._in_many_values += values if values > MANY_VALUES else 0
        if size > LARGE_ANSWER and self._in_large_answers > MOST_IN_LARGE_ANSWERS:
            self.bounds.check_memory(f"{MOST_IN_LARGE_ANSWERS} bytes")
        if values > MANY_VALUES and self._in_many_values > MOST_IN_MANY_VALUES:
            self.bounds.check_memory(f"{MOST_IN_MANY_VALUES} values")

    def _deliver(self, outgoing: Outgoing, session: WireSession) -> Delivery:
        request = outgoing.request
        if request.raw:
            return session.deliver_raw(outgoing)
        if not goes_to_operation(request):
            return session.deliver(outgoing, request.body)
        case = self._case(request)
        return session.carry(
            outgoing, lambda: case.call(base_url=self.address.url, session=session, allow_redirects=False)
        )

    def _case(self, request: Request) -> Case[Any]:
        path, _, query = request.target.partition("?")
        identifier = path.removeprefix(PATH_PREFIX).removesuffix(PATH_SUFFIX)
        return self._operation.Case(
            method=request.method,  # type: ignore[arg-type]  # any method is sent, on purpose
            path_parameters={"payment_method": unquote(identifier)},
            query=dict(parse_qsl(query, keep_blank_values=True)),
            headers=CaseInsensitiveDict(request.headers),
            media_type=FORM_MEDIA_TYPE if request.body is not None else None,
            body=NOT_SET if request.body is None else request.body,
        )

    def _to_exchange(self, request: Request, delivery: Delivery, seconds: float) -> Exchange:
        answer = delivery.answer
        texts = [answer.body, *(f"{name}: {value}".encode() for name, value in answer.headers)]
        return Exchange(
            request,
            answer.status,
            tuple((self.key.blotted(name), self.key.blotted(value)) for name, value in answer.headers),
            self.key.blotted_bytes(answer.body),
            seconds,
            received=time.time(),
            framing=tuple(self.key.blotted(lie) for lie in answer.framing),
            leaked_key=any(map(self.key.stands_in, texts)),
            resent=delivery.resent,
            unread=delivery.unread,
            idle=delivery.idle,
        )


def is_put_off(exchange: Exchange) -> bool:
    """Return whether the answer asks to send the request again later: a 429, or an overload that will pass.

    RFC 9110 section 15.6.4 has a server say with 503 and `Retry-After` that an overload is temporary.
    """
    is_overload = exchange.status == SERVICE_UNAVAILABLE and exchange.header("Retry-After") is not None
    return exchange.status == TOO_MANY_REQUESTS or is_overload


def _retry_wait(exchange: Exchange, retry: int) -> float:
    """Return the seconds before the next try: those that the answer asks for, within limits.

    A zero may stand for less than a second, so that it is believed once.
    """
    usual = 0.25 * 2**retry
    announced = exchange.header("Retry-After") or ""
    if not announced.isdecimal():
        seconds = _seconds_until(announced, exchange.header("Date")) or usual
    else:
        seconds = float(announced)  # `int` takes no more than some thousand digits
        if seconds == 0 and retry > 1:
            seconds = usual
    return min(seconds, LONGEST_RETRY_WAIT)


def _seconds_until(announced: str, now: str | None) -> float:
    """Return the seconds from the Date of an answer to that of its `Retry-After`; 0 where either is no date."""
    then, sent = seconds_of_date(announced), seconds_of_date(now or "")
    return 0.0 if then is None or sent is None else max(0.0, then - sent)
