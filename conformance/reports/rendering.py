"""What is rendered from a record, each form by the one function that a run itself uses for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from conformance.reports.badge import badge_of
from conformance.reports.har import har_of
from conformance.reports.html import html_page
from conformance.reports.junit import junit_of
from conformance.reports.reported import ReportedTest
from conformance.reports.script import SCRIPT_FILE, script_of
from conformance.reports.workflow import RESULTS_FILE, summary_of
from conformance.verdict.record import BrokenRecord, Record, run_of
from conformance.verdict.run import Run
from conformance.verdict.settings import REPORT_FILE
from contracts import load_catalogue, published_contract


@dataclass(frozen=True)
class Form:
    """A form of what a run has found: its `name` as an option, what it is, the usual file name, and what makes it."""

    name: str
    what: str
    file: str
    render: Callable[[Record, Run], str | bytes]


def results_text(run: Run) -> str:
    """The content of `results.json`."""
    told = run.to_json()
    try:
        text = json.dumps(told, indent=1, ensure_ascii=False)
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate, which only an escape can stand for
        text = json.dumps(told, indent=1)
    return text + "\n"


def _junit(record: Record, run: Run) -> bytes:
    tests = [ReportedTest.from_json(test) for test in record.footer["tests"]]
    return junit_of(tests, started=run.started, seconds=run.seconds)


def _html(record: Record, run: Run) -> str:
    return html_page(run)


def _json(record: Record, run: Run) -> str:
    return results_text(run)


def _markdown(record: Record, run: Run) -> str:
    return summary_of(run.to_json())


def _badge(record: Record, run: Run) -> str:
    return badge_of(run.to_json())


def _har(record: Record, run: Run) -> str:
    return har_of(record)


def _script(record: Record, run: Run) -> str:
    return script_of(run.to_json()) or "#!/usr/bin/env bash\necho 'nothing has failed'\n"


FORMS: Mapping[str, Form] = {
    form.name: form
    for form in (
        Form("html", "the report, one page without network", REPORT_FILE, _html),
        Form("junit", "every test, as CI services read it", "junit.xml", _junit),
        Form("json", "every clause, for programs", RESULTS_FILE, _json),
        Form("markdown", "a summary for a job or a pull request", "summary.md", _markdown),
        Form("badge", "an SVG with profile, verdict, version and date", "badge.svg", _badge),
        Form("har", "all exchanges as HAR 1.2", "traffic.har", _har),
        Form("script", "the failures as a numbered curl script", SCRIPT_FILE, _script),
    )
}


def concluded_again(record: Record) -> Run:
    """The run of a record, for rendering.

    Raises BrokenRecord for a record of other clauses than those of this suite, and for one whose episodes do not lead
    to what it says.
    """
    for what, digest in (("contract", published_contract().digest), ("catalogue", load_catalogue().digest)):
        if record.header[what] != digest:
            version = record.header["suite"]["version"]
            raise BrokenRecord(f"line 1: it rests on another {what}: render it with attach-conformance {version}")
    try:
        run = run_of(record)
    except (LookupError, TypeError, ValueError, AttributeError) as error:  # whatever a made-up episode does to a judge
        raise BrokenRecord(f"its episodes cannot be judged ({type(error).__name__})") from None
    for slug, result in run.results.items():
        if record.outcomes.get(slug) != (result.was or result.outcome):
            said, found = record.outcomes.get(slug), result.was or result.outcome
            raise BrokenRecord(f"{slug} is {said} by its footer, and {found} when its episodes are judged")
    return run
