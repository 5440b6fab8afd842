"""The results of a run for a CI service: a summary in Markdown, and annotations in the form that GitHub reads."""

from __future__ import annotations

import argparse
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs

from conformance.evidence.files import read_bounded
from conformance.evidence.foreign import cut
from conformance.paths import SUITE, program_here
from conformance.reports.markdown import code, text
from conformance.reports.reproduction import replay
from conformance.reports.script import SCRIPT_FILE
from conformance.reports.templating import templates
from conformance.verdict.internal_errors import INTERNAL_ERROR
from conformance.verdict.record import RECORD_FILE
from conformance.verdict.run import ENDINGS, Ending, ExitStatus
from contracts.catalogue import PROFILES

LONGEST_CELL = 240
"""How many characters of a text a cell of a table shows: about two lines."""
MOST_AGAIN = 20
"""How many findings the command names that sends them again."""
RESULTS_FILE = "results.json"
SCHEMA = SUITE / "contracts" / "results.schema.json"
SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"

SIGNS: Mapping[Ending, str] = {
    Ending.CONFORMS: "✅",
    Ending.NOTHING_FOUND: "✅",
    Ending.AS_EXPECTED: "🟡",
    Ending.DOES_NOT_CONFORM: "❌",
    Ending.NOT_AS_EXPECTED: "❌",
}
OTHER_SIGN = "⚠️"


def summary_of(results: Mapping[str, Any]) -> str:
    """Return the content of a `results.json` as Markdown, with the failures on top and the expected ones folded."""
    # Markdown: every text goes through one of the filters below
    environment = templates(escaped=False, keep_trailing_newline=True)
    environment.filters.update(code=code, cell=cell, text=text)
    failed = list(broken(results))
    by_outcome: dict[str, list[str]] = {}
    for slug, clause in results["clauses"].items():
        by_outcome.setdefault(clause["outcome"], []).append(slug)
    deviations = [slug for slug in by_outcome.get("deviation", []) if slug not in failed]
    sections = {
        "": failed,
        "Expected failures": by_outcome.get("expected", []),
        "Errors of the suite": by_outcome.get("error", []),
        "Deviations": deviations,
        "Inconclusive": by_outcome.get("inconclusive", []),
    }
    ids = {slug: [finding["id"] for finding in clause["findings"]] for slug, clause in results["clauses"].items()}
    shown = [ids[slug][0] for slug in failed if ids[slug]]
    return environment.get_template("job-summary.md.jinja").render(
        run=results,
        headline=headline(results),
        stale=(results["expectations"] or {}).get("stale", []),
        sections=sections.items(),
        ids=ids,
        beyond=PROFILES[PROFILES.index(results["profile"]) + 1 :],
        listed={slug: _listed_in_words(results, slug) for slug in failed},
        again=replay(shown[:MOST_AGAIN], Path(RECORD_FILE)) if shown else "",
        script_file=SCRIPT_FILE,
    )


def _listed_in_words(results: Mapping[str, Any], slug: str) -> str:
    """Return what the expectations file says about the findings of a clause that also has others."""
    findings = results["clauses"][slug]["findings"]
    reasons = dict.fromkeys(finding["expected"] for finding in findings if finding.get("expected"))
    return f"; also, as expected: {'; '.join(reasons)}" if reasons else ""


def headline(results: Mapping[str, Any]) -> str:
    """Return the outcome of a run in a few words."""
    profile, gate, ending = results["profile"], results["expectations"], Ending(results["ending"])
    if ending is Ending.CONFORMS and gate and gate["expected"]:
        ending = Ending.AS_EXPECTED  # deviations that do not decide were expected
    words = ENDINGS[ending][1]
    if ending in (Ending.AS_EXPECTED, Ending.NOT_AS_EXPECTED):
        words = gate["words"]
    if ending is Ending.INTERNAL_ERROR:
        words = INTERNAL_ERROR
    return f"{profile} {SIGNS.get(ending, OTHER_SIGN)} {words}"


