"""Testing many targets: each in processes of its own, at most two at once."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.commands.matrix.standing import Cell, Standing, merged_cells, verdicts_of
from conformance.evidence.episode import Finding
from conformance.plugin.starting import RUN_COMMAND
from conformance.reports.words import curl
from conformance.targets.description import TargetDescription
from conformance.targets.installing import CACHE_VARIABLE, CannotInstall, install
from conformance.targets.running import installed_version
from contracts import Catalogue, load_catalogue

AT_ONCE = 2
RESULTS_FILE = "results.json"
LONGEST_CURL = 1000


@dataclass(frozen=True)
class Plan:
    """The plan for testing targets: the profile, the folder for results, the folder with installed targets."""

    profile: str
    results: Path
    cache: Path
    budget: str = "standard"


def test_all(targets: Sequence[TargetDescription], plan: Plan, tell: Callable[[str], object]) -> Iterator[Standing]:
    """Yield the standings of the targets, in their order, each as soon as it and those before it are known."""
    catalogue = load_catalogue()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(lambda target: standing_of(target, plan, catalogue, tell), targets)


def standing_of(target: TargetDescription, plan: Plan, catalogue: Catalogue, tell: Callable[[str], object]) -> Standing:
    """Install and test one target: a run without the clauses that kill it, and a run for each of those."""
    try:
        install(target, plan.cache, tell)
    except CannotInstall as error:
        return _standing(target, plan, [], catalogue, trouble=str(error))
    asked = {clause.slug for clause in catalogue.within(plan.profile)}
    apart = [slug for slug in target.apart if slug in asked]
    runs = [_run(target, plan, "whole", [])]
    runs += [_run(target, plan, slug, ["--clause", slug]) for slug in apart]
    tell(f"{target.name}: {runs[0].get('verdict', 'no results')}")
    troubles = [str(run["diagnosis"]) for run in runs if run.get("diagnosis")]
    return _standing(target, plan, runs, catalogue, trouble=troubles[0] if troubles else "")


def _run(target: TargetDescription, plan: Plan, name: str, more: Sequence[str]) -> dict[str, Any]:
    folder = plan.results / target.name / name
    command = [*RUN_COMMAND, "-q", "--target", target.reference, "--results", str(folder)]
    command += ["--profile", plan.profile, "--budget", plan.budget, *more]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RESULTS_FILE).unlink(missing_ok=True)
    environment = {**os.environ, CACHE_VARIABLE: str(plan.cache)}
    with (folder / "output.txt").open("wb") as output:
        subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
    try:
        results: dict[str, Any] = json.loads((folder / RESULTS_FILE).read_text())
    except (OSError, ValueError):
        return {"diagnosis": f"the run ended without results; its output is in {folder / 'output.txt'}"}
    return results


def _standing(
    target: TargetDescription, plan: Plan, runs: Sequence[Mapping[str, Any]], catalogue: Catalogue, *, trouble: str
) -> Standing:
    cells = {} if trouble else merged_cells([cells_of(run) for run in runs])
    whole: Mapping[str, Any] = runs[0] if runs and not trouble else {}
    return Standing(
        name=target.name,
        title=target.title,
        home=target.home,
        version=target.version if trouble else installed_version(target, plan.cache),
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        profile=plan.profile,
        fixtures=str(whole.get("target", {}).get("fixtures", "")),
        requests=sum(int(run.get("requests", 0)) for run in runs),
        verdicts=verdicts_of(whole["verdicts"], cells, catalogue) if whole else {},
        cells=cells,
        trouble=trouble,
    )


def cells_of(results: Mapping[str, Any]) -> dict[str, Cell]:
    """Return the cells of one run's `results.json` without clauses that were not selected.

    An expected failure has the outcome that was observed.
    """
    return {
        slug: Cell(
            outcome=clause.get("was", clause["outcome"]),
            reason=clause["reason"],
            curl=_curl_of(clause["findings"]),
            cause=clause.get("cause", ""),
        )
        for slug, clause in results["clauses"].items()
        if clause["selected"]
    }


def _curl_of(findings: Sequence[Mapping[str, Any]]) -> str:
    """Return the request that shows the first finding, with `$URL` for the base URL; empty if it is very long."""
    if not findings:
        return ""
    command = curl(Finding.from_json(findings[0]).exchange, "$URL").replace("'$URL", '"$URL"\'', 1)
    return command if len(command) <= LONGEST_CURL else ""
