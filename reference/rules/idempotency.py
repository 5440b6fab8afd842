"""Idempotency keys: a request with a key is executed once, and answered alike from then on."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..wire.values import Answer
from . import errors
from .forms import Tree

if TYPE_CHECKING:
    from ..call import Call, Endpoint

LONGEST = 255


@dataclass(frozen=True, slots=True)
class Entry:
    """The first request with a key and its answer, which is None while it runs."""

    path: str
    tree: Tree
    request_id: str
    answer: Answer | None = None


class Ledger:
    """The keys seen so far."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.entries: dict[Hashable, Entry] = {}

    def begin(self, name: Hashable, entry: Entry) -> Entry | None:
        """Take the key for a request that starts now; return the earlier entry if it is taken."""
        with self.lock:
            earlier = self.entries.get(name)
            if earlier is None:
                self.entries[name] = entry
            return earlier

    def finish(self, name: Hashable, answer: Answer) -> None:
        """Keep the answer."""
        with self.lock:
            self.entries[name] = replace(self.entries[name], answer=answer)

    def abandon(self, name: Hashable) -> None:
        """Free the key again: nothing was executed."""
        with self.lock:
            self.entries.pop(name, None)


def once(call: Call, endpoint: Endpoint) -> Answer:
    """Execute a POST, unless its key says that this has been done."""
    key = call.request.header("idempotency-key")
    if key is None:
        return execute(call, endpoint)
    name = call.behaviour.idempotency_name(call, key)
    entry = Entry(call.request.path, call.parameters.tree, call.request_id)
    earlier = call.world.ledger.begin(name, entry)
    if earlier is not None:
        return replay(call, key, earlier)
    try:
        answer = execute(call, endpoint)
    except BaseException:
        call.world.ledger.abandon(name)
        raise
    call.world.ledger.finish(name, answer)
    return answer


def execute(call: Call, endpoint: Endpoint) -> Answer:
    """Return the endpoint's answer, or its rejection if validation has passed; raise other rejections."""
    try:
        return replace(endpoint(call), executed=True)
    except errors.ApiError as error:
        if not error.rejection.executed:
            raise
        return replace(call.behaviour.reject(call, error.rejection), executed=True)


def replay(call: Call, key: str, earlier: Entry) -> Answer:
    """Return the earlier answer, if the request is the same one."""
    conflict = call.behaviour.idempotency_conflict(call, earlier)
    if conflict is not None:
        hint = f" Try using a key other than '{key}' if you meant to execute a different request."
        raise errors.idempotency_error(conflict + hint)
    if earlier.answer is None:
        raise errors.key_in_use(key)
    call.replayed, call.original_request = True, earlier.request_id
    return earlier.answer


def idempotency_name(call: Call, key: str) -> Hashable:
    """Return the name under which a key is filed: the whole of it."""
    return key


def idempotency_conflict(call: Call, earlier: Entry) -> str | None:
    """Return the difference from the request that first had the key, in words; None if there is none."""
    if earlier.path != call.request.path:
        return (
            "Keys for idempotent requests can only be used for the same endpoint they were first used for"
            f" ('{call.request.path}' vs '{earlier.path}')."
        )
    if earlier.tree != call.parameters.tree:
        text = "Keys for idempotent requests can only be used with the same parameters"
        return f"{text} they were first used with."
    return None


def check_key(call: Call) -> None:
    """Reject an idempotency key that is empty or too long; remember the one to echo."""
    key = call.request.header("idempotency-key")
    if key is not None and not 0 < len(key) <= LONGEST:
        raise errors.idempotency_error("Idempotency Key must be a non-empty string of at most 255 bytes.")
    call.name_idempotency_key(key)
