"""The Dockerfile: all that the suite needs is in it, and it runs as nobody in particular."""

from __future__ import annotations

import tomllib

from conformance.paths import SUITE
from meta_tests.container import DOCKERFILE, copies, instructions

FOUND = list(instructions(DOCKERFILE.read_text()))
PROJECT = tomllib.loads((SUITE / "pyproject.toml").read_text())


def words_of(name: str) -> list[list[str]]:
    return [instruction.words for instruction in FOUND if instruction.name == name]


def test_every_package_is_copied_and_nothing_that_is_not_there() -> None:
    copied = dict(copies(FOUND))
    assert all((SUITE / source).exists() for source in copied)
    packed = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    assert {*packed, "pyproject.toml", "hatch_build.py", PROJECT["project"]["readme"]} == {*copied} - {"LICENSE"}


def test_the_build_context_holds_just_what_is_copied() -> None:
    lines = (SUITE / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    assert {line.removeprefix("!") for line in lines if line.startswith("!")} == {*dict(copies(FOUND))}


def test_it_runs_pytest_with_the_suite_as_an_ordinary_user_in_the_mounted_project() -> None:
    (entry,) = words_of("ENTRYPOINT")
    assert entry[0] in PROJECT["project"]["scripts"]
    assert entry[1:] == ["run"]
    (user,) = words_of("USER")
    assert user not in (["root"], ["0"])
    names = [instruction.name for instruction in FOUND]
    assert names.index("USER") > max(place for place, name in enumerate(names) if name in ("RUN", "COPY"))
    assert words_of("WORKDIR")[-1] == ["/project"]


def test_it_is_small() -> None:
    ((image,),) = words_of("FROM")
    assert image.endswith("-slim")
    assert [word for words in words_of("ENV") for word in words if "CACHE" in word] == ["PIP_NO_CACHE_DIR=1"]
