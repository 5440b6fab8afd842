"""Exchanges that stand in several places: in a record only where the plan has one request in those places, too.

Some episodes share what was sent once. Elsewhere every request has an answer of its own, so that an exchange which
stands in another's place shows that the answer there was left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from conformance.commands.certificate.objections import Objection
from conformance.commands.certificate.wording import describe_request, name_clause
from conformance.evidence.episode import Step
from conformance.evidence.exchange import Exchange
from conformance.verdict.shapes import AT_ONCE, GATHERED, sent_by, steps_compared
from conformance.verdict.trial import Trial

Pair = tuple[Trial, Trial]
"""A recorded trial, and the planned one that it is compared with."""


def find_reused_exchanges(pairs: Sequence[Pair]) -> Iterator[Objection]:
    """Yield the exchanges that stand where the plan has different ones, or none that another trial has sent."""
    planned_for: dict[Exchange, Exchange] = {}
    gathered = [pair for pair in pairs if pair[1].decisive.expectation == GATHERED]
    others = [pair for pair in pairs if pair[1].decisive.expectation != GATHERED]
    for recorded, planned in others:
        for step, wanted in _paired(steps_compared(recorded), steps_compared(planned)):
            if planned_for.setdefault(step.exchange, wanted.exchange) != wanted.exchange:
                place = f"{describe_request(step.exchange)} of {name_clause(recorded.clause)}"
                text = f"{place} is an exchange of another place, where the plan has one of its own"
                yield Objection("episodes", text)

    raced = {step.exchange for own, _ in others if own.decisive.expectation in AT_ONCE for step in own.decisive.steps}
    for exchange in raced:
        planned_for.pop(exchange, None)  # which of them succeeds, and is taken over for that, is chance
    for recorded, planned in gathered:
        yield from _find_taken_over(recorded, planned, planned_for)


def _find_taken_over(recorded: Trial, planned: Trial, planned_for: Mapping[Exchange, Exchange]) -> Iterator[Objection]:
    """Yield the exchanges of a gathered episode that stand in it twice, or that the plan does not take over there."""
    taken_over = {step.exchange for step in planned.decisive.steps}
    seen: set[Exchange] = set()
    for step in recorded.decisive.steps:
        exchange = step.exchange
        if exchange in seen or planned_for.get(exchange) not in (None, *taken_over):
            text = f"is one of another place, and not one of the repetitions of {name_clause(recorded.clause)}"
            yield Objection("episodes", f"{describe_request(exchange)} {text}")
        seen.add(exchange)


def _paired(steps: Sequence[Step], planned: Sequence[Step]) -> Iterator[tuple[Step, Step]]:
    """Yield each step with the planned one that sends the same in the same role, the first with the first."""
    waiting: dict[tuple[str, str], list[Step]] = defaultdict(list)
    for wanted in planned:
        waiting[wanted.role, sent_by(wanted)].append(wanted)
    for step in steps:
        candidates = waiting[step.role, sent_by(step)]
        if candidates:
            yield step, candidates.pop(0)
