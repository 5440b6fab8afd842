"""The commands of the documents, and a folder in which they run unchanged.

Only commands that need the network or another machine are replaced: `git clone` links this suite, a new virtual
environment is the one that runs the tests, `pip install` checks that the package is installed, `pipx` and `uvx` check
that the suite is where it is said to be, `docker` runs the command of the image's entry point, Stripe's address is that
of the reference, and each port is a free one.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from benchmarks.suite import paths_for
from conformance.paths import SUITE
from meta_tests import launcher

PAGES = tuple(sorted([SUITE / "README.md", SUITE / "CONTRIBUTING.md", *(SUITE / "docs").glob("*.md")]))
KEY = "sk_test_documents0123456789abcdef"
REPOSITORY = "https://git.example/attach-conformance.git"
"""What stands for the repository that a reader has the suite from."""
LANGUAGES = ("sh", "toml", "yaml", "json", "text", "diff")

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)$")
_REMARK = re.compile(r"^<!-- (?:exits with (?P<status>\d+)|file: (?P<file>\S+)) -->$")
_PORT = re.compile(r"\b84\d\d\b")


@dataclass(frozen=True)
class Block:
    """A fenced block: its text, where it begins, the status with which its commands end, the file that it is to be."""

    page: Path
    line: int
    language: str
    text: str
    status: int = 0
    file: str = ""

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page, with what the remark before each says."""
    lines = page.read_text(encoding="utf-8").splitlines()
    number = 0
    while number < len(lines):
        if fence := _FENCE.match(lines[number]):
            remark = _REMARK.match(lines[number - 1]) if number else None
            end = next(later for later in range(number + 1, len(lines)) if lines[later].strip() == "```")
            text = "\n".join(line.removeprefix(fence["indent"]) for line in lines[number + 1 : end]) + "\n"
            status, file = (int(remark["status"] or 0), remark["file"] or "") if remark else (0, "")
            yield Block(page, number + 1, fence["language"], text, status, file)
            number = end
        number += 1


def scripts_of(page: Path) -> list[Block]:
    """The blocks of a page that a reader types into a shell, or keeps as a file for the others to use."""
    return [block for block in blocks(page) if block.language == "sh" or block.file]


def workflow_steps(block: Block) -> list[Mapping[str, Any]]:
    """The steps of the one job of a GitHub workflow; none where the block is something else."""
    document = yaml.safe_load(block.text)
    jobs = document.get("jobs", {}) if isinstance(document, dict) else {}
    return [step for job in jobs.values() for step in job["steps"]]


