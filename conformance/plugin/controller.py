"""The controller: finds the target, gathers what every test found, concludes, and has the results written."""

from __future__ import annotations

import contextlib
import datetime
import json
import tempfile
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from conformance.evidence.episode import Outcome
from conformance.evidence.failure import BoundReached, LiveAccount
from conformance.evidence.secret import Secret
from conformance.fixtures.capabilities import probe_capabilities
from conformance.fixtures.embedded import CannotStart, embedded_reference
from conformance.fixtures.probing import probe, remove_probed
from conformance.fixtures.provisioning import Provision, Unreachable
from conformance.paths import TESTS
from conformance.plugin.careful import Errors, Reporters
from conformance.plugin.dealing import Workers
from conformance.plugin.drawing import set_up_hypothesis
from conformance.plugin.first_lines import header_lines
from conformance.plugin.interruptions import Interrupted, Interruptions, Phase, make_showable
from conformance.plugin.items import PROPERTY, ItemRunner
from conformance.plugin.options import narrowed_by
from conformance.plugin.progress import Chapters, Progress, is_log, is_wanted
from conformance.plugin.proposing import propose
from conformance.plugin.synthetic import LETTERLESS, reports_for, reports_of_stale
from conformance.plugin.versions import versions
from conformance.reports.html import TITLE, html_section
from conformance.reports.junit import JUNIT_FILE, junit_of, seconds_by_clause
from conformance.reports.rendering import results_text
from conformance.reports.reported import ReportedTests
from conformance.reports.script import SCRIPT_FILE, script_of
from conformance.reports.terminal import print_summary
from conformance.reports.workflow import RESULTS_FILE
from conformance.scenes.budgets import BUDGETS
from conformance.targets import CannotRun, running
from conformance.targets.choosing import to_start
from conformance.transport.bounds import Bounds
from conformance.transport.client import Address, Client
from conformance.verdict.concluding import conclude_run
from conformance.verdict.expectations import Gate, weigh
from conformance.verdict.expectations.gate import covering_entries
from conformance.verdict.internal_errors import INTERNAL_ERROR
from conformance.verdict.ledger import Ledger
from conformance.verdict.log import Log, OrderedLog
from conformance.verdict.record import RECORD_FILE
from conformance.verdict.recording import footer_of, header_of, record_lines
from conformance.verdict.results import ClauseResult, conclude, hold_general_clauses, own_outcome, without
from conformance.verdict.run import RAISE_THE_BOUND, Diagnosis, Ending, ExitStatus, Exploration, Run
from conformance.verdict.settings import Settings, default_max_time, usual_rate
from conformance.verdict.trial import Trial
from contracts import load_catalogue, published_contract


