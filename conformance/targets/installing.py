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

from conformance.paths import SUITE
from conformance.targets.description import TargetDescription
from conformance.verdict.settings import KEY_VARIABLE

CACHE_VARIABLE = "CONFORMANCE_TARGETS"
CONTRACT = SUITE / "contracts" / "attach.openapi.yaml"
_DONE = "installed.json"


class CannotInstall(RuntimeError):
    """A target cannot be installed; the message says in one line what went wrong."""


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where targets are installed: `CONFORMANCE_TARGETS`, or a folder in the user's cache."""
    if chosen := environment.get(CACHE_VARIABLE):
        return Path(chosen).absolute()
    home = environment.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "attach-conformance" / "targets"


def folder_of(target: TargetDescription, cache: Path) -> Path:
    """The folder of this version of `target`."""
    return cache / f"{target.name}-{target.version}"


def filled(command: Sequence[str], target: TargetDescription, cache: Path, **more: str) -> list[str]:
    """`command` with its placeholders filled in; `more` are those that only a start knows."""
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
    """The programs that the target needs and that are not on the PATH."""
    return [name for name in target.server.needs if shutil.which(name) is None] if target.server else []


def is_installed(target: TargetDescription, cache: Path) -> bool:
    """Whether this version is there, installed by these very commands; true for what needs no installing."""
    if target.server is None or not target.server.install:
        return True
    try:
        return (folder_of(target, cache) / _DONE).read_text() == _digest(target)
    except OSError:
        return False


def install(target: TargetDescription, cache: Path, tell: Callable[[str], object] = print) -> None:
    """Install `target` unless it is there already. Raises CannotInstall."""
    if is_installed(target, cache):
        return
    assert target.server is not None, "what has no server is installed already"
    if missing := missing_programs(target):
        raise CannotInstall(f"{target.name} needs {' and '.join(missing)}, which this machine has not")
    folder = folder_of(target, cache)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for command in target.server.install:
        words = filled(command, target, cache)
        tell(f"{target.name}: {' '.join(words)}")
        try:
            done = subprocess.run(
                words, cwd=folder, env=without_key(), stdin=subprocess.DEVNULL, capture_output=True, text=True
            )
        except OSError as error:
            raise CannotInstall(f"{target.name}: {words[0]} cannot be run: {error.strerror}") from None
        if done.returncode:
            said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
            raise CannotInstall(f"{target.name}: `{' '.join(words)}` failed: {said[-1] if said else done.returncode}")
    (folder / _DONE).write_text(_digest(target))


def without_key(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment for other people's programs: all but the API key."""
    return {name: value for name, value in environment.items() if name != KEY_VARIABLE}


def _digest(target: TargetDescription) -> str:
    assert target.server is not None, "only servers are installed"
    return hashlib.sha256(json.dumps([target.version, target.server.install]).encode()).hexdigest()
