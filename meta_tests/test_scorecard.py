"""The scorecard: true counts, the gravest findings first, no markup of a server, and one screen."""

from __future__ import annotations

import re
import shlex
import warnings
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from benchmarks.browser import MISSING, chromium, console, open_page, programs, requested
from benchmarks.examples import SUCCESS, exchange
from benchmarks.runs import CATALOGUE, SLUGS, finding, run_with, settings
from conformance.evidence.episode import Outcome
from conformance.evidence.harmless import UNSAFE
from conformance.plugin.starting import RUN_COMMAND
from conformance.reports.scorecard import (
    MOST_FINDINGS,
    chapters_of,
    reproducing_command,
    scorecard_of,
    worst_findings,
)
from conformance.verdict.run import Diagnosis, Run

NASTY = "</style><script>alert(1)</script>\x1b[2J\u202e“&amp;\n" + "x" * 5000
ODD = "expand.named-index"


def broken_run(*slugs: str, observed: str = "accepted with 200", name: str = "a mock 1.2") -> Run:
    """Return a run against an implementation of this name that breaks these clauses."""
    found = {slug: [finding(slug, exchange(200, SUCCESS), observed=observed)] for slug in slugs}
    return run_with(found, settings=settings(implementation=name))


def text_of(page: str) -> str:
    return " ".join(unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL)).split())


def test_it_names_implementation_date_suite_verdicts_counts_and_command() -> None:
    text = text_of(scorecard_of(broken_run("body.unknown-parameter")))
    for words in ("a mock 1.2", "2026-11-25", "attach-conformance 0.1.0", "contract does not conform", "896 requests"):
        assert words in text
    assert "body.unknown-parameter: accepted with 200" in text
    assert "attach-conformance run --base-url http://127.0.0.1:8420 --profile stripe" in text


def test_the_counts_are_those_of_the_clauses() -> None:
    run = broken_run("body.unknown-parameter", ODD)
    chapters = {chapter.name: chapter for chapter in chapters_of(run)}
    assert sum(chapter.total for chapter in chapters.values()) == len(SLUGS) + sum(
        result.selected and result.clause.slug not in SLUGS for result in run.results.values()
    )
    passed, failed, _, blocked = chapters["body"].counts
    assert (passed + failed + blocked, failed) == (sum(slug.startswith("body.") for slug in SLUGS), 1)
    assert chapters["body"].mood == "fail"
    assert chapters["auth"].mood == "pass"
    assert f"{passed} of {chapters['body'].total} pass" in text_of(scorecard_of(run))


def test_what_was_not_selected_is_not_counted() -> None:
    run = broken_run()
    results = {slug: replace(result, selected=result.clause.chapter != "auth") for slug, result in run.results.items()}
    assert "auth" not in {chapter.name for chapter in chapters_of(replace(run, results=results))}


def test_failures_come_before_deviations_and_the_rest_is_counted() -> None:
    must = [clause.slug for clause in CATALOGUE if clause.level == "MUST" and clause.slug in SLUGS][-7:]
    should = [clause.slug for clause in CATALOGUE if clause.level == "SHOULD" and clause.slug in SLUGS][:3]
    run = broken_run(*should, *must)
    outcomes = [result.outcome for result in worst_findings(run)]
    assert outcomes == sorted(outcomes, key=[Outcome.FAIL, Outcome.DEVIATION].index)
    assert Outcome.DEVIATION in outcomes
    page = scorecard_of(run)
    assert page.count("accepted with 200") == MOST_FINDINGS
    assert f"and {len(outcomes) - MOST_FINDINGS} more" in page


def test_a_target_that_conforms_has_no_findings() -> None:
    page = scorecard_of(broken_run())
    assert "Worst findings" not in page
    assert text_of(page).count(" conforms ") >= 3


@pytest.mark.parametrize(
    "changes",
    [
        {"settings": settings(dry_run=True)},
        {"diagnosis": Diagnosis("it does not answer", "start it"), "results": {}},
    ],
)
def test_what_was_not_asked_is_not_said_to_conform(changes: dict[str, Any]) -> None:
    page = scorecard_of(run_with(**changes))
    assert text_of(page).count("nothing was judged") == 3
    assert '<li class="pass"><b>contract' not in page


def test_the_command_is_of_the_run() -> None:
    own = settings(base_url="http://127.0.0.1:1/a b'", seed=7, budget="quick", profile="contract")
    words = shlex.split(reproducing_command(run_with(settings=own)))
    assert words[:2] == ["attach-conformance", RUN_COMMAND[-1]]
    assert words[2:] == ["--base-url", own.base_url, "--profile", "contract", "--budget", "quick", "--seed", "7"]
    started = settings(target="localstripe")
    assert "--target localstripe" in reproducing_command(run_with(settings=started))
    assert "url" not in reproducing_command(run_with(settings=settings(base_url=None)))


def test_texts_of_a_server_are_no_markup_and_stay_short() -> None:
    page = scorecard_of(broken_run(*SLUGS[:30], observed=NASTY, name=NASTY))
    assert "<script" not in page
    assert not UNSAFE.search(page)
    assert "x" * 200 not in page
    assert len(page) < 20_000


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (390, 844)])
@pytest.mark.parametrize("dark", [False, True])
def test_it_is_one_screen_that_fetches_nothing(width: int, height: int, dark: bool, tmp_path: Path) -> None:
    if programs() is None:
        warnings.warn(f"the scorecard was not tested in a browser: {MISSING}", stacklevel=1)
        pytest.skip(MISSING)
    path = tmp_path / "scorecard.html"
    path.write_text(scorecard_of(broken_run(*SLUGS[:60:2], observed="accepted " * 40)), encoding="utf-8")
    with chromium(width, height, dark=dark) as browser:
        open_page(browser, path)
        root = "document.documentElement"
        size = browser.execute_script(f"return [{root}.scrollWidth, {root}.scrollHeight]")
        assert size == [width, height]
        assert requested(browser) == [path.as_uri()]
        assert not console(browser)
