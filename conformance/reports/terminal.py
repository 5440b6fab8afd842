"""The end of the terminal's output: the clauses that did not pass, each with its evidence, and the verdicts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conformance.evidence.episode import Finding, Outcome
from conformance.evidence.foreign import one_line
from conformance.evidence.harmless import harmless
from conformance.reports.words import LOUD, SIGNS, admissible_in_short, answer_in_short, culprit_of, curl
from conformance.reports.workflow import RESULTS_FILE
from conformance.verdict.expectations import Gate, counted
from conformance.verdict.ledger import ClauseResult
from conformance.verdict.run import Diagnosis, Mood, Run
from contracts.catalogue import PROFILES

LINES_OF_TRACEBACK = 6
"""How many lines of a traceback are shown: the place in the suite, and the error."""

STEPS_SHOWN = 8
"""How many steps of a finding are shown, the last ones."""

SLUGS_SHOWN = 4
"""How many clauses are named for each reason."""

DECIDES = " ← decides the exit status"

_COLOURS: dict[Outcome, dict[str, bool]] = {
    Outcome.ERROR: {"red": True, "bold": True},
    Outcome.FAIL: {"red": True, "bold": True},
    Outcome.DEVIATION: {"yellow": True},
    Outcome.INCONCLUSIVE: {"yellow": True, "bold": True},
}
_MOODS = {Mood.GOOD: {"green": True}, Mood.BAD: {"red": True}, Mood.OPEN: {"yellow": True}}


class Harmless:
    """Pytest's terminal reporter, to which only harmless text is written."""

    def __init__(self, terminal: Any) -> None:
        self._terminal = terminal

    def write(self, text: str, **markup: bool) -> None:
        """Write text in a style."""
        self._terminal.write(harmless(text), **markup)

    def write_line(self, line: str, **markup: bool) -> None:
        """Write a line in a style."""
        self._terminal.write_line(harmless(line), **markup)

    def write_sep(self, sign: str, title: str) -> None:
        """Write a title between two rows of a sign."""
        self._terminal.write_sep(sign, harmless(title))


def print_summary(reporter: Any, run: Run) -> None:
    """Write the summary of `run` to pytest's terminal reporter, all of it harmless."""
    terminal = Harmless(reporter)
    results = [run.results[clause.slug] for clause in run.catalogue.within(run.settings.profile)]
    by_outcome = {outcome: [result for result in results if result.outcome is outcome] for outcome in Outcome}
    loud = [result for outcome in LOUD for result in by_outcome[outcome]]
    if loud:
        terminal.write_sep("=", "clauses that did not pass")
    for result in loud:
        _print_result(terminal, result, _base_url(run))
    if found := [result.clause.slug for result in loud if result.findings]:
        slugs = " ".join(found[:SLUGS_SHOWN])
        terminal.write_line(f"\nwhat they demand, and why: python -m conformance explain {slugs}")
    _print_expected(terminal, by_outcome[Outcome.EXPECTED])
    _print_quiet(terminal, results)
    _print_verdicts(terminal, run)


def _base_url(run: Run) -> str:
    return "$BASE_URL" if run.settings.base_url is None else run.settings.base_url


def _print_result(terminal: Harmless, result: ClauseResult, base_url: str) -> None:
    times = f" ({result.broken} times)" if result.broken > 1 else ""
    terminal.write_line("")
    terminal.write(f"{SIGNS[result.outcome]} {result.clause.slug}", **_COLOURS[result.outcome])
    terminal.write_line(f"  {result.outcome}, {result.clause.level}: {result.reason}{times}")
    terminal.write_line(f"    {result.clause.statement}")
    if result.traceback:
        terminal.write_line(f"    the end of the traceback (the whole is in {RESULTS_FILE}):")
    for line in result.traceback.rstrip().splitlines()[-LINES_OF_TRACEBACK:]:
        terminal.write_line(f"      {one_line(line)}")
    for first in result.findings[:1]:
        step = culprit_of(first)
        invalid = f"  [{step.invalid}]" if step.invalid else ""
        terminal.write_line(f"    finding:    {first.id}")
        terminal.write_line(f"    sent:       {step.attempt}{invalid}")
        terminal.write_line(f"                {curl(step.exchange, base_url)}")
        terminal.write_line(f"    came back:  {answer_in_short(step.exchange)}")
        terminal.write_line(f"    admissible: {admissible_in_short(result.clause)}")
        for line in _steps_in_order(first):
            terminal.write_line(f"    {line}")


