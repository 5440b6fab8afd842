"""What the clauses of the profile expect of their episodes: one small pure function for each kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from conformance.episode import Episode
from conformance.judge.expectations import Verdict
from contracts import Contract

STATE_EXPECTATIONS: Mapping[str, Callable[[Episode, Contract], Verdict]] = {}
"""The expectations by the name that an episode carries."""
