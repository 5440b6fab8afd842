"""The exchange, a request and its answer as a frozen value: the evidence of every verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from conformance.evidence.failure import Failure
from conformance.evidence.strict_json import JsonText, read_json
from contracts.contract import FORM_MEDIA_TYPE
from strategies.attempt import PATH_PREFIX, PATH_SUFFIX, Request
from strategies.wire import DecodedPair, decode

TIMED_OUT = Failure.TIMED_OUT
CONNECTION_LOST = Failure.CONNECTION_LOST
PARTIAL_CONTENT, NOT_IMPLEMENTED = 206, 501

USUAL_HEADERS = frozenset({("accept", "application/json"), ("content-type", FORM_MEDIA_TYPE)})
"""The headers of every ordinary request, in lower case."""

AFTER = "starting_after="
"""The parameter that asks for the entries of a list behind one of them."""


@dataclass(frozen=True)
class Exchange:
    """A request and its answer as received.

    - `status`: None when no answer came; then `failure` (a `Failure`) and `original_error` (its text) say why.
    - `headers`, `body`: the answer's, None where the evidence lacks them (a recording).
    - `seconds`: the time of the whole exchange, with connecting; `received`: the time of the answer in seconds since
      1970, 0 if unknown.
    - `framing`: the errors in the framing of the answer.
    - `leaked_key`: the answer held the request's key, which is blotted out in `body` and `headers`.
    - `retries`: the number of answers before that asked to try later: 429, or 503 with a `Retry-After`.
    - `resent`: a kept connection was closed without an answer, and this is the answer on a new one; `unread`: a reset
      shows that the server had not read the request on the kept one.
    - `idle`: the seconds for which the kept connection had been idle, None for a new one.
    - `new_connection`: the request had its own connection.
    """

    request: Request
    status: int | None = None
    headers: tuple[tuple[str, str], ...] | None = None
    body: bytes | None = None
    seconds: float = 0.0
    received: float = 0.0
    failure: str = ""
    framing: tuple[str, ...] = ()
    leaked_key: bool = False
    retries: int = 0
    resent: bool = False
    new_connection: bool = False
    original_error: str = ""
    unread: bool = False
    idle: float | None = None

    @property
    def why_unanswered(self) -> str:
        """Return why no answer came, with the text of the original error; empty where one came."""
        return f"{self.failure}: {self.original_error}" if self.original_error else self.failure

    @property
    def answered(self) -> bool:
        """Return whether an answer came that is not a throttle (429)."""
        return self.status is not None and self.status != 429

    @property
    def is_success(self) -> bool:
        """Return whether the answer is a 2xx without an error inside."""
        return self.status is not None and 200 <= self.status < 300 and not self.has_error_inside

    @property
    def is_refusal(self) -> bool:
        """Return whether the answer is a 4xx and not a throttle, or says that the server has no such method."""
        is_rejection = self.status is not None and 400 <= self.status < 500 and self.status != 429
        return is_rejection or says_unknown_method(self)

    @property
    def has_error_inside(self) -> bool:
        """Return whether the body is an object with a member `error` that is an object."""
        return isinstance(self.object.get("error"), dict)

    @property
    def is_to_operation(self) -> bool:
        """Return whether the request went to the operation's URL, with any method."""
        return goes_to_operation(self.request)

    @cached_property
    def json(self) -> JsonText:
        """Read the body as JSON, with a list of its errors."""
        return read_json(self.body or b"")

    @property
    def object(self) -> Mapping[str, Any]:
        """Return the body as a JSON object, empty when it is none."""
        return _as_object(self.json.value)

    @property
    def error(self) -> Mapping[str, Any]:
        """Return the `error` object of the body, empty when there is none."""
        return _as_object(self.object.get("error"))

    def header(self, name: str) -> str | None:
        """Return the first header of that name in any case; None for none."""
        return next(iter(header_values(self, name)), None)

    @cached_property
    def sent_pairs(self) -> tuple[DecodedPair, ...]:
        """Decode the parameters of the form body that was sent."""
        return decode(self.request.body or b"")

    def sent_values(self, name: str) -> tuple[str, ...]:
        """Return the values of the plain parameters of that name that were sent."""
        wanted = name.encode()
        return tuple(pair.value.decode("utf-8", "replace") for pair in self.sent_pairs if pair.name == wanted)


