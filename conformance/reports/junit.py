"""JUnit XML, as CI services read it: a case for each clause, and of each failure all that it takes to understand it."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from conformance.evidence.episode import Finding, Outcome
from conformance.evidence.visible import escape
from conformance.reports.details import what_fails
from conformance.reports.evidence import step_shown, text_of
from conformance.reports.reproduction import Reached, curl_alone, replay_in_folder
from conformance.reports.words import culprit_of
from conformance.verdict.expectations.gate import decides
from conformance.verdict.results import ClauseResult
from conformance.verdict.run import Run
from conformance.verdict.trial import Trial

JUNIT_FILE = "junit.xml"
SUITE = "attach-conformance"


def seconds_by_clause(trials: Iterable[Trial]) -> dict[str, float]:
    """Return how long the exchanges took that were sent for each clause."""
    seconds: dict[str, float] = {}
    for trial in trials:
        steps = (step for performed in trial.episodes for step in performed.episode.steps)
        taken = sum(step.exchange.seconds for step in steps)
        seconds[trial.clause] = seconds.get(trial.clause, 0.0) + taken
    return seconds


def junit_of(run: Run, seconds: Mapping[str, float]) -> bytes:
    """Return the file for a run; `seconds` says how long each clause took."""
    suite = TestSuite(SUITE)
    for case in (*_cases_of_clauses(run, seconds), *_other_cases(run)):
        suite.add_testcase(case)
    suite.update_statistics()  # type: ignore[no-untyped-call]  # the library leaves its type out
    suite.timestamp = run.started
    suite.time = run.seconds
    whole = JUnitXml(SUITE)
    whole.add_testsuite(suite)
    whole.update_statistics()  # type: ignore[no-untyped-call]  # as above
    whole.time = run.seconds
    file = io.BytesIO()
    whole.write(file)
    return file.getvalue()


def _cases_of_clauses(run: Run, seconds: Mapping[str, float]) -> Iterator[TestCase]:
    if run.diagnosis:
        return
    for clause in run.catalogue.within(run.settings.profile):
        result = run.results[clause.slug]
        if not result.selected:
            continue
        case = TestCase(clause.slug, f"{clause.profile}.{clause.chapter}", round(seconds.get(clause.slug, 0.0), 3))
        outcome = _result_of(run, result)
        if outcome is not None:
            case.result = [outcome]
        elif result.outcome is Outcome.DEVIATION:
            case.system_out = escape(_failure_in_full(run, result))
        yield case


def _result_of(run: Run, result: ClauseResult) -> Error | Failure | Skipped | None:
    """Return the outcome of a clause in JUnit's words; None for a pass, and for a deviation that does not decide."""
    outcome, reason = result.outcome, escape(result.reason)
    if outcome is Outcome.ERROR:
        return _with_text(Error(reason, "error"), result.traceback)
    if outcome is Outcome.FAIL or (outcome is Outcome.DEVIATION and decides(result, run.settings.level)):
        return _with_text(Failure(reason, str(outcome)), _failure_in_full(run, result))
    if outcome is Outcome.EXPECTED:
        return Skipped(escape(f"expected {result.was}: {result.expected}"), "expected")
    if outcome in (Outcome.PASS, Outcome.DEVIATION):
        return None
    return Skipped(f"{outcome}: {reason}", str(outcome))


def _with_text(entry: Error | Failure, text: str) -> Error | Failure:
    entry.text = escape(text)
    return entry


def _other_cases(run: Run) -> Iterator[TestCase]:
    """Yield a case for all else that decides: errors of the suite, the target as a whole, the expectations file."""
    for error in run.errors:
        if not error.clause:
            yield _case("suite", error.where, _with_text(Error(escape(error.what), "error"), error.traceback))
    if run.diagnosis:
        yield _case("target", "can be tested", Error(escape(str(run.diagnosis)), "unreachable"))
    for capability in run.lacking:
        yield _case("target", capability, Failure("required by --require, and missing on the target", "missing"))
    for stale in run.gate.stale if run.gate else ():
        place = run.gate.expectations.place(stale.entry) if run.gate else ""
        yield _case("expectations", f"line {stale.entry.line}: {stale.entry.clause}", Failure(f"{place}: {stale.why}"))


def _case(group: str, name: str, outcome: Error | Failure) -> TestCase:
    case = TestCase(escape(name), group)
    case.result = [outcome]
    return case


def _failure_in_full(run: Run, result: ClauseResult) -> str:
    lines = [result.clause.statement, ""]
    for finding in result.findings[:1]:
        lines += _finding_in_full(run, result, finding)
    return "\n".join(lines)


def _finding_in_full(run: Run, result: ClauseResult, finding: Finding) -> Iterator[str]:
    reached = Reached.by(run)
    shown = step_shown(culprit_of(finding), finding.culprit + 1, 1, reached.scheme)
    yield from what_fails(finding, result.clause)
    yield from ("", "request:", text_of(shown.request), "", "response:", shown.status_line)
    yield from (text_of(shown.headers), "", text_of(shown.body))
    yield from ("", f"reproduce, in the folder of the results: {replay_in_folder(finding.id)}")
    if alone := curl_alone(finding, reached):
        yield f"or: {alone}"
