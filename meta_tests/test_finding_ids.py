"""Findings have ids that are short, the same for the same plan, unique in a run, and shown with every finding."""

from __future__ import annotations

import re
from dataclasses import replace

from benchmarks.examples import ERROR, SUCCESS, exchange
from benchmarks.runs import CATALOGUE, finding, run_of_many, run_with
from conformance.evidence.episode import Finding
from conformance.reports.details import STEPS_SHOWN
from conformance.reports.html import html_page
from conformance.reports.terminal import FAILURES_SHOWN, print_summary
from conformance.reports.workflow import summary_of
from conformance.verdict.finding_ids import DIGITS, id_of, with_ids
from conformance.verdict.run import Run

UNKNOWN = "body.unknown-parameter"
ALIKE = finding(UNKNOWN, exchange(200, SUCCESS), attempt_digest="a" * 64)
OTHER = finding(UNKNOWN, exchange(200, SUCCESS), attempt_digest="b" * 64)


class Terminal:
    """A terminal that keeps the text of the summary."""

    def __init__(self) -> None:
        self.text = ""

    def isatty(self) -> bool:
        return False

    def write(self, text: str, **_: bool) -> None:
        self.text += text

    def write_line(self, text: str, **_: bool) -> None:
        self.text += text + "\n"

    def write_sep(self, _: str, title: str) -> None:
        self.text += title + "\n"


def ids_of(run: Run) -> list[str]:
    return [found.id for result in run.results.values() for found in result.known]


def only_id(*findings: Finding) -> str:
    return ids_of(run_with({UNKNOWN: findings}))[0]


def test_no_two_findings_have_the_same_id() -> None:
    ids = ids_of(run_of_many(2000))
    assert len(set(ids)) == len(ids) == 2000
    assert {len(each) for each in ids} == {DIGITS}
    alike = ids_of(run_with({UNKNOWN: [ALIKE, ALIKE, ALIKE]}))
    assert len(set(alike)) == len(alike) == 3


def test_the_id_depends_on_the_plan_and_not_on_the_answer() -> None:
    answered_otherwise = replace(
        ALIKE,
        observed="refused",
        episode=replace(
            ALIKE.episode,
            steps=(replace(ALIKE.episode.steps[0], exchange=exchange(400, ERROR)),),
            fixtures={"customer": "cus_2"},
        ),
    )
    assert only_id(ALIKE) == only_id(answered_otherwise)
    assert only_id(ALIKE) != only_id(OTHER)
    assert only_id(ALIKE) != id_of(replace(ALIKE, clause="error.type"))


def test_other_findings_do_not_change_an_id() -> None:
    assert only_id(ALIKE) in ids_of(run_with({UNKNOWN: [OTHER, ALIKE]}))


def test_naming_again_changes_nothing() -> None:
    run = run_with({UNKNOWN: [ALIKE, ALIKE, OTHER]})
    assert ids_of(replace(run, results=with_ids(run.results))) == ids_of(run)


def test_the_id_is_shown_wherever_the_finding_is() -> None:
    run = run_with({UNKNOWN: [ALIKE]})
    (name,) = ids_of(run)
    results = run.to_json()
    assert [found["id"] for found in results["clauses"][UNKNOWN]["findings"]] == [name]
    assert f'id="cf-{name}"' in html_page(run)
    assert f"finding <code>{name}</code>" in html_page(run)
    assert f"`{name}`" in summary_of(results)
    terminal = Terminal()
    print_summary(terminal, run)
    assert f"✗ {UNKNOWN}  {name}  POST " in terminal.text
    in_full = Terminal()
    print_summary(in_full, run, in_full=True)
    assert f"finding:    {name}\n" in in_full.text


def with_steps(before: int) -> Finding:
    """Return a finding whose last step shows it, behind that many others."""
    (last,) = ALIKE.episode.steps
    others = tuple(replace(last, role="set-up", attempt=f"POST number {number}\x1b") for number in range(before))
    return replace(ALIKE, culprit=before, episode=replace(ALIKE.episode, steps=(*others, last)))


def shown_of(found: Finding) -> list[str]:
    terminal = Terminal()
    print_summary(terminal, run_with({UNKNOWN: [found]}), in_full=True)
    return terminal.text.splitlines()


def test_the_terminal_shows_the_steps_of_a_finding_in_order_and_which_of_them_shows_it() -> None:
    arrows = [line.split("→")[0].split() for line in shown_of(with_steps(2)) if "→" in line]
    assert arrows[0][-1] == "0\\x1b"
    assert arrows[1][-1] == "1\\x1b"
    assert [words[0] == "▸" for words in arrows[1:]] == [False, True]
    assert not any("→" in line for line in shown_of(ALIKE))


