"""Tests of the templates' environment: compiled templates are kept where that can be, and never stand in the way."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest

from conformance.reports.templating import templates


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with one template, beside a cache that is empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "page.jinja").write_text("<{{ word }}>", encoding="utf-8")
    return tmp_path


def page(folder: Path, *, escaped: bool = False) -> str:
    return templates(escaped=escaped, folder=folder).get_template("page.jinja").render(word="a&b")


def test_compiled_templates_are_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page(folder)
    monkeypatch.setattr(jinja2.Environment, "compile", None)
    assert page(folder) == "<a&b>"


def test_a_change_is_compiled_again(folder: Path) -> None:
    page(folder)
    (folder / "page.jinja").write_text("({{ word }})", encoding="utf-8")
    assert page(folder) == "(a&b)"


def test_other_options_have_templates_of_their_own(folder: Path) -> None:
    assert page(folder) == "<a&b>"
    assert page(folder, escaped=True) == "<a&amp;b>"


def test_without_a_cache_they_are_compiled(folder: Path) -> None:
    (folder / "cache").write_text("no folder", encoding="utf-8")
    assert page(folder) == "<a&b>"


def test_damaged_templates_are_compiled_again(folder: Path) -> None:
    page(folder)
    for kept in (folder / "cache").rglob("*.compiled"):
        kept.write_bytes(kept.read_bytes()[:40])
    assert page(folder) == "<a&b>"


def test_a_full_disk_does_not_matter(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    assert page(folder) == "<a&b>"
