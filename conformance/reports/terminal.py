"""The end of the terminal's output: the clauses that did not pass, each with its evidence, and the verdicts."""

from __future__ import annotations

from typing import Any

from conformance.evidence.episode import Outcome
from conformance.evidence.foreign import one_line
from conformance.reports.words import SIGNS, admissible_in_short, answer_in_short, culprit_of, curl
from conformance.reports.workflow import RESULTS_FILE
from conformance.verdict.expectations import Gate, counted
from conformance.verdict.ledger import ClauseResult
from conformance.verdict.needs import ids_for_profile
from conformance.verdict.run import Run
from contracts.catalogue import PROFILES

LINES_OF_TRACEBACK = 6
"""How many lines of a traceback are shown: the place in the suite, and what went wrong there."""

LOUD = (Outcome.ERROR, Outcome.FAIL, Outcome.DEVIATION, Outcome.INCONCLUSIVE)

_COLOURS: dict[Outcome, dict[str, bool]] = {
    Outcome.ERROR: {"red": True, "bold": True},
    Outcome.FAIL: {"red": True, "bold": True},
    Outcome.DEVIATION: {"yellow": True},
    Outcome.INCONCLUSIVE: {"yellow": True, "bold": True},
}


def print_summary(terminal: Any, run: Run) -> None:
    """Write the summary of `run` to pytest's terminal reporter."""
    base_url = "$BASE_URL" if run.settings.base_url is None else run.settings.base_url
    within = {clause.slug for clause in run.catalogue.within(run.settings.profile)}
    results = [result for slug, result in run.results.items() if slug in within]
    loud = [result for outcome in LOUD for result in results if result.outcome is outcome]
    if loud:
        terminal.write_sep("=", "clauses that did not pass")
    for result in loud:
        _print_result(terminal, result, base_url)
    _print_examples(terminal, run)
    _print_expected(terminal, [result for result in results if result.outcome is Outcome.EXPECTED])
    _print_quiet(terminal, results)
    _print_verdicts(terminal, run)


def _print_result(terminal: Any, result: ClauseResult, base_url: str) -> None:
    clause = result.clause
    colour = _COLOURS[result.outcome]
    terminal.write_line("")
    terminal.write(f"{SIGNS[result.outcome]} {clause.slug}", **colour)
    times = f" ({result.broken} times)" if result.broken > 1 else ""
    terminal.write_line(f"  {result.outcome}, {clause.level}: {result.reason}{times}")
    terminal.write_line(f"    {clause.statement}")
    if result.traceback:
        last = result.traceback.rstrip().splitlines()[-LINES_OF_TRACEBACK:]
        terminal.write_line(f"    traceback, its end (all of it is in {RESULTS_FILE}):")
        for line in last:
            terminal.write_line(f"      {one_line(line)}")
    if not result.findings:
        return
    first = result.findings[0]
    step = culprit_of(first)
    terminal.write_line(f"    finding:    {first.id}")
    terminal.write_line(f"    sent:       {step.attempt}" + (f"  [{step.invalid}]" if step.invalid else ""))
    terminal.write_line(f"                {curl(step.exchange, base_url)}")
    terminal.write_line(f"    came back:  {answer_in_short(step.exchange)}")
    terminal.write_line(f"    admissible: {admissible_in_short(clause)}")


def _print_examples(terminal: Any, run: Run) -> None:
    """What exploring found, as Python to paste above the tests that are to keep it."""
    if run.exploration is None or not run.exploration.found:
        return
    terminal.write_sep("=", "found by exploring: examples to pin")
    for one in run.exploration.found:
        base_url = "$BASE_URL" if run.settings.base_url is None else run.settings.base_url
        terminal.write_line("")
        terminal.write(one.clause, red=True, bold=True)
        terminal.write_line(f"  {one.finding.observed} (seed {run.settings.seed}, round {one.round})")
        terminal.write_line(f"    {curl(culprit_of(one.finding).exchange, base_url)}")
        terminal.write_line(f"    # above @given of {one.test}")
        for line in (*one.imports, one.code):
            terminal.write_line(f"    {line}")


def _print_expected(terminal: Any, results: list[ClauseResult]) -> None:
    """Name what is known to be wrong, each with why it is expected."""
    if results:
        terminal.write_sep("=", "expected failures")
    for result in results:
        terminal.write(f"{SIGNS[result.outcome]} {result.clause.slug}", yellow=True)
        terminal.write_line(f"  expected {result.was}, {result.clause.level}: {result.expected}")


