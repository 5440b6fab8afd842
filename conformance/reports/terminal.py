"""The end of the terminal's output: the clauses that did not pass, each with its evidence, and the verdicts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from conformance.evidence.counted import counted
from conformance.evidence.episode import Outcome
from conformance.evidence.foreign import cut, one_line
from conformance.evidence.harmless import harmless
from conformance.paths import path_from_here, program_here
from conformance.reports.details import finding_in_full, sent_in_short
from conformance.reports.reproduction import Reached, explain_finding, replay
from conformance.reports.words import (
    LEFT_SHOWN,
    LOUD,
    SIGNS,
    admissible_in_short,
    culprit_of,
    first_of,
    message_of,
)
from conformance.reports.workflow import RESULTS_FILE
from conformance.transport.ways import Try
from conformance.verdict.expectations import Gate
from conformance.verdict.naming import request_name
from conformance.verdict.record import RECORD_FILE
from conformance.verdict.results import ClauseResult
from conformance.verdict.run import Diagnosis, Mood, Run
from conformance.verdict.settings import REPORT_FILE
from contracts.catalogue import PROFILES

LINES_OF_TRACEBACK = 6
"""How many lines of a traceback are shown: the place in the suite, and the error."""

FAILURES_SHOWN = 10
"""How many failures are shown, so that the summary fits on a screen; the others are named."""

LINE_OF_A_LOG = 160
"""How many characters a line has that is cut where the output is no terminal."""

SLUGS_SHOWN = 4
"""How many clauses are named for each reason."""

RESTS_ON_FAILURES = "not-run: rests on a clause that failed or was not judged"

DECIDES = " ← decides the exit status"

_COLOURS: dict[Outcome, dict[str, bool]] = {
    Outcome.ERROR: {"red": True, "bold": True},
    Outcome.FAIL: {"red": True, "bold": True},
    Outcome.DEVIATION: {"yellow": True},
    Outcome.INCONCLUSIVE: {"yellow": True, "bold": True},
    Outcome.EXPECTED: {"yellow": True},
}
_MOODS = {Mood.GOOD: {"green": True}, Mood.BAD: {"red": True}, Mood.OPEN: {"yellow": True}}


class Harmless:
    """Pytest's terminal reporter, to which only harmless text is written."""

    def __init__(self, terminal: Any) -> None:
        self._terminal = terminal
        self._columns = shutil.get_terminal_size().columns if terminal.isatty() else LINE_OF_A_LOG

    def write(self, text: str, **markup: bool) -> None:
        """Write text in a style."""
        self._terminal.write(harmless(text), **markup)

    def write_line(self, line: str, **markup: bool) -> None:
        """Write a line in a style."""
        self._terminal.write_line(harmless(line), **markup)

    def write_cut(self, line: str, end: str = "", used: int = 0, **markup: bool) -> None:
        """Write the rest of a line, of which `used` columns are taken, cut to one line; the `end` is always shown."""
        room = max(self._columns - used - len(end), 20)
        self.write_line(f"{cut(one_line(line), room)}{end}", **markup)

    def write_sep(self, sign: str, title: str) -> None:
        """Write a title between two rows of a sign."""
        self._terminal.write_sep(sign, harmless(title))


def print_summary(reporter: Any, run: Run, *, in_full: bool = False) -> None:
    """Write the summary of `run` to pytest's terminal reporter, all of it harmless.

    It fits on a screen, unless the failures are to be shown `in_full`.
    """
    terminal = Harmless(reporter)
    results = [run.results[clause.slug] for clause in run.catalogue.within(run.settings.profile)]
    by_outcome = {outcome: [result for result in results if result.outcome is outcome] for outcome in Outcome}
    loud = [result for outcome in LOUD for result in by_outcome[outcome]]
    if loud:
        terminal.write_sep("=", "clauses that did not pass")
    if in_full:
        _print_in_full(terminal, run, loud)
    else:
        _print_in_short(terminal, run, by_outcome)
    _print_expected(terminal, by_outcome[Outcome.EXPECTED])
    _print_quiet(terminal, results, in_full=in_full)
    _print_verdicts(terminal, run)


def _print_in_full(terminal: Harmless, run: Run, loud: Sequence[ClauseResult]) -> None:
    record = path_from_here(run.settings.results / RECORD_FILE)
    for result in loud:
        terminal.write_line("")
        terminal.write(f"{SIGNS[result.outcome]} {result.clause.slug}", **_COLOURS[result.outcome])
        terminal.write_line(f"  {result.outcome}, {result.clause.level}: {result.reason}{_times(result)}")
        terminal.write_line(f"    {result.clause.statement}")
        _print_traceback(terminal, result)
        for first in result.findings[:1]:
            again = replay([first.id], record, program_here())
            for line in finding_in_full(first, result.clause, Reached.by(run), again):
                terminal.write_line(f"    {line}")


