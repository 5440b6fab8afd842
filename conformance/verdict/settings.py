"""The settings of a run, and the defaults."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from conformance.verdict.expectations import Expectations

KEY_VARIABLE = "STRIPE_API_KEY"
DEFAULT_SEED = 1
LARGEST_RANDOM_SEED = 2**32
DEFAULT_RATE = 20.0
REPORT_FILE = "report.html"


@dataclass(frozen=True)
class Settings:
    """The settings of a run. `base_url` is None for the embedded reference, `explore` the minutes to explore.

    `implementation` is the title of a known target; empty if none was named.
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
