"""`python -m conformance targets`: list the targets, install them, and start them to see that they can be."""

from __future__ import annotations

import argparse
import signal
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

from conformance.commands.targets.checking import check_defects
from conformance.evidence.secret import made_up_key
from conformance.targets.description import TargetDescription, TargetFileError, find, shipped
from conformance.targets.installing import (
    CACHE_VARIABLE,
    CannotInstall,
    cache_folder,
    install,
    is_installed,
    missing_programs,
)
from conformance.targets.running import CannotRun, running, version_told_by
from conformance.verdict.run import ExitStatus


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command `targets`."""
    command = commands.add_parser("targets", help="list the known implementations; install and start them")
    command.add_argument(
        "names", nargs="*", metavar="NAME", help="a target's name or file (default: every one shipped)"
    )
    command.add_argument("--install", action="store_true", help="install those that are not there yet")
    command.add_argument(
        "--start",
        action="store_true",
        help="install and start each on loopback, tell its address and version, and stop it again",
    )
    command.add_argument("--keep", action="store_true", help="with --start: let them run until interrupted")
    command.add_argument(
        "--check",
        action="store_true",
        help="with --start: run the commands that show each one's recorded defects again",
    )
    add_cache_option(command)
    command.set_defaults(run=_run)


def add_cache_option(command: argparse.ArgumentParser) -> None:
    """Register the option that says where targets are installed."""
    command.add_argument(
        "--cache",
        type=Path,
        metavar="DIR",
        default=None,
        help=f"where they are installed (default: ${CACHE_VARIABLE}, or a folder in the user's cache)",
    )


def chosen(names: Sequence[str]) -> list[TargetDescription]:
    """The targets of those names or files; every shipped one where there are none. Raises TargetFileError."""
    return [find(name, Path.cwd()) for name in names] if names else list(shipped().values())


def _run(options: argparse.Namespace) -> int:
    try:
        targets = chosen(options.names)
    except TargetFileError as error:
        print(error, file=sys.stderr)
        return ExitStatus.WRONG_USAGE
    cache = (options.cache or cache_folder()).absolute()
    if not (options.install or options.start or options.keep or options.check):
        for line in listing(targets, cache):
            print(line)
        return ExitStatus.CONFORMS
    failed = False
    startable = [target for target in targets if target.server]
    for target in targets:
        if target.server is None:
            print(f"{target.name}: not started here: it is at {target.base_url}")
    for target in startable:
        try:
            install(target, cache, lambda line: print(line, flush=True))
            if options.start or options.keep or options.check:
                failed |= not _start(target, cache, keep=options.keep, check=options.check)
        except (CannotInstall, CannotRun) as error:
            print(error, file=sys.stderr)
            failed = True
    return ExitStatus.UNREACHABLE if failed else ExitStatus.CONFORMS


def _start(target: TargetDescription, cache: Path, *, keep: bool, check: bool) -> bool:
    """Start and stop one; whether all that was checked is as it is recorded."""
    as_recorded = _check(target, cache) if check else True
    with running(target, made_up_key(), cache=cache) as base_url:
        print(f"{target.name} {version_told_by(target, cache)}: {base_url}", flush=True)
        if keep:
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            try:
                signal.pause()
            except KeyboardInterrupt:
                print()
    print(f"{target.name}: stopped", flush=True)
    return as_recorded


def _check(target: TargetDescription, cache: Path) -> bool:
    """Run the commands of the recorded defects; whether all show what they did. What ends a server gets a new one."""
    left, key, as_recorded = list(target.defects), made_up_key(), True
    while left:
        with running(target, key, cache=cache) as base_url:
            done = 0
            for found in check_defects(target, left, base_url, key):
                done += 1
                as_recorded &= found.shows
                print(f"{target.name}: {'is there' if found.shows else 'NOT THERE'}: {found.defect.clause}", flush=True)
                if not found.shows:
                    print(textwrap.indent(f"{found.defect.curl}\n{found.printed[:1000]}", "    "), flush=True)
        if not done:
            raise CannotRun(f"{target.name} does not stay up")
        left = left[done:]
    return as_recorded


def listing(targets: Sequence[TargetDescription], cache: Path) -> list[str]:
    """One line for each target: name, version, whether it can be started, and what it is."""
    width = max(len(target.name) for target in targets)
    return [
        f"{target.name:<{width}}  {target.version:<13}  {_state(target, cache):<15}  {target.about}"
        for target in targets
    ]


def _state(target: TargetDescription, cache: Path) -> str:
    if target.server is None:
        return "elsewhere"
    if missing := missing_programs(target):
        return f"needs {', '.join(missing)}"
    return "installed" if is_installed(target, cache) else "not installed"
