"""A dry run: say what a run would send, make, need and take, from a rehearsal on the embedded reference."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from conformance.evidence.counted import counted
from conformance.plugin.order import name_in
from conformance.transport.client import Address
from conformance.verdict.needs import ids_for_tests
from conformance.verdict.run import Ending, Run
from conformance.verdict.settings import Settings, usual_rate

if TYPE_CHECKING:
    from conformance.plugin.controller import Controller

LATENCIES = (0.005, 0.05, 0.15)
"""Seconds that an answer takes for which the duration is said: this machine, a near server, a far one."""


@dataclass(frozen=True)
class Costs:
    """The costs of a run: its requests, the objects that it makes by their kind, and the ids that would do instead.

    `rate` is the most requests a second, None for no limit; `performers` how many tests are performed at the same time.
    """

    requests: int
    objects: Mapping[str, int] = field(default_factory=dict)
    payment_methods: int = 0
    customers: int = 0
    rate: float | None = None
    performers: int = 1

    def seconds(self, latency: float) -> float:
        """Return how long a run takes where each answer takes that many seconds: the requests of a test wait for it."""
        return self.requests * max(latency / self.performers, 1 / self.rate if self.rate else 0.0)


def describe(costs: Costs, settings: Settings) -> Iterator[str]:
    """Yield the lines of a dry run."""
    target = settings.base_url or "the embedded reference"
    yield f"nothing was sent to {target}; the embedded reference stood in, so all numbers are about right"
    yield f"profile {settings.profile}, budget {settings.budget}, seed {settings.seed}"
    made = [counted(number, kind.replace("_", " ")) for kind, number in sorted(costs.objects.items())]
    yield f"a run sends about {costs.requests} requests and creates {' and '.join(made) or 'nothing'}"
    limit = f"at most {costs.rate:g} requests a second (--rate)" if costs.rate else "without a limit (--rate)"
    times = ", ".join(f"{in_words(costs.seconds(one))} at {one * 1000:.0f} ms" for one in LATENCIES)
    how = "one request after the other" if costs.performers == 1 else f"requests of {costs.performers} tests at once"
    yield f"it sends {how}, {limit}: {times} for an answer"
    ids = f"about {costs.payment_methods} payment methods (--payment-method) and {costs.customers} customers"
    yield f"where the target creates none, it needs {ids} (--customer) that exist"


def in_words(seconds: float) -> str:
    """Return a duration that is easy to read."""
    if seconds < 100:
        return f"{max(1.0, seconds):.0f} s"
    return f"{seconds / 60:.0f} min"


def keep_quiet(config: pytest.Config) -> None:
    """Have pytest show and write nothing of a rehearsal, whose tests are those of no target."""
    option = config.option
    option.verbose = -2
    option.capture = "no"  # read by the terminal reporter alone by now: it shows no progress then
    option.disable_warnings = True
    option.htmlpath = option.xmlpath = None


class Rehearsal:
    """Keeps the tests of a dry run out of pytest's output, and says its costs at the end."""

    def __init__(self, config: pytest.Config, settings: Settings, controller: Controller) -> None:
        self.config = config
        self.settings = settings
        self.controller = controller

    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(self) -> None:
        """Say at once what goes on, since it takes as long as a run on this machine."""
        reporter: Any = self.config.pluginmanager.get_plugin("terminalreporter")
        reporter.write_line("dry run: the tests are performed against the embedded reference, to count their requests")
        reporter.flush()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_report_teststatus(self) -> Generator[None, Any, Any]:
        """Count and show no test."""
        yield
        return "", "", ""

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say the costs."""
        run = self.controller.run
        if run is not None and run.ending is Ending.REHEARSED:
            for line in describe(self._costs(run), self.settings):
                terminalreporter.write_line(line)

    def _costs(self, run: Run) -> Costs:
        tests = map(name_in, self.controller.gathered.log.tests)
        methods, customers = ids_for_tests(tests, run.settings.profile, run.settings.budget)
        base_url = self.settings.base_url
        is_loopback = base_url is None or Address(base_url).is_loopback
        rate = self.config.option.rate or usual_rate(is_loopback=is_loopback)
        return Costs(run.requests, run.objects, methods, customers, rate, self.settings.concurrency)
