"""The expectation of an episode that ends with an outage of the target."""

from __future__ import annotations

from conformance.evidence.episode import Episode, Step
from conformance.evidence.exchange import TIMED_OUT
from conformance.judge.expectations import expect, expectation, fail, inconclusive
from contracts import Contract

ENDED = "ended"
"""The fact that the target did not only hang up, but was gone."""
SHARED = "shared"
"""The fact that other workers were sending, too: the target may have ended at a request of theirs."""
WAITED = "waited"
"""The fact that the target stayed down, with the seconds for which the suite waited for it."""


@expectation
def outlived(episode: Episode, contract: Contract) -> None:
    """Expect the target to go on serving after the last request without a response."""
    subjects = [step for step in episode.steps if step.role == "subject"]
    if not subjects:
        inconclusive(_describe_stop(episode))
    last = subjects[-1]
    if last.exchange.status is not None:
        return
    is_waiting = last.exchange.failure == TIMED_OUT
    hung_up = f"the server {'never answers' if is_waiting else 'hangs up without an answer to'} “{last.attempt}”"
    expect(episode.facts.get(ENDED), hung_up, last.exchange)
    fail(f"the server ended while it answered “{last.attempt}”, and then {_describe_aftermath(episode)}", last.exchange)


def _describe_aftermath(episode: Episode) -> str:
    waited = episode.facts.get(WAITED)
    if waited is not None:
        return f"did not come back within {waited:g} s"
    if any(after.status is None for after in episode.exchanges("follow-up")):
        return "took no connection"
    return "knew none of its objects"


def _describe_stop(episode: Episode) -> str:
    """Describe an outage that no lost request preceded."""
    waited = episode.facts.get(WAITED)
    how_long = "" if waited is None else f" for {waited:g} s"
    failure = next((step.exchange.failure for step in episode.steps if step.exchange.failure), "no answer")
    stopped = f"the target was gone{how_long} ({failure}), and no request was lost before: was it stopped?"
    last = next(filter(_was_answered, reversed(episode.steps)), None)
    return f"{stopped}; the last request that was answered was “{last.attempt}”" if last else stopped


def _was_answered(step: Step) -> bool:
    return step.exchange.status is not None and bool(step.attempt)
