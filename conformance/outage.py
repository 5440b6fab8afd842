"""Outages: notice that the target is gone, wait until it is back, and tell what it was answering when it went."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from conformance.client import Client
from conformance.exchange import CONNECTION_LOST, TIMED_OUT, Exchange
from conformance.failure import NEVER_ARRIVED
from conformance.provisioning import Fixtures

PATIENCE_HERE = 15.0
"""For how many seconds a target on this machine is waited for: a large program starts in that time."""
PATIENCE_ELSEWHERE = 60.0
"""The same for a target elsewhere, where a network may be out for half a minute."""
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 2.0

MOST_OUTAGES = 80
"""How often the target is waited for in a run."""

BAD_GATEWAY = frozenset({502, 503, 504})
"""What a gateway answers whose server is down."""


@dataclass(frozen=True)
class Outage:
    """The target was gone, or had lost its objects, after the `exchanges` of an episode, or during them.

    `killer` is the request that it left unanswered just before, None where none was lost. `sign` is what shows that it
    was gone. `ended` is false where it only hung up on the `killer`. `waited` is None where it came back, else for how
    many seconds it did not.
    """

    exchanges: tuple[Exchange, ...]
    killer: Exchange | None
    sign: Exchange
    ended: bool = True
    waited: float | None = None


class Lookout:
    """Looks whether the target is there; `gone` says why it is given up, and is empty as long as it is not."""

    def __init__(self, client: Client, fixtures: Fixtures) -> None:
        self.client = client
        self.fixtures = fixtures
        self.gone = ""
        self._outages = 0

    def outage_since(self, mark: int) -> Outage | None:
        """The outage since the `mark` of the client's history; None where the target is there as it was.

        A target that comes back is waited for. One request is sent where a connection was lost, none where none was.
        """
        exchanges = self.client.history.since(mark)
        troubles = [number for number, one in enumerate(exchanges) if _is_trouble(one)]
        if not troubles:
            return None
        known = self.fixtures.known_customer()
        refused = [number for number in troubles if exchanges[number].failure in NEVER_ARRIVED]
        probe = self._probe(known)
        if refused:
            sign = exchanges[refused[0]]
        elif _is_down(probe) or (known and probe.is_refusal):
            sign = probe
        else:
            return Outage(exchanges, _last_lost(exchanges, len(exchanges)), probe, ended=False)
        killer = _last_lost(exchanges, refused[0] if refused else len(exchanges))
        waited = self._wait(known) if _is_down(probe) else None
        self._outages += 1
        if self._outages >= MOST_OUTAGES:
            self.gone = f"the target was gone {MOST_OUTAGES} times"
        if waited is not None:
            self.gone = f"the target did not come back within {waited:g} s"
        elif self._has_lost_what_was_given():
            self.gone = "the target lost the objects that were given, as it was started again"
        return Outage(exchanges, killer, sign, waited=waited)

    def _probe(self, known: str) -> Exchange:
        return self.client.call("GET", f"/v1/customers/{known or 'cus_conformance0probe'}")

    def _wait(self, known: str) -> float | None:
        """Wait until the target is back; the seconds that this took in vain, None where it is."""
        patience = PATIENCE_HERE if self.client.address.is_loopback else PATIENCE_ELSEWHERE
        deadline = time.monotonic() + patience
        pause = FIRST_PAUSE
        while time.monotonic() < deadline:
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
            if not _is_down(self._probe(known)):
                return None
        return patience

    def _has_lost_what_was_given(self) -> bool:
        provision = self.fixtures.provision
        if provision.customers != "given":
            return False
        return self.fixtures.read_customer(provision.given_customers[0]).is_refusal


def _is_trouble(exchange: Exchange) -> bool:
    return exchange.status is None and exchange.failure != TIMED_OUT


def _is_down(exchange: Exchange) -> bool:
    return exchange.status is None or exchange.status in BAD_GATEWAY


def _last_lost(exchanges: Sequence[Exchange], end: int) -> Exchange | None:
    return next((one for one in reversed(exchanges[:end]) if one.failure == CONNECTION_LOST), None)
