"""The settings of a run, and the defaults."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from conformance.verdict.expectations import Expectations

KEY_VARIABLE = "STRIPE_API_KEY"
DEFAULT_SEED = 1
LARGEST_SEED = 10**40 - 1
"""The largest seed that a record can hold; a nonce has 19 digits."""
LARGEST_RANDOM_SEED = 2**32
DEFAULT_RATE = 20.0
SECONDS_A_REQUEST = 2.0
"""Seconds that a request may take on average before a run off this machine is stopped: many times the usual."""
MOST_REQUESTS = {"quick": 1_000, "standard": 1_800, "thorough": 4_500}
"""About twice as many requests as a run of the largest profile sends with each budget."""
REPORT_FILE = "report.html"


@dataclass(frozen=True)
class Settings:
    """The settings of a run. `base_url` is None for the embedded reference, `explore` the minutes to explore.

    `max_time` is how many seconds it may send and `max_requests` how many requests, None for no such bound.
    `left_out` are the clauses of which nothing is reported: the user left them out, or named others.
    `implementation` is the title of a known target; empty if none was named. `target` is what `--target` names if the
    suite starts it; it is empty for a server that runs by itself. `concurrency` is how many tests are performed at the
    same time.
    """

    base_url: str | None
    profile: str
    level: str
    payment_methods: tuple[str, ...]
    customers: tuple[str, ...]
    results: Path
    budget: str
    seed: int
    rate: float | None
    timeout: float
    dry_run: bool
    required: tuple[str, ...] = ()
    expectations: Expectations | None = None
    proposal: Path | None = None
    explore: float | None = None
    implementation: str = ""
    target: str = ""
    max_time: float | None = None
    max_requests: int | None = None
    left_out: tuple[str, ...] = ()
    concurrency: int = 1


def default_max_time(budget: str, rate: float | None, explore: float | None = None) -> float:
    """Return the seconds after which a run off this machine stops sending, unless the user says otherwise."""
    a_request = SECONDS_A_REQUEST + 1 / (rate or DEFAULT_RATE)
    return MOST_REQUESTS[budget] * a_request + 60 * (explore or 0)


def usual_rate(*, is_loopback: bool) -> float | None:
    """Return how many requests a second are sent unless the user says otherwise; no limit on this machine."""
    return None if is_loopback else DEFAULT_RATE
