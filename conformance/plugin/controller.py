"""The controller: finds the target, gathers what every test found, concludes, and has the results written."""

from __future__ import annotations

import contextlib
import datetime
import json
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import pytest

from conformance.evidence.episode import Outcome
from conformance.evidence.secret import Secret
from conformance.plugin.careful import Errors, Reporters
from conformance.plugin.dealing import Workers
from conformance.plugin.drawing import set_up_hypothesis
from conformance.plugin.first_lines import header_lines
from conformance.plugin.gathering import Gathered
from conformance.plugin.html_report import HtmlReport
from conformance.plugin.interruptions import Interrupted, Interruptions, Phase, make_showable
from conformance.plugin.items import ItemRunner
from conformance.plugin.looking import Look, look_at_target
from conformance.plugin.options import narrowed_by
from conformance.plugin.progress import Chapters, Progress, is_log, is_wanted
from conformance.plugin.proposing import propose
from conformance.plugin.synthetic import LETTERLESS, reports_for, reports_of_stale
from conformance.plugin.tally import Tally
from conformance.plugin.versions import versions
from conformance.reports.html import html_section
from conformance.reports.junit import JUNIT_FILE, junit_of, seconds_by_clause
from conformance.reports.rendering import results_text
from conformance.reports.script import SCRIPT_FILE, script_of
from conformance.reports.terminal import print_summary
from conformance.reports.workflow import RESULTS_FILE
from conformance.verdict.concluding import conclude_run
from conformance.verdict.folding import trials_in
from conformance.verdict.internal_errors import INTERNAL_ERROR
from conformance.verdict.log import OrderedLog
from conformance.verdict.record import RECORD_FILE
from conformance.verdict.recording import footer_of, header_of, record_lines
from conformance.verdict.results import hold_general_clauses
from conformance.verdict.run import Diagnosis, Ending, ExitStatus, Exploration, Run
from conformance.verdict.settings import Settings
from contracts import load_catalogue


