"""Failures of requests that got no answer: a kind for each thing that can be done about it."""

from __future__ import annotations

from enum import StrEnum


class Failure(StrEnum):
    """A kind of failure of an exchange, by the name that reports and records give it."""

    NAME_NOT_RESOLVED = "the host name could not be resolved"
    CONNECTION_REFUSED = "the connection was refused"
    NOT_CONNECTED = "could not connect"
    CONNECT_TIMED_OUT = "connecting timed out"
    TLS_FAILED = "TLS failed"
    NO_TLS = "the server does not speak TLS"
    PROXY_FAILED = "the proxy failed"
    TIMED_OUT = "no answer in time"
    CONNECTION_LOST = "the connection was closed without an answer"
    GARBLED = "the answer is cut short or is not HTTP"
    TOO_LARGE = "the answer is too large"


NEVER_ARRIVED: frozenset[str] = frozenset(
    {
        Failure.NAME_NOT_RESOLVED,
        Failure.CONNECTION_REFUSED,
        Failure.NOT_CONNECTED,
        Failure.CONNECT_TIMED_OUT,
        Failure.TLS_FAILED,
        Failure.NO_TLS,
        Failure.PROXY_FAILED,
    }
)
"""The failures of requests that the target did not even see."""


class ExchangeFailed(Exception):
    """An exchange without an answer: the kind of failure, and in `error` the text of the original error."""

    def __init__(self, failure: Failure, error: object = "") -> None:
        self.failure = failure
        self.error = str(error)
        super().__init__(f"{failure}: {self.error}" if self.error else str(failure))


NO_TLS_REASONS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"})
"""The reasons for which OpenSSL gives up where plain HTTP is answered; a certificate has nothing to do with them."""


def failure_of_tls(error: Exception) -> ExchangeFailed:
    """Return the failure of an exchange whose TLS failed with an error of the standard library."""
    is_plain_http = getattr(error, "reason", "") in NO_TLS_REASONS
    return ExchangeFailed(Failure.NO_TLS if is_plain_http else Failure.TLS_FAILED, error)


class LiveAccount(BaseException):
    """An object that the suite has made is live: money may be at stake, and nothing more may be sent.

    It ends a run as an interruption does, past all that handles errors.
    """


class BoundReached(BaseException):
    """A bound of the run is reached, which the message names: nothing more may be sent.

    It passes all that handles errors, as an interruption does.
    """
