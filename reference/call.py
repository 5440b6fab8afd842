"""A request on its way through the server, and the world around it."""

from __future__ import annotations

import random
import string
import threading
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

from .wire.values import Answer, Request

if TYPE_CHECKING:
    from .behaviour import Behaviour
    from .objects.store import Store
    from .rules.forms import Form
    from .rules.idempotency import Ledger

ALPHABET = string.ascii_letters + string.digits
RANDOM = random.Random()  # its own, so that nobody who seeds the shared one makes ids repeat
DEFAULT_VERSION = "2026-08-26.dahlia"

Endpoint = Callable[["Call"], Answer]


def token(prefix: str, length: int) -> str:
    """Return a new random id."""
    return prefix + "".join(RANDOM.choices(ALPHABET, k=length))


class World:
    """The behaviour, the stored objects, the idempotency keys and the account's key: all that outlives a request."""

    def __init__(self, behaviour: Behaviour, store: Store, ledger: Ledger, api_key: str | None) -> None:
        self.behaviour, self.store, self.ledger = behaviour, store, ledger
        self.api_key = api_key
        self._lock = threading.Lock()

    def is_account_key(self, key: str) -> bool:
        """Return whether the key is the account's; without one given, the first well-formed key becomes it."""
        with self._lock:
            if self.api_key is None:
                self.api_key = key
            return self.api_key == key


class Call:
    """A request, and what the steps have learned about it."""

    def __init__(self, world: World, request: Request) -> None:
        self.world, self.request = world, request
        self.request_id = token("req_", 14)
        self.original_request = self.request_id
        self.authenticated = False
        self.version: str | None = DEFAULT_VERSION
        self.arguments: tuple[str, ...] = ()
        self.form: Form | None = None
        self.idempotency_key: str | None = None
        self.replayed = False

    @property
    def behaviour(self) -> Behaviour:
        """The steps."""
        return self.world.behaviour

    @property
    def store(self) -> Store:
        """The stored objects."""
        return self.world.store

    @property
    def is_attach(self) -> bool:
        """True if the request went to the attach URL."""
        return self.request.is_attach

    @property
    def parameters(self) -> Form:
        """The decoded form; only used after decoding."""
        assert self.form is not None
        return self.form

    def name_idempotency_key(self, key: str | None) -> None:
        """Remember the key to echo; if the request has none, make one up."""
        self.idempotency_key = key if key is not None else str(uuid.uuid4())
