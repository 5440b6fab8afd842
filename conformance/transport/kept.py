"""The idle connections that sessions keep, and whether a server serves another connection beside them.

HTTP asks no server to serve several connections at once, and a client to limit how many it opens (RFC 9112 section
9.4). A plain loop over accepted connections answers on a second one when the first has ended, so that beside an idle
connection every request on a new one would look like one that hangs.
"""

from __future__ import annotations

import threading

from conformance.transport.connection import Connection, Deadline, connect
from conformance.transport.route import Route


class KeptConnections:
    """The idle connections of a client's sessions, one for each owner.

    Where a server serves one connection at a time, none is kept.
    """

    def __init__(self) -> None:
        self._kept: dict[object, Connection] = {}
        self._lock = threading.Lock()
        self._serves_several = False
        self._times_made_way = 0
        self._takes_turns = False

    def take(self, owner: object) -> Connection | None:
        """Return the connection that was kept for this owner, to be used; None where there is none."""
        with self._lock:
            return self._kept.pop(owner, None)

    def keep(self, owner: object, connection: Connection) -> None:
        """Keep a connection until the owner takes it, or close it where others would have to wait for its end."""
        with self._lock:
            is_kept = not self._takes_turns
            if is_kept:
                self._kept[owner] = connection
        if not is_kept:
            connection.close()

    def connect(self, route: Route, deadline: Deadline) -> Connection:
        """Open a connection, which has the idle ones closed if it gets no answer beside them. Raises ExchangeFailed."""
        is_alone, times = not self._kept, self._times_made_way
        connection = connect(route, deadline, self._make_way)
        connection.is_alone, connection.times_made_way = is_alone, times
        return connection

    def learn_from(self, connection: Connection) -> None:
        """Note, after the first answer on a connection, how the server served it.

        One that was answered after others had made way, though for another one, may have been waiting for that, too.
        """
        way_was_made = connection.has_made_way or connection.times_made_way < self._times_made_way
        self._takes_turns |= way_was_made
        self._serves_several |= not (connection.is_alone or way_was_made)

    def _make_way(self) -> bool:
        """Close the idle connections; return whether it may be for their end that the server waits.

        Requests that are sent at once find them closed by the first of these.
        """
        if self._serves_several:
            return False
        with self._lock:
            idle, self._kept = self._kept, {}
            self._times_made_way += bool(idle)
        for connection in idle.values():
            connection.close()
        return self._times_made_way > 0