def _print_gate(terminal: Any, gate: Gate) -> None:
    terminal.write(f"{gate.expectations.file}: ")
    terminal.write_line(gate.in_short(), yellow=gate.is_met, red=not gate.is_met, bold=True)
    for result in gate.unexpected:
        terminal.write_line(f"  unexpected: {result.clause.slug}: {result.reason}", red=True)
    for stale in gate.stale:
        terminal.write_line(f"  {gate.expectations.place(stale.entry)}: {stale.why}", red=True)
    if gate.silent:
        places = ", ".join(gate.expectations.place(entry) for entry in gate.silent)
        terminal.write_line(f"  not judged in this run, or flaky and passed: {places}")


def _print_quiet(terminal: Any, results: list[ClauseResult]) -> None:
    """Count by their reasons the clauses that said nothing."""
    groups: dict[str, list[str]] = {}
    for result in results:
        if result.outcome in (Outcome.NOT_RUN, Outcome.NOT_APPLICABLE) and result.reason != "not selected":
            groups.setdefault(f"{result.outcome}: {result.reason}", []).append(result.clause.slug)
    for result in results:
        for reason in result.unjudged:
            groups.setdefault(f"passed, and not judged in one aspect: {reason}", []).append(result.clause.slug)
    if groups:
        terminal.write_line("")
    for reason, slugs in groups.items():
        shown = ", ".join(slugs[:4]) + (f" and {len(slugs) - 4} more" if len(slugs) > 4 else "")
        terminal.write_line(f"{reason} — {shown}")


def _print_verdicts(terminal: Any, run: Run) -> None:
    terminal.write_sep("=", "verdict")
    if run.settings.dry_run:
        objects = ", ".join(f"{count} {kind.replace('_', ' ')}s" for kind, count in sorted(run.objects.items()))
        terminal.write_line(f"dry run: a run sends about {run.requests} requests and creates {objects or 'nothing'}")
        settings = run.settings
        methods, customers = ids_for_profile(settings.profile, settings.budget, run.catalogue)
        ids = f"about {methods} payment methods (--payment-method) and {customers} customers (--customer)"
        terminal.write_line(f"dry run: where it is given ids instead, the whole profile needs {ids}")
    if run.diagnosis is not None:
        terminal.write_line(f"cannot be tested: {run.diagnosis.what}", red=True, bold=True)
        if run.diagnosis.hint:
            terminal.write_line(f"hint: {run.diagnosis.hint}")
        for one in run.diagnosis.tries:
            terminal.write_line(f"  tried: {one}")
        return
    if run.wanted is not None:
        terminal.write_line(str(run.wanted), yellow=True)
    asked = PROFILES[: PROFILES.index(run.settings.profile) + 1]
    for profile, verdict in ((profile, run.verdicts[profile]) for profile in asked):
        words, opening, rest = run.words(profile).partition(" (")
        good = words == "conforms"
        bad = verdict.verdict == "does-not-conform" and not words.endswith("as expected")
        is_decisive = profile == run.settings.profile and not run.errors
        decides = " ← decides the exit status" if is_decisive else ""
        terminal.write(f"{profile}: ")
        terminal.write(words, green=good, red=bad, yellow=not (good or bad), bold=True)
        terminal.write_line(f"{opening}{rest}{decides}")
    if run.exploration is not None:
        minutes, rounds, found = run.exploration.minutes, run.exploration.rounds, len(run.exploration.found)
        told = f"explored for {minutes:g} minutes with --seed {run.settings.seed}: {counted(rounds, 'round')}"
        terminal.write_line(f"{told}, {found or 'nothing'} found")
    if run.errors:
        terminal.write_line(f"{run.errors_in_words} ← decides the exit status", red=True, bold=True)
    for error in run.errors:
        if not error.clause:
            terminal.write_line(f"  {error.where}: {error.what}", red=True)
    if run.gate is not None:
        _print_gate(terminal, run.gate)
    if run.lacking:
        terminal.write_line(f"required and absent: {', '.join(run.lacking)}", red=True, bold=True)
    if run.interrupted:
        terminal.write_line("the run was interrupted: what is above is what was learnt until then", yellow=True)
    if run.left_over:
        terminal.write_line(f"left on the target: {', '.join(run.left_over)}", yellow=True)
    terminal.write_line(f"{run.requests} requests in {run.seconds:.1f} s; results in {run.settings.results}")
