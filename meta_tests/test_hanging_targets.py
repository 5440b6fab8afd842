"""Targets that accept connections and do not answer: the run ends soon, and a slow target is not given up."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from conformance.evidence.exchange import Exchange
from conformance.evidence.history import MOST_BYTES, MOST_KEPT, History
from conformance.fixtures import outage
from conformance.fixtures.capabilities import probe_capabilities
from conformance.fixtures.objects import Fixtures
from conformance.fixtures.outage import Lookout
from conformance.fixtures.probing import probe
from conformance.fixtures.provisioning import HANGS_AFTER, Provision, Unreachable
from conformance.transport.client import Client
from meta_tests.odd_servers import OK, read_request, serving
from meta_tests.sending import BINDINGS, client_of
from strategies.valid import MINIMAL

PROVISION = Provision("a test token", "created", stateless=False, retrieves=True)


class Server:
    """A server that answers as long as it does not hang, and that hangs on requests of the operation if `slow`."""

    def __init__(self) -> None:
        self.hangs = threading.Event()
        self.slow = False
        self.left = 1_000

    def serve(self, sock: socket.socket) -> None:
        while request := read_request(sock):
            self.left -= 1
            if self.hangs.is_set() or self.left < 0 or (self.slow and b"/attach " in request):
                continue
            sock.sendall(OK)


@contextmanager
def client_and_server() -> Iterator[tuple[Client, Server]]:
    server = Server()
    with serving(server.serve) as port:
        client = client_of(f"http://127.0.0.1:{port}", timeout=0.4)
        yield client, server
        client.close()


@pytest.mark.parametrize("answered", [0, 1])
def test_probing_ends_at_a_target_that_hangs(answered: int) -> None:
    with client_and_server() as (client, server):
        server.left = answered
        with pytest.raises(Unreachable, match="does not answer within") as caught:
            probe(client)
    assert "--timeout" in caught.value.hint
    assert client.requests_sent <= HANGS_AFTER + answered


def test_capabilities_are_not_looked_for_at_a_target_that_hangs() -> None:
    with client_and_server() as (client, server):
        server.hangs.set()
        with pytest.raises(Unreachable, match="does not answer within"):
            probe_capabilities(client, PROVISION)


def attach_repeatedly(client: Client, lookout: Lookout) -> list[outage.Outage | None]:
    found = []
    for _ in range(HANGS_AFTER):
        mark = client.history.mark()
        client.send(MINIMAL.bind(BINDINGS))
        found.append(lookout.outage_since(mark))
    return found


@pytest.fixture
def lookout_of(monkeypatch: pytest.MonkeyPatch) -> type[Lookout]:
    monkeypatch.setattr(outage, "PATIENCE_HERE", 0.2)
    return Lookout


def test_a_target_that_begins_to_hang_is_given_up(lookout_of: type[Lookout]) -> None:
    with client_and_server() as (client, server):
        lookout = lookout_of(client, Fixtures(client, PROVISION, "run", random.Random(1)))
        assert attach_repeatedly(client, lookout) == [None] * HANGS_AFTER
        server.hangs.set()
        *before, last = attach_repeatedly(client, lookout)
    assert before[0] is None
    assert last is not None
    assert (last.killer, last.ended, last.waited is not None) == (None, True, True)
    assert lookout.gone


def test_a_target_that_answers_other_requests_is_not_given_up(lookout_of: type[Lookout]) -> None:
    with client_and_server() as (client, server):
        lookout = lookout_of(client, Fixtures(client, PROVISION, "run", random.Random(1)))
        server.slow = True
        found = attach_repeatedly(client, lookout)
    assert [(one.ended, one.killer is not None) for one in found if one] == [(False, True)] * HANGS_AFTER
    assert not lookout.gone


@pytest.mark.parametrize(("size", "kept"), [(0, MOST_KEPT), (MOST_BYTES // 4, 3), (2 * MOST_BYTES, 1)])
def test_a_history_is_bounded_by_number_and_by_bytes(size: int, kept: int) -> None:
    history = History()
    request, body = MINIMAL.bind(BINDINGS), bytes(size)
    exchanges = [Exchange(request, 200, (), body) for _ in range(kept + 3)]
    for exchange in exchanges:
        history.add(exchange)
    assert history.since(0) == tuple(exchanges[-kept:])