def _print_in_short(terminal: Harmless, run: Run, by_outcome: Mapping[Outcome, Sequence[ClauseResult]]) -> None:
    """Print three lines for each of the first failures, two for a deviation, and one for what else did not pass.

    Where there are FAILURES_SHOWN already, a deviation has only one.
    """
    for result in by_outcome[Outcome.ERROR]:
        _print_line(terminal, result, f"error: {result.reason}")
        _print_traceback(terminal, result)
    failed, deviating = by_outcome[Outcome.FAIL], by_outcome[Outcome.DEVIATION]
    for result in failed[:FAILURES_SHOWN]:
        _print_failure(terminal, result)
    others = [result.clause.slug for result in failed[FAILURES_SHOWN:]]
    if others:
        terminal.write_cut(f"  and {len(others)} more: {', '.join(others)}")
    for number, result in enumerate(deviating, start=len(failed) + 1):
        shown = sent_in_short(result.findings[0]) if result.findings and number <= FAILURES_SHOWN else ""
        _print_line(terminal, result, f"{_id_of(result)}deviation, SHOULD: {shown or result.reason}")
        if shown:
            _print_observed(terminal, result)
    for result in by_outcome[Outcome.INCONCLUSIVE]:
        _print_line(terminal, result, f"inconclusive: {result.reason}")
    _print_more(terminal, run, [result for result in (*failed, *deviating) if result.findings])


def _print_failure(terminal: Harmless, result: ClauseResult) -> None:
    shown = sent_in_short(result.findings[0]) if result.findings else result.reason
    _print_line(terminal, result, f"{_id_of(result)}{shown}")
    terminal.write_cut(f"    expected: {admissible_in_short(result.clause)}")
    _print_observed(terminal, result)


def _print_observed(terminal: Harmless, result: ClauseResult) -> None:
    """Print the reason, with the message of the server where there is one that the reason does not quote."""
    listed = f"; also as expected: {'; '.join(dict.fromkeys(result.listed.values()))}" if result.listed else ""
    message = message_of(culprit_of(result.findings[0]).exchange) if result.findings else ""
    quoted = f" “{message}”" if message and message not in result.reason else ""
    terminal.write_cut(f"    observed: {result.reason}{quoted}{listed}", _times(result))


def _print_line(terminal: Harmless, result: ClauseResult, text: str) -> None:
    head = f"{SIGNS[result.outcome]} {result.clause.slug}"
    terminal.write(head, **_COLOURS[result.outcome])
    terminal.write_cut(f"  {text}", used=len(head))


def _print_more(terminal: Harmless, run: Run, found: Sequence[ClauseResult]) -> None:
    """Print how to see a finding in full, and how to send it again."""
    if not found:
        return
    record = path_from_here(run.settings.results / RECORD_FILE)
    shown = [result.findings[0].id for result in found[:FAILURES_SHOWN]]
    in_full = explain_finding(shown[0], record)
    terminal.write_line(f"one in full: {in_full}  (all of them: -v; the report: {REPORT_FILE})")
    terminal.write_line(f"send again:  {replay(shown, record, program_here())}")


def _id_of(result: ClauseResult) -> str:
    return f"{result.findings[0].id}  " if result.findings else ""


def _times(result: ClauseResult) -> str:
    """Return how often the clause was broken, and the findings that show it by another request."""
    if result.broken < 2:
        return ""
    by_request: dict[str, str] = {}
    for finding in result.findings:
        by_request.setdefault(request_name(finding), finding.id)
    others = list(by_request.values())[1:]
    also = f"; other requests: {' '.join(others)}" if others else ""
    of_all = f" of {result.broken + result.held}" if result.held else ""
    return f" ({result.broken}{of_all} times{also})"


def _print_traceback(terminal: Harmless, result: ClauseResult) -> None:
    if result.traceback:
        terminal.write_line(f"    the end of the traceback (the whole is in {RESULTS_FILE}):")
    for line in result.traceback.rstrip().splitlines()[-LINES_OF_TRACEBACK:]:
        terminal.write_line(f"      {one_line(line)}")


def _print_expected(terminal: Harmless, results: Sequence[ClauseResult]) -> None:
    """Print the expected failures, each with its reason, on one line."""
    if results:
        terminal.write_sep("=", "expected failures")
    for result in results:
        text = f"expected {result.was}, {result.clause.level}: {result.expected}"
        _print_line(terminal, result, f"{_id_of(result)}{text}")


