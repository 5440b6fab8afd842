"""What to send: Hypothesis strategies for valid and invalid bodies, and for the wire.

Strategies work on key–value pairs and bytes, since form encoding knows nothing else; each invalid attempt names its one
invalid component. Beside a strategy stand its *corners*: the attempts that every run makes, the simplest first.
"""

from strategies.attempt import Attempt, Invalid, Pair, Request
from strategies.comparison import Comparison

__all__ = ["Attempt", "Comparison", "Invalid", "Pair", "Request"]
