"""Targets that answer in one bad way only: the reference with its answers replaced, from the first or after probing."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from reference import build
from reference.call import Call
from reference.wire.server import Server
from reference.wire.values import Response

AFTER_PROBING = 25
"""How many answers a manner leaves alone that begins after probing: by then all probes are answered."""

JSON_TYPE = (("Content-Type", "application/json"),)
ERROR = {"error": {"type": "invalid_request_error", "code": "parameter_invalid", "message": "No.", "param": "customer"}}

Change = Callable[[Call, Response, int], Response]


@dataclass(frozen=True)
class Manner:
    """A change of every response, by its number, that begins after `after` responses."""

    change: Change
    after: int = AFTER_PROBING


def _answer(status: int, body: bytes) -> Response:
    return Response(status, JSON_TYPE, body)


def _accept_all(call: Call, response: Response, number: int) -> Response:
    path = call.request.path.split("/")
    if response.status < 400 or path[-1] != "attach" or len(path) < 5:
        return response
    return _answer(200, json.dumps({"id": path[3], "object": "payment_method", "customer": "cus_any"}).encode())


def _refuse_attaches(call: Call, response: Response, number: int) -> Response:
    return _answer(400, json.dumps(ERROR).encode()) if call.request.path.endswith("/attach") else response


def _lose_every_second(call: Call, response: Response, number: int) -> Response:
    return replace(response, dropped=True) if number % 2 else response


def _list_nothing(call: Call, response: Response, number: int) -> Response:
    is_list = call.request.method == "GET" and call.request.path.endswith("/payment_methods")
    return _answer(200, b'{"object": "list", "data": [], "has_more": false}') if is_list else response


def _always(status: int, body: bytes) -> Change:
    return lambda call, response, number: _answer(status, body)


MANNERS: Mapping[str, Manner] = {
    "accept-all": Manner(_accept_all, after=0),
    "refuse-attaches": Manner(_refuse_attaches, after=0),
    "refuse-all": Manner(_always(400, json.dumps(ERROR).encode())),
    "fail-all": Manner(_always(500, b'{"error": {"type": "api_error", "message": "Oops."}}')),
    "lose-every-second": Manner(_lose_every_second),
    "list-nothing": Manner(_list_nothing, after=0),
    "empty-object": Manner(_always(200, b"{}")),
    "no-content": Manner(_always(204, b"")),
    "list-for-all": Manner(_always(200, b"[]")),
}


@contextlib.contextmanager
def running_nasty(name: str, *, leave_alone: int = 0) -> Iterator[Server]:
    """Serve with that manner for as long as the block lasts; `leave_alone` more answers are as they should be."""
    manner = MANNERS[name]
    server = build()
    numbers = itertools.count()
    behaviour = server.world.behaviour
    usual = behaviour.finish

    def finish(call: Call, response: Response) -> Response:
        number = next(numbers)
        finished = usual(call, response)
        return finished if number < manner.after + leave_alone else manner.change(call, finished, number)

    behaviour.finish = finish
    server.start()
    try:
        yield server
    finally:
        server.stop()