def _print_gate(terminal: Harmless, gate: Gate) -> None:
    terminal.write(f"{gate.expectations.file}: ")
    decides = DECIDES if gate.fails_for_its_entries else ""
    terminal.write_line(f"{gate.in_short()}{decides}", yellow=gate.is_met, red=not gate.is_met, bold=True)
    for result in gate.unexpected:
        shown = f": {sent_in_short(result.findings[0])}" if result.findings else ""
        terminal.write_cut(f"  unexpected: {result.clause.slug}: {result.reason}{shown}", red=True)
        for reason in dict.fromkeys(result.listed.values()):
            terminal.write_cut(f"    as expected: {reason}", yellow=True)
    for stale in gate.stale:
        terminal.write_line(f"  {gate.expectations.place(stale.entry)}: {stale.why}", red=True)
    silent: dict[str, list[str]] = {}
    for entry, why in gate.silent.items():
        silent.setdefault(why, []).append(gate.expectations.place(entry))
    for why, places in silent.items():
        terminal.write_line(f"  left alone, {why}: {', '.join(places)}")


def _print_quiet(terminal: Harmless, results: Sequence[ClauseResult], *, in_full: bool) -> None:
    """Print why clauses were not judged, or only in part."""
    groups: dict[str, list[str]] = {}
    for result in results:
        is_due = result.selected or result.clause.not_tested
        if result.outcome in (Outcome.NOT_RUN, Outcome.NOT_APPLICABLE) and is_due:
            is_blocked = bool(result.cause) and not in_full
            reason = RESTS_ON_FAILURES if is_blocked else f"{result.outcome}: {result.reason}"
            groups.setdefault(reason, []).append(result.clause.slug)
    for result in results:
        for reason in result.unjudged:
            groups.setdefault(f"passed, but one aspect was not judged: {reason}", []).append(result.clause.slug)
    for reason, slugs in groups.items():
        terminal.write_line(f"{reason} — {first_of(slugs, SLUGS_SHOWN)}")


def _print_verdicts(terminal: Harmless, run: Run) -> None:
    terminal.write_sep("=", "verdict")
    if run.diagnosis is not None:
        _print_diagnosis(terminal, run.diagnosis)
        _print_left_over(terminal, run)
        return
    if run.wanted is not None:
        terminal.write_line(str(run.wanted), yellow=True)
    for profile in PROFILES[: PROFILES.index(run.settings.profile) + 1]:
        _print_verdict(terminal, run, profile)
    if run.exploration is not None:
        minutes, rounds = run.exploration.minutes, run.exploration.rounds
        how_long = f"explored for {minutes:g} minutes with --seed {run.settings.seed}: {counted(rounds, 'round')}"
        terminal.write_line(how_long)
    _print_errors(terminal, run)
    if run.gate is not None:
        _print_gate(terminal, run.gate)
    if run.lacking:
        terminal.write_line(f"required, but missing on the target: {', '.join(run.lacking)}", red=True, bold=True)
    if run.bound:
        terminal.write_line(run.bound_in_words, yellow=True)
    if run.interrupted:
        terminal.write_line(f"the run was interrupted: the results cover only what ran before{DECIDES}", yellow=True)
    _print_left_over(terminal, run)
    terminal.write_line(f"{counted(run.requests, 'request')} in {run.seconds:.1f} s; results in {run.settings.results}")


def _print_verdict(terminal: Harmless, run: Run, profile: str) -> None:
    words = run.words(profile)
    is_outdone = run.gate is not None and run.gate.fails_for_its_entries
    is_decisive = profile == run.settings.profile and not (run.errors or run.interrupted or is_outdone)
    terminal.write(f"{profile}: ")
    terminal.write(words.text, bold=True, **_MOODS[words.mood])
    terminal.write_line(f" ({words.detail}){DECIDES if is_decisive else ''}")


def _print_errors(terminal: Harmless, run: Run) -> None:
    if run.errors:
        terminal.write_line(f"{run.errors_in_words}{DECIDES}", red=True, bold=True)
    for error in run.errors:
        if not error.clause:
            terminal.write_line(f"  {error.where}: {error.what}", red=True)


def _print_left_over(terminal: Harmless, run: Run) -> None:
    if run.left_over:
        terminal.write_line(f"left on the target: {first_of(run.left_over, LEFT_SHOWN)}", yellow=True)


def _print_diagnosis(terminal: Harmless, diagnosis: Diagnosis) -> None:
    terminal.write_line(f"cannot be tested: {diagnosis.what}", red=True, bold=True)
    if diagnosis.hint:
        terminal.write_line(f"hint: {diagnosis.hint}")
    for line in _tries_in_short(diagnosis.tries):
        terminal.write_line(f"  tried: {line}")


def _tries_in_short(tries: Sequence[Try]) -> Iterator[str]:
    """Yield each answer with the first of the attempts that got it, and how many got the same."""
    alike: dict[tuple[str, int | None, str], list[Try]] = {}
    for one in tries:
        alike.setdefault((one.request, one.status, one.answer), []).append(one)
    for first, *others in alike.values():
        yield f"{first} (and so {counted(len(others), 'other way')})" if others else str(first)
