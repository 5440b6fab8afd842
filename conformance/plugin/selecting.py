"""Which tests run: those of the profile, or of clauses named, with all that these need, and without those left out."""

from __future__ import annotations

import re
from collections.abc import Collection

import pytest
from _pytest.mark.expression import Expression  # pytest's own reading of `-m`, which has no public name

from conformance.evidence.foreign import did_you_mean
from conformance.plugin.order import is_quick, slug_of, slugs_beside
from contracts import Catalogue, Clause, load_catalogue
from contracts.catalogue import PROFILES

MARK_NAME = re.compile(r"[A-Za-z_][\w-]*")
OPERATORS = frozenset({"and", "or", "not", "True", "False"})


def settle_profile(config: pytest.Config) -> None:
    """Choose the profile that decides, where none was given, by the clauses that are named: the narrowest that has all.

    One that was given is made wider where it lacks a clause that is named, since nothing else could be meant.
    """
    option, catalogue = config.option, load_catalogue()
    named = [catalogue[slug].profile for slug in option.clause]
    given = _marked(option.markexpr, catalogue) if option.profile is None else [option.profile]
    option.profile = max([*named, *given], key=PROFILES.index, default=PROFILES[-1])


def _marked(expression: str, catalogue: Catalogue) -> list[str]:
    """Return the profiles of the clauses that `-m` selects by their marks; none without it."""
    if not expression:
        return []
    try:
        selects = Expression.compile(expression)
    except SyntaxError:
        return []  # pytest itself says so

    def is_selected(marks: Collection[str]) -> bool:
        return selects.evaluate(lambda name, /, **_: name in marks)

    return [clause.profile for clause in catalogue if is_selected(_marks_of(clause))]


def _marks_of(clause: Clause) -> frozenset[str]:
    return frozenset({clause.profile, clause.chapter})


def check_marks(expression: str, catalogue: Catalogue, registered: Collection[str]) -> None:
    """Raise pytest.UsageError for a `-m` that selects no clause, before anything is sent.

    `registered` are the names of all marks: an expression with one that is not of a clause may select other tests.
    """
    known = tuple(dict.fromkeys(mark for clause in catalogue for mark in (clause.profile, clause.chapter)))
    words = [word for word in MARK_NAME.findall(expression) if word not in OPERATORS]
    unknown = [word for word in words if word not in known]
    if not words or _marked(expression, catalogue) or any(word in registered for word in unknown):
        return
    if not unknown:
        raise pytest.UsageError(f"-m {expression}: no clause has such marks")
    hint = did_you_mean(unknown[0], known) or f": a test has the marks of its profile and chapter, {', '.join(known)}"
    raise pytest.UsageError(f"-m {expression}: nothing is marked {unknown[0]}{hint}")


def left_out(catalogue: Catalogue, clauses: Collection[str], without: Collection[str]) -> frozenset[str]:
    """Return the clauses of which a run reports nothing: those `without`, and all others where `clauses` are named.

    The prerequisites of a clause that is named are judged, too.
    """
    if not clauses:
        return frozenset(without)
    wanted = frozenset(clauses).union(*(catalogue.rests_on(slug) for slug in clauses))
    return (frozenset(catalogue.by_slug) - wanted) | frozenset(without)


class Selection:
    """The choice of tests for a profile and for the clauses that are named or left out."""

    def __init__(self, catalogue: Catalogue, profile: str, clauses: Collection[str], without: Collection[str]) -> None:
        self.within = {clause.slug for clause in catalogue.within(profile)}
        self.without = frozenset(without)
        self.out = left_out(catalogue, clauses, without)
        self.named = frozenset(clauses) - self.without
        self.is_general = any(catalogue[slug].general for slug in self.named)

    def wants(self, item: pytest.Item, *, is_whole: bool) -> bool:
        """Return whether an item is to run; a budget that is not `is_whole` runs only quick ones."""
        slug = slug_of(item) or ""
        if slug and (slug not in self.within or slug in self.without):
            return False
        exercises = self.is_general or bool(self.named.intersection(slugs_beside(item)))
        is_asked = slug not in self.out if slug else not self.named
        return (is_asked or exercises) and (is_whole or is_quick(item))