def _as_object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def says_unknown_method(exchange: Exchange) -> bool:
    """Return whether a method that the operation does not have is answered 501 (RFC 9110 section 15.6.2)."""
    return exchange.status == NOT_IMPLEMENTED and exchange.request.method != "POST" and exchange.is_to_operation


def is_part(exchange: Exchange) -> bool:
    """Return whether the answer is a part of a representation, for which the request asked with `Range`."""
    return exchange.status == PARTIAL_CONTENT and sent_header(exchange, "Range") is not None


def goes_to_operation(request: Request) -> bool:
    """Return whether a request goes to the operation's URL, with any method: one segment stands for the id."""
    path = request.target.partition("?")[0]
    is_alike = path.startswith(PATH_PREFIX) and path.endswith(PATH_SUFFIX)
    return is_alike and "/" not in path[len(PATH_PREFIX) : -len(PATH_SUFFIX)]


def is_usual(header: tuple[str, str]) -> bool:
    """Return whether a header of a request is one that every ordinary one has."""
    return (header[0].lower(), header[1].lower()) in USUAL_HEADERS


def header_values(exchange: Exchange, name: str) -> list[str]:
    """Return the values of all headers of that name in any case that the answer has."""
    return [value for key, value in exchange.headers or () if key.lower() == name.lower()]


def sent_header(exchange: Exchange, name: str) -> str | None:
    """Return the last header of that name in any case that the request has; None for none."""
    return {key.lower(): value for key, value in exchange.request.headers}.get(name.lower())


def combined_header(exchange: Exchange, name: str) -> str | None:
    """Join the values of all headers of that name, which make one list (RFC 9110 section 5.3); None for none."""
    values = header_values(exchange, name)
    return ", ".join(values) if values else None


def cookies_set(exchange: Exchange) -> list[str]:
    """Return the cookies that an answer sets, each as `name=value`, without its attributes."""
    return [value.partition(";")[0] for value in header_values(exchange, "Set-Cookie")]


def is_creation(exchange: Exchange) -> bool:
    """Return whether a customer or a payment method was created."""
    request = exchange.request
    is_post = request.method == "POST" and request.target in ("/v1/customers", "/v1/payment_methods")
    return is_post and exchange.is_success


def customer_id(exchange: Exchange) -> Any:
    """Return the id of the customer that the body shows, expanded or not; else its value there, None for nothing."""
    customer = exchange.object.get("customer")
    return customer.get("id") if isinstance(customer, dict) else customer


def asks_to_expand(exchange: Exchange) -> bool:
    """Return whether the request has any parameter `expand`."""
    return any(pair.name.partition(b"[")[0] == b"expand" for pair in exchange.sent_pairs)


def has_more(page: Exchange) -> bool:
    """Return whether a list says that it has more entries than it shows."""
    return bool(page.object.get("has_more"))


def asks_for_further_page(exchange: Exchange) -> bool:
    """Return whether the request asks for the entries of a list behind one of them."""
    query = exchange.request.target.partition("?")[2]
    return any(pair.startswith(AFTER) for pair in query.split("&"))


def may_be_lost_on_the_way(exchange: Exchange) -> bool:
    """Return whether a network may have lost the answer, cut it short, or had the request sent twice."""
    has_length = exchange.header("Content-Length") is not None or exchange.header("Transfer-Encoding") is not None
    is_bare = not exchange.body and exchange.headers is not None and not has_length
    return exchange.status is None or exchange.resent or bool(exchange.framing) or is_bare
