"""The description of an implementation: its address or how to start it, its needs, and its known defects."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import jsonschema_rs

from conformance.evidence.files import MOST_WRITTEN, read_bounded
from conformance.paths import SUITE
from conformance.verdict.misuse import Misuse
from contracts import load_catalogue
from contracts.catalogue import Catalogue

FOLDER = SUITE / "targets"
ZOO = SUITE / "zoo"
SCHEMA = Path(__file__).with_name("target.schema.json")
PLACEHOLDERS = ("python", "folder", "scratch", "targets", "contract", "version", "port", "second_port", "key")
"""The names in braces in the commands and environment of a server."""
OTHER_VERSION = re.compile(r"(?P<name>.+)@(?P<version>(?!.*\.toml$)[\w.+-]+)", re.DOTALL)
"""A target's name or file with a version that is not the one in its file."""


class TargetFileError(Misuse):
    """A target's file that is missing or invalid; the message is one line that says what is wrong and where."""


@dataclass(frozen=True)
class Server:
    """The commands that install and start a target on this machine.

    `needs` are programs that must be on the PATH; `install` and `start` are commands with PLACEHOLDERS in braces;
    `ready` is a path that is requested until there is a response, at most for `seconds`. Without commands to `start` it
    there is no server.
    """

    start: tuple[str, ...] = ()
    install: tuple[tuple[str, ...], ...] = ()
    needs: tuple[str, ...] = ()
    version_command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    ready: str = "/v1/customers"
    seconds: float = 60.0

    def __bool__(self) -> bool:
        return bool(self.start)


@dataclass(frozen=True)
class Defect:
    """A defect that was seen by hand: the clause, what happens in one line, and the `curl` that shows it.

    In `curl`, `$URL` is the base URL, and `$PM`, `$CUS` and `$CUS2` are a fresh payment method and customers; the
    output matches the regular expression `shows`. `checked` is the ISO 8601 date of the last check by hand.
    """

    clause: str
    observed: str
    curl: str
    shows: str
    checked: str


@dataclass(frozen=True)
class TargetDescription:
    """One implementation. Without a `server` it already runs somewhere, at `base_url`.

    `key` says where the key comes from: `made-up`, or `environment` if a real one is needed. `apart` are clauses whose
    requests kill the server, so that they are tested in runs of their own; `rate` is in requests a second; a run fails
    if one of the `capabilities` is missing. `earlier` are versions that `matrix --history` tests too, the oldest first.
    `is_recorded` is false for another version than the file's, of which no defects are known.
    """

    name: str
    title: str
    about: str
    home: str
    version: str
    path: Path
    base_url: str = ""
    server: Server = Server()
    key: str = "made-up"
    rate: float | None = None
    profile: str = "stripe"
    payment_methods: tuple[str, ...] = ()
    customers: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    expectations: Path | None = None
    defects: tuple[Defect, ...] = ()
    earlier: tuple[str, ...] = ()
    is_recorded: bool = True

    @property
    def reference(self) -> str:
        """The value of `--target` that finds this version."""
        path = str(self.path.absolute())
        return path if self.is_recorded else f"{path}@{self.version}"

    def at_version(self, version: str) -> TargetDescription:
        """Return the description of that version, without what is known of the file's version alone."""
        if version == self.version:
            return self
        return replace(self, version=version, is_recorded=False, expectations=None, defects=())

    @property
    def takes_key_from_environment(self) -> bool:
        """True if a real key is needed."""
        return self.key == "environment"


def shipped() -> dict[str, TargetDescription]:
    """Return every target that is shipped by its name. Raises TargetFileError for the first invalid file."""
    return {target.name: target for target in map(load, _shipped_files())}


def _shipped_files() -> list[Path]:
    """Return the files of the targets that are shipped, without those of their expectations."""
    return [path for path in sorted(FOLDER.glob("*.toml")) if not _holds_expectations(path)]


def _holds_expectations(path: Path) -> bool:
    return path.name.endswith(".expectations.toml")


def members() -> dict[str, TargetDescription]:
    """Return the programs of the zoo by name; a wheel has their descriptions alone. Raises TargetFileError."""
    files = (path for path in sorted(ZOO.glob("*/*.toml")) if path.stem == path.parent.name)
    return {member.name: member for member in map(load, files)}


def find(name: str, base: Path) -> TargetDescription:
    """Return the target of that name, or in that file (a relative path starts at `base`), or NAME@VERSION of it.

    Raises TargetFileError if there is none, or if its file is invalid.
    """
    if other := OTHER_VERSION.fullmatch(name):
        return find(other["name"], base).at_version(other["version"])
    if name.endswith(".toml") or "/" in name:
        path = base / name
    else:
        path = FOLDER / f"{name}.toml"
        if not path.is_file():
            known = ", ".join(file.stem for file in _shipped_files())
            raise TargetFileError(f"there is no target {name!r}: name one of {known}, or a .toml file")
    return load(path)


def load(path: Path) -> TargetDescription:
    """Read and check one file. Raises TargetFileError."""
    if _holds_expectations(path):
        raise TargetFileError(f"{path.name} holds expectations, not a target")
    try:
        document = tomllib.loads(read_bounded(path, MOST_WRITTEN).decode("utf-8-sig"))
    except OSError as error:
        raise TargetFileError(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # of tomllib, about syntax, text, endless numbers or deep lists
        raise TargetFileError(f"{path} is not TOML: {error}") from None
    _check_form(document, path.name)
    _check_sense(document, path, load_catalogue())
    return _description_of(document, path)


@cache
def _validator() -> Any:
    return jsonschema_rs.validator_for(json.loads(SCHEMA.read_text()))


def _check_form(document: Mapping[str, Any], file: str) -> None:
    try:
        error = next(_validator().iter_errors(document), None)
    except (ValueError, OverflowError, RecursionError) as unknown:  # a time, or a value that no JSON has
        raise TargetFileError(f"{file}: it holds a value that no target's file has: {unknown}") from None
    if error is not None:
        parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.instance_path)
        place = "".join(parts).strip(".")
        raise TargetFileError(f"{file}: {place}: {error.message}" if place else f"{file}: {error.message}")


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
    commands = (*server.get("install", ()), server.get("start", ()), server.get("version_command", ()))
    return list(chain.from_iterable(commands))


def _check_placeholders(text: str, file: str) -> None:
    try:
        text.format_map(dict.fromkeys(PLACEHOLDERS, ""))
    except (KeyError, ValueError, IndexError) as error:
        known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
        raise TargetFileError(f"{file}: {text!r}: {error} is no placeholder; there are {known}") from None


def _description_of(document: Mapping[str, Any], path: Path) -> TargetDescription:
    values = _as_tuples(document)
    server = Server(**values.pop("server", {}))
    defects = tuple(Defect(**defect) for defect in values.pop("defect", ()))
    expectations = values.pop("expectations", None)
    return TargetDescription(
        **values.pop("provisioning", {}),
        **values,
        path=path,
        server=server,
        expectations=path.parent / expectations if expectations else None,
        defects=defects,
    )


def _as_tuples(value: Any) -> Any:
    """Return a TOML value with tuples in place of its lists."""
    if isinstance(value, Mapping):
        return {key: _as_tuples(one) for key, one in value.items()}
    return tuple(map(_as_tuples, value)) if isinstance(value, list) else value
