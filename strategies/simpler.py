"""Smaller attempts that are invalid in the same way, so that a report shows the smallest that still fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from contracts import Contract
from strategies.attempt import Attempt
from strategies.oracle import violations
from strategies.wire import decode


class _AnyId(Mapping[str, str]):
    """An id for every name, to bind an attempt before its ids are known."""

    def __getitem__(self, name: str) -> str:
        return f"id_{name.replace(' ', '_')}"

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def simpler(attempt: Attempt, contract: Contract) -> Iterator[Attempt]:
    """Yield the attempts with one parameter less that break the same clauses as `attempt`, the shortest first."""
    pairs = attempt.pairs or ()
    wrong = _broken_clauses(attempt, contract)
    candidates = [attempt.but(pairs=pairs[:index] + pairs[index + 1 :]) for index in range(len(pairs))]
    same = [candidate for candidate in candidates if candidate.pairs and _broken_clauses(candidate, contract) == wrong]
    return iter(sorted(same, key=lambda candidate: len(candidate.bind(_AnyId()).body or b"")))


def _broken_clauses(attempt: Attempt, contract: Contract) -> frozenset[str]:
    body = attempt.bind(_AnyId()).body or b""
    return frozenset(violation.clause for violation in violations(decode(body), contract))
