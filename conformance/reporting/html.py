"""The top of the HTML report: the verdict, the grid of clauses, and each non-pass with its evidence."""

from __future__ import annotations

from pathlib import Path

import jinja2

from conformance.ledger import ClauseResult
from conformance.reporting.words import SIGNS, admissible_in_short, answer_in_short, culprit_of, curl
from conformance.run import Run

_TEMPLATES = Path(__file__).with_name("templates")


def html_summary(run: Run) -> str:
    """The summary as one piece of HTML, with its own style sheet and without any reference to the network."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals.update(
        signs=SIGNS,
        answer_in_short=answer_in_short,
        admissible_in_short=admissible_in_short,
        culprit_of=culprit_of,
        curl=curl,
    )
    chapters: dict[str, list[ClauseResult]] = {}
    for result in run.results.values():
        chapters.setdefault(result.clause.chapter, []).append(result)
    base_url = run.settings.base_url or "http://127.0.0.1:PORT"
    return environment.get_template("summary.html.jinja").render(run=run, chapters=chapters, base_url=base_url)
