"""The comparison of two records: outcomes that differ, and answers that differ for the same attempt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from conformance.commands.compare.differences import PARTS, Difference, differences
from conformance.commands.compare.masking import Mask
from conformance.evidence.episode import Episode, Step
from conformance.evidence.exchange import Exchange
from conformance.verdict.concluding import judged_again
from conformance.verdict.misuse import Misuse
from conformance.verdict.record import Record
from conformance.verdict.results import ClauseResult
from conformance.verdict.run import Run
from conformance.verdict.shapes import AT_ONCE, sent_by
from conformance.verdict.trial import FIRST, OF_SERVING, Trial

Key = tuple[str, ...]


class CannotCompare(Misuse):
    """There are no two whole records with something in common; the message says why."""


@dataclass(frozen=True)
class Sent:
    """A step of a record, and its episode."""

    clause: str
    step: Step
    episode: Episode


@dataclass(frozen=True)
class OtherOutcome:
    """A clause with another outcome of B than of A."""

    a: ClauseResult
    b: ClauseResult


@dataclass(frozen=True)
class Group:
    """One difference that `count` pairs of answers show, for these `clauses`.

    The first pair is the example: `difference` there, and the steps `a` and `b`.
    """

    difference: Difference
    count: int
    clauses: tuple[str, ...]
    a: Step
    b: Step


@dataclass(frozen=True)
class Comparison:
    """Two runs and their differences.

    `pairs` is how many answers were compared; `only_a` and `only_b` how many attempts only one of them was sent, since
    the suite looks closer where something is wrong. `beware` says what makes the runs unlike each other from the start.
    """

    a: Run
    b: Run
    outcomes: tuple[OtherOutcome, ...]
    groups: tuple[Group, ...]
    pairs: int
    only_a: int
    only_b: int
    beware: tuple[str, ...]

    @property
    def is_same(self) -> bool:
        """Return whether no outcome and no answer differs."""
        return not self.outcomes and not self.groups


def compare(a: Record, b: Record) -> Comparison:
    """Return the comparison of two records.

    Raises CannotCompare where they have no attempt in common, and BrokenRecord where one cannot be judged.
    """
    mine, theirs = sent_in(a), sent_in(b)
    common = [key for key in mine if key in theirs]
    if not common:
        raise CannotCompare("the records have no attempt in common: were both made by this suite, with the same seed?")
    run_a, run_b = judged_again(a), judged_again(b)
    return Comparison(
        run_a,
        run_b,
        outcomes=tuple(_other_outcomes(run_a, run_b)),
        groups=tuple(_groups((mine[key], theirs[key]) for key in common)),
        pairs=len(common),
        only_a=len(mine) - len(common),
        only_b=len(theirs) - len(common),
        beware=tuple(_warnings(a, b)),
    )


def sent_in(record: Record) -> Mapping[Key, Sent]:
    """Return the steps of the deciding episodes, by what they are and how many like it came before."""
    times: Counter[Key] = Counter()
    sent: dict[Key, Sent] = {}
    for trial in record.trials:
        for episode in _deciding(trial):
            for step in _in_order(episode):
                key = trial.clause, trial.test, episode.clause, step.role, sent_by(step)
                times[key] += 1
                sent[*key, str(times[key])] = Sent(trial.clause or episode.clause, step, episode)
    return sent


def _deciding(trial: Trial) -> tuple[Episode, ...]:
    if trial.kind == OF_SERVING:
        return tuple(performed.episode for performed in trial.performed_as(FIRST))
    return (trial.decisive,) if trial.episodes else ()


def _in_order(episode: Episode) -> list[Step]:
    """Return the steps in their order; those that were sent at the same time by what they were answered."""
    if episode.expectation not in AT_ONCE:
        return list(episode.steps)

    def answered(step: Step) -> tuple[bool, int, list[str]]:
        headers = sorted(name.lower() for name, _ in step.exchange.headers or ())
        return step.role == "subject", step.exchange.status or 1000, headers

    return sorted(episode.steps, key=answered)


def _other_outcomes(a: Run, b: Run) -> Iterator[OtherOutcome]:
    for slug, mine in a.results.items():
        theirs = b.results[slug]
        is_selected = not (mine.is_left_out or theirs.is_left_out)
        if is_selected and mine.outcome != theirs.outcome:
            yield OtherOutcome(mine, theirs)


def _groups(pairs: Iterable[tuple[Sent, Sent]]) -> list[Group]:
    """Return the differences, those that most answers show first; each pair of answers counts once."""
    distinct: dict[tuple[Exchange, Exchange], tuple[Sent, Sent]] = {}
    for a, b in pairs:
        distinct.setdefault((a.step.exchange, b.step.exchange), (a, b))
    found: dict[tuple[object, ...], list[tuple[Difference, Sent, Sent]]] = {}
    for a, b in distinct.values():
        masks = Mask(a.step, a.episode), Mask(b.step, b.episode)
        for difference in differences(a.step.exchange, masks[0], b.step.exchange, masks[1]):
            found.setdefault(difference.kind, []).append((difference, a, b))
    groups = map(_group, found.values())
    return sorted(groups, key=lambda group: (PARTS.index(group.difference.part), -group.count))


def _group(shown: list[tuple[Difference, Sent, Sent]]) -> Group:
    difference, a, b = shown[0]
    clauses = dict.fromkeys(one.clause for _, one, _ in shown)
    return Group(difference, len(shown), tuple(filter(None, clauses)), a.step, b.step)


def _warnings(a: Record, b: Record) -> Iterator[str]:
    for name in ("seed", "budget", "profile"):
        mine, theirs = a.header["options"][name], b.header["options"][name]
        if mine != theirs:
            yield f"the first was run with {name} {mine}, the second with {theirs}: what was drawn differs"
    for name in ("contract", "catalogue"):
        if a.header[name] != b.header[name]:
            yield f"the runs were made with different versions of the {name}"
    for which, record in (("first", a), ("second", b)):
        if record.footer["interrupted"]:
            yield f"the {which} run was interrupted"
        if record.footer.get("bound"):
            yield f"the {which} run stopped sending: {record.footer['bound']}"
        if not record.header["selection"]["whole"]:
            yield f"only a part of the {which} was run: {record.header['selection']['arguments']}"