def pipeline_script(block: Block) -> list[str]:
    """The commands of the one job of a GitLab pipeline; none where the block is something else."""
    document = yaml.safe_load(block.text)
    jobs = document.values() if isinstance(document, dict) else ()
    return [line for job in jobs if isinstance(job, dict) for line in job.get("script", ())]


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass
class Workplace:
    """A folder in which commands of a document run.

    `words` are replaced in every script; with `clauses`, every run of the suite judges only these. At `socket` a
    launcher serves what the scripts start.
    """

    folder: Path
    socket: Path
    words: dict[str, str] = field(default_factory=dict)
    clauses: tuple[str, ...] = ()
    ports: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.project = self.folder / "project"
        self.shims = self.folder / "shims"
        self.tools = self.folder / "tools"
        for folder in (self.project, self.shims, self.tools):
            folder.mkdir(parents=True)
        for name in ("python3", "git", "docker", "pipx", "uvx"):
            self._write(self.shims / name, SHIMS[name])
        for name in ("python", "pip", "pytest", "attach-conformance", "tox"):
            self._write(self.tools / name, SHIMS[name])

    @staticmethod
    def _write(path: Path, text: str) -> None:
        path.write_text(f"#!/bin/bash\nset -eu\n{text}")
        path.chmod(0o755)

    def port(self, number: str | int) -> int:
        """The free port that stands for the one in the documents."""
        if str(number) not in self.ports:
            self.ports[str(number)] = free_port()
        return self.ports[str(number)]

    def translated(self, text: str) -> str:
        """A document's script with ports that are free here, and the words of this place."""
        for word, other in self.words.items():
            text = text.replace(word, other)
        return _PORT.sub(lambda match: str(self.port(match[0])), text)

    def keep(self, block: Block) -> None:
        """Keep a block as the file that it is to be."""
        (self.project / block.file).write_text(self.translated(block.text))

    def run(self, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a script as GitHub and GitLab would, and end the processes that it leaves running."""
        shown = {name: value for name, value in os.environ.items() if name not in ("STRIPE_API_KEY", "PYTEST_ADDOPTS")}
        place = {
            "PATH": f"{self.shims}:{os.environ['PATH']}",
            "PLACE_SUITE": str(SUITE),
            "PLACE_PYTHON": sys.executable,
            "PLACE_TOOLS": str(self.tools),
            "PLACE_LAUNCHER": launcher.__file__,
            "PLACE_SOCKET": str(self.socket),
            "PLACE_OPTIONS": " ".join(f"--clause {slug}" for slug in self.clauses),
            "PLACE_TESTS": " ".join(paths_for(self.clauses)),
            "ATTACH_CONFORMANCE": REPOSITORY,
            "CONFORMANCE_TARGETS": str(self.folder / "targets"),
        }
        output = self.folder / "output.txt"
        with output.open("wb") as file:
            process = subprocess.Popen(
                ["bash", "-euo", "pipefail", "-c", self.translated(script)],
                cwd=self.project,
                env={**shown, **place, **environment},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                status = process.wait(120)
            finally:
                # The process group is the script's own: it holds the servers that the script has started.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        return subprocess.CompletedProcess(script, status, output.read_text(errors="replace"))


SHIMS: Mapping[str, str] = {
    "python3": """
if [ "${1-} ${2-}" = "-m venv" ]; then
    mkdir -p "$3"; ln -sfn "$PLACE_TOOLS" "$3/bin"; exit
fi
exec "$PLACE_PYTHON" "$@"
""",
    # With -S and -I, Python starts in a moment; all that the launcher imports is Python's own.
    "python": """
case "${1-} ${2-}" in
    "-m pytest"|"-m conformance") exec "$PLACE_PYTHON" -S -I "$PLACE_LAUNCHER" "$PLACE_SOCKET" "$@" ;;
    *) exec "$PLACE_PYTHON" "$@" ;;
esac
""",
    "pip": """
[ "$1" = install ]; shift
while [ $# -gt 0 ]; do
    case "$1" in
        --quiet|--disable-pip-version-check) ;;
        --editable) shift; [ -f "${1%%\\[*}/pyproject.toml" ] ;;
        .|"$PLACE_SUITE") [ -f "$PLACE_SUITE/pyproject.toml" ] ;;
        "git+$ATTACH_CONFORMANCE") ;;
        -*) echo "pip: $1 is not expected here"; exit 2 ;;
        *) "$PLACE_PYTHON" -c 'import importlib.metadata, sys; importlib.metadata.version(sys.argv[1])' "$1" ;;
    esac
    shift
done
""",
    "pytest": """
set -- --rootdir "$PLACE_SUITE" $PLACE_TESTS -p no:cacheprovider "$@" $PLACE_OPTIONS
exec "$PLACE_TOOLS/python" -m pytest "$@"
""",
    "attach-conformance": """
if [ "$1" = run ]; then set -- "$@" $PLACE_OPTIONS; fi
exec "$PLACE_TOOLS/python" -m conformance "$@"
""",
    "pipx": """
[ "$1 $2 $4" = "run --spec attach-conformance" ]
[ -f "$3/pyproject.toml" ] || [ "$3" = "git+$ATTACH_CONFORMANCE" ]
shift 4
exec "$PLACE_TOOLS/attach-conformance" "$@"
""",
    "uvx": """
[ "$1 $3" = "--from attach-conformance" ]
[ -f "$2/pyproject.toml" ] || [ "$2" = "git+$ATTACH_CONFORMANCE" ]
shift 3
exec "$PLACE_TOOLS/attach-conformance" "$@"
""",
    # The tests of the suite are what runs this.
    "tox": 'grep --quiet testenv "$PLACE_SUITE/tox.ini"\n',
    "git": """
[ "$1" = clone ]
for folder; do :; done
mkdir -p "$(dirname "$folder")"; ln -sfn "$PLACE_SUITE" "$folder"
""",
    "docker": """
if [ "$1" = build ]; then for folder; do :; done; [ -f "$folder/Dockerfile" ]; exit; fi
[ "$1" = run ]
while [ "$1" != attach-conformance ]; do
    if [ "$1" = --volume ]; then cd "${2%%:*}"; fi
    shift
done
shift
exec "$PLACE_TOOLS/attach-conformance" run "$@"
""",
}
