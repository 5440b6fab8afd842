"""Renaming: a request of an earlier run with ids of this one in place of its own, in whatever form they stand there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from urllib.parse import unquote

from conformance.certificate.shapes import is_creation
from conformance.conductor import RUN
from conformance.episode import Episode
from conformance.provisioning import RUN_TAG
from conformance.ways import sent_fields
from strategies.attempt import Request
from strategies.refusals import NEVER, near_misses
from strategies.values import CHANGES
from strategies.wire import Spelling

LONG_ENOUGH = 12
"""What has fewer characters than this is renamed only where no letter or digit stands beside it."""
SURE = 8
"""What has fewer characters, and only resembles an id, is renamed only where an attempt says that it sends that."""

SPELLINGS = tuple(
    Spelling(escape=escape, lower_hex=lower)
    for escape in ("minimal", "first", "all", "raw-utf-8")
    for lower in (False, True)
)
"""The spellings in which an id can look different."""

_SHARED_TOKEN = re.compile(r"pm_(card_|usBankAccount)[A-Za-z0-9_]*")
_OBJECT = re.compile(r"/v1/(customers|payment_methods)/([^/?]+)")
_OWNER = re.compile(r"[?&]customer=([^&]+)")
_DEFAULT = re.compile(r"default_payment_method(?:(?:%5D|\])=|\": \")([^&\"]+)")

Form = Callable[[str], bytes]


@dataclass(frozen=True)
class Known:
    """An id of the recorded run: its `name` there, and its `kind`: `customer`, `payment_method` or `run`.

    `is_bound` tells that the run itself chose it, rather than read it in an answer.
    """

    name: str
    kind: str
    is_bound: bool = True


def is_of_the_account(identifier: str) -> bool:
    """Whether an id names an object of one account; no shared token, and nothing that never existed."""
    return bool(identifier) and NEVER not in identifier and not _SHARED_TOKEN.fullmatch(identifier)


def known_ids(episode: Episode) -> dict[str, Known]:
    """The ids of one account that an episode used."""
    known: dict[str, Known] = {}

    def add(identifier: str, name: str, kind: str, *, is_bound: bool = True) -> None:
        if is_of_the_account(identifier):
            known.setdefault(identifier, Known(name, kind, is_bound))

    for bindings in (*(step.bindings for step in episode.steps), episode.fixtures):
        for name, identifier in bindings.items():
            if name not in near_misses(bindings):
                add(identifier, name, kind_of(name))
    for step in episode.steps:
        run = sent_fields(step.exchange.request).get(f"metadata[{RUN_TAG}]")
        if run and is_creation(step.exchange):
            add(run, RUN, RUN)
        if not step.exchange.is_to_operation:
            for kind, identifier in _named_in(step.exchange.request):
                add(identifier, kind, kind, is_bound=False)
    return known


def kind_of(name: str) -> str:
    """What the id is of that a binding of this name holds: `customer`, `payment_method` or `run`."""
    if name == RUN:
        return name
    return "customer" if "customer" in name else "payment_method"


def _named_in(request: Request) -> Iterator[tuple[str, str]]:
    for kind, identifier in _OBJECT.findall(request.target):
        yield kind.removesuffix("s"), unquote(identifier)
    for identifier in _OWNER.findall(request.target):
        yield "customer", unquote(identifier)
    for identifier in _DEFAULT.findall((request.body or b"").decode("utf-8", "replace")):
        yield "payment_method", unquote(identifier)


@dataclass
class Renaming:
    """Ids of a recorded episode to those of this run.

    `provide` makes the new one when it is first needed; `described` is what the attempts say of themselves.
    """

    known: dict[str, Known]
    provide: Callable[[str, Known], str]
    described: str = ""
    new: dict[str, str] = field(default_factory=dict)
    _pattern: re.Pattern[bytes] | None = None
    _forms: dict[bytes, tuple[str, Form]] = field(default_factory=dict)

    def learn(self, old: str, new: str, kind: str, *, is_created: bool = False) -> None:
        """An answer names an object that the recorded one called `old`.

        An id that was bound is learnt from its creation alone: other answers may be about the wrong object.
        """
        known = self.known.get(old)
        if old in self.new or not is_of_the_account(old) or (known is not None and known.is_bound and not is_created):
            return
        if known is None:
            self.known[old] = Known(kind, kind, is_bound=False)
            self._pattern = None
        self.new[old] = new

    def request(self, request: Request) -> Request:
        """The request with new ids, which are made where there are none yet."""
        headers = tuple((name, self._text(value)) for name, value in request.headers)
        body = None if request.body is None else self._bytes(request.body)
        target = self._bytes(request.target.encode("latin-1")).decode("latin-1")
        return replace(request, target=target, headers=headers, body=body)

    def words(self, value: Any) -> Any:
        """Strings in a JSON-like value with those new ids that there are by now."""
        match value:
            case str():
                return self._text(value, only_those_made=True)
            case Mapping():
                return {self.words(name): self.words(one) for name, one in value.items()}
            case list() | tuple():
                return [self.words(one) for one in value]
        return value

    def _text(self, text: str, *, only_those_made: bool = False) -> str:
        data = self._bytes(text.encode("utf-8", "surrogatepass"), only_those_made=only_those_made)
        return data.decode("utf-8", "surrogatepass")

    def _bytes(self, data: bytes, *, only_those_made: bool = False) -> bytes:
        if self._pattern is None:
            self._compile()
        assert self._pattern is not None

        def renamed(match: re.Match[bytes]) -> bytes:
            old, form = self._forms[match[0]]
            if old not in self.new:
                if only_those_made:
                    return match[0]
                self.new[old] = self.provide(old, self.known[old])
            return form(self.new[old])

        return self._pattern.sub(renamed, data) if self._forms else data

    def _compile(self) -> None:
        """Every form in which an id can stand in a request, the longest first, so that none is taken for its part."""
        self._forms = {}
        for old in self.known:
            self._forms[old.encode()] = old, str.encode
        for old, known in self.known.items():
            for words, form in _forms_of(known):
                data = form(old)
                if len(data) >= SURE or (words and words in self.described):
                    self._forms.setdefault(data, (old, form))
        self._forms.pop(b"", None)
        longest_first = sorted(self._forms, key=len, reverse=True)
        patterns = [re.escape(data) if len(data) >= LONG_ENOUGH else _alone(data) for data in longest_first]
        self._pattern = re.compile(b"|".join(patterns))


def _alone(data: bytes) -> bytes:
    return rb"(?<![A-Za-z0-9])" + re.escape(data) + rb"(?![A-Za-z0-9])"


def _forms_of(known: Known) -> Iterator[tuple[str, Form]]:
    """What can become of an id on the wire, each with the words that an attempt has for it."""
    spoken = known.name.replace("_", " ")
    changes = [(f"‹{spoken} {words}›" if words else "", change) for words, change in CHANGES.items()]
    for name in near_misses({known.name: "x" * 40}):
        changes.append((f"‹{name}›", partial(_near_miss, known.name, name)))
    for words, change in changes:
        yield words, partial(_plain, change)
        for spelling in SPELLINGS:
            yield words, partial(_spelt, change, spelling)


def _near_miss(of: str, name: str, identifier: str) -> str:
    return near_misses({of: identifier})[name]


def _plain(change: Callable[[str], str], identifier: str) -> bytes:
    return change(identifier).encode()


def _spelt(change: Callable[[str], str], spelling: Spelling, identifier: str) -> bytes:
    return spelling.encode(change(identifier).encode())