class Controller:
    """One run of the suite, from the look at the target to the exit status.

    `gathered` is what its tests have found, `tally` their figures, and `run` the conclusion, once there is one.
    """

    def __init__(self, config: pytest.Config, settings: Settings, key: Secret, interruptions: Interruptions) -> None:
        self.config = config
        self.settings = settings
        self.key = key
        self.interruptions = interruptions
        self.catalogue = load_catalogue()
        self.gathered = Gathered(settings, self.catalogue, config.option.without_clause)
        self.tally = Tally()
        self.look = Look(settings.base_url or "")
        self.errors = Errors(key)
        self.workers = Workers(config, self.errors, self._take_over)
        for plugin in (Reporters(self.errors), self.workers, HtmlReport(self._html_section)):
            config.pluginmanager.register(plugin)
        self.started = datetime.datetime.now(datetime.UTC)
        self.runner: ItemRunner | None = None
        self.run: Run | None = None
        self.exploration: Callable[[], Exploration] | None = None
        self._clock = time.monotonic()
        self._until_the_end = contextlib.ExitStack()
        self._interrupted = False
        self._proposed = ""

    # Before the tests

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Look at the target; if it cannot be tested, that is reported when the tests are due."""
        self.session = session
        set_up_hypothesis(self.settings)
        look = self.look = look_at_target(
            self.config,
            self.settings,
            self.key,
            self._until_the_end,
            workers=self.workers.count,
            interruption=lambda: self.interruptions.received,
        )
        self._interrupted = look.was_interrupted
        self.tally.add(requests=look.requests, left=look.left_over, bound=look.bound)
        if look.provision is None:
            return
        self.workers.send_to(look.base_url, look.provision, look.bounds)
        if self.workers.count is not None:
            return
        self.runner = ItemRunner(self.settings, look.base_url, look.provision, self.key, bounds=look.bounds)
        self.config.pluginmanager.register(self.runner, "conformance-items")

    def pytest_report_header(self) -> list[str]:
        """Say what is tested and how."""
        lines = [*header_lines(self.settings, self.look)]
        if self.runner is not None and self.runner.concurrency > 1:
            lines.append(f"tests at the same time: {self.runner.concurrency} (--concurrency)")
        return lines + self.look.bounds.header_lines() + self.workers.header_lines()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Run the tests if there is a target, and then report the clauses that have no test of their own."""
        if self._interrupted:
            raise Interrupted(f"by {self.interruptions.received}")
        if self.look.diagnosis is not None:
            session.items.clear()
            session.testscollected = 0
        with self._progress_shown(session):
            result = yield
            if self.look.diagnosis is None:
                self._report_beside(session)
        return result

    @contextlib.contextmanager
    def _progress_shown(self, session: pytest.Session) -> Iterator[None]:
        """Show the progress of the run for as long as the block lasts, unless pytest was asked for its own."""
        manager = self.config.pluginmanager
        reporter = manager.get_plugin("terminalreporter")
        is_shown = is_wanted(self.config, reporter)
        if self.look.diagnosis is not None or not (is_shown or is_log(self.config, reporter)):
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
        """Return how many requests were sent by now; the `tally` has those of a worker only at its end."""
        sent = self.gathered.requests if self.runner is None else self.runner.client.requests_sent
        return self.look.requests + sent

    def _failing_so_far(self) -> list[str]:
        """Return the clauses that fail by what is known so far."""
        results, _ = self.gathered.results_as_expected()
        return [slug for slug, result in results.items() if result.outcome is Outcome.FAIL]

    # While and after they run

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what a test found out of its report, before any other reporter sees it."""
        found = self.gathered.take(report)
        if found is not None:
            if found["live"]:
                self.look.diagnosis = Diagnosis(found["live"], "", is_misuse=True)
            self._stop_early(report, found)
        self.gathered.reported.add(report)
        self.errors.add_report(report)

    @pytest.hookimpl(wrapper=True)
    def pytest_report_teststatus(self, report: Any, config: pytest.Config) -> Generator[None, Any, Any]:
        """Count clauses that have no test of their own, without letters behind those of the tests."""
        category, letter, word = yield
        if getattr(report, LETTERLESS, False) and config.get_verbosity(pytest.Config.VERBOSITY_TEST_CASES) <= 0:
            letter = word = ""
        return category, letter, word

    def _stop_early(self, report: pytest.TestReport, found: Mapping[str, Any]) -> None:
        """Under -x, stop for a finding that a passing test made on the side."""
        if not self.config.option.maxfail or report.failed:
            return
        if broken := self.gathered.unexpected_in(found):
            self.session.shouldfail = f"stopping: {broken} is broken"

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
        hold_general_clauses(self.gathered.ledger, self.catalogue)
        results, gate = self.gathered.results_as_expected()
        slugs = dict.fromkeys([*general, *self.gathered.beside])
        reported = [reports_for(results[slug]) for slug in slugs if slug not in self.settings.left_out]
        reported += reports_of_stale(gate) if gate else ()
        if session.testscollected:  # of which pytest shows the share that is done
            session.testscollected += len(reported)
        for report in chain.from_iterable(reported):
            self.config.hook.pytest_runtest_logreport(report=report)

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
            self._proposed = propose(
                run, self.gathered.results(), self.settings.proposal, self.started.date(), self.key
            )

    def _finished(self, exitstatus: int) -> Run:
        """Clean up, conclude, and write the record and the results."""
        with self.interruptions.cleaning():
            if self.runner is not None:
                self._take_over(**self.runner.wrap_up())
            if self._interrupted:
                self.workers.stop()
        self._until_the_end.close()
        run = self._concluded(exitstatus, seconds=time.monotonic() - self._clock)
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

    def _concluded(self, exitstatus: int, seconds: float) -> Run:
        """Return the run as a value, concluded from its record, which is written: it can be rendered again."""
        look, tally, gathered = self.look, self.tally, self.gathered
        unheard = gathered.unheard(gathered.results(), is_cut_short=bool(tally.bound))
        header = header_of(
            self.settings,
            look.provision,
            diagnosis=look.diagnosis,
            capabilities=look.capabilities,
            versions=versions(),
            started=self.started.isoformat(timespec="seconds"),
            workers=self.workers.count or 1,
            selection=narrowed_by(self.config),
        )
        ending = {
            "diagnosis": look.diagnosis.to_json() if look.diagnosis else None,
            "interrupted": self._is_cut_short(exitstatus),
            **({"bound": tally.bound} if tally.bound else {}),
            **self.errors.footer(exitstatus),
            "unheard": sorted(unheard),
            "tests": gathered.reported.to_json(self._in_order),
            "requests": tally.requests,
            "first_finding": tally.first_finding,
            "objects": dict(sorted(tally.made.items())),
            "left_over": list(tally.left_over),
            "plan": tally.plan if self.workers.count in (None, 1) else "",
            "seconds": round(seconds, 3),
            "ended": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        }
        log = OrderedLog(gathered.log, self._in_order(gathered.log.tests))
        run = conclude_run(header, log, ending, log.in_turn())
        self._write(RECORD_FILE, record_lines(header, log, footer_of(run, ending), blotted=self.key.blotted))
        junit = self.errors.rendered(JUNIT_FILE, lambda: junit_of(run, seconds_by_clause(trials_in(log))).decode())
        self._write(JUNIT_FILE, self.key.blotted(junit).encode())
        gathered.log.close()
        exploration = self.exploration() if self.exploration else None
        return replace(run, settings=self.settings, exploration=exploration)

    def _in_order(self, nodeids: Iterable[str]) -> list[str]:
        """Return tests in the order in which one worker ran them; of several workers, in that of their names."""
        return list(nodeids) if (self.workers.count or 1) == 1 else sorted(nodeids)

    def _take_over(
        self, *, unreported: Mapping[str, Any] | None, errors: Sequence[Mapping[str, str]], **figures: Any
    ) -> None:
        """Add to the run what a worker hands over at its end: see `ItemRunner.wrap_up`."""
        self.tally.add(**figures)
        self.errors.take_over(errors)
        if unreported is not None:
            self.gathered.log.keep(**unreported)

    def _is_cut_short(self, exitstatus: int) -> bool:
        """Return whether the user ended the run before its end, rather than an error of the suite."""
        is_stopped = exitstatus == pytest.ExitCode.INTERRUPTED and not self.errors.errors
        return self._interrupted or (is_stopped and not self.gathered.ledger.broken)

    # Telling

    def _html_section(self) -> str:
        """Return what the report of pytest-html shows on top; empty where the run was not concluded."""
        run = self.run
        if run is None:
            return ""
        return self.errors.rendered("report.html", lambda: self.key.blotted(html_section(run)))

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