def _steps_in_order(finding: Finding) -> Iterator[str]:
    """Yield a line for each step of a finding that has several, the one that shows it marked."""
    steps, culprit = finding.episode.steps, culprit_of(finding)
    if len(steps) == 1:
        return
    left_out = len(steps) - STEPS_SHOWN
    if left_out > 0:
        yield f"in order:     … {left_out} more before (`replay` sends them all)"
    for number, step in enumerate(steps[-STEPS_SHOWN:]):
        head = "in order:  " if not number and left_out <= 0 else " " * 11
        answer = step.exchange.status or step.exchange.failure
        yield f"{head} {'▸' if step is culprit else ' '} {one_line(step.attempt)} → {answer}"


def _print_expected(terminal: Harmless, results: list[ClauseResult]) -> None:
    """Print the expected failures, each with its reason."""
    if results:
        terminal.write_sep("=", "expected failures")
    for result in results:
        terminal.write(f"{SIGNS[result.outcome]} {result.clause.slug}", yellow=True)
        terminal.write_line(f"  expected {result.was}, {result.clause.level}: {result.expected}")


def _print_gate(terminal: Harmless, gate: Gate) -> None:
    terminal.write(f"{gate.expectations.file}: ")
    terminal.write_line(gate.in_short(), yellow=gate.is_met, red=not gate.is_met, bold=True)
    for result in gate.unexpected:
        terminal.write_line(f"  unexpected: {result.clause.slug}: {result.reason}", red=True)
    for stale in gate.stale:
        terminal.write_line(f"  {gate.expectations.place(stale.entry)}: {stale.why}", red=True)
    if gate.silent:
        places = ", ".join(gate.expectations.place(entry) for entry in gate.silent)
        terminal.write_line(f"  not judged in this run, or flaky and passed: {places}")


def _print_quiet(terminal: Harmless, results: list[ClauseResult]) -> None:
    """Print why clauses were not judged, or only in part."""
    groups: dict[str, list[str]] = {}
    for result in results:
        is_due = result.selected or result.clause.not_tested
        if result.outcome in (Outcome.NOT_RUN, Outcome.NOT_APPLICABLE) and is_due:
            groups.setdefault(f"{result.outcome}: {result.reason}", []).append(result.clause.slug)
    for result in results:
        for reason in result.unjudged:
            groups.setdefault(f"passed, but one aspect was not judged: {reason}", []).append(result.clause.slug)
    if groups:
        terminal.write_line("")
    for reason, slugs in groups.items():
        more = f" and {len(slugs) - SLUGS_SHOWN} more" if len(slugs) > SLUGS_SHOWN else ""
        terminal.write_line(f"{reason} — {', '.join(slugs[:SLUGS_SHOWN])}{more}")


def _print_verdicts(terminal: Harmless, run: Run) -> None:
    terminal.write_sep("=", "verdict")
    if run.diagnosis is not None:
        _print_diagnosis(terminal, run.diagnosis)
        _print_left_over(terminal, run)
        return
    if run.wanted is not None:
        terminal.write_line(str(run.wanted), yellow=True)
    for profile in PROFILES[: PROFILES.index(run.settings.profile) + 1]:
        words = run.words(profile)
        decides = DECIDES if profile == run.settings.profile and not run.errors else ""
        terminal.write(f"{profile}: ")
        terminal.write(words.text, bold=True, **_MOODS[words.mood])
        terminal.write_line(f" ({words.detail}){decides}")
    if run.exploration is not None:
        minutes, rounds = run.exploration.minutes, run.exploration.rounds
        how_long = f"explored for {minutes:g} minutes with --seed {run.settings.seed}: {counted(rounds, 'round')}"
        terminal.write_line(how_long)
    if run.errors:
        terminal.write_line(f"{run.errors_in_words}{DECIDES}", red=True, bold=True)
    for error in run.errors:
        if not error.clause:
            terminal.write_line(f"  {error.where}: {error.what}", red=True)
    if run.gate is not None:
        _print_gate(terminal, run.gate)
    if run.lacking:
        terminal.write_line(f"required, but missing on the target: {', '.join(run.lacking)}", red=True, bold=True)
    if run.bound:
        terminal.write_line(run.bound_in_words, yellow=True)
    if run.interrupted:
        terminal.write_line("the run was interrupted: the results cover only what ran before", yellow=True)
    _print_left_over(terminal, run)
    terminal.write_line(f"{run.requests} requests in {run.seconds:.1f} s; results in {run.settings.results}")


def _print_left_over(terminal: Harmless, run: Run) -> None:
    if run.left_over:
        terminal.write_line(f"left on the target: {', '.join(run.left_over)}", yellow=True)


def _print_diagnosis(terminal: Harmless, diagnosis: Diagnosis) -> None:
    terminal.write_line(f"cannot be tested: {diagnosis.what}", red=True, bold=True)
    if diagnosis.hint:
        terminal.write_line(f"hint: {diagnosis.hint}")
    for one in diagnosis.tries:
        terminal.write_line(f"  tried: {one}")
