"""What an episode that ends with an outage of the target says."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from conformance.evidence.episode import Episode, Outcome
from conformance.judge.expectations import PASS, Verdict, fails
from contracts import Contract

ENDED = "ended"
"""The fact of an episode which says that the target did not only hang up, but was gone."""
SHARED = "shared"
"""The fact that other workers were sending, too: the target may have ended at a request of theirs."""

WAITED = "waited"
"""The fact of an episode which says for how many seconds the target was waited for, and stayed down."""


def outlived(episode: Episode, contract: Contract) -> Verdict:
    """The target goes on serving: the last request that was lost is not the one that ended it."""
    lost = episode.exchanges("subject")
    waited = episode.facts.get(WAITED)
    if not lost:
        last = next((step.attempt for step in reversed(episode.steps) if step.exchange.status is not None), "")
        return Verdict(Outcome.INCONCLUSIVE, _stopped(waited, last, episode))
    if lost[-1].status is not None:
        return PASS
    if not episode.facts.get(ENDED):
        return fails(f"the server hangs up without an answer to {_named(episode)}", lost[-1])
    if waited is not None:
        aftermath = f"did not come back within {waited:g} s"
    elif any(after.status is None for after in episode.exchanges("follow-up")):
        aftermath = "took no connection"
    else:
        aftermath = "knew none of its objects"
    return fails(f"the server ended while it answered {_named(episode)}, and then {aftermath}", lost[-1])


def _named(episode: Episode) -> str:
    step = next(step for step in reversed(episode.steps) if step.role == "subject")
    return f"“{step.attempt}”"


def _stopped(waited: float | None, last: str, episode: Episode) -> str:
    failure = next((step.exchange.failure for step in episode.steps if step.exchange.failure), "no answer")
    how_long = "" if waited is None else f" for {waited:g} s"
    after = f"; the last request that was answered was “{last}”" if last else ""
    return f"the target was gone{how_long} ({failure}), and no request was lost before: was it stopped?{after}"


OUTAGE_EXPECTATIONS: Mapping[str, Callable[[Episode, Contract], Verdict]] = {"outlived": outlived}
"""The expectations by the name that an episode carries."""
