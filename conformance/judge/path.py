"""What is expected of a path that is spelled in another way."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from conformance.evidence.episode import Episode
from conformance.judge.expectations import PASS, Verdict, alike, fails
from conformance.judge.success import sent_payment_method
from contracts import Contract


def alike_by_path(episode: Episode, contract: Contract) -> Verdict:
    """As `alike`; where the control shows the id of its path decoded, every subject does."""
    verdict = alike(episode, contract)
    (control,) = episode.exchanges("control")
    if verdict is not PASS or control.object.get("id") != sent_payment_method(control):
        return verdict
    for exchange in episode.exchanges("subject"):
        shown, named = exchange.object.get("id"), sent_payment_method(exchange)
        if exchange.is_success and shown != named:
            return fails(f"`id` is {shown!r}; the path names {named!r}", exchange)
    return PASS


PATH_EXPECTATIONS: Mapping[str, Callable[[Episode, Contract], Verdict]] = {alike_by_path.__name__: alike_by_path}
"""The expectations by the name that an episode carries."""
