"""The ids of findings: a few digits each, the same for the same plan, and unique in a run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from conformance.evidence.episode import Finding
from conformance.verdict.results import ClauseResult

DIGITS = 7
"""The number of hexadecimal digits of an id."""


def with_ids(results: Mapping[str, ClauseResult]) -> dict[str, ClauseResult]:
    """Return the results of a run with an id for each finding."""
    taken: set[str] = set()
    return {
        slug: replace(result, known=tuple(_with_id(finding, taken) for finding in result.known))
        for slug, result in results.items()
    }


def _with_id(finding: Finding, taken: set[str]) -> Finding:
    """Return the finding with the first of its ids that is not taken, and take that."""
    number = 0
    while id_of(finding, number) in taken:
        number += 1
    identifier = id_of(finding, number)
    taken.add(identifier)
    return replace(finding, id=identifier)


def id_of(finding: Finding, number: int = 0) -> str:
    """Return the id of a finding when `number` earlier ones of the run have the ids that it would have had.

    It depends on the clause and on the requests, with names in place of ids, and not on the responses.
    """
    episode = finding.episode
    parts = [finding.clause, finding.seen_at, episode.clause, episode.expectation]
    parts += [step.attempt_digest or f"{step.role} {step.exchange.request.method}" for step in episode.steps]
    return hashlib.sha256("\n".join([*parts, str(number)]).encode()).hexdigest()[:DIGITS]
