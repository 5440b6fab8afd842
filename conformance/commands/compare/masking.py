"""Masking: an answer without what differs from run to run: ids, times, request ids."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from conformance.evidence.episode import Episode, Step
from conformance.evidence.exchange import Exchange
from conformance.fixtures.forms import RUN
from conformance.fixtures.ids import bound_ids, created_ids, is_of_the_account, kind_of, pattern_of
from conformance.fixtures.provisioning import NUMBER_TAG, RUN_TAG
from conformance.verdict.shapes import AT_ONCE
from strategies.values import CHANGES

TIMES = range(1_000_000_000, 4_000_000_000)
"""Numbers between these are taken for times, in seconds since 1970."""
SHORTEST, SURE = 3, 8
"""An id with fewer characters, and a text that only resembles one, is masked only where it is the whole of a value."""
MADE_UP = frozenset({"fingerprint", "invoice_prefix", "client_secret", "request_log_url", RUN_TAG, NUMBER_TAG})
"""Members whose values a server makes up, or that hold the id of the run or the number of a customer."""
OF_THE_CONNECTION = re.compile(
    "connection|content-(encoding|length)|date|etag|keep-alive|server|transfer-encoding|vary|via"
)
"""Headers that belong to a connection or a moment rather than to the answer."""
OF_REQUEST_IDS = ("request-id", "original-request")
"""How the names of headers end that hold the id of a request."""

OF_RUN = f"‹{RUN}›"
"""The name of a run's id, which begins its idempotency keys."""

_MADE_UP_TEXTS = {
    r"‹\1_…›": re.compile(r"(?<![A-Za-z0-9_])([a-z]{2,8})_(?=[A-Za-z0-9]*[0-9A-Z])[A-Za-z0-9]{8,}(?![A-Za-z0-9_])"),
    "‹uuid›": re.compile(r"(?<![0-9a-f])[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-f])"),
    "‹key›": re.compile(r"(?<![A-Za-z0-9])[rs]k_test_[*A-Za-z0-9]+"),
}
"""Ids, UUIDs and masked keys, by what replaces them."""


class Mask:
    """The names of the ids of one step, in it and in its answer."""

    def __init__(self, step: Step, episode: Episode) -> None:
        exact = _names_of_ids(step, episode)
        self.names = dict(exact)
        for identifier, name in exact.items():
            for words, change in CHANGES.items():
                self.names.setdefault(change(identifier), _name_of_changed(identifier, name, words))
        shown = _everything_in(step.exchange)
        possible = [text for text in self.names if text in shown]
        masked = [text for text in possible if self.names[text] == OF_RUN or _is_long(text, text in exact)]
        self._pattern = pattern_of(masked, lambda text: self.names[text] != OF_RUN)

    def text(self, text: str) -> str:
        """Return the text without ids."""
        if text in self.names:
            return self.names[text]
        text = self._pattern.sub(lambda match: self.names[match[0]], text)
        for name, pattern in _MADE_UP_TEXTS.items():
            text = pattern.sub(name, text)
        return text

    def value(self, value: Any, name: str = "") -> Any:
        """Return a JSON value without ids, times and what a server makes up; `name` is that of its member."""
        match value:
            case str():
                return f"‹{name}›" if name in MADE_UP else self.text(value)
            case bool():
                return value
            case int() | float():
                return "‹time›" if TIMES.start <= value < TIMES.stop else value
            case dict():
                return {self.text(key): self.value(one, key) for key, one in value.items()}
            case list():
                return [self.value(one, name) for one in value]
        return value

    def body(self, exchange: Exchange) -> Any:
        """Return the body as a JSON value; as text if it is not JSON, and None if there is none."""
        if exchange.json.found:
            return self.value(exchange.json.value)
        text = (exchange.body or b"").decode("utf-8", "replace")
        return self.text(text) if text else None

    def headers(self, exchange: Exchange) -> Mapping[str, str]:
        """Return the headers that describe the answer, by their names in small letters."""
        kept: dict[str, list[str]] = {}
        for name, value in ((name.lower(), value) for name, value in exchange.headers or ()):
            if not OF_THE_CONNECTION.fullmatch(name):
                masked = "‹request id›" if name.endswith(OF_REQUEST_IDS) else self.text(value)
                kept.setdefault(name, []).append(masked)
        return {name: ", ".join(values) for name, values in kept.items()}


def _everything_in(exchange: Exchange) -> str:
    """Return all texts of an answer as one, so that the few ids that it holds are found quickly."""
    raw = (exchange.body or b"").decode("utf-8", "replace")
    return "\n".join([raw, repr(exchange.json.value), *(value for _, value in exchange.headers or ())])


def _names_of_ids(step: Step, episode: Episode) -> dict[str, str]:
    """Return the names of the account's ids, first those that the step itself binds.

    In a race it does not matter which of two objects it is, so that only the kind counts.
    """
    only_kind = episode.expectation in AT_ONCE
    names: dict[str, str] = {}
    for name, identifier in (*step.bindings.items(), *bound_ids(episode), *created_ids(episode)):
        if is_of_the_account(identifier):
            spoken = kind_of(name) if only_kind else name
            names.setdefault(identifier, f"‹{spoken.replace('_', ' ')}›")
    return names


def _name_of_changed(identifier: str, name: str, words: str) -> str:
    """Return the name of what becomes of an id.

    One run's id in 280 has no letters: in another case it is the id itself, and so any run's gets the same name.
    """
    is_same = name == OF_RUN and CHANGES[words](identifier).lower() == identifier.lower()
    return name if is_same else f"{name[:-1]} {words}›"


def _is_long(text: str, is_exact: bool) -> bool:
    return len(text) >= (SHORTEST if is_exact else SURE)
