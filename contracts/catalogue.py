"""The clauses: one obligation and one level each, read from `requirements.toml`."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

DEFAULT_CATALOGUE = Path(__file__).with_name("requirements.toml")

PROFILES = ("contract", "stateful", "stripe")
LEVELS = ("MUST", "SHOULD", "MAY")

_REQUIRED_KEYS = ("slug", "profile", "level", "statement", "source", "requires", "admissible")
_SLUG = re.compile(r"[^.]+\..+", re.DOTALL)
_OPTIONAL_KEYS = ("after", "general", "owns_server_errors", "note", "not_tested")


class CatalogueError(ValueError):
    """An ill-formed catalogue; the message names the clause and says what to correct."""


@dataclass(frozen=True)
class Clause:
    """One obligation.

    `requires` holds the slugs whose failure makes this clause *not run*, `after` those that are only judged before it,
    since their defects show here, too. `admissible` lists the responses of a conforming server in short phrases. A
    `general` clause is judged on every response from the operation's URL. `owns_server_errors` marks the clauses that
    report a 5xx themselves. `not_tested` is the reason why no test exists, empty where one does.
    """

    slug: str
    profile: str
    level: str
    statement: str
    source: str
    requires: tuple[str, ...]
    admissible: tuple[str, ...]
    after: tuple[str, ...] = ()
    general: bool = False
    owns_server_errors: bool = False
    note: str = ""
    not_tested: str = ""

    @property
    def earlier(self) -> tuple[str, ...]:
        """The slugs that are judged before this clause: those that it requires and those that it comes after."""
        return (*self.requires, *self.after)

    @property
    def chapter(self) -> str:
        """The part of the slug before its dot, such as `request`."""
        return self.slug.partition(".")[0]


@dataclass(frozen=True)
class Catalogue:
    """All clauses in the order of the file."""

    clauses: tuple[Clause, ...]
    digest: str = field(compare=False, default="")

    @cached_property
    def by_slug(self) -> Mapping[str, Clause]:
        """The clauses by their slug."""
        return {clause.slug: clause for clause in self.clauses}

    def __getitem__(self, slug: str) -> Clause:
        return self.by_slug[slug]

    def __contains__(self, slug: object) -> bool:
        return slug in self.by_slug

    def __iter__(self) -> Iterator[Clause]:
        return iter(self.clauses)

    @cached_property
    def root_causes_first(self) -> tuple[str, ...]:
        """Every slug, each after those that it requires or comes after; otherwise in the order of the file."""
        done: dict[str, None] = {}

        def visit(slug: str) -> None:
            if slug not in done:
                for earlier in self[slug].earlier:
                    visit(earlier)
                done[slug] = None

        for clause in self.clauses:
            visit(clause.slug)
        return tuple(done)

    def rests_on(self, slug: str) -> frozenset[str]:
        """Return all slugs that the clause requires, directly or through others."""
        return self._reached(slug, lambda clause: clause.requires)

    def comes_after(self, slug: str) -> frozenset[str]:
        """Return all slugs that the clause requires or comes after, directly or through others."""
        return self._reached(slug, lambda clause: clause.earlier)

    def _reached(self, slug: str, step: Callable[[Clause], tuple[str, ...]]) -> frozenset[str]:
        """Return all slugs that one or more steps reach from a clause; none for an unknown slug."""
        next_ones = frozenset(step(self[slug])) if slug in self else frozenset()
        return next_ones.union(*(self._reached(other, step) for other in next_ones))

    def within(self, profile: str) -> tuple[Clause, ...]:
        """Return the clauses of `profile` and of the profiles that it includes."""
        included = PROFILES[: PROFILES.index(profile) + 1]
        return tuple(clause for clause in self.clauses if clause.profile in included)


def load_catalogue(path: Path = DEFAULT_CATALOGUE) -> Catalogue:
    """Read and check the catalogue.

    Raises CatalogueError when a key is missing or unknown, a slug is used twice, a level or profile does not exist, a
    source is empty, or `requires` or `after` names an unknown clause or closes a circle.
    """
    return _read_catalogue(path.read_bytes(), path.name)


@cache
def _read_catalogue(data: bytes, name: str) -> Catalogue:
    try:
        document = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{name} is not TOML: {error}") from None
    entries = document.get("clause", [])
    if not entries:
        raise CatalogueError(f"{name} holds no [[clause]]")
    for entry in entries:
        for problem in _problems_of_clause(entry):
            raise CatalogueError(f"{name}: {entry.get('slug', 'a clause without slug')}: {problem}")
    clauses = tuple(map(_clause, entries))
    for problem in _problems_together(clauses):
        raise CatalogueError(problem)
    return Catalogue(clauses, digest=hashlib.sha256(data).hexdigest())


def _problems_of_clause(entry: Mapping[str, Any]) -> Iterator[str]:
    """Yield the problems of one clause; later ones suppose that the earlier ones are solved."""
    missing = [key for key in _REQUIRED_KEYS if key not in entry]
    yield from (f"`{key}` is missing" for key in missing)
    unknown = [key for key in entry if key not in _REQUIRED_KEYS + _OPTIONAL_KEYS]
    yield from (f"`{key}` is not a key of a clause" for key in unknown)
    texts = {key: entry[key] for key in ("slug", "statement", "source")}
    yield from (f"`{key}` is empty" for key, text in texts.items() if not isinstance(text, str) or not text.strip())
    for key, legal in (("profile", PROFILES), ("level", LEVELS)):
        if entry[key] not in legal:
            yield f"{key} {entry[key]!r} is none of {', '.join(legal)}"
    if not entry["admissible"]:
        yield "`admissible` names no outcome"
    if not _SLUG.fullmatch(entry["slug"]):
        yield "a slug has the form chapter.name"


def _clause(entry: Mapping[str, Any]) -> Clause:
    lists = {key: tuple(entry.get(key, ())) for key in ("requires", "admissible", "after")}
    return Clause(**{**entry, **lists})


def _problems_together(clauses: tuple[Clause, ...]) -> Iterator[str]:
    """Yield the problems of the references between clauses."""
    counts = Counter(clause.slug for clause in clauses)
    twice = sorted(slug for slug, count in counts.items() if count > 1)
    if twice:
        yield f"these slugs are used twice: {', '.join(twice)}"
    profiles = {clause.slug: PROFILES.index(clause.profile) for clause in clauses}
    references = [(clause, slug) for clause in clauses for slug in clause.earlier]
    for clause, slug in references:
        verb = "requires" if slug in clause.requires else "comes after"
        if slug not in profiles:
            yield f"{clause.slug} {verb} {slug}, which is not in the catalogue"
        elif profiles[slug] > profiles[clause.slug]:
            yield f"{clause.slug} {verb} {slug}, which belongs to a later profile"
    try:
        TopologicalSorter({clause.slug: clause.earlier for clause in clauses}).prepare()
    except CycleError as error:
        yield f"`requires` and `after` form a circle: {' → '.join(error.args[1])}"