def test_steps_name_their_payment_methods_where_there_are_several() -> None:
    found = with_steps(2)
    ids = ("pm_one", "pm_one", "pm_other")
    steps = [
        replace(step, bindings={"payment_method": name}) for step, name in zip(found.episode.steps, ids, strict=True)
    ]
    several = replace(found, episode=replace(found.episode, steps=tuple(steps)))
    assert sum("to pm_" in line for line in shown_of(several)) == 3
    one = replace(found, episode=replace(found.episode, steps=(*steps[:2], found.episode.steps[2])))
    assert not any("to pm_" in line for line in shown_of(one))


def test_of_many_steps_the_last_ones_are_shown_and_the_rest_counted() -> None:
    lines = shown_of(with_steps(STEPS_SHOWN + 4))
    assert sum("→" in line for line in lines) == STEPS_SHOWN
    assert any("5 more" in line for line in lines)


SCREEN = 50
"""The lines of a terminal that fills a screen."""
ROOTS = [clause.slug for clause in CATALOGUE if clause.level == "MUST" and not clause.not_tested]
FAILING = [slug for slug in ROOTS if not CATALOGUE.rests_on(slug) & set(ROOTS)]
"""Clauses that rest on no other, so that all of them can fail in one run."""
OPTIONAL = [clause.slug for clause in CATALOGUE if clause.level == "SHOULD" and not clause.not_tested]
DEVIATING = next(slug for slug in OPTIONAL if not CATALOGUE.rests_on(slug) & set(ROOTS))


def summary_with(count: int) -> list[str]:
    found = {slug: [replace(ALIKE, clause=slug)] for slug in FAILING[:count]}
    terminal = Terminal()
    print_summary(terminal, run_with(found))
    return terminal.text.splitlines()


def test_the_summary_of_ten_failures_fits_on_a_screen() -> None:
    lines = summary_with(FAILURES_SHOWN)
    failed = [line.split()[1] for line in lines if line.startswith("✗ ")]
    assert sorted(failed) == sorted(FAILING[:FAILURES_SHOWN])
    assert sum(line.startswith("    expected: ") for line in lines) == FAILURES_SHOWN
    assert sum(line.startswith("    observed: accepted with 200") for line in lines) == FAILURES_SHOWN
    assert len(lines) <= SCREEN


def test_more_failures_than_that_are_named_on_one_line() -> None:
    lines = summary_with(FAILURES_SHOWN + 2)
    assert sum(line.startswith("✗ ") for line in lines) == FAILURES_SHOWN
    assert any(line.startswith("  and 2 more: ") for line in lines)
    assert len(lines) <= SCREEN + 1


def test_a_deviation_has_its_request_and_what_was_observed_in_lines_of_their_own() -> None:
    """Where failures fill the screen, what was observed stands alone in one line."""
    found = replace(ALIKE, clause=DEVIATING, observed="no such header")
    request = str(found.episode.steps[0].attempt)

    def lines_beside(failures: int) -> list[str]:
        terminal = Terminal()
        others = {slug: [replace(ALIKE, clause=slug)] for slug in FAILING[:failures]}
        print_summary(terminal, run_with({**others, DEVIATING: [found]}))
        lines = terminal.text.splitlines()
        place = next(number for number, line in enumerate(lines) if line.startswith(f"! {DEVIATING}  "))
        return lines[place : place + 2]

    head, observed = lines_beside(0)
    assert f"deviation, SHOULD: {request}" in head
    assert observed.startswith("    observed: no such header")
    head, after = lines_beside(FAILURES_SHOWN)
    assert "deviation, SHOULD: no such header" in head
    assert not after.startswith(" ")


def test_the_message_of_the_server_stands_behind_what_was_observed() -> None:
    refused = exchange(400, {"error": {"type": "invalid_request_error", "message": "No such token: 1"}})
    step = replace(ALIKE.episode.steps[0], exchange=refused)
    found = replace(ALIKE, observed="refused", episode=replace(ALIKE.episode, steps=(step,)))
    terminal = Terminal()
    print_summary(terminal, run_with({UNKNOWN: [found]}))
    assert "    observed: refused “No such token: 1”" in terminal.text.splitlines()


def test_the_terminal_says_how_to_see_a_finding_in_full() -> None:
    run = run_with({UNKNOWN: [ALIKE]})
    (name,) = ids_of(run)
    terminal = Terminal()
    print_summary(terminal, run)
    assert re.search(rf"^one in full: .*attach-conformance explain {name}  ", terminal.text, re.MULTILINE)
    assert re.search(rf"^send again: .*attach-conformance replay {name}$", terminal.text, re.MULTILINE)


def test_each_other_request_that_breaks_a_clause_is_named_once() -> None:
    first, other = finding(UNKNOWN, exchange(200, SUCCESS)), finding(UNKNOWN, exchange(200, SUCCESS))
    (step,) = other.episode.steps
    other = replace(other, episode=replace(other.episode, steps=(replace(step, attempt="POST another"),)))
    terminal = Terminal()
    run = run_with({UNKNOWN: [first, other, first]})
    print_summary(terminal, run)
    _, shown, _ = (one.id for one in run.results[UNKNOWN].findings)
    assert f"(3 of 4 times; other requests: {shown})" in terminal.text
