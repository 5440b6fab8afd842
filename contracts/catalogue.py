"""The clauses: one obligation and one level each, read from `requirements.toml`."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

DEFAULT_CATALOGUE = Path(__file__).with_name("requirements.toml")

PROFILES = ("contract", "stateful", "stripe")
LEVELS = ("MUST", "SHOULD", "MAY")

_REQUIRED_KEYS = ("slug", "profile", "level", "statement", "source", "requires", "admissible")
_OPTIONAL_KEYS = ("after", "general", "owns_server_errors", "note", "not_tested")


class CatalogueError(ValueError):
    """The catalogue is ill-formed; the message names the clause and says what to mend."""


@dataclass(frozen=True)
class Clause:
    """One obligation.

    `requires` holds the slugs whose failure makes this clause *not run*, `after` those that are only judged before it,
    since what breaks them shows here, too; `admissible` says in short phrases what a conforming server may answer;
    `general` clauses are judged on every answer of the operation's URL;
    `owns_server_errors` marks the clauses for which a 5xx is a finding of their own; `not_tested` is the reason why
    no test exists, empty where one does.
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
        """The slugs that are judged before this clause: what it requires and what it comes after."""
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
        """Every slug, each after all that it requires and comes after; otherwise in the order of the file."""
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
        """All that the clause requires, directly or by way of others."""
        return self._reached(slug, lambda clause: clause.requires)

    def comes_after(self, slug: str) -> frozenset[str]:
        """All that is judged before the clause: what it requires or comes after, directly or by way of others."""
        return self._reached(slug, lambda clause: clause.earlier)

    def _reached(self, slug: str, step: Callable[[Clause], tuple[str, ...]]) -> frozenset[str]:
        """All slugs to which one or more steps lead from a clause; none from what is no clause."""
        next_ones = frozenset(step(self[slug])) if slug in self else frozenset()
        return next_ones.union(*(self._reached(other, step) for other in next_ones))

    def within(self, profile: str) -> tuple[Clause, ...]:
        """The clauses of `profile` and of the profiles that it includes."""
        included = PROFILES[: PROFILES.index(profile) + 1]
        return tuple(clause for clause in self.clauses if clause.profile in included)


def load_catalogue(path: Path = DEFAULT_CATALOGUE) -> Catalogue:
    """Read and check the catalogue.

    Raises CatalogueError when a key is missing or unknown, a slug stands twice, a level or profile does not exist, a
    source is empty, or `requires` or `after` names an unknown clause or closes a circle.
    """
    data = path.read_bytes()
    try:
        document = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{path.name} is not TOML: {error}") from None
    clauses = tuple(_clause(entry, path.name) for entry in document.get("clause", []))
    if not clauses:
        raise CatalogueError(f"{path.name} holds no [[clause]]")
    _check_together(clauses)
    return Catalogue(clauses, digest=hashlib.sha256(data).hexdigest())


def _clause(entry: Mapping[str, Any], file: str) -> Clause:
    name = entry.get("slug", "a clause without slug")
    for key in _REQUIRED_KEYS:
        if key not in entry:
            raise CatalogueError(f"{file}: {name}: `{key}` is missing")
    for key in entry:
        if key not in _REQUIRED_KEYS + _OPTIONAL_KEYS:
            raise CatalogueError(f"{file}: {name}: `{key}` is not a key of a clause")
    for key in ("slug", "statement", "source"):
        if not isinstance(entry[key], str) or not entry[key].strip():
            raise CatalogueError(f"{file}: {name}: `{key}` is empty")
    if entry["profile"] not in PROFILES:
        raise CatalogueError(f"{file}: {name}: profile {entry['profile']!r} is none of {', '.join(PROFILES)}")
    if entry["level"] not in LEVELS:
        raise CatalogueError(f"{file}: {name}: level {entry['level']!r} is none of {', '.join(LEVELS)}")
    if not entry["admissible"]:
        raise CatalogueError(f"{file}: {name}: `admissible` names no outcome")
    chapter, dot, rest = name.partition(".")
    if not (chapter and dot and rest):
        raise CatalogueError(f"{file}: {name}: a slug has the form chapter.name")
    lists = {key: tuple(entry.get(key, ())) for key in ("requires", "admissible", "after")}
    return Clause(**{**entry, **lists})


def _check_together(clauses: tuple[Clause, ...]) -> None:
    known = {clause.slug: clause for clause in clauses}
    if len(known) != len(clauses):
        slugs = [clause.slug for clause in clauses]
        twice = sorted({slug for slug in slugs if slugs.count(slug) > 1})
        raise CatalogueError(f"these slugs stand twice: {', '.join(twice)}")
    for clause in clauses:
        for verb, earlier in (("requires", clause.requires), ("comes after", clause.after)):
            for slug in earlier:
                if slug not in known:
                    raise CatalogueError(f"{clause.slug} {verb} {slug}, which is not in the catalogue")
                if PROFILES.index(known[slug].profile) > PROFILES.index(clause.profile):
                    raise CatalogueError(f"{clause.slug} {verb} {slug}, which belongs to a later profile")
    try:
        TopologicalSorter({clause.slug: clause.earlier for clause in clauses}).prepare()
    except CycleError as error:
        raise CatalogueError(f"`requires` and `after` go round in a circle: {' → '.join(error.args[1])}") from None
