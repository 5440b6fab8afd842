"""The command `explain`: what a clause demands and why, which software breaks it; and a finding of a run in full."""

from __future__ import annotations

import argparse
import ast
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import jinja2

from conformance.commands.replay.looking_up import CannotReplay, look_up, meant, read_run, read_run_before
from conformance.paths import IN_A_CLONE, PROGRAM, TESTS, program_here
from conformance.reports.details import finding_alone
from conformance.reports.reproduction import USUAL_RECORD, Reached, explain_finding, replay
from conformance.reports.script import script_command
from conformance.reports.templating import templates
from conformance.targets.description import Defect, TargetDescription, members, shipped
from conformance.verdict.misuse import Misuse
from conformance.verdict.run import ExitStatus
from contracts import Catalogue, Clause, load_catalogue

MARK = "clause"
FINDING_ID = re.compile(r"[0-9a-f]{7,}")
"""The id of a finding; a clause has a dot in its name."""
PASSING = Path(__file__).with_name("passing.json")
"""Requests that pass and their answers, a line each, by clause, as `python -m benchmarks.passing` wrote them down."""
ALL_CLAUSES = "a clause looks like expand.inlined (docs/clauses.md lists them), the id of a finding like 4fcf6f5"


@dataclass(frozen=True)
class Explanation:
    """A clause, the reasons for which tests judge it, and the implementations that break it, with what each does.

    `passing` are requests that pass and their answers, a line each, in order.
    """

    clause: Clause
    reasons: tuple[str, ...]
    passing: tuple[str, ...]
    broken_by: tuple[tuple[TargetDescription, Defect], ...]


def explain(slug: str, catalogue: Catalogue | None = None) -> Explanation:
    """Return the explanation of a clause. Raises KeyError where there is none of that name."""
    clause = (catalogue or load_catalogue())[slug]
    broken_by = ((target, defect) for target in _implementations() for defect in target.defects)
    return Explanation(
        clause,
        _reasons().get(slug, ()),
        tuple(_passing().get(slug, ())),
        tuple(pair for pair in broken_by if pair[1].clause == slug),
    )


def as_markdown(explanation: Explanation, program: str = PROGRAM) -> str:
    """Return an explanation without its heading; `program` is how the reader calls the program."""
    return _template().render(explanation=explanation, program=program).rstrip("\n")


@cache
def _template() -> jinja2.Template:
    return templates(escaped=False, undefined=jinja2.StrictUndefined).get_template("explanation.md.jinja")


def page(catalogue: Catalogue) -> str:
    """Return the explanations of all clauses as one page, without its first line."""
    said = f"`{PROGRAM} explain CLAUSE` says the same in a terminal ({IN_A_CLONE})."
    lines = ["# Each clause explained", "", said]
    for clause in catalogue:
        lines += ["", f"## {clause.slug}", "", as_markdown(explain(clause.slug, catalogue))]
    return "\n".join(lines) + "\n"


@cache
def _implementations() -> tuple[TargetDescription, ...]:
    """Return the shipped targets, and the programs of the zoo."""
    return (*shipped().values(), *members().values())


@cache
def _passing() -> dict[str, list[str]]:
    """Return what was written down of the embedded reference, by clause."""
    passing: dict[str, list[str]] = json.loads(PASSING.read_text(encoding="utf-8"))
    return passing


@cache
def _reasons() -> dict[str, tuple[str, ...]]:
    """Return the first paragraph of the docstring of each test, by the clause that it is for."""
    found: dict[str, list[str]] = {}
    for path in sorted(TESTS.glob("test_*.py")):
        tests = (node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef))
        for test in tests:
            reason = " ".join((ast.get_docstring(test) or "").partition("\n\n")[0].split())
            for slug in _slugs(test) if reason else ():
                found.setdefault(slug, []).append(reason)
    return {slug: tuple(dict.fromkeys(texts)) for slug, texts in found.items()}


def _slugs(test: ast.FunctionDef) -> Iterator[str]:
    """Yield the clauses of a test: that of its mark, or those of its parameters."""
    for decorator in test.decorator_list:
        if not isinstance(decorator, ast.Call):
            continue
        is_mark = isinstance(decorator.func, ast.Name) and decorator.func.id == MARK
        within = decorator.args[:1] if is_mark else [decorator]
        if is_mark or isinstance(decorator.func, ast.Attribute):
            texts = (one.value for root in within for one in ast.walk(root) if isinstance(one, ast.Constant))
            yield from (text for text in texts if isinstance(text, str) and "." in text and " " not in text)


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command `explain`."""
    command = commands.add_parser(
        "explain",
        help="say what a clause demands and why, and what breaks it; or show a finding of a run in full",
        description="Say what a clause demands and why, its source, what a conforming server answers, which real "
        "software breaks it, and what the last run found. Of a finding, show request, response, all steps in order, "
        "and how to send it again.",
        epilog=f"example: {program_here()} explain expand.inlined 4fcf6f5",
    )
    command.add_argument(
        "names", nargs="+", metavar="CLAUSE-or-ID", help="a clause, such as expand.inlined, or the id of a finding"
    )
    command.add_argument(
        "--record", type=Path, metavar="FILE", help=f"the run whose findings are shown (default: {USUAL_RECORD})"
    )
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    catalogue = load_catalogue()
    explained: list[Iterable[str]] = []
    for name in options.names:
        if FINDING_ID.fullmatch(name):
            explained.append(_of_finding(name, options.record or USUAL_RECORD))
        else:
            explained.append(_of_clause(name, catalogue, options.record))
    for number, lines in enumerate(explained):
        print(*([""] if number else []), *lines, sep="\n")
    return ExitStatus.CONFORMS


def _of_clause(slug: str, catalogue: Catalogue, record: Path | None) -> Iterable[str]:
    if slug not in catalogue:
        hint = meant(slug, catalogue.by_slug) or ALL_CLAUSES
        raise Misuse(f"there is no clause and no finding {slug!r}: {hint}")
    return (slug, "", as_markdown(explain(slug, catalogue), program_here()), *_found_in(record, slug))


def _found_in(path: Path | None, slug: str) -> Iterator[str]:
    """Yield the findings of a recorded run about a clause. Raises CannotReplay where a record that is named is broken.

    Without a name it is the record of the last run, if there is a good one. Where that run did not judge the clause,
    they are those of the run before it.
    """
    try:
        recorded = read_run(path or USUAL_RECORD)
    except CannotReplay:
        if path is not None:
            raise
        return
    result = recorded.run.results.get(slug)
    if result is None or result.is_left_out:
        recorded = read_run_before(recorded.path) or recorded
    found = [finding for finding in recorded.findings.values() if finding.clause == slug]
    if found:
        yield from ("", f"Findings in {recorded}:", "")
    yield from (f"- `{explain_finding(finding.id, recorded.path)}`: {finding.observed}" for finding in found)


def _of_finding(name: str, path: Path) -> Iterable[str]:
    """Return the lines about a finding of a recorded run. Raises CannotReplay where there is none of that id."""
    recorded, (finding,) = look_up([name], path)
    clause = recorded.run.catalogue[finding.clause]
    again = replay([name], recorded.path, program_here())
    script = script_command(name, recorded.path)
    return (
        f"{clause.slug}  {clause.level}",
        clause.statement,
        f"why: {program_here()} explain {clause.slug}",
        *([f"from {recorded}"] if recorded.is_earlier else []),
        "",
        *finding_alone(finding, clause, Reached.by(recorded.run), again, script, recorded.passed_beside(finding)),
    )
