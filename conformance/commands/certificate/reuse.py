"""Exchanges that stand in several places: in a record only where the plan has one request in those places, too.

Some episodes share what was sent once. Elsewhere every request has an answer of its own, so that an exchange which
stands in another's place shows that the answer there was left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from conformance.commands.certificate.objections import Objection
from conformance.evidence.episode import Step
from conformance.evidence.exchange import Exchange
from conformance.verdict.shapes import GATHERED, sent_by, steps_compared
from conformance.verdict.trial import Trial

Pair = tuple[Trial, Trial]
"""A recorded trial, and the planned one that it is compared with."""


def find_reused_exchanges(pairs: Iterable[Pair]) -> Iterator[Objection]:
    """Yield the exchanges that stand where the plan has different ones.

    Gathered episodes are left out: they hold what happened to be sent.
    """
    planned_for: dict[Exchange, Exchange] = {}
    for recorded, planned in pairs:
        if planned.decisive.expectation == GATHERED:
            continue
        for step, wanted in _paired(steps_compared(recorded), steps_compared(planned)):
            if planned_for.setdefault(step.exchange, wanted.exchange) != wanted.exchange:
                request = step.exchange.request
                text = f"{request.method} {request.target[:80]} of {recorded.clause or 'no clause'}"
                yield Objection(
                    "episodes", f"{text} is an exchange of another place, where the plan has one of its own"
                )


def _paired(steps: Sequence[Step], planned: Sequence[Step]) -> Iterator[tuple[Step, Step]]:
    """Yield each step with the planned one that sends the same in the same role, the first with the first."""
    waiting: dict[tuple[str, str], list[Step]] = defaultdict(list)
    for wanted in planned:
        waiting[wanted.role, sent_by(wanted)].append(wanted)
    for step in steps:
        candidates = waiting[step.role, sent_by(step)]
        if candidates:
            yield step, candidates.pop(0)
