"""The forms of a record, each rendered by the function that a run itself uses for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from conformance.evidence.harmless import json_text
from conformance.reports.badge import badge_of
from conformance.reports.har import har_of
from conformance.reports.html import html_page
from conformance.reports.junit import JUNIT_FILE, junit_of, seconds_by_clause
from conformance.reports.sarif import SARIF_FILE, sarif_of
from conformance.reports.scorecard import SCORECARD_FILE, scorecard_of
from conformance.reports.script import SCRIPT_FILE, script_of
from conformance.reports.workflow import RESULTS_FILE, summary_of
from conformance.verdict.concluding import judged_again
from conformance.verdict.record import BrokenRecord, Record
from conformance.verdict.run import Run
from conformance.verdict.settings import REPORT_FILE
from contracts import load_catalogue, published_contract


@dataclass(frozen=True)
class Form:
    """A form of the results of a run: its `name` as an option, its description, its usual file, and its renderer."""

    name: str
    what: str
    file: str
    render: Callable[[Record, Run], str | bytes]


def results_text(run: Run) -> str:
    """Return the content of `results.json`."""
    return json_text(run.to_json(), indent=1) + "\n"


def _junit(record: Record, run: Run) -> bytes:
    return junit_of(run, seconds_by_clause(record.trials))


def _script(run: Run) -> str:
    return script_of(run.to_json()) or "#!/usr/bin/env bash\necho 'nothing has failed'\n"


FORMS: Mapping[str, Form] = {
    form.name: form
    for form in (
        Form("html", "the report, one page without network", REPORT_FILE, lambda _, run: html_page(run)),
        Form("junit", "every clause, as CI services read it", JUNIT_FILE, _junit),
        Form("json", "every clause, for programs", RESULTS_FILE, lambda _, run: results_text(run)),
        Form(
            "markdown", "a summary for a job or a pull request", "summary.md", lambda _, run: summary_of(run.to_json())
        ),
        Form(
            "badge",
            "an SVG with profile, verdict, version and date",
            "badge.svg",
            lambda _, run: badge_of(run.to_json()),
        ),
        Form(
            "scorecard",
            "one screen for a maintainer to show: verdicts, chapters, worst findings",
            SCORECARD_FILE,
            lambda _, run: scorecard_of(run),
        ),
        Form("sarif", "the findings as SARIF 2.1.0, for code scanning", SARIF_FILE, lambda _, run: sarif_of(run)),
        Form("har", "all exchanges as HAR 1.2", "traffic.har", lambda record, _: har_of(record)),
        Form("script", "the failures as a numbered curl script", SCRIPT_FILE, lambda _, run: _script(run)),
    )
}


def concluded_again(record: Record) -> Run:
    """Conclude the run of a record again, for rendering.

    Raises BrokenRecord for a record of other clauses than those of this suite, and for one whose episodes do not lead
    to its outcomes.
    """
    for what, digest in (("contract", published_contract().digest), ("catalogue", load_catalogue().digest)):
        if record.header[what] != digest:
            version = record.header["suite"]["version"]
            raise BrokenRecord(f"line 1: it was made with another {what}: render it with attach-conformance {version}")
    run = judged_again(record)
    for slug, result in run.results.items():
        recorded = record.outcomes.get(slug)
        if recorded != result.observed:
            raise BrokenRecord(
                f"{slug} is {recorded} by its footer, and {result.observed} when its episodes are judged"
            )
    return run
