"""The kinds of evidence for each clause, and the page about what the suite measures and what not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from conformance.reports.templating import templates
from contracts import Catalogue, Clause
from contracts.catalogue import PROFILES


@dataclass(frozen=True)
class Kind:
    """A kind of evidence: its name, how a part of a clause's `source` begins that names it, and its meaning."""

    name: str
    begins: str
    meaning: str


KINDS = (  # the surest first
    Kind("published operation", "published operation", "the OpenAPI description of the operation, as published"),
    Kind("recorded", "recorded", "an answer of the real service that somebody saved, and that was read"),
    Kind("documented", "documented", "the service's own documentation"),
    Kind("standard", "RFC|URL Standard|JSON Schema|CWE|PCI", "a standard that binds any server of HTTP, forms or JSON"),
    Kind("follows", "follows", "what other clauses imply"),
    Kind("probed by others", "probed by others", "a public project says that it asked, without the raw answer"),
    Kind("second-hand", "second-hand", "quoted in an issue or in the code of others"),
)
BINDING = KINDS[:5]
"""The kinds on which a MUST may rest."""
OPEN = Kind("open", "", "nothing is recorded or documented: at most a SHOULD")


def evidence_of(clause: Clause) -> tuple[Kind, ...]:
    """Return the kinds of evidence that a clause's source names, the surest first."""
    parts = [part.strip() for part in clause.source.split(";")]
    return tuple(kind for kind in KINDS if any(re.match(kind.begins, part) for part in parts))


def surest(clause: Clause) -> Kind:
    """Return the surest kind of evidence for a clause."""
    return next(iter(evidence_of(clause)), OPEN)


def beyond_the_document(catalogue: Catalogue) -> Iterator[Clause]:
    """Return the clauses that do not follow from the published operation alone."""
    return (clause for clause in catalogue if KINDS[0] not in evidence_of(clause))


def scope_page(catalogue: Catalogue) -> str:
    """Return the page: what is measured, on what evidence, and what is not."""
    environment = templates(escaped=False, keep_trailing_newline=True)
    beyond = list(beyond_the_document(catalogue))
    by_surest: dict[str, set[str]] = {kind.name: set() for kind in (*KINDS, OPEN)}
    for clause in catalogue:
        by_surest[surest(clause).name].add(clause.slug)
    return environment.get_template("scope.md.jinja").render(
        profiles=PROFILES,
        kinds=[*KINDS, OPEN],
        clauses=list(catalogue),
        beyond=beyond,
        within=[clause for clause in catalogue if clause not in beyond],
        surest=surest,
        surest_of=by_surest,
        noted=[clause for clause in catalogue if clause.note],
        untested=[clause for clause in catalogue if clause.not_tested],
    )
