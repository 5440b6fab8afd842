"""The suite's distributions, and environments that hold only what a wheel asks for.

Nothing is downloaded: an environment gets links to the packages of the one that runs the tests, and only to those that
the wheel's metadata name, directly or through others. So a dependency that is not declared is missed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from email import message_from_bytes
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

from conformance.paths import SUITE

EPOCH = "1500000000"
"""The time of a build, in seconds: 2017-07-14 02:40:00."""

BUILD = "import sys, hatchling.build as build; print(getattr(build, sys.argv[1])(sys.argv[2]))"


def build(kind: str, folder: Path, source: Path = SUITE) -> Path:
    """Build the `wheel`, `sdist` or `editable` wheel of `source` into `folder`, and return its path."""
    command = [sys.executable, "-c", BUILD, f"build_{kind}", str(folder)]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": EPOCH}
    done = subprocess.run(
        command, cwd=source, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return folder / done.stdout.split()[-1]


def requirements_of(wheel: Path) -> list[str]:
    """Return the requirements that a wheel's metadata list."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(archive.read(name)).get_all("Requires-Dist", [])


def needed_distributions(requirements: Iterable[str]) -> list[Distribution]:
    """Return the installed distributions that these requirements ask for, and those that they ask for in turn."""
    seen: set[str] = set()
    pending = [(text, "") for text in requirements]
    while pending:
        text, extra = pending.pop()
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        for asked in {"", *requirement.extras}:
            wanted = f"{requirement.name}[{asked}]"
            if wanted not in seen:
                seen.add(wanted)
                pending += [(more, asked) for more in distribution(requirement.name).requires or ()]
    return [distribution(name) for name in sorted({wanted.partition("[")[0] for wanted in seen})]


@dataclass(frozen=True)
class BareEnvironment:
    """A virtual environment in `folder`, without pip."""

    folder: Path

    @property
    def packages(self) -> Path:
        """Its folder of installed packages."""
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return self.folder / "lib" / version / "site-packages"

    def program(self, name: str) -> str:
        """Return the path of one of its programs."""
        return str(self.folder / "bin" / name)

    def link(self, distributions: Iterable[Distribution]) -> None:
        """Link every top-level package of these distributions, and their metadata."""
        for found in distributions:
            tops = {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}
            for top in tops:
                link = self.packages / top
                if not link.exists():
                    link.symlink_to(str(found.locate_file(top)))

    def install(self, wheel: Path) -> None:
        """Install a wheel, and nothing that it depends on."""
        options = ("--quiet", "--offline", "--no-deps", "--python", self.program("python"))
        subprocess.run([sys.executable, "-m", "uv", "pip", "install", *options, str(wheel)], check=True)


def make_environment(folder: Path) -> BareEnvironment:
    """Make an environment that holds nothing."""
    venv.create(folder, with_pip=False, symlinks=True)
    return BareEnvironment(folder)
