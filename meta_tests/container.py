"""The Dockerfile, read; and done without Docker: `python -m meta_tests.container [OPTION…]`.

What it copies goes into an empty folder, what it installs into a new virtual environment (by uv, which is faster than
pip), and its entry point runs the suite from another folder with the options given. That shows that the image holds all
it needs; the base image, and the user that it runs as, are not tried.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from conformance.paths import SUITE

DOCKERFILE = SUITE / "Dockerfile"
DEFAULT_OPTIONS = ("--profile", "contract", "--budget", "quick", "-q")


@dataclass(frozen=True)
class Instruction:
    """One instruction of a Dockerfile, its lines joined."""

    name: str
    text: str

    @property
    def words(self) -> list[str]:
        """Its words; of the JSON form, the elements."""
        return list(json.loads(self.text)) if self.text.startswith("[") else shlex.split(self.text)


def instructions(text: str) -> Iterator[Instruction]:
    """The instructions of a Dockerfile, in order."""
    lines = (line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    for line in joined(lines):
        name, _, rest = line.partition(" ")
        yield Instruction(name, rest.strip())


def joined(lines: Iterator[str]) -> Iterator[str]:
    """The lines, those that end with a backslash together with the next."""
    held = ""
    for line in lines:
        held += line.strip().removesuffix("\\") + " " * line.endswith("\\")
        if not line.endswith("\\"):
            yield held
            held = ""


def copies(found: Sequence[Instruction]) -> Iterator[tuple[str, str]]:
    """Yield the paths copied from the build context, and their targets below the working directory."""
    for instruction in found:
        if instruction.name == "COPY":
            *sources, place = instruction.words
            yield from ((source, place) for source in sources)


def build(folder: Path) -> Path:
    """Do in `folder` what the Dockerfile says; the folder with the programs that it installs."""
    found = list(instructions(DOCKERFILE.read_text()))
    suite, environment = folder / "suite", folder / "environment"
    suite.mkdir()
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for source, place in copies(found):
        target = suite / place / (source if (SUITE / source).is_file() else "")
        if (SUITE / source).is_dir():
            shutil.copytree(SUITE / source, suite / place, ignore=ignored)
        else:
            shutil.copy(SUITE / source, target)
    uv = (sys.executable, "-m", "uv")
    subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, str(environment)], check=True)
    (installing,) = [item.text.partition("&&")[0] for item in found if item.name == "RUN"]
    pip, *words = shlex.split(installing)
    assert pip == "pip", installing
    options = ("--quiet", "--compile-bytecode", "--python", str(environment))
    subprocess.run([*uv, "pip", *words, *options], cwd=suite, check=True)
    return environment / "bin"


def main(options: Sequence[str]) -> int:
    """Build, and run the entry point with `options` in an empty project; its exit status."""
    (entry,) = [item.words for item in instructions(DOCKERFILE.read_text()) if item.name == "ENTRYPOINT"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        programs = build(folder)
        project = folder / "project"
        project.mkdir()
        environment = {**os.environ, "PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run([str(programs / entry[0]), *entry[1:], *options], cwd=project, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or DEFAULT_OPTIONS))
