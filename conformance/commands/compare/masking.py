"""Masking: an answer without what differs from run to run: ids, times, request ids."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from conformance.commands.replay.playing import SIMULTANEOUS
from conformance.evidence.episode import Episode, Step
from conformance.evidence.exchange import Exchange, is_creation
from conformance.fixtures.forms import RUN
from conformance.fixtures.provisioning import RUN_TAG
from conformance.fixtures.renaming import is_of_the_account, kind_of
from strategies.values import CHANGES

FIRST_TIME, LAST_TIME = 1_000_000_000, 4_000_000_000
"""Whole numbers between these are taken for times, in seconds since 1970."""
SHORTEST, SURE = 3, 8
"""Ids with fewer characters, and what only resembles one, are masked only where they are the whole of a value."""
MADE_UP = frozenset({"fingerprint", "invoice_prefix", "client_secret", "request_log_url"})
"""Members whose values a server makes up."""
OF_THE_CONNECTION = frozenset(
    {
        "connection",
        "content-encoding",
        "content-length",
        "date",
        "etag",
        "keep-alive",
        "server",
        "transfer-encoding",
        "vary",
        "via",
    }
)
"""Headers that belong to a connection or a moment rather than to the answer."""

OF_RUN = f"‹{RUN}›"
"""What the id of a run is called, which begins its idempotency keys."""
OF_REQUEST_IDS = ("request-id", "original-request")
"""How headers end that hold the id of a request."""

_ID = re.compile(r"(?<![A-Za-z0-9_])([a-z]{2,8})_(?=[A-Za-z0-9]*[0-9A-Z])[A-Za-z0-9]{8,}(?![A-Za-z0-9_])")
_KEY = re.compile(r"(?<![A-Za-z0-9])[rs]k_test_[*A-Za-z0-9]+")
_UUID = re.compile(r"(?<![0-9a-f])[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-f])")


def _any_of(texts: Collection[str]) -> str:
    """A pattern for any of the texts, where no letter or digit stands beside it; the longest first."""
    if not texts:
        return "(?!)"
    longest_first = sorted(texts, key=len, reverse=True)
    return rf"(?<![A-Za-z0-9])(?:{'|'.join(map(re.escape, longest_first))})(?![A-Za-z0-9])"


class Mask:
    """What the ids of one step are called, in it and in its answer."""

    def __init__(self, step: Step, episode: Episode) -> None:
        self.names: dict[str, str] = {}
        alike = episode.expectation in SIMULTANEOUS
        for bindings in (step.bindings, episode.fixtures):
            self._take(bindings, alike=alike)
        for other in episode.steps:
            self._take(other.bindings, alike=alike)
            created = other.exchange.object.get("id")
            if is_creation(other.exchange) and isinstance(created, str):
                kind = "customer" if other.exchange.request.target == "/v1/customers" else "payment_method"
                self._take({kind: created}, alike=alike)
        exact = [one for one in self.names if len(one) >= SHORTEST]
        for identifier, name in list(self.names.items()):
            for words, change in CHANGES.items():
                changed = change(identifier)
                # One run's id in 280 has no letters: in another case it is the id itself, and so any run's is called.
                is_same = name == OF_RUN and changed.lower() == identifier.lower()
                self.names.setdefault(changed, name if is_same else f"{name[:-1]} {words}›")
        known = {*exact, *(one for one in self.names if len(one) >= SURE)}
        runs = sorted(map(re.escape, (one for one, name in self.names.items() if name == OF_RUN)))
        self._pattern = re.compile("|".join([_any_of(known), *runs]))

    def _take(self, bindings: Mapping[str, str], *, alike: bool) -> None:
        for name, identifier in bindings.items():
            if is_of_the_account(identifier):
                spoken = (kind_of(name) if alike else name).replace("_", " ")
                self.names.setdefault(identifier, f"‹{spoken}›")

    def text(self, text: str) -> str:
        """The text without ids."""
        if text in self.names:
            return self.names[text]
        text = self._pattern.sub(lambda match: self.names[match[0]], text)
        return _KEY.sub("‹key›", _UUID.sub("‹uuid›", _ID.sub(r"‹\1_…›", text)))

    def value(self, value: Any, name: str = "") -> Any:
        """A JSON value without ids, times and what is made up. `name` is that of the member which it is of."""
        match value:
            case str():
                return f"‹{name}›" if name in MADE_UP or name == RUN_TAG else self.text(value)
            case bool():
                return value
            case int() | float():
                return "‹time›" if FIRST_TIME <= value < LAST_TIME else value
            case dict():
                return {self.text(key): self.value(one, key) for key, one in value.items()}
            case list():
                return [self.value(one, name) for one in value]
        return value

    def body(self, exchange: Exchange) -> Any:
        """The body as a JSON value; as text where it is none, None where there is none."""
        if exchange.json.found:
            return self.value(exchange.json.value)
        text = (exchange.body or b"").decode("utf-8", "replace")
        return self.text(text) if text else None

    def headers(self, exchange: Exchange) -> Mapping[str, str]:
        """The headers that tell something of the answer, by their names in small letters."""
        kept: dict[str, str] = {}
        for name, value in exchange.headers or ():
            lowered = name.lower()
            if lowered not in OF_THE_CONNECTION:
                masked = "‹request id›" if lowered.endswith(OF_REQUEST_IDS) else self.text(value)
                kept[lowered] = f"{kept[lowered]}, {masked}" if lowered in kept else masked
        return kept
