"""Telling a run to a CI service: a summary of the job in Markdown, and annotations in the form that GitHub reads."""

from __future__ import annotations

import argparse
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from conformance.evidence.episode import Finding
from conformance.reports.script import script_of
from conformance.reports.templating import templates
from conformance.reports.words import curl
from conformance.verdict.run import ExitStatus

_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~])")
LONGEST_COMMAND = 1000
LONGEST_SCRIPT = 60_000
"""How many characters the script in a summary may have: services cut what is too long."""
RESULTS_FILE = "results.json"
SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"

MEANINGS: Mapping[int, str] = {
    ExitStatus.CONFORMS: "conforms",
    ExitStatus.DOES_NOT_CONFORM: "does not conform",
    ExitStatus.INTERRUPTED: "interrupted",
    ExitStatus.OUR_ERROR: "internal error of the suite (a bug of the suite, not of your server)",
    ExitStatus.NOTHING_SELECTED: "no test was selected",
    ExitStatus.UNREACHABLE: "cannot be tested",
    ExitStatus.INCONCLUSIVE: "inconclusive",
}


def summary_of(results: Mapping[str, Any]) -> str:
    """The content of a `results.json` as Markdown, with what failed on top and all that was expected folded away."""
    # Markdown: every text goes through one of the filters below
    environment = templates(escaped=False, keep_trailing_newline=True)
    environment.filters.update(code=code, cell=cell, text=text)
    failed = list(broken(results))
    gate = results.get("expectations") or {}
    by_outcome: dict[str, list[str]] = {}
    for slug, clause in results["clauses"].items():
        by_outcome.setdefault(clause["outcome"], []).append(slug)
    sections = [
        ("", failed),
        ("Expected failures", by_outcome.get("expected", [])),
        ("Errors of the suite", by_outcome.get("error", [])),
        ("Deviations", [slug for slug in by_outcome.get("deviation", []) if slug not in failed]),
        ("Inconclusive", by_outcome.get("inconclusive", [])),
    ]
    template = environment.get_template("job-summary.md.jinja")
    commands = {slug: told for slug in failed if (told := command_of(results, slug))}
    ids = {slug: [finding["id"] for finding in clause["findings"]] for slug, clause in results["clauses"].items()}
    stale = gate.get("stale", [])
    script = script_of(results)
    return template.render(
        run=results,
        headline=headline(results),
        stale=stale,
        sections=sections,
        ids=ids,
        commands=commands,
        script=script if len(script) <= LONGEST_SCRIPT else "",
        fence=fence(script),
    )


def command_of(results: Mapping[str, Any], slug: str) -> str:
    """The curl command that shows why a clause failed; empty where there is none that a person would read."""
    findings = results["clauses"][slug]["findings"]
    base_url = results["target"]["base_url"]
    told = curl(Finding.from_json(findings[0]).exchange, base_url if "://" in base_url else "$URL") if findings else ""
    return told if len(told) <= LONGEST_COMMAND and "```" not in told else ""


def headline(results: Mapping[str, Any]) -> str:
    """The outcome of a run in a few words."""
    profile, gate, status = results["profile"], results.get("expectations"), results["exit_status"]
    if gate and status == ExitStatus.DOES_NOT_CONFORM and not gate["is_met"]:
        return f"{profile} ❌ {gate['words']}"
    if gate and status == ExitStatus.CONFORMS and gate["expected"]:
        return f"{profile} 🟡 {gate['words']}"
    sign = {ExitStatus.CONFORMS: "✅", ExitStatus.DOES_NOT_CONFORM: "❌"}.get(status, "⚠️")
    return f"{profile} {sign} {MEANINGS.get(status, results['verdict'])}"


def broken(results: Mapping[str, Any]) -> Iterator[str]:
    """The clauses that decide against the target: those not expected, where there are expectations."""
    gate = results.get("expectations")
    if gate:
        yield from gate["unexpected"]
        return
    decisive = ("fail", "deviation") if results["level"] == "should" else ("fail",)
    yield from (slug for slug, clause in results["clauses"].items() if clause["outcome"] in decisive)


def annotations_of(results: Mapping[str, Any]) -> Iterator[str]:
    """GitHub's workflow commands that annotate a run: an error for each failure, a warning where nothing is decided."""
    for error in results.get("errors", []):
        yield annotation("error", f"{error['where']}: {error['what']}", title="Internal error of the suite")
    if "clauses" not in results:
        return  # the suite could not even conclude
    gate = results.get("expectations") or {}
    for entry in gate.get("stale", []):
        yield annotation("error", entry["why"], file=gate["file"], line=entry["line"], title="Expectation to remove")
    for slug in broken(results):
        clause = results["clauses"][slug]
        yield annotation("error", f"{clause['statement']} Observed: {clause['reason']}", title=slug)
    for capability in results["lacking"]:
        yield annotation("error", f"--require {capability}: the target has it not", title="A capability is gone")
    if results["diagnosis"]:
        yield annotation("error", results["diagnosis"], title="The target cannot be tested")
    elif results["exit_status"] == ExitStatus.INCONCLUSIVE:
        reason = results["reasons"][results["profile"]]
        yield annotation("warning", f"not decided: {reason}", title="Inconclusive")


def annotation(kind: str, message: str, **properties: object) -> str:
    """One workflow command, with everything escaped that has a meaning in it."""

    def escaped(value: object, extra: str) -> str:
        return re.sub(rf"[%\r\n{extra}]", lambda match: f"%{ord(match[0]):02X}", str(value))

    told = ",".join(f"{name}={escaped(value, ':,')}" for name, value in properties.items())
    return f"::{kind} {told}::{escaped(message, '')}"


def text(value: str) -> str:
    """`value` as Markdown that shows it unchanged, in one line."""
    return _MARKUP.sub(r"\\\1", " ".join(value.split()))


def cell(value: str) -> str:
    """`value` as a cell of a Markdown table; not more than two lines' worth of it."""
    shown = " ".join(value.split())
    return text(shown if len(shown) <= 240 else f"{shown[:239]}…")


def fence(value: str) -> str:
    """Back-ticks that can stand around a block which holds `value`."""
    return "`" * max(3, 1 + max((len(run) for run in re.findall("`+", value)), default=0))


def code(value: str) -> str:
    """`value` as Markdown code, whatever back-ticks it holds."""
    shown = " ".join(value.split()).replace("|", "\\|")
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    space = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{space}{shown}{space}{fence}"


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command `annotate`."""
    command = commands.add_parser(
        "annotate", help="tell a CI job's results: annotations on standard output, and a summary in Markdown"
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
        results = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        print(annotation("error", f"{path} cannot be read: {error}", title="No results"))
        return ExitStatus.WRONG_USAGE
    print(*annotations_of(results), sep="\n")
    if options.summary and "clauses" in results:
        with Path(options.summary).open("a", encoding="utf-8") as file:
            file.write(summary_of(results))
    return ExitStatus.CONFORMS