class Controller:
    """One run of the suite, from the first probe to the exit status."""

    def __init__(self, config: pytest.Config, settings: Settings, key: Secret, interruptions: Interruptions) -> None:
        self.config = config
        self.settings = settings
        self.key = key
        self.interruptions = interruptions
        self.contract = published_contract()
        self.catalogue = load_catalogue()
        self.ledger = Ledger()
        self.base_url = settings.base_url or ""
        self.provision: Provision | None = None
        self.diagnosis: Diagnosis | None = None
        self.capabilities: tuple[str, ...] | None = None
        self.requests = 0
        self.first_finding: int | None = None
        self.made: dict[str, int] = {}
        self.left_over: list[str] = []
        self.log = Log()
        self.reported = ReportedTests()
        self.errors = Errors(key)
        config.pluginmanager.register(Reporters(self.errors), "conformance-reporters")
        self.workers = Workers(config, self.errors, self._take_over)
        config.pluginmanager.register(self.workers, "conformance-workers")
        config.pluginmanager.register(HtmlReport(self), "conformance-html")
        self.bounds = Bounds()
        self.bound = ""
        self._sent: dict[int, int] = {}
        self.beside: dict[str, None] = {}
        self.started = datetime.datetime.now(datetime.UTC)
        self._clock = time.monotonic()
        self._seconds = 0.0
        self._stack = contextlib.ExitStack()
        self.runner: ItemRunner | None = None
        self.run: Run | None = None
        self._interrupted = False
        self._proposed = ""
        self._plan = ""
        self._tested: set[str] = set()
        self.exploration: Callable[[], Exploration] | None = None

    # Before the tests

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Start the reference where no target is given, and probe; errors are reported when the tests are due."""
        set_up_hypothesis(self.settings)
        try:
            if self.settings.base_url is None or self.settings.dry_run:
                self.base_url = self._stack.enter_context(embedded_reference(self.key))
            elif (start := to_start(self.config)) is not None:
                self.base_url = self._stack.enter_context(running(start[0], self.key, port=start[1]))
            self._probe()
        except Unreachable as error:
            self.diagnosis = Diagnosis(error.diagnosis, error.hint, error.tries)
        except CannotStart as error:
            self.diagnosis = Diagnosis(str(error), "run `python -m reference` to see more")
        except CannotRun as error:
            self.diagnosis = Diagnosis(str(error), "")
        except LiveAccount as error:
            self.diagnosis = Diagnosis(str(error), "", is_misuse=True)
        except KeyboardInterrupt:  # pytest writes no results where it begins with that
            self.provision = None
            self._interrupted = True
            self.diagnosis = Diagnosis(
                f"{self.interruptions.received or 'an interruption'} came while the target was looked at", "run again"
            )
        if self.provision is None:
            return
        self.workers.send_to(self.base_url, self.provision, self.bounds)
        if self.workers.count is not None:
            return
        arguments = (self.settings, self.base_url, self.provision, self.key, self.contract, self.catalogue)
        self.runner = ItemRunner(*arguments, bounds=self.bounds)
        self.config.pluginmanager.register(self.runner, "conformance-items")

    def _probe(self) -> None:
        address = Address(self.base_url)
        rate = self.settings.rate or usual_rate(is_loopback=address.is_loopback)
        self.bounds = self._bounds_for(address)
        timeout = self.settings.timeout
        client = Client(address, self.key, self.contract, timeout=timeout, rate=rate, bounds=self.bounds)
        given = () if self.settings.dry_run else (self.settings.payment_methods, self.settings.customers)
        try:
            self.provision = probe(client, *given)
            if self.settings.profile != "contract" or self.settings.required:
                self.capabilities, self.provision = probe_capabilities(client, self.provision)
        except BoundReached as bound:
            self.provision, self.bound = None, str(bound)
            self.diagnosis = Diagnosis(f"{bound} before it was known how the target gives fixtures", RAISE_THE_BOUND)
        finally:
            self.left_over += remove_probed(client)
            self.requests += client.requests_sent
            client.close()

    def _bounds_for(self, address: Address) -> Bounds:
        """Return the bounds of the run, which begins now; off this machine its time has a limit."""
        settings = self.settings
        seconds = settings.max_time
        if seconds is None and not address.is_loopback:
            seconds = default_max_time(settings.budget, settings.rate, settings.explore)
        tally = None
        if settings.max_requests is not None and self.workers.count is not None:
            folder = self._stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
            tally = Path(folder, "requests")
        return Bounds(seconds, settings.max_requests, tally=tally)

    def pytest_report_header(self) -> list[str]:
        """Say what is tested and how."""
        lines = header_lines(self.settings, self.base_url, self.provision, self.diagnosis, self.capabilities)
        if self.runner is not None and self.runner.concurrency > 1:
            lines.append(f"tests at the same time: {self.runner.concurrency} (--concurrency)")
        return lines + self.bounds.header_lines() + self.workers.header_lines()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Run the tests if there is a target, and then report the clauses that have no test of their own."""
        if self._interrupted:
            raise Interrupted(f"by {self.interruptions.received}")
        if self.diagnosis is not None:
            session.items.clear()
            session.testscollected = 0
        with self._progress_shown(session):
            result = yield
            if self.diagnosis is None:
                self._report_beside(session)
        return result

    @contextlib.contextmanager
    def _progress_shown(self, session: pytest.Session) -> Iterator[None]:
        """Show the progress of the run for as long as the block lasts, unless pytest was asked for its own."""
        manager = self.config.pluginmanager
        reporter = manager.get_plugin("terminalreporter")
        is_shown = is_wanted(self.config, reporter)
        if self.diagnosis is not None or not (is_shown or is_log(self.config, reporter)):
            yield
            return
        kind = Progress if is_shown else Chapters
        with kind(reporter, session, self._requests_so_far, self._failing_so_far) as progress:
            manager.register(progress)
            try:
                yield
            finally:
                manager.unregister(progress)

    def _requests_so_far(self) -> int:
        sent = self._sent.values() if self.runner is None else [self.runner.client.requests_sent]
        return self.requests + sum(sent)

    def _failing_so_far(self) -> list[str]:
        """Return the clauses that fail by what is known so far."""
        results, _ = self._conclude_as_expected()
        return [slug for slug, result in results.items() if result.outcome is Outcome.FAIL]

    # While and after they run

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what a test found out of its report, before any other reporter sees it."""
        for entry in [entry for entry in report.user_properties if entry[0] == PROPERTY]:
            report.user_properties.remove(entry)
            found: Any = entry[1]  # written by ItemRunner
            ledger = Ledger.from_json(found["ledger"])
            self.ledger.merge(ledger)
            self._tested.add(found["clause"])
            self._sent[found["worker"]] = found["requests"]
            self.beside |= dict.fromkeys(found["beside"])
            self.log.keep(report.nodeid, found["worker"], found["log"])
            if found["live"]:
                self.diagnosis = Diagnosis(found["live"], "", is_misuse=True)
            self._stop_early(report, ledger)
        self.reported.add(report)
        self.errors.add_report(report)

    @pytest.hookimpl(wrapper=True)
    def pytest_report_teststatus(self, report: Any, config: pytest.Config) -> Generator[None, Any, Any]:
        """Count clauses that have no test of their own, without letters behind those of the tests."""
        category, letter, word = yield
        if getattr(report, LETTERLESS, False) and config.get_verbosity(pytest.Config.VERBOSITY_TEST_CASES) <= 0:
            letter = word = ""
        return category, letter, word

    def _stop_early(self, report: pytest.TestReport, found: Ledger) -> None:
        """Under -x, stop for a finding that a passing test made on the side."""
        session = getattr(self, "session", None)
        if session is None or not self.config.option.maxfail or report.failed:
            return
        expectations = self.settings.expectations
        for slug, entry in found.entries.items():
            if not entry.findings or self.catalogue[slug].level != "MUST" or slug in self.settings.left_out:
                continue
            if not expectations or not covering_entries(expectations, own_outcome(self.catalogue[slug], entry)):
                session.shouldfail = f"stopping: {slug} is broken"

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Remember that the run is not whole; from here to the clean-up no signal does anything."""
        self._interrupted = True
        self.interruptions.phase = Phase.WRITING
        make_showable(excinfo)

    @pytest.hookimpl(trylast=True)
    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Keep what went wrong outside of every test, here or on a worker."""
        self.errors.add("pytest", excinfo.value)

    def _report_beside(self, session: pytest.Session) -> None:
        """Report the general clauses, which hold where any answer was judged and none broke them, and those beside."""
        general = [clause.slug for clause in self.catalogue if clause.general]
        hold_general_clauses(self.ledger, self.catalogue)
        results, gate = self._conclude_as_expected()
        slugs = dict.fromkeys([*general, *self.beside])
        reported = [reports_for(results[slug]) for slug in slugs if slug not in self.settings.left_out]
        reported += reports_of_stale(gate) if gate else ()
        if session.testscollected:  # of which pytest shows the share that is done
            session.testscollected += len(reported)
        for report in chain.from_iterable(reported):
            self.config.hook.pytest_runtest_logreport(report=report)

    def _conclude(self) -> dict[str, ClauseResult]:
        """Return the results so far."""
        return without(conclude(self.catalogue, self.ledger), self.settings.left_out)

    def _conclude_as_expected(self) -> tuple[Mapping[str, ClauseResult], Gate | None]:
        """Return the results so far by what is expected, and how that fits; None where nothing is, as in a dry run."""
        results = self._conclude()
        expectations, profile, level = self.settings.expectations, self.settings.profile, self.settings.level
        if expectations is None or self.settings.dry_run:
            return results, None
        unheard = self._unheard(results)
        gate = weigh(expectations, results, self.catalogue, profile=profile, level=level, unheard=unheard)
        return gate.results, gate

    def _unheard(self, results: Mapping[str, ClauseResult]) -> frozenset[str]:
        """Return the clauses whose own tests were not selected, or cut short: that they pass proves nothing."""
        within = {clause.slug for clause in self.catalogue.within(self.settings.profile)}
        skipped = {slug for slug in within if results[slug].is_left_out}
        if self.bound or not BUDGETS[self.settings.budget].whole:
            return frozenset(within)
        is_whole = skipped <= set(self.config.option.without_clause)
        return frozenset() if is_whole else frozenset(within - self._tested | within & set(self.settings.left_out))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Conclude, write the results, and take over the exit status."""
        session.exitstatus = ExitStatus.OUR_ERROR
        try:
            run = self.run = self._finished(exitstatus)
        except Exception as error:  # the suite cannot conclude: its own bug, which must not look like a verdict
            self.errors.add("conclusion", error)
            content = {"verdict": "internal-error", "exit_status": int(ExitStatus.OUR_ERROR)}
            content |= {"errors": [one.to_json() for one in self.errors.errors]}
            self._write(RESULTS_FILE, json.dumps(content, indent=1).encode())
            return
        session.exitstatus = run.exit_status
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None and exitstatus == pytest.ExitCode.INTERNAL_ERROR:
            self.pytest_terminal_summary(reporter)  # pytest itself shows no summary then
        if self.settings.proposal is not None:
            self._proposed = propose(run, self._conclude(), self.settings.proposal, self.started.date(), self.key)

    def _finished(self, exitstatus: int) -> Run:
        """Clean up, conclude, and write the record and the results."""
        with self.interruptions.cleaning():
            if self.runner is not None:
                self._take_over(**self.runner.wrap_up())
            if self._interrupted:
                self.workers.stop()
        self._stack.close()
        self._seconds = time.monotonic() - self._clock
        run = self._concluded(exitstatus)
        content = self.errors.rendered(RESULTS_FILE, lambda: self.key.blotted(results_text(run)))
        self._write(RESULTS_FILE, content.encode())
        script = self.errors.rendered(SCRIPT_FILE, lambda: self.key.blotted(script_of(run.to_json())))
        if script:
            self._write(SCRIPT_FILE, script.encode())
        return run

    def _write(self, name: str, content: bytes | Iterable[bytes]) -> None:
        """Write a file of the results; a rehearsal leaves none."""
        if not self.settings.dry_run:
            self.errors.write(self.settings.results / name, content)

    def _concluded(self, exitstatus: int) -> Run:
        """Return the run as a value, concluded from its record, which is written: it can be rendered again."""
        header = header_of(
            self.settings,
            self.provision,
            diagnosis=self.diagnosis,
            capabilities=self.capabilities,
            versions=versions(),
            started=self.started.isoformat(timespec="seconds"),
            workers=self.workers.count or 1,
            selection=narrowed_by(self.config),
        )
        ending = {
            "diagnosis": self.diagnosis.to_json() if self.diagnosis else None,
            "interrupted": self._is_cut_short(exitstatus),
            **({"bound": self.bound} if self.bound else {}),
            **self.errors.footer(exitstatus),
            "unheard": sorted(self._unheard(self._conclude())),
            "tests": self.reported.to_json(self._in_order),
            "requests": self.requests,
            "first_finding": self.first_finding,
            "objects": dict(sorted(self.made.items())),
            "left_over": list(self.left_over),
            "plan": self._plan if self.workers.count in (None, 1) else "",
            "seconds": round(self._seconds, 3),
            "ended": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        }
        log = OrderedLog(self.log, self._in_order(self.log.tests))
        run = conclude_run(header, log, ending, in_turn=log.in_turn())
        self._write(RECORD_FILE, record_lines(header, log, footer_of(run, ending), blotted=self.key.blotted))
        trials = (entry.logged for entry in log if isinstance(entry.logged, Trial))
        junit = self.errors.rendered(JUNIT_FILE, lambda: junit_of(run, seconds_by_clause(trials)).decode())
        self._write(JUNIT_FILE, self.key.blotted(junit).encode())
        self.log.close()
        exploration = self.exploration() if self.exploration else None
        return replace(run, settings=self.settings, exploration=exploration)

    def _in_order(self, nodeids: Iterable[str]) -> list[str]:
        """Return tests in the order in which one worker ran them; of several workers, in that of their names."""
        return list(nodeids) if (self.workers.count or 1) == 1 else sorted(nodeids)

    def _take_over(
        self,
        made: dict[str, int],
        left: list[str],
        requests: int,
        first_finding: int | None = None,
        bound: str = "",
        unreported: Mapping[str, Any] | None = None,
        errors: Sequence[Mapping[str, str]] = (),
        plan: str = "",
    ) -> None:
        self._plan = plan
        self.bound = self.bound or bound
        self.errors.take_over(errors)
        if unreported is not None:
            self.log.keep(**unreported)
        if first_finding is not None:
            self.first_finding = min(self.first_finding or first_finding, first_finding)
        self.requests += requests
        self.left_over += left
        for kind, count in made.items():
            self.made[kind] = self.made.get(kind, 0) + count

    def _is_cut_short(self, exitstatus: int) -> bool:
        """Return whether the user ended the run before its end, rather than an error of the suite."""
        is_stopped = exitstatus == pytest.ExitCode.INTERRUPTED and not self.errors.errors
        return self._interrupted or (is_stopped and not self.ledger.broken)

    # Telling

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Tell the clauses that did not pass, and the verdicts."""
        if self.run is not None and self.run.ending is not Ending.REHEARSED:
            run = self.run
            is_asked = self.config.option.verbose > 0
            terminalreporter.summary_stats = lambda: None  # pytest counts tests, of which a clause may have several
            self.errors.rendered("the summary", lambda: print_summary(terminalreporter, run, in_full=is_asked))
        for error in self.errors.errors if self.run is None else ():
            terminalreporter.write_line(f"{INTERNAL_ERROR}: {error.where}: {error.what}\n{error.traceback}", red=True)
        for line in self.errors.unwritten:
            terminalreporter.write_line(line, red=True)
        if self._proposed:
            terminalreporter.write_line(self._proposed)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> None:
        """Remember the session, to stop it early."""
        self.session = session


class HtmlReport:
    """Puts the verdict and the clauses into the report of pytest-html."""

    def __init__(self, controller: Controller) -> None:
        self.controller = controller

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_report_title(self, report: Any) -> None:
        """Name the HTML report."""
        report.title = TITLE

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_summary(self, prefix: list[str]) -> None:
        """Put verdict and clauses on top of the HTML report."""
        if self.controller.run is not None:
            run = self.controller.run
            prefix.append(
                self.controller.errors.rendered("report.html", lambda: self.controller.key.blotted(html_section(run)))
            )

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_row(self, report: pytest.TestReport, cells: list[str]) -> None:
        """Leave out of pytest-html's own table what the clauses show: all but what went wrong outside of tests."""
        is_clause = report.nodeid.startswith(f"{TESTS.name}/")
        if is_clause and (report.when == "call" or not report.failed):
            cells.clear()
