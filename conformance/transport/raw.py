"""The raw transport: exact bytes on a connection of its own, read to its end.

A client library mends paths, re-encodes bodies and believes Content-Length. Where those are the point, the request is
written as it is, and the answer is compared with what its headers say.
"""

from __future__ import annotations

from conformance.evidence.failure import ExchangeFailed, Failure
from conformance.transport.answer import Answer, read_answer
from conformance.transport.connection import connect
from conformance.transport.deadline import Deadline
from conformance.transport.request import Headers, request_bytes
from conformance.transport.route import Route


def exchange_raw(
    route: Route,
    method: str,
    target: str,
    headers: Headers,
    body: bytes | None,
    *,
    chunked: bool,
    deadline: Deadline,
) -> Answer:
    """Send one request on a new connection and read its answer to the end.

    `target` is the whole path and query as they are to stand in the request line. Raises ExchangeFailed.
    """
    connection = connect(route, deadline)
    try:
        sent = (*headers, ("Connection", "close"))
        data = request_bytes(connection, route, method, target, sent, body, chunked=chunked)
        problem = connection.send(data, deadline)
        try:
            return read_answer(connection, deadline, method, to_the_end=True)
        except ExchangeFailed as failed:
            raise explained(failed, problem) from failed
    finally:
        connection.close()


def explained(failed: ExchangeFailed, sending: OSError | None) -> ExchangeFailed:
    """Return the failure with the error that came earlier, while the request was sent, where that explains it."""
    if sending is None or failed.failure is not Failure.CONNECTION_LOST:
        return failed
    return ExchangeFailed(failed.failure, sending)
