"""The ids that a run needs where a target gives none by its API: measured for each test, test by test."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from conformance.ledger import ClauseResult
from contracts import Catalogue

NEEDS = Path(__file__).resolve().parent / "needs.json"
"""How many payment methods each test uses up on the reference, as `python -m benchmarks.ids_needed` has measured."""

CUSTOMERS: Mapping[str, int] = {"contract": 2, "stateful": 4, "stripe": 4}
"""How many customers tell the most in each profile: four contend for one payment method in `state.race`."""


@dataclass(frozen=True)
class Need:
    """The payment methods that a test uses up by the budget, and whether more ids let its clause be judged at all."""

    test: str
    clause: str
    taken: Mapping[str, int]
    more_helps: bool = True


@dataclass(frozen=True)
class Wanted:
    """How many more ids would do for the `clauses` that were not judged, or in part only, for want of them."""

    clauses: int
    payment_methods: int
    customers: int

    def to_json(self) -> dict[str, int]:
        """A JSON-like form."""
        return {"clauses": self.clauses, "payment_methods": self.payment_methods, "customers": self.customers}

    def __str__(self) -> str:
        options = []
        if self.payment_methods:
            options.append(f"about {self.payment_methods} more payment methods (--payment-method)")
        if self.customers:
            options.append(f"{self.customers} more customers (--customer)")
        return f"{self.clauses} clauses were not judged in full for want of ids: {' and '.join(options)} would do"


@cache
def load_needs() -> tuple[Need, ...]:
    """Return what was measured, one entry a test."""
    return tuple(Need(**row) for row in json.loads(NEEDS.read_text(encoding="utf-8")))


def methods_for_tests(budget: str = "standard") -> dict[str, int]:
    """Return how many payment methods each test uses up, by the test's name with that of its file."""
    return {need.test: need.taken[budget] for need in load_needs()}


def ids_for_profile(profile: str, budget: str, catalogue: Catalogue) -> tuple[int, int]:
    """Return about how many payment methods and customers a whole run of that profile and budget needs."""
    within = {clause.slug for clause in catalogue.within(profile)}
    taken = sum(need.taken[budget] for need in load_needs() if need.clause in within)
    return taken + 1, CUSTOMERS[profile]


def ids_wanted(
    results: Mapping[str, ClauseResult], provision: Mapping[str, Any] | None, profile: str, budget: str
) -> Wanted | None:
    """Return how many more ids would judge the clauses of a run that ran out of them; None if none would."""
    if not provision or "given" not in (provision["payment_methods"], provision["customers"]):
        return None
    lacking = {slug for slug, result in results.items() if result.lacks_fixtures}
    helped = [need for need in load_needs() if need.clause in lacking and need.more_helps]
    clauses = {need.clause for need in helped}
    methods = sum(max(1, sum(one.taken[budget] for one in helped if one.clause == slug)) for slug in clauses)
    customers = max(0, CUSTOMERS[profile] - len(provision["given_customers"]))
    methods_are_given = provision["payment_methods"] == "given"
    customers_are_given = provision["customers"] == "given"
    more = Wanted(len(clauses), methods if methods_are_given else 0, customers if customers_are_given else 0)
    return more if clauses and (more.payment_methods or more.customers) else None
