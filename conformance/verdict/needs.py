"""The cost of each test as it was measured: the ids that it uses up where none can be created, and its requests."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from conformance.verdict.results import ClauseResult
from contracts import Catalogue

NEEDS = Path(__file__).resolve().parent / "needs.json"
"""The payment methods that each test uses up on the reference, as `python -m benchmarks.ids_needed` measures them."""

CUSTOMERS: Mapping[str, int] = {"contract": 2, "stateful": 4, "stripe": 4}
"""The most customers that are useful in each profile: four contend for one payment method in `state.race`."""


@dataclass(frozen=True)
class Need:
    """The payment methods that a test uses up by the budget, and whether more ids let its clause be judged at all.

    `requests` is how many it sends with the standard budget.
    """

    test: str
    clause: str
    taken: Mapping[str, int]
    requests: int = 0
    more_helps: bool = True


@dataclass(frozen=True)
class Wanted:
    """The additional ids that are enough for the `clauses` that were not judged in full for want of them."""

    clauses: int
    payment_methods: int
    customers: int

    def to_json(self) -> dict[str, int]:
        """Return a JSON-like form."""
        return asdict(self)

    def __str__(self) -> str:
        options = []
        if self.payment_methods:
            options.append(f"about {self.payment_methods} more payment methods (--payment-method)")
        if self.customers:
            options.append(f"{self.customers} more customers (--customer)")
        return f"ids ran out before {self.clauses} clauses were judged in full: pass {' and '.join(options)}"


@cache
def load_needs() -> tuple[Need, ...]:
    """Return the measurements, one for each test."""
    return tuple(Need(**row) for row in json.loads(NEEDS.read_text(encoding="utf-8")))


def methods_for_tests(budget: str = "standard") -> dict[str, int]:
    """Return how many payment methods each test uses up, by the test's name with that of its file."""
    return {need.test: need.taken[budget] for need in load_needs()}


def requests_of_tests() -> dict[str, int]:
    """Return how many requests each test sends, by the test's name with that of its file."""
    return {need.test: need.requests for need in load_needs()}


def ids_for_profile(profile: str, budget: str, catalogue: Catalogue) -> tuple[int, int]:
    """Return about how many payment methods and customers a whole run of that profile and budget needs."""
    within = {clause.slug for clause in catalogue.within(profile)}
    taken = sum(need.taken[budget] for need in load_needs() if need.clause in within)
    return taken + 1, CUSTOMERS[profile]


def ids_for_tests(tests: Iterable[str], profile: str, budget: str) -> tuple[int, int]:
    """Return about how many payment methods and customers tests need, by their names with those of their files."""
    taken = methods_for_tests(budget)
    return sum(taken.get(test, 0) for test in tests) + 1, CUSTOMERS[profile]


def ids_wanted(
    results: Iterable[ClauseResult], profile: str, budget: str, *, methods_given: bool, customers_given: int | None
) -> Wanted | None:
    """Return how many more ids would judge the clauses of a run that ran out of them; None if none would.

    `customers_given` is None for a run that creates its customers.
    """
    lacking = {result.clause.slug for result in results if result.lacks_fixtures}
    taken: Counter[str] = Counter()
    for need in load_needs():
        if need.clause in lacking and need.more_helps:
            taken[need.clause] += need.taken[budget]
    methods = sum(max(1, count) for count in taken.values()) if methods_given else 0
    customers = 0 if customers_given is None else max(0, CUSTOMERS[profile] - customers_given)
    return Wanted(len(taken), methods, customers) if taken and methods + customers else None
