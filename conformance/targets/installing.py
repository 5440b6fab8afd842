"""Installing a target once, into a cache folder of the user's choice."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from conformance.paths import SUITE, cache_of_user
from conformance.targets.description import TargetDescription
from conformance.verdict.settings import KEY_VARIABLE

CACHE_VARIABLE = "CONFORMANCE_TARGETS"
CONTRACT = SUITE / "contracts" / "attach.openapi.yaml"
_DONE = "installed.json"


class CannotInstall(RuntimeError):
    """A target that cannot be installed; the message says why in one line."""


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder for installed targets: `CONFORMANCE_TARGETS`, or one in the user's cache."""
    if chosen := environment.get(CACHE_VARIABLE):
        return Path(chosen).absolute()
    return cache_of_user(environment) / "targets"


def folder_of(target: TargetDescription, cache: Path) -> Path:
    """Return the folder of this version of `target`."""
    return cache / f"{target.name}-{target.version}"


def fill(command: Sequence[str], target: TargetDescription, cache: Path, **more: str) -> list[str]:
    """Return `command` with its placeholders filled in; `more` are those that only a start knows."""
    values = {
        "python": sys.executable,
        "folder": str(folder_of(target, cache)),
        "targets": str(target.path.parent.absolute()),
        "contract": str(CONTRACT),
        "version": target.version,
    }
    nothing = dict.fromkeys(("scratch", "port", "second_port", "key"), "")
    return [text.format_map({**nothing, **values, **more}) for text in command]


def missing_programs(target: TargetDescription) -> list[str]:
    """Return the programs that the target needs and that are not on the PATH."""
    return [name for name in target.server.needs if shutil.which(name) is None]


def is_installed(target: TargetDescription, cache: Path) -> bool:
    """Return whether this version is installed, by just these commands, or needs no installing."""
    if not target.server.install:
        return True
    try:
        return (folder_of(target, cache) / _DONE).read_text() == _digest(target)
    except OSError:
        return False


def install(target: TargetDescription, cache: Path, tell: Callable[[str], object] = print) -> None:
    """Install `target` unless it is there already. Raises CannotInstall."""
    if is_installed(target, cache):
        return
    missing = missing_programs(target)
    if missing:
        raise CannotInstall(f"{target.name} needs {' and '.join(missing)}; put it on the PATH")
    folder = folder_of(target, cache)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for command in target.server.install:
        words = fill(command, target, cache)
        tell(f"{target.name}: {' '.join(words)}")
        try:
            done = subprocess.run(
                words, cwd=folder, env=without_key(), stdin=subprocess.DEVNULL, capture_output=True, text=True
            )
        except OSError as error:
            raise CannotInstall(f"{target.name}: {words[0]} cannot be run: {error.strerror}") from None
        if done.returncode:
            output = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
            why = output[-1] if output else f"exit status {done.returncode}"
            raise CannotInstall(f"{target.name}: `{' '.join(words)}` failed: {why}")
    (folder / _DONE).write_text(_digest(target))


def without_key(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment for other people's programs: all but the API key."""
    return {name: value for name, value in environment.items() if name != KEY_VARIABLE}


def _digest(target: TargetDescription) -> str:
    return hashlib.sha256(json.dumps([target.version, target.server.install]).encode()).hexdigest()
