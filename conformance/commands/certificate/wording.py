"""The parts of a record in words, as objections name them."""

from __future__ import annotations

from conformance.evidence.exchange import Exchange
from conformance.verdict.trial import Trial

LONGEST_TARGET = 80
"""How many characters of a request's target an objection quotes."""


def describe_request(exchange: Exchange) -> str:
    """Return the request of an exchange in a few words."""
    return f"{exchange.request.method} {exchange.request.target[:LONGEST_TARGET]}"


def describe(exchange: Exchange) -> str:
    """Return an exchange in a few words."""
    return f"{describe_request(exchange)} ({exchange.status or exchange.failure})"


def name_clause(slug: str) -> str:
    """Return the name of a clause, which some trials and episodes lack."""
    return slug or "no clause"


def name_trial(trial: Trial) -> str:
    """Return the id of a trial's first episode, or else its test, and its clause."""
    identifiers = [performed.episode.id for performed in trial.episodes[:1]]
    name = next(filter(None, [*identifiers, trial.test]), "a trial")
    return f"{name} of {name_clause(trial.clause)}"
