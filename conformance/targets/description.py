"""What is known of one implementation: where it is, how it is started, what it needs, and which defects it has."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

from conformance.paths import SUITE
from contracts import load_catalogue
from contracts.catalogue import Catalogue

FOLDER = SUITE / "targets"
SCHEMA = Path(__file__).with_name("target.schema.json")
PLACEHOLDERS = ("python", "folder", "scratch", "targets", "contract", "version", "port", "second_port", "key")
"""What may stand in braces in the commands and environment of a server."""


class TargetFileError(ValueError):
    """A target's file is missing or cannot be one; the message is one line that says what is wrong and where."""


@dataclass(frozen=True)
class Server:
    """How a target is installed and started on this machine.

    `needs` are programs that must be on the PATH; `install` and `start` are commands with PLACEHOLDERS in braces;
    `ready` is a path that is asked for until there is an answer, at most for `seconds`.
    """

    start: tuple[str, ...]
    install: tuple[tuple[str, ...], ...] = ()
    needs: tuple[str, ...] = ()
    version_command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    ready: str = "/v1/customers"
    seconds: float = 60.0


@dataclass(frozen=True)
class Defect:
    """A defect that was seen by hand: the clause, what happens in one line, and the `curl` that shows it.

    In `curl`, `$URL` is the base URL, and `$PM`, `$CUS` and `$CUS2` are a fresh payment method and customers; what it
    prints matches the regular expression `shows`. `checked` is the ISO 8601 date on which somebody looked at it.
    """

    clause: str
    observed: str
    curl: str
    shows: str
    checked: str


@dataclass(frozen=True)
class TargetDescription:
    """One implementation. Without `server` it runs somewhere already, at `base_url`.

    `key` says where the key comes from: `made-up`, or `environment` where only a real one will do. `apart` are clauses
    whose requests kill the server, so that they are tested in runs of their own; `rate` is in requests a second; a run
    fails where one of the `capabilities` is gone.
    """

    name: str
    title: str
    about: str
    home: str
    version: str
    path: Path
    base_url: str = ""
    server: Server | None = None
    key: str = "made-up"
    rate: float | None = None
    profile: str = "stripe"
    payment_methods: tuple[str, ...] = ()
    customers: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    expectations: Path | None = None
    defects: tuple[Defect, ...] = ()

    @property
    def takes_key_from_environment(self) -> bool:
        """Whether a real key is needed."""
        return self.key == "environment"


def shipped(folder: Path = FOLDER) -> dict[str, TargetDescription]:
    """Every target in `folder` by its name. Raises TargetFileError for the first file that cannot be one."""
    return {target.name: target for target in map(load, sorted(folder.glob("*.toml"))) if target is not None}


def find(name: str, base: Path, folder: Path = FOLDER) -> TargetDescription:
    """The target of that name, or in that file (a relative path starts at `base`).

    Raises TargetFileError when there is none, or when its file cannot be one.
    """
    if name.endswith(".toml") or "/" in name:
        path = base / name
    else:
        path = folder / f"{name}.toml"
        if not path.is_file():
            known = ", ".join(sorted(file.stem for file in folder.glob("*.toml") if "." not in file.stem))
            raise TargetFileError(f"there is no target {name!r}: name one of {known}, or a .toml file")
    found = load(path)
    if found is None:
        raise TargetFileError(f"{path.name} holds expectations, not a target")
    return found


def load(path: Path) -> TargetDescription | None:
    """Read and check one file; None for a file of expectations beside a target. Raises TargetFileError."""
    if path.name.endswith(".expectations.toml"):
        return None
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TargetFileError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TargetFileError(f"{path.name} is not TOML: {error}") from None
    _check_form(document, path.name)
    _check_sense(document, path, load_catalogue())
    return _made(document, path)


@cache
def _validator() -> Any:
    return jsonschema_rs.validator_for(json.loads(SCHEMA.read_text()))


def _check_form(document: Mapping[str, Any], file: str) -> None:
    error = next(_validator().iter_errors(document), None)
    if error is not None:
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.instance_path).strip(".")
        raise TargetFileError(f"{file}: {place + ': ' if place else ''}{error.message}")


def _check_sense(document: Mapping[str, Any], path: Path, catalogue: Catalogue) -> None:
    server = document.get("server", {})
    if "{port}" in document.get("base_url", "") or not (server or document.get("base_url")):
        raise TargetFileError(f"{path.name}: give a [server] to start, or the base_url of one that runs")
    if path.stem != document["name"]:
        raise TargetFileError(f"{path.name}: the file of {document['name']!r} is called {document['name']}.toml")
    for text in [*_texts(server), *server.get("environment", {}).values()]:
        _check_placeholders(text, path.name)
    for slug in [*document.get("apart", ()), *(defect["clause"] for defect in document.get("defect", ()))]:
        if slug not in catalogue:
            raise TargetFileError(f"{path.name}: there is no clause {slug!r}")
    for defect in document.get("defect", ()):
        _check_pattern(defect["shows"], f"{path.name}: the defect of {defect['clause']}")
    expectations = document.get("expectations")
    if expectations and not (path.parent / expectations).is_file():
        raise TargetFileError(f"{path.name}: expectations: there is no file {expectations}")


def _check_pattern(text: str, where: str) -> None:
    try:
        re.compile(text)
    except re.error as error:
        raise TargetFileError(f"{where}: `shows` is no regular expression: {error}") from None


def _texts(server: Mapping[str, Any]) -> Sequence[str]:
    commands = [*server.get("install", ()), server.get("start", ()), server.get("version_command", ())]
    return [text for command in commands for text in command]


def _check_placeholders(text: str, file: str) -> None:
    try:
        text.format_map(dict.fromkeys(PLACEHOLDERS, ""))
    except (KeyError, ValueError, IndexError) as error:
        known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
        raise TargetFileError(f"{file}: {text!r}: {error} is no placeholder; there are {known}") from None


def _made(document: Mapping[str, Any], path: Path) -> TargetDescription:
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in document.items()
    }
    provisioning: dict[str, Any] = {key: tuple(value) for key, value in values.pop("provisioning", {}).items()}
    server = values.pop("server", None)
    if server is not None:
        lists: dict[str, Any] = {key: tuple(value) for key, value in server.items() if isinstance(value, list)}
        if "install" in server:
            lists["install"] = tuple(tuple(command) for command in server["install"])
        server = Server(**{**server, **lists})
    expectations = values.pop("expectations", None)
    defects = tuple(Defect(**defect) for defect in values.pop("defect", ()))
    beside = path.parent / expectations if expectations else None
    return TargetDescription(**values, **provisioning, path=path, server=server, expectations=beside, defects=defects)
