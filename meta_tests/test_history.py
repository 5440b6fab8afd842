"""The history by version: other versions of a target, what changed between them, the plot, and the stored rows."""

from __future__ import annotations

import textwrap
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from conformance.__main__ import main
from conformance.commands.matrix import command
from conformance.commands.matrix.history import (
    LONGEST_BAR,
    Release,
    changes,
    history_plot,
    measure_history,
    plot_rows,
    read_history,
    release_of,
    store_history,
)
from conformance.commands.matrix.page import markdown_page
from conformance.commands.matrix.standing import StandingFileError
from conformance.commands.matrix.testing import Plan
from conformance.targets import TargetFileError, find, shipped
from contracts import load_catalogue
from meta_tests.test_matrix import BAD, GOOD

OLD = Release("one", "One & only", "1", "2026-01-02", 3, ("body.a", "body.b"))
LOST = Release("one", "One & only", "2", "2026-01-02", trouble="could not be installed")
NEW = Release("one", "One & only", "3", "2026-01-02", 4, ("body.c",), ("body.b",))
LAST = replace(NEW, version="4")
OTHER = Release("two", "Two", "1", "2026-01-02", 1, ("body.a", "body.b", "body.c", "body.d"))
HISTORY = [OLD, LOST, NEW, LAST, OTHER]

TARGET = """
name = "mine"
title = "Mine"
about = "A server."
home = "https://example.com"
version = "2"
earlier = ["0", "1"]
[server]
install = [["{python}", "-c", "import sys; sys.exit('{version}' == '0')"]]
start = ["{python}", "{targets}/serve.py", "{port}", "{version}"]
"""
SERVE = """
import sys
sys.path.insert(0, %r)
from reference.__main__ import main
port, version = sys.argv[1:]
defect = ["--defect", "json-obeyed"] if version == "1" else []
sys.exit(main(["--port", port, *defect]))
"""


def test_a_version_is_found_behind_the_name_of_a_target() -> None:
    recorded = find("localstripe", Path())
    other = find("localstripe@1.0", Path())
    assert (other.name, other.version, other.is_recorded) == ("localstripe", "1.0", False)
    assert recorded.defects
    assert (other.defects, other.expectations) == ((), None)
    assert find(other.reference, Path()) == other
    assert find(recorded.reference, Path()) == recorded
    assert find(f"localstripe@{recorded.version}", Path()) == recorded
    with pytest.raises(TargetFileError, match="no target 'nobody'"):
        find("nobody@1.0", Path())


def test_an_at_sign_in_a_path_is_no_version(tmp_path: Path) -> None:
    folder = tmp_path / "a@1"
    folder.mkdir()
    text = TARGET.replace('"mine"', '"m"')
    (folder / "m.toml").write_text(text)
    assert find("a@1/m.toml", tmp_path).version == "2"
    assert find("a@1/m.toml@1", tmp_path).version == "1"
    with pytest.raises(TargetFileError, match=r"m@1\.toml"):
        find("m@1.toml", tmp_path)


def test_a_change_is_against_the_version_that_was_tested_before() -> None:
    assert [(change.fixed, change.new) for change in changes(HISTORY)] == [
        ((), ()),
        ((), ()),
        (("body.a", "body.b"), ("body.c",)),
        ((), ()),
        ((), ()),
    ]


def test_the_page_shows_each_version_and_what_changed() -> None:
    page = markdown_page([], {}, load_catalogue(), HISTORY)
    assert "| One & only | 2 | 2026-01-02 | could not be installed |" in page
    assert "| One & only | 3 | 2026-01-02 | 4 | 1 | 1 | `body.a`, `body.b` | `body.c` |" in page
    assert "By version" not in markdown_page([], {}, load_catalogue())


def test_the_plot_has_a_bar_for_each_version_as_long_as_its_failures() -> None:
    rows = plot_rows(HISTORY)
    assert [(row.label, row.words, row.length) for row in rows] == [
        ("One & only", "", 0),
        ("1", "2", LONGEST_BAR / 2),
        ("2", "could not be installed", 0),
        ("3", "1", LONGEST_BAR / 4),
        ("4", "1", LONGEST_BAR / 4),
        ("Two", "", 0),
        ("1", "4", LONGEST_BAR),
    ]
    assert len({row.y for row in rows}) == len(rows)
    image = ElementTree.fromstring(history_plot(HISTORY))
    bars = [float(element.attrib["width"]) for element in image if element.tag.endswith("rect")]
    assert bars == [row.length for row in rows if not row.is_title]
    assert "One & only" in [element.text for element in image]
    assert max(row.y for row in rows) < float(image.attrib["height"])


def test_rows_are_kept_in_place_of_those_of_the_same_implementation(tmp_path: Path) -> None:
    path = tmp_path / "history.json"
    store_history([OTHER], path)
    store_history([OLD, LOST, NEW, LAST], path)
    assert read_history(path) == HISTORY
    store_history([NEW], path)
    assert read_history(path) == [NEW, OTHER]
    path.write_text('[{"name": "one"}]')
    with pytest.raises(StandingFileError, match="holds no releases"):
        read_history(path)


def test_a_release_counts_what_a_standing_says() -> None:
    assert release_of(BAD) == Release("bad", "Bad", "1.0", "2026-01-02", 0, ("response.id",))
    assert release_of(GOOD).passed == 2


def test_each_version_is_installed_and_tested(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(textwrap.dedent(TARGET))
    (tmp_path / "serve.py").write_text(SERVE % str(Path(__file__).parents[1]))
    plan = Plan("contract", tmp_path / "results", tmp_path / "cache", "quick")
    said: list[str] = []
    lost, bad, good = measure_history([find("mine.toml", tmp_path)], plan, said.append)
    assert (lost.version, lost.trouble) == ("0", "could not be installed")
    assert any("failed" in line for line in said)
    assert (bad.version, bad.trouble, bad.failed) == ("1", "", ("request.json-refused",))
    assert (good.version, good.trouble, good.failed) == ("2", "", ())
    assert good.passed > bad.passed > 0


def test_the_table_keeps_no_other_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[object] = []
    monkeypatch.setattr(
        command, "test_all", lambda targets, *_: [replace(GOOD, version=one.version) for one in targets]
    )
    monkeypatch.setattr(command, "store", kept.extend)
    recorded = find("reference", Path()).version
    assert main(["matrix", "reference", "reference@9", "--store", "--results", str(tmp_path)]) == 0
    assert kept == [replace(GOOD, version=recorded)]


def test_the_stored_history_is_of_every_version_that_the_targets_name() -> None:
    named = [
        (target.name, version)
        for target in shipped().values()
        if target.earlier
        for version in (*target.earlier, target.version)
    ]
    assert len(named) > 5
    assert [(release.name, release.version) for release in read_history()] == named
