"""The options that stand in a project's `pyproject.toml`, under `[tool.attach-conformance]`. The command line wins."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from conformance.evidence.files import MOST_WRITTEN, read_bounded
from conformance.evidence.foreign import did_you_mean
from conformance.plugin.options import add_options, will_select_suite

FILE = "pyproject.toml"
SECTION = "attach-conformance"
SHOWN = f"[tool.{SECTION}]"

PATHS = frozenset({"expectations", "results", "write-expectations"})
"""The options that name a file or a folder, relative to the project's file."""
ONE_TARGET = frozenset({"base-url", "target"})
"""The options that name the target: one on the command line takes the place of either."""


def project_arguments(config: pytest.Config, parser: pytest.Parser, given: Sequence[str]) -> list[str]:
    """Return the arguments for what the project's file says and `given`, the command line, does not.

    They are none where the tests of this suite are not to be collected. Raises pytest.UsageError with one line.
    """
    return list(_arguments_in(config.invocation_params.dir, parser, given)) if will_select_suite(config) else []


def project_options(here: Path, names: Collection[str]) -> dict[str, list[str]]:
    """Return what the project's file says about options of these names, for a command that reads it as a run does.

    Raises pytest.UsageError with one line.
    """
    parser = pytest.Parser(_ispytest=True)
    add_options(parser)
    said: dict[str, list[str]] = {}
    for argument in _arguments_in(here, parser, ()):
        name, _, value = argument.removeprefix("--").partition("=")
        if name in names:
            said.setdefault(name, []).append(value)
    return said


def _arguments_in(here: Path, parser: pytest.Parser, given: Sequence[str]) -> Iterator[str]:
    """Yield the arguments for the file of the project to which a folder belongs; none without such a file."""
    file = next((folder / FILE for folder in (here, *here.parents) if (folder / FILE).is_file()), None)
    if file is not None:
        yield from arguments_of(_section(file), _options(parser), given, Path(os.path.relpath(file.parent, here)))


def arguments_of(
    section: Mapping[str, Any], options: Mapping[str, Mapping[str, Any]], given: Sequence[str], folder: Path
) -> Iterator[str]:
    """Yield the arguments for a section of a project's file in `folder`, without what the command line has `given`.

    `options` are the attributes of the suite's options by their names. Raises pytest.UsageError.
    """
    named = {word.partition("=")[0].removeprefix("--") for word in given if word.startswith("--")}
    if named & ONE_TARGET:
        named |= ONE_TARGET
    for name, value in section.items():
        if name == "api-key":
            raise _wrong(name, "a key does not belong in a file: give it in STRIPE_API_KEY")
        if name not in options:
            raise _wrong(name, f"there is no such option{did_you_mean(name, options)}")
        if name not in named:
            yield from _arguments(name, value, options[name], folder)


def _arguments(name: str, value: Any, attributes: Mapping[str, Any], folder: Path) -> Iterator[str]:
    if attributes.get("nargs") == 0:
        if not isinstance(value, bool):
            raise _wrong(name, "give true or false")
        yield from [f"--{name}"] * value
        return
    is_repeatable = isinstance(attributes.get("default"), list)
    for one in value if is_repeatable and isinstance(value, list) else [value]:
        if isinstance(one, bool) or not isinstance(one, str | int | float):
            raise _wrong(name, f"{one!r} is neither a text nor a number")
        if one == "":
            raise _wrong(name, "it is empty: give a value, or leave it out")
        if "\0" in str(one):
            raise _wrong(name, f"{one!r} holds a NUL, which no option can")
        yield f"--{name}={folder / str(one) if name in PATHS else one}"


def _options(parser: pytest.Parser) -> dict[str, dict[str, Any]]:
    """Return the attributes of the options that may stand in the file, by their names without dashes."""
    own = parser.getgroup("conformance").options
    return {"base-url": {}, **{option.names()[0].removeprefix("--"): option.attrs() for option in own}}


def _section(file: Path) -> Mapping[str, Any]:
    try:
        content = tomllib.loads(read_bounded(file, MOST_WRITTEN).decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise pytest.UsageError(f"{file}: it cannot be read: {error}") from None
    tools = content.get("tool", {})
    if not isinstance(tools, dict):
        raise pytest.UsageError(f"{FILE}: tool is no table")
    section = tools.get(SECTION, {})
    if not isinstance(section, dict):
        raise pytest.UsageError(f"{FILE}: tool.{SECTION} is no table of options")
    return section


def _wrong(name: str, why: str) -> pytest.UsageError:
    return pytest.UsageError(f"{FILE}, {SHOWN} {name}: {why}")
