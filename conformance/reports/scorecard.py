"""The scorecard: one screen of HTML about an implementation, for its maintainer to show or to link to."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import jinja2

from conformance.evidence.episode import Outcome
from conformance.evidence.foreign import cut
from conformance.reports.templating import templates
from conformance.reports.words import LOUD, SIGNS, finding_in_short, headline, target_in_words
from conformance.verdict.results import ClauseResult
from conformance.verdict.run import Run
from conformance.verdict.settings import DEFAULT_SEED
from contracts.catalogue import PROFILES

SCORECARD_FILE = "scorecard.html"
MOST_FINDINGS = 5
"""How many findings are shown: a screen has room for so few."""
LONGEST_LINE = 150
"""The number of characters of a finding, about what fits on one line of a wide screen."""
LONGEST_NAME = 120
"""The number of characters of the implementation's name."""

GROUPS: tuple[tuple[str, str, tuple[Outcome, ...]], ...] = (
    ("pass", "pass", (Outcome.PASS,)),
    ("fail", "fail", (Outcome.FAIL, Outcome.ERROR)),
    ("odd", "deviate", (Outcome.DEVIATION, Outcome.EXPECTED)),
    ("open", "not judged", (Outcome.INCONCLUSIVE, Outcome.NOT_RUN, Outcome.NOT_APPLICABLE)),
)
"""The columns of the grid: the style, the heading and the outcomes of each."""

GRAVEST: Sequence[Outcome] = (*(one for one in LOUD if one is not Outcome.INCONCLUSIVE), Outcome.EXPECTED)
"""The outcomes of broken clauses, the gravest first."""


@dataclass(frozen=True)
class Chapter:
    """A chapter of the catalogue, with the number of its clauses in each of GROUPS."""

    name: str
    counts: tuple[int, ...]

    @property
    def total(self) -> int:
        """The number of clauses that were selected."""
        return sum(self.counts)

    @property
    def mood(self) -> str:
        """The style of the chapter: that of the gravest outcome in it."""
        styles = [group[0] for group in GROUPS]
        passed, failed, odd, _ = (count > 0 for count in self.counts)
        if failed:
            return styles[1]
        if odd:
            return styles[2]
        return styles[0] if passed else styles[3]


def scorecard_of(run: Run) -> str:
    """Return the scorecard of a run as one HTML page without any reference to the network."""
    chapters = chapters_of(run)
    totals = [sum(counts) for counts in zip(*(chapter.counts for chapter in chapters), strict=True)]
    findings = worst_findings(run)
    return _template().render(
        run=run,
        name=_cut(target_in_words(run), LONGEST_NAME),
        headline=_cut(headline(run), LONGEST_LINE),
        words={profile: run.words(profile) for profile in PROFILES},
        rehearsed=run.settings.dry_run or run.diagnosis is not None,
        chapters=chapters,
        totals=[(group[0], group[1], total) for group, total in zip(GROUPS, totals, strict=True)] if totals else [],
        groups=GROUPS,
        findings=[(SIGNS[one.outcome], _cut(finding_in_short(one), LONGEST_LINE)) for one in findings[:MOST_FINDINGS]],
        left=len(findings[MOST_FINDINGS:]),
        command=reproducing_command(run),
        version=run.versions.get("attach-conformance", ""),
    )


def chapters_of(run: Run) -> tuple[Chapter, ...]:
    """Return the chapters of the clauses that were selected, in the order of the catalogue."""
    counts: dict[str, Counter[Outcome]] = {}
    for result in run.results.values():
        if result.selected:
            counts.setdefault(result.clause.chapter, Counter())[result.outcome] += 1
    return tuple(
        Chapter(name, tuple(sum(of_chapter[outcome] for outcome in outcomes) for _, _, outcomes in GROUPS))
        for name, of_chapter in counts.items()
    )


def worst_findings(run: Run) -> Sequence[ClauseResult]:
    """Return the results of broken clauses, the gravest first: failures before deviations, early profiles first."""
    broken = [result for result in run.results.values() if result.outcome in GRAVEST]
    return sorted(broken, key=lambda result: (GRAVEST.index(result.outcome), PROFILES.index(result.clause.profile)))


def reproducing_command(run: Run) -> str:
    """Return the command that makes such a run again; ids that were given stay out, since each can be used once."""
    settings = run.settings
    words = ["attach-conformance", "run"]
    if settings.target:
        words += ["--target", settings.target]
    elif settings.base_url is not None:
        words += ["--base-url", settings.base_url]
    words += ["--profile", settings.profile]
    words += ["--budget", settings.budget] if settings.budget != "standard" else []
    words += ["--seed", str(settings.seed)] if settings.seed != DEFAULT_SEED else []
    return shlex.join(words)


def _cut(text: str, limit: int) -> str:
    return cut(" ".join(text.split()), limit)


@cache
def _template() -> jinja2.Template:
    return templates(escaped=True, undefined=jinja2.StrictUndefined).get_template("scorecard.html.jinja")
