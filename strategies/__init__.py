"""Requests to send: attempts as frozen values, Hypothesis strategies for them, form encoding and its oracle.

Strategies work on key–value pairs and bytes, since form encoding knows nothing else; each invalid attempt names its one
invalid component. Next to a strategy, a function of the same subject returns the attempts that every run makes, the
simplest first.
"""

from strategies.attempt import Attempt, Invalid, Pair, Request
from strategies.comparison import Comparison

__all__ = ["Attempt", "Comparison", "Invalid", "Pair", "Request"]
