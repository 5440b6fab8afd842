"""What findings are called: a few digits each, the same for the same plan, and no two alike in a run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from conformance.evidence.episode import Finding
from conformance.verdict.ledger import ClauseResult

DIGITS = 7
"""How many hexadecimal digits an id has."""


def with_ids(results: Mapping[str, ClauseResult]) -> dict[str, ClauseResult]:
    """The results of a run, each of their findings with its id."""
    taken: set[str] = set()

    def named(finding: Finding) -> Finding:
        number = 0
        while (name := id_of(finding, number)) in taken:
            number += 1
        taken.add(name)
        return replace(finding, id=name)

    return {
        slug: replace(result, findings=tuple(map(named, result.findings))) if result.findings else result
        for slug, result in results.items()
    }


def id_of(finding: Finding, number: int = 0) -> str:
    """The id of a finding when `number` others of the run that came before have the ids that it would have had.

    It depends on the clause and on what was sent, with names in place of ids, and not on what came back.
    """
    episode = finding.episode
    told = [finding.clause, finding.seen_at, episode.clause, episode.expectation]
    told += [step.attempt_digest or f"{step.role} {step.exchange.request.method}" for step in episode.steps]
    return hashlib.sha256("\n".join([*told, str(number)]).encode()).hexdigest()[:DIGITS]
