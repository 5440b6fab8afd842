"""`attach-conformance matrix`: test many targets, and write the table of what each does with each clause."""

from __future__ import annotations

import argparse
from pathlib import Path

from conformance.commands.matrix.history import Release, history_plot, measure_history, read_history, store_history
from conformance.commands.matrix.page import html_page, lasting, markdown_page
from conformance.commands.matrix.standing import Standing, from_json, to_json, updated
from conformance.commands.matrix.testing import Plan, test_all
from conformance.commands.targets.command import add_cache_option
from conformance.evidence.files import write_whole
from conformance.paths import IS_CLONE, program_here
from conformance.scenes.budgets import BUDGETS
from conformance.targets.description import FOLDER, TargetDescription, find, shipped
from conformance.targets.installing import cache_folder
from conformance.verdict.run import ExitStatus
from contracts import load_catalogue
from contracts.catalogue import PROFILES

STORED = FOLDER / "standings.json"
"""The standings from which the page of the docs is written."""


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command `matrix`."""
    command = commands.add_parser(
        "matrix",
        help="test many implementations, and write one table of them all",
        description="Install, start and test many implementations, one after the other, and write one table of "
        "them all.",
        epilog=f"example: {program_here()} matrix localstripe stripe-mock",
    )
    command.add_argument(
        "names",
        nargs="*",
        metavar="TARGET",
        help="a target's name or file (default: every shipped one that is started on this machine)",
    )
    command.add_argument("--profile", choices=PROFILES, default=PROFILES[-1], help="(default: %(default)s)")
    command.add_argument("--budget", choices=tuple(BUDGETS), default="standard", help="(default: %(default)s)")
    command.add_argument(
        "--results",
        type=Path,
        metavar="DIR",
        default=Path("reports/matrix"),
        help="folder for matrix.html, matrix.md and the report of each run (default: %(default)s)",
    )
    command.add_argument(
        "--history",
        action="store_true",
        help="test the earlier versions that the targets' files name too, and draw the failures by version "
        "(default: the targets that name any)",
    )
    if IS_CLONE:
        where = f"{STORED.parent.name}/{STORED.name}"
        command.add_argument("--store", action="store_true", help=f"keep the standings in {where} too")
    add_cache_option(command)
    command.set_defaults(run=_run, store=False)


def _run(options: argparse.Namespace) -> int:
    targets = [find(name, Path.cwd()) for name in options.names] if options.names else _startable()
    results = options.results.absolute()
    plan = Plan(options.profile, results, (options.cache or cache_folder()).absolute(), options.budget)
    if options.history:
        chosen = targets if options.names else [target for target in targets if target.earlier]
        return _run_history(chosen, plan, keep=options.store)
    standings = list(test_all(targets, plan, lambda line: print(line, flush=True)))
    write_pages(standings, {target.name: target for target in targets}, results)
    if options.store:
        store([standing for standing, target in zip(standings, targets, strict=True) if target.is_recorded])
    for standing in standings:
        print(summary(standing))
    print(f"the table is in {results / 'matrix.html'} and {results / 'matrix.md'}")
    return ExitStatus.UNREACHABLE if any(standing.trouble for standing in standings) else ExitStatus.CONFORMS


def _run_history(targets: list[TargetDescription], plan: Plan, *, keep: bool) -> int:
    """Test every version of the targets, and draw their failures."""
    releases: list[Release] = []
    for release in measure_history(targets, plan, lambda line: print(line, flush=True)):
        releases.append(release)
        print(release.summary, flush=True)
    plot = plan.results / "history.svg"
    plot.parent.mkdir(parents=True, exist_ok=True)
    write_whole(plot, history_plot(releases).encode())
    if keep:
        store_history(releases)
    print(f"the plot is in {plot}")
    return ExitStatus.UNREACHABLE if any(release.trouble for release in releases) else ExitStatus.CONFORMS


def _startable() -> list[TargetDescription]:
    return [target for target in shipped().values() if target.server]


def write_pages(standings: list[Standing], targets: dict[str, TargetDescription], folder: Path) -> None:
    """Write the table into `folder`, as HTML and as Markdown."""
    catalogue = load_catalogue()
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "matrix.html", html_page(standings, targets, catalogue).encode())
    write_whole(folder / "matrix.md", markdown_page(standings, targets, catalogue).encode())


def store(standings: list[Standing], path: Path = STORED) -> None:
    """Merge the standings into the stored ones, from which the page of the docs is written."""
    old = from_json(path) if path.exists() else []
    kept = updated(old, [lasting(standing) for standing in standings if not standing.trouble])
    write_whole(path, to_json(sorted(kept, key=lambda standing: standing.name)).encode())


def stored_page() -> str:
    """Return the page of the docs, from the stored standings. Raises StandingFileError."""
    return markdown_page(from_json(STORED), shipped(), load_catalogue(), read_history())


def summary(standing: Standing) -> str:
    """Return one line about one implementation."""
    head = f"{standing.title} {standing.version}"
    if standing.trouble:
        return f"{head}: not tested: {standing.trouble}"
    verdicts = ", ".join(f"{profile} {verdict}" for profile, verdict in standing.verdicts.items())
    counts = ", ".join(f"{standing.count(outcome)} {outcome}" for outcome in ("pass", "fail", "deviation"))
    return f"{head}: {verdicts} ({counts})"