def broken(results: Mapping[str, Any]) -> list[str]:
    """Return the clauses that decide against the target; if there are expectations, the unexpected ones."""
    if results["expectations"]:
        return list(results["expectations"]["unexpected"])
    decisive = ("fail", "deviation") if results["level"] == "should" else ("fail",)
    return [slug for slug, clause in results["clauses"].items() if clause["outcome"] in decisive]


def annotations_of(results: Mapping[str, Any]) -> Iterator[str]:
    """Yield GitHub's workflow commands for a run: an error for each failure, a warning if nothing is decided."""
    for error in results.get("errors", []):
        yield annotation("error", f"{error['where']}: {error['what']}", title="Internal error of the suite")
    if "clauses" not in results:
        return  # the suite could not even conclude
    gate = results["expectations"] or {}
    for entry in gate.get("stale", []):
        yield annotation("error", entry["why"], file=gate["file"], line=entry["line"], title="Expectation to remove")
    for slug in broken(results):
        clause = results["clauses"][slug]
        yield annotation("error", f"{clause['statement']} Observed: {clause['reason']}", title=slug)
    for capability in results["lacking"]:
        message = f"the target lacks {capability}, which --require asks for"
        yield annotation("error", message, title="A capability is missing")
    if results["diagnosis"]:
        yield annotation("error", results["diagnosis"], title="The target cannot be tested")
    if Ending(results["ending"]) in (Ending.INCONCLUSIVE, Ending.EXPECTED_IN_PART):
        reason = results["reasons"][results["profile"]]
        yield annotation("warning", f"inconclusive: {reason}", title="Inconclusive")


def annotation(kind: str, message: str, **properties: object) -> str:
    """Return one workflow command, with everything escaped that has a meaning in it."""

    def escape(value: object, extra: str) -> str:
        return re.sub(rf"[%\r\n{extra}]", lambda match: f"%{ord(match[0]):02X}", str(value))

    shown = ",".join(f"{name}={escape(value, ':,')}" for name, value in properties.items())
    return f"::{kind} {shown}::{escape(message, '')}"


def cell(value: str) -> str:
    """Return `value` as a cell of a Markdown table, cut if it is long."""
    return text(cut(" ".join(value.split()), LONGEST_CELL))


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command `annotate`."""
    command = commands.add_parser(
        "annotate",
        help="report the results to a CI service: annotations on standard output, and a summary in Markdown",
        description="Report the results of a run to a CI service that reads GitHub's workflow commands: an "
        "annotation for each failure on standard output, and a summary in Markdown.",
        epilog=f"example: {program_here()} annotate --summary summary.md reports",
    )
    command.add_argument("results", type=Path, metavar="DIR", help="the folder with the results of a run")
    command.add_argument(
        "--summary",
        type=Path,
        metavar="FILE",
        default=os.environ.get(SUMMARY_VARIABLE),
        help=f"add the summary to this file (default: ${SUMMARY_VARIABLE}, which GitHub sets)",
    )
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    path = options.results / RESULTS_FILE
    try:
        results = _read_results(path)
    except (OSError, ValueError) as error:
        print(annotation("error", f"{path} cannot be read: {error}", title="No results"))
        return ExitStatus.WRONG_USAGE
    print(*annotations_of(results), sep="\n")
    if options.summary and "clauses" in results:
        with Path(options.summary).open("a", encoding="utf-8") as file:
            file.write(summary_of(results))
    return ExitStatus.CONFORMS


def _read_results(path: Path) -> dict[str, Any]:
    """Return the content of a `results.json`. Raises OSError, and ValueError where it has not the published form."""
    try:
        results: dict[str, Any] = json.loads(read_bounded(path))
    except RecursionError:
        raise ValueError("its JSON is nested too deeply to be read") from None
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    if not jsonschema_rs.is_valid(schema, results):
        raise ValueError(f"it does not have the form of {SCHEMA.name}: it is not of this suite, or of another version")
    return results
