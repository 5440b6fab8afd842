"""The wholeness of the evidence for a product that is said to conform: what is missing or unplanned counts against it.

A clause is claimed to hold; then all that was performed for it must be there, answered whole, and nothing that was
performed for anything may show the contrary, however the record names the reason for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote

from conformance.commands.certificate.objections import Objection
from conformance.commands.certificate.statements import Evidence
from conformance.commands.certificate.wording import describe_request, name_trial
from conformance.evidence.episode import Outcome, Step
from conformance.evidence.exchange import Exchange
from conformance.evidence.secret import BLOT
from conformance.fixtures.forms import ANY_ID, GIVEN, PAYMENT_METHOD_FORMS
from conformance.fixtures.ids import NEAR_MISSES
from conformance.scenes.repeating import FEW_AT_ONCE
from conformance.verdict.folding import fold
from conformance.verdict.ledger import UNSTEADY
from conformance.verdict.settlement import with_further
from conformance.verdict.shapes import GATHERED, RACES, exchanges_in, performed_in, steps_compared, steps_in
from conformance.verdict.trial import AGAIN, CONFIRMATION, FIRST, OF_A_CLAUSE, OF_SERVING, RENEWED, SEARCH, Trial
from contracts import load_catalogue, published_contract
from strategies.refusals import near_misses

SUBJECT = "subject"
"""The role of the steps that are sent for a trial itself; others may have been asked before, on another object."""

REJECTED = "rejected"
"""The kind of gathered answers that are all sent for their own trial: only successes are taken over from others."""

LEFT_TO_THE_TARGET = frozenset({"created_as", "remote"})
"""Facts that say what kind of target it is; they are compared with the header."""


@dataclass(frozen=True)
class Gathered:
    """The requests of a trial that gathers answers: its `own`, and those that `others` sent and it took over."""

    own: int = 0
    others: int = 0

    def least_of(self, others: int) -> int:
        """Return how many of its own a trial must have that is planned like this one, and takes over that many.

        What it takes over it need not send: on a server that deviates, there is more of that. What is sent at the same
        time is always its own.
        """
        more = max(0, others - self.others)
        return max(self.own - more, min(self.own, FEW_AT_ONCE))


def find_gaps(evidence: Evidence) -> Iterator[Objection]:
    """Yield what is missing, unplanned or overlooked in the record of a product that is said to conform."""
    decisive = [trial for trial in evidence.record.trials if trial.clause in {*evidence.passed, ""}]
    yield from _find_incomplete_trials(decisive)
    yield from _find_unanswered_requests(decisive)
    yield from _find_misplaced_parts(decisive)
    yield from _find_overlooked_failures(evidence)
    yield from _find_shown_keys(evidence.record.trials)
    yield from _find_other_workers(evidence)
    yield from _find_other_values(decisive)
    yield from _find_other_near_misses(decisive)


def _find_incomplete_trials(trials: Sequence[Trial]) -> Iterator[Objection]:
    """Yield the trials that did not end: what they lack cannot have held."""
    for trial in trials:
        if trial.missing or not trial.episodes:
            text = trial.missing or "it has no episode"
            yield Objection("inconclusive", f"{name_trial(trial)} was not performed in full: {text}")


def _find_unanswered_requests(trials: Sequence[Trial]) -> Iterator[Objection]:
    """Yield the requests that got no answer at all, for any reason: nobody knows what it would have been."""
    for exchange in exchanges_in(trials):
        if exchange.status is None:
            text = f"{describe_request(exchange)} was not answered: {exchange.why_unanswered}"
            yield Objection("inconclusive", text)


def _find_misplaced_parts(trials: Sequence[Trial]) -> Iterator[Objection]:
    """Yield the trials whose episodes are not those that the suite performs after what the first one shows."""
    for trial in trials:
        parts = [performed.part for performed in trial.episodes]
        wanted = list(_parts_after_the_first(trial))
        if parts[:1] != [FIRST] or any(part not in wanted for part in parts[1:]):
            shown = ", ".join(parts)
            yield Objection("episodes", f"{name_trial(trial)} has episodes that the first gives no reason for: {shown}")


def _parts_after_the_first(trial: Trial) -> Iterator[str]:
    """Yield the parts for which the judgement of the first episode, and that of its repetition, give a reason."""
    match trial.performed_as(FIRST):
        case [first] if trial.kind == OF_SERVING:
            if first.judgement.outcome is Outcome.FAIL:
                yield SEARCH
        case [first]:
            if first.judgement.outcome is Outcome.INCONCLUSIVE:
                yield AGAIN
            contract, catalogue = published_contract(), load_catalogue()
            judged = (with_further(one, trial.also, contract, catalogue) for one in trial.performed_as(FIRST, AGAIN))
            if any(judgement.findings for judgement in judged):
                yield from (CONFIRMATION, RENEWED)


def _find_overlooked_failures(evidence: Evidence) -> Iterator[Objection]:
    """Yield the failures that an episode shows, and that nothing was concluded from."""
    broken = fold(evidence.record.entries, published_contract(), load_catalogue()).broken
    for trial, performed in performed_in(evidence.record.trials):
        for finding in performed.judgement.findings:
            # of those that a search for a guilty request shows, only its own clause's count
            counts = trial.kind == OF_A_CLAUSE or finding.clause in (trial.clause, UNSTEADY)
            if counts and finding.clause not in broken:
                text = f"shows that {finding.clause} fails ({finding.observed}), and it is passed over"
                yield Objection("episodes", f"{name_trial(trial)} {text}")


def _find_shown_keys(trials: Sequence[Trial]) -> Iterator[Objection]:
    """Yield the answers in which the suite blotted the key out, and that are not said to have shown it."""
    for exchange in exchanges_in(trials):
        if not exchange.leaked_key and _shows_key(exchange):
            text = f"the answer to {describe_request(exchange)} showed the key, and is said not to"
            yield Objection("record", text)


def _shows_key(exchange: Exchange) -> bool:
    texts = (text for header in exchange.headers or () for text in header)
    return BLOT.encode() in (exchange.body or b"") or any(BLOT in text for text in texts)


def _find_other_workers(evidence: Evidence) -> Iterator[Objection]:
    """Yield the entries that the only worker of the run did not leave in its order."""
    places = [(entry.worker, entry.turn) for entry in evidence.record.entries]
    if any(worker != 0 for worker, _ in places) or places != sorted(set(places)):
        yield Objection("episodes", "the entries are not those of one worker, in the order of its turns")


def _find_other_values(trials: Sequence[Trial]) -> Iterator[Objection]:
    """Yield the episodes that are judged by another value than the one that was sent."""
    for trial, performed in performed_in(trials):
        episode = performed.episode
        for subject in episode.exchanges(SUBJECT)[:1]:
            sent = ("", *subject.sent_values("customer"))[-1]
            judged = episode.facts.get("value", sent)
            if judged != sent:
                text = f"{name_trial(trial)} is judged by {judged!r}, and {sent!r} was sent"
                yield Objection("episodes", text)


def _find_other_near_misses(trials: Sequence[Trial]) -> Iterator[Objection]:
    """Yield the requests in which another text stands than the near miss of an id that the suite makes of it."""
    for trial, performed in performed_in(trials):
        for step in performed.episode.steps:
            for name in NEAR_MISSES & step.bindings.keys():
                bound, wanted = step.bindings[name], near_misses({**performed.episode.fixtures, **step.bindings})
                if bound != wanted.get(name):
                    yield Objection("ids", f"{name_trial(trial)}: {bound} is not the {name}")


def count_gathered(trials: Sequence[Trial]) -> Mapping[str, Gathered]:
    """Return how many requests each trial that gathers answers holds, by the kind of its requests."""
    times = Counter(step.exchange for _, step in steps_in(trials))
    counts: dict[str, Gathered] = {}
    for trial in trials:
        if trial.episodes and trial.decisive.expectation == GATHERED:
            own = sum(times[step.exchange] == 1 for step in trial.decisive.steps)
            counts[kind_of_gathered(trial)] = Gathered(own, len(trial.decisive.steps) - own)
    return counts


def kind_of_gathered(trial: Trial) -> str:
    """Return the kind of requests of which a trial gathers the answers."""
    return REJECTED if "invalid" in [step.kind for step in trial.decisive.steps] else "accepted"


def find_other_objects(recorded: Trial, planned: Trial, payment_methods: str) -> Iterator[Objection]:
    """Yield where a trial speaks of another object than the one of which the plan speaks in that place.

    An object of the plan stands for one object of the record in the whole trial: in what is sent, in what is read
    afterwards, and in what the judge is given. Payment methods are not compared where a token stands for many.
    """
    is_about_one_object = any(step.role != SUBJECT for step in planned.decisive.steps)
    is_gathered = planned.decisive.expectation in (GATHERED, *RACES)
    if is_gathered or not is_about_one_object or _used_up_by_acceptance(recorded, planned):
        return
    compared = ("pm_", "cus_") if _has_own_methods(payment_methods) else ("cus_",)
    seen: dict[str, str] = {}
    ours = _ids_by_place(recorded)
    for place, planned_id in _ids_by_place(planned).items():
        recorded_id = ours.get(place, "")
        before = seen.setdefault(planned_id, recorded_id)
        if recorded_id != before and planned_id.startswith(compared):
            text = f"{recorded_id or 'nothing'} stands in {place}, where the plan has {before} again"
            yield Objection("ids", f"{name_trial(recorded)}: {text}")


def _used_up_by_acceptance(recorded: Trial, planned: Trial) -> bool:
    """Return whether a payment method was used up by a success where the plan has a rejection, so that others follow.

    Then a clause that requires the rejection deviates, or is not of the profile.
    """
    pairs = zip(steps_compared(recorded), steps_compared(planned), strict=True)
    return any(ours.exchange.is_success and theirs.exchange.is_refusal for ours, theirs in pairs)


def _has_own_methods(payment_methods: str) -> bool:
    """Return whether each payment method has an id of its own, under which it is attached and read."""
    return payment_methods in PAYMENT_METHOD_FORMS or payment_methods in (GIVEN, ANY_ID)


def _ids_by_place(trial: Trial) -> dict[str, str]:
    """Return the ids that a trial's decisive episode speaks of, by the places in which they stand."""
    episode = trial.decisive
    found = {f"fixture {name}": identifier for name, identifier in episode.fixtures.items()}
    for number, step in enumerate(steps_compared(trial)):
        bound = step.bindings if step.role == SUBJECT else {}
        found |= {f"{name} of step {number}": bound[name] for name in bound if name not in NEAR_MISSES}
        found |= {f"target of step {number}": identifier for identifier in _ids_read(step)}
    known = set(found.values())
    facts = {name: value for name, value in episode.facts.items() if name not in LEFT_TO_THE_TARGET}
    return found | {f"fact {name}": value for name, value in facts.items() if isinstance(value, str) and value in known}


def _ids_read(step: Step) -> list[str]:
    """Return the id of the object that a request to another endpoint is about; none if there is none."""
    if step.attempt_digest:
        return []
    path, _, query = step.exchange.request.target.partition("?")
    in_path = list(map(unquote, path.split("/")[3:4]))
    return in_path or parse_qs(query).get("customer", [])[:1]
