"""`attach-conformance targets`: list the targets, install them, and start them to see that they can be."""

from __future__ import annotations

import argparse
import signal
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

from conformance.commands.targets.checking import check_defects
from conformance.evidence.secret import made_up_key
from conformance.paths import program_here
from conformance.targets.description import TargetDescription, find, shipped
from conformance.targets.installing import (
    CACHE_VARIABLE,
    CannotInstall,
    cache_folder,
    install,
    is_installed,
    missing_programs,
)
from conformance.targets.running import CannotRun, installed_version, running
from conformance.verdict.run import ExitStatus


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command `targets`."""
    command = commands.add_parser(
        "targets",
        help="list the known implementations; install and start them",
        description="List the known implementations, with their versions and what they lack; install, check or "
        "start them.",
        epilog=f"example: {program_here()} targets --install localstripe",
    )
    command.add_argument(
        "names", nargs="*", metavar="NAME", help="a target's name or file (default: every one shipped)"
    )
    command.add_argument("--install", action="store_true", help="install those that are not there yet")
    command.add_argument(
        "--start",
        action="store_true",
        help="install and start each on loopback, print its address and version, and stop it again",
    )
    command.add_argument("--keep", action="store_true", help="with --start: keep them running until interrupted")
    command.add_argument(
        "--check",
        action="store_true",
        help="with --start: check that the commands of the recorded defects still show them",
    )
    add_cache_option(command)
    command.set_defaults(run=_run)


def add_cache_option(command: argparse.ArgumentParser) -> None:
    """Register the option for the folder of installed targets."""
    command.add_argument(
        "--cache",
        type=Path,
        metavar="DIR",
        default=None,
        help=f"the folder for installed targets (default: ${CACHE_VARIABLE}, or one in the user's cache)",
    )


def chosen(names: Sequence[str]) -> list[TargetDescription]:
    """Return the targets of those names or files; every shipped one if there are none. Raises TargetFileError."""
    return [find(name, Path.cwd()) for name in names] if names else list(shipped().values())


def _run(options: argparse.Namespace) -> int:
    targets = chosen(options.names)
    cache = (options.cache or cache_folder()).absolute()
    starts = options.start or options.keep or options.check
    if not (options.install or starts):
        print(*listing(targets, cache), sep="\n")
        return ExitStatus.CONFORMS

    for target in targets:
        if not target.server:
            print(f"{target.name}: not started here: it is at {target.base_url}")
    are_fine = True
    for target in targets:
        if not target.server:
            continue
        try:
            install(target, cache, lambda line: print(line, flush=True))
            if starts:
                are_fine &= _start(target, cache, keep=options.keep, check=options.check)
        except (CannotInstall, CannotRun) as error:
            print(error, file=sys.stderr)
            are_fine = False
    return ExitStatus.CONFORMS if are_fine else ExitStatus.UNREACHABLE


def _start(target: TargetDescription, cache: Path, *, keep: bool, check: bool) -> bool:
    """Start and stop a target; return whether all that was checked is as recorded."""
    is_as_recorded = _check(target, cache) if check else True
    with running(target, made_up_key(), cache=cache) as base_url:
        print(f"{target.name} {installed_version(target, cache)}: {base_url}", flush=True)
        if keep:
            _wait_for_interrupt()
    print(f"{target.name}: stopped", flush=True)
    return is_as_recorded


def _wait_for_interrupt() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        signal.pause()
    except KeyboardInterrupt:
        print()


def _check(target: TargetDescription, cache: Path) -> bool:
    """Run the commands of the recorded defects; return whether all still show. A server that ended is started again."""
    left, key, is_as_recorded = list(target.defects), made_up_key(), True
    while left:
        with running(target, key, cache=cache) as base_url:
            checks = []
            for check in check_defects(target, left, base_url, key):
                checks.append(check)
                word = "still shows" if check.shows else "NO LONGER SHOWS"
                print(f"{target.name}: {word}: {check.defect.clause}", flush=True)
                if not check.shows:
                    print(textwrap.indent(f"{check.defect.curl}\n{check.printed[:1000]}", "    "), flush=True)
        if not checks:
            raise CannotRun(f"{target.name} does not stay up")
        is_as_recorded &= all(check.shows for check in checks)
        left = left[len(checks) :]
    return is_as_recorded


def listing(targets: Sequence[TargetDescription], cache: Path) -> list[str]:
    """Return one line for each target: name, version, state, and description."""
    width = max(len(target.name) for target in targets)
    return [
        f"{target.name:<{width}}  {target.version:<13}  {_state(target, cache):<15}  {target.about}"
        for target in targets
    ]


def _state(target: TargetDescription, cache: Path) -> str:
    if not target.server:
        return "elsewhere"
    missing = missing_programs(target)
    if missing:
        return f"needs {', '.join(missing)}"
    return "installed" if is_installed(target, cache) else "not installed"
