"""The history of implementations: what fails at each of several versions, as rows, a plot and a table."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from conformance.commands.matrix.standing import Standing, StandingFileError
from conformance.commands.matrix.testing import Plan, standing_of
from conformance.evidence.files import write_whole
from conformance.reports.templating import templates
from conformance.targets.description import FOLDER, TargetDescription
from conformance.targets.installing import CannotInstall, install
from contracts import load_catalogue

STORED = FOLDER / "history.json"
"""The releases that the page and the plot of the docs show."""
ROW_HEIGHT = 22
"""The height of a row of the plot, in pixels."""
LONGEST_BAR = 400
"""The length of the longest bar of the plot, in pixels."""


@dataclass(frozen=True)
class Release:
    """One version of an implementation: its broken clauses, or the `trouble` because of which there are none."""

    name: str
    title: str
    version: str
    date: str
    passed: int = 0
    failed: tuple[str, ...] = ()
    deviating: tuple[str, ...] = ()
    trouble: str = ""

    @property
    def summary(self) -> str:
        """One line about this version."""
        counts = f"{self.passed} pass, {len(self.failed)} fail, {len(self.deviating)} deviation"
        return f"{self.title} {self.version}: {self.trouble or counts}"


@dataclass(frozen=True)
class Change:
    """A release, with the clauses that failed before and do not now, and those that fail only now."""

    release: Release
    fixed: tuple[str, ...]
    new: tuple[str, ...]


@dataclass(frozen=True)
class PlotRow:
    """A row of the plot: the place of its text in pixels, and the length of its bar; a title has none."""

    y: int
    label: str
    words: str = ""
    length: float = 0.0
    is_title: bool = False


def measure_history(
    targets: Iterable[TargetDescription], plan: Plan, tell: Callable[[str], object]
) -> Iterator[Release]:
    """Yield the releases of the targets, each implementation's oldest first; one is tested at a time."""
    for target in targets:
        for version in (*target.earlier, target.version):
            yield _test(target.at_version(version), plan, tell)


def _test(target: TargetDescription, plan: Plan, tell: Callable[[str], object]) -> Release:
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    untested = Release(target.name, target.title, target.version, today)
    try:
        install(target, plan.cache, tell)
    except CannotInstall as error:
        tell(str(error))
        return replace(untested, trouble="could not be installed")
    own = replace(plan, results=plan.results / target.version)
    standing = standing_of(target, own, load_catalogue(), tell)
    if standing.trouble:
        tell(standing.trouble)
        return replace(untested, trouble="could not be tested")
    return release_of(standing)


def release_of(standing: Standing) -> Release:
    """Return what the history keeps of a standing."""
    failed, deviating = (
        tuple(slug for slug, cell in standing.cells.items() if cell.outcome == outcome)
        for outcome in ("fail", "deviation")
    )
    passed = standing.count("pass")
    return Release(standing.name, standing.title, standing.version, standing.date, passed, failed, deviating)


def store_history(releases: Sequence[Release], path: Path = STORED) -> None:
    """Keep the releases in place of those of the same implementations."""
    names = {release.name for release in releases}
    old = read_history(path) if path.exists() else []
    kept = [release for release in old if release.name not in names]
    by_name = sorted([*kept, *releases], key=lambda release: release.name)
    lines = ",\n".join(f" {json.dumps(asdict(release), ensure_ascii=False)}" for release in by_name)
    write_whole(path, f"[\n{lines}\n]\n".encode())


def read_history(path: Path = STORED) -> list[Release]:
    """Return the releases in a file. Raises StandingFileError."""
    try:
        return [_release(row) for row in json.loads(path.read_text(encoding="utf-8"))]
    except OSError as error:
        raise StandingFileError(f"{path}: {error.strerror}") from None
    except (ValueError, TypeError, KeyError) as error:
        raise StandingFileError(f"{path} holds no releases: {error}") from None


def _release(row: dict[str, Any]) -> Release:
    return Release(**{**row, "failed": tuple(row["failed"]), "deviating": tuple(row["deviating"])})


def changes(releases: Sequence[Release]) -> list[Change]:
    """Return the releases with what differs from the tested release of the same implementation before each."""
    found = []
    before: dict[str, Release] = {}
    for release in releases:
        last = before.get(release.name, release)
        if release.trouble:
            found.append(Change(release, (), ()))
            continue
        fixed, new = set(last.failed) - set(release.failed), set(release.failed) - set(last.failed)
        found.append(Change(release, tuple(sorted(fixed)), tuple(sorted(new))))
        before[release.name] = release
    return found


def plot_rows(releases: Sequence[Release]) -> list[PlotRow]:
    """Return the rows of the plot: a title for each implementation, then its versions."""
    most = max((len(release.failed) for release in releases), default=0)
    rows: list[PlotRow] = []
    title = ""
    for release in releases:
        if release.title != title:
            title = release.title
            rows.append(PlotRow(ROW_HEIGHT * (len(rows) + 1), title, is_title=True))
        failing = len(release.failed)
        length = round(LONGEST_BAR * failing / most, 1) if most else 0.0
        rows.append(PlotRow(ROW_HEIGHT * (len(rows) + 1), release.version, release.trouble or str(failing), length))
    return rows


def history_plot(releases: Sequence[Release]) -> str:
    """Return the plot of the failing MUST clauses by version, as SVG."""
    rows = plot_rows(releases)
    template = templates(escaped=True).get_template("history.svg.jinja")
    return template.render(rows=rows, height=ROW_HEIGHT * (len(rows) + 1)) + "\n"
