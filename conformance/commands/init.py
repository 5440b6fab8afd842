"""The command `init`: write what a project needs for a gate in its CI: expectations, a script, and a workflow."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping
from pathlib import Path

import jinja2

from conformance.commands.run import run_suite
from conformance.paths import program_here
from conformance.reports.templating import templates
from conformance.transport.client import Address
from conformance.verdict.expectations.proposal import HEAD_WITHOUT_RUN
from conformance.verdict.run import ExitStatus
from contracts.catalogue import PROFILES

EXPECTATIONS = Path("conformance.toml")
SCRIPT = Path("conformance.sh")
WORKFLOW = Path(".github", "workflows", "conformance.yml")
RESULTS = "conformance-results"
OWNER = "OWNER/attach-conformance"


def texts_of(options: argparse.Namespace) -> Mapping[Path, str]:
    """Return the content of the script and the workflow by their paths. Raises TargetError."""
    values = {
        "start": " ".join(options.start.split()),
        "url": shlex.quote(Address.of(options.base_url).url),
        "profile": options.profile,
        "results": RESULTS,
        "action": options.action,
        "program": program_here(options.directory.resolve()),
    }
    environment = templates(escaped=False, keep_trailing_newline=True, undefined=jinja2.StrictUndefined)
    return {path: environment.get_template(f"{path.name}.jinja").render(values) for path in (SCRIPT, WORKFLOW)}


def write_new(path: Path, text: str, *, is_program: bool = False) -> bool:
    """Write a file that is not there yet, and return whether it was not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return False
    if is_program:
        path.chmod(0o755)
    return True


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command `init`."""
    command = commands.add_parser(
        "init",
        help="write expectations, a script and a workflow, with which a project tests its server in CI",
        description="Write conformance.toml, conformance.sh and .github/workflows/conformance.yml. "
        "A file that is there stays as it is.",
        epilog=f"example: {program_here()} init --start ./serve --base-url http://127.0.0.1:8420 --observe",
    )
    command.add_argument("directory", nargs="?", type=Path, default=Path(), help="that of the project (default: this)")
    command.add_argument("--start", required=True, metavar="COMMAND", help="what starts the server in the foreground")
    command.add_argument("--base-url", required=True, metavar="URL", help="where the server answers then")
    command.add_argument("--profile", choices=PROFILES, default=PROFILES[0], help="default: %(default)s")
    command.add_argument(
        "--observe", action="store_true", help="run the suite now, on the server that is up, and list what it misses"
    )
    command.add_argument(
        "--action", default=f"{OWNER}@v0.1.0", metavar="OWNER/NAME@REF", help="the action (default: %(default)s)"
    )
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    folder = options.directory.resolve()
    texts = texts_of(options)
    for path, text in texts.items():
        is_new = write_new(folder / path, text, is_program=path == SCRIPT)
        print(f"wrote {path}" if is_new else f"kept {path}, which is there already")
    if OWNER in options.action and OWNER.split("/")[0] in texts[WORKFLOW]:
        print(f"put the account that you have the suite from in the place of OWNER in {WORKFLOW}")
    status = _write_expectations(options, folder)
    print(f"with the server stopped: sh {SCRIPT}; {RESULTS}/ and server.log need not be kept")
    return status


def _write_expectations(options: argparse.Namespace, folder: Path) -> int:
    """Write the expectations file, with what the server misses if that is to be observed."""
    path = folder / EXPECTATIONS
    if path.exists():
        print(f"kept {EXPECTATIONS}, which is there already")
        return ExitStatus.CONFORMS
    run = ["--base-url", options.base_url, "--profile", options.profile]
    proposing = [*run, "--results", str(folder / RESULTS), "--write-expectations", str(path)]
    if options.observe:
        status = run_suite([*proposing, "-q"])
        is_judged = status in (ExitStatus.CONFORMS, ExitStatus.DOES_NOT_CONFORM)
        return ExitStatus.CONFORMS if is_judged and path.exists() else status
    write_new(path, HEAD_WITHOUT_RUN)
    print(f"wrote {EXPECTATIONS}, which expects nothing to fail")
    print(f"with the server up, this lists what fails: rm {EXPECTATIONS}; then the same command with --observe")
    return ExitStatus.CONFORMS
