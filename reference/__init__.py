"""A small, complete server that answers like Stripe's API: the default target of the conformance suite.

    with running() as server:
        requests.post(server.url + "/v1/customers", headers={"Authorization": "Bearer sk_test_anything"})

`running(defect="limit-in-bytes")` seeds one of `reference.defects`; `running(variants=["gzip"])`
has the server conform in another way, one of `reference.variants`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from . import defects, variants
from .app import conforming
from .call import World
from .objects.store import StatelessStore, Store
from .rules.idempotency import Ledger
from .variants import get as get_variant
from .wire.server import Server

__all__ = ["Server", "build", "defects", "running", "variants"]


def build(
    defect: str | None = None,
    variants: Sequence[str] = (),
    *,
    stateless: bool = False,
    port: int = 0,
    api_key: str | None = None,
) -> Server:
    """Return a server that listens and does not serve yet; raise `KeyError` on unknown names."""
    behaviour = conforming()
    world = World(behaviour, StatelessStore() if stateless else Store(), Ledger(), api_key)
    for name in variants:
        get_variant(name).apply(behaviour)
    if defect is not None:
        defects.get(defect).apply(behaviour)
    behaviour.furnish(world.store)
    return Server(world, port)


@contextlib.contextmanager
def running(
    defect: str | None = None,
    variants: Sequence[str] = (),
    stateless: bool = False,
    *,
    port: int = 0,
    api_key: str | None = None,
) -> Iterator[Server]:
    """Serve in threads of this process for as long as the block lasts, at the server's `url`."""
    server = build(defect, variants, stateless=stateless, port=port, api_key=api_key)
    server.start()
    try:
        yield server
    finally:
        server.stop()
