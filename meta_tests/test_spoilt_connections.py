"""Traces of a request on its connection: the suite asks again on a new one, and finds the request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import pytest

from benchmarks.examples import exchange
from conformance.evidence.exchange import Exchange
from conformance.evidence.history import History
from conformance.fixtures.objects import Inventory
from conformance.transport.client import Client
from conformance.transport.ways import Manner


class Answers:
    """A client that gives these answers in turn to all that is asked."""

    def __init__(self, *answers: Exchange) -> None:
        self.answers = list(answers)
        self.reconnected = 0

    def call(self, *_: object) -> Exchange:
        """Return the next answer."""
        return self.answers.pop(0)

    def reconnect(self) -> None:
        """Count the connections that were left."""
        self.reconnected += 1


GRANTED = exchange(200, {"id": "cus_1", "object": "customer"})
REJECTED = exchange(400, {"error": {"type": "invalid_request_error"}})


@pytest.mark.parametrize(
    ("answers", "reconnected"),
    [
        ((GRANTED, replace(REJECTED, idle=0.1), GRANTED), 1),
        ((GRANTED, REJECTED), 0),
        ((replace(REJECTED, idle=0.1), REJECTED), 0),
    ],
    ids=["after a grant, on a kept connection", "on a new connection", "never granted"],
)
def test_a_creation_is_asked_for_again_where_its_connection_may_be_spoilt(
    answers: Sequence[Exchange], reconnected: int
) -> None:
    client = Answers(*answers)
    inventory = Inventory(cast("Client", client), "run")
    created = [inventory.create("/v1/customers", {"name": "x"}, Manner()) for _ in range(2)]
    assert (client.reconnected, inventory.connections_left) == (reconnected, reconnected)
    assert created[-1].is_success == bool(reconnected)


def test_the_requests_before_one_are_those_of_its_connection() -> None:
    history = History()
    left, first, second, third = (exchange(400) for _ in range(4))
    elsewhere = replace(exchange(200), new_connection=True)
    history.add(left)
    history.leave_connection()
    for one in (first, second, elsewhere, third):
        history.add(one)
    assert [id(one) for one in history.before(third)] == [id(second), id(first)]
    assert not list(history.before(elsewhere))
