"""Measure the payment methods and requests of each test where ids are given: `python -m benchmarks.ids_needed`.

The reference is run once for each budget, with more ids than any run needs.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import sys
import tempfile
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from benchmarks.given_ids import KEY, make_ids
from conformance.paths import TESTS
from conformance.plugin import order
from conformance.plugin.order import name_of, slug_of
from conformance.scenes.budgets import BUDGETS
from conformance.verdict.needs import NEEDS
from conformance.verdict.settings import KEY_VARIABLE
from reference import running

CUSTOMERS = 4
PAYMENT_METHODS = {"quick": 400, "standard": 800, "thorough": 6000}
"""More than a run of that budget uses up."""


class Watch:
    """A plugin that notes how many payment methods each test took, and how many requests it sent."""

    def __init__(self) -> None:
        self.taken: dict[str, int] = {}
        self.requests: dict[str, int] = {}
        self.clauses: dict[str, str] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, None, None]:
        """Compare the numbers of unused payment methods and of requests before and after a test."""
        runner = item.config.pluginmanager.get_plugin("conformance-items")
        assert runner is not None
        fixtures = runner.fixtures
        before, sent = fixtures.methods.left, runner.client.requests_sent
        try:
            yield
        finally:
            self.taken[name_of(item)] = before - fixtures.methods.left
            self.requests[name_of(item)] = runner.client.requests_sent - sent
            self.clauses[name_of(item)] = slug_of(item) or ""


def measure(budget: str) -> tuple[Watch, set[str]]:
    """Run the suite with that budget; return what each test took, and the clauses that still lacked fixtures.

    The tests run in an order that no earlier measurement decides: of those that share a payment method the first takes
    it, so that with the usual order each measurement would differ from the one before.
    """
    watch = Watch()
    with running() as server, tempfile.TemporaryDirectory() as folder:
        ids = make_ids(server.url, customers=CUSTOMERS, payment_methods=PAYMENT_METHODS[budget])
        output = io.StringIO()
        with contextlib.redirect_stdout(output), patch.object(order, "methods_for_tests", dict):
            options = ("-p", "no:cacheprovider", "--profile=stripe", f"--budget={budget}")
            target = (f"--base-url={server.url}", f"--results={folder}")
            pytest.main([str(TESTS), *options, *target, *ids], plugins=[watch])
        results = json.loads((Path(folder) / "results.json").read_text(encoding="utf-8"))
    return watch, {slug for slug, clause in results["clauses"].items() if clause["lacks_fixtures"]}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure every budget, and write the table."""
    command = argparse.ArgumentParser(prog="python -m benchmarks.ids_needed", description=__doc__)
    command.add_argument("--budget", choices=sorted(BUDGETS), action="append", help="only this one (default: all)")
    options = command.parse_args(arguments)
    os.environ[KEY_VARIABLE] = KEY
    rows: dict[str, dict[str, Any]] = {}
    if options.budget:
        rows = {row["test"]: row for row in json.loads(NEEDS.read_text(encoding="utf-8"))}
    for budget in options.budget or BUDGETS:
        watch, lacking = measure(budget)
        for test, taken in watch.taken.items():
            row = rows.setdefault(
                test, {"test": test, "clause": watch.clauses[test], "taken": dict.fromkeys(BUDGETS, 0)}
            )
            row["taken"][budget] = taken
            if budget == "standard":
                row["requests"] = watch.requests[test]
            row["more_helps"] = watch.clauses[test] not in lacking
    lines = ",\n".join(json.dumps(rows[test]) for test in sorted(rows))
    NEEDS.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    print(f"{NEEDS.name}: {len(rows)} tests", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
