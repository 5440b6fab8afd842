"""The command `drift`: its statuses and pages, and documents and files that it refuses with one line."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from conformance.commands.drift.command import BEGIN, END
from conformance.commands.drift.differences import Kind
from conformance.commands.drift.operation import NoSuchOperation, compare_documents
from conformance.commands.drift.page import MOST_NAMES, json_page, markdown_page, report_of, text_page
from conformance.commands.drift.reading import MOST_BYTES, UnreadableDocument, parse_document
from conformance.commands.drift.schemas import MOST_SHAPES, UnusableDocument
from conformance.verdict.run import ExitStatus
from contracts import load_catalogue
from meta_tests.command_line import Command, command_line
from meta_tests.drifted import CONTRACT, Document, body, changed, operation, own, schema

NEW_PARAMETER = {"type": "string", "maxLength": 5000}


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return command_line("drift", "sk_test_drifting0123456789abcdef", monkeypatch, capsys)


# --- Documents that cannot be compared --------------------------------------------------------------------------------


def with_schema(schema: object, **components: object) -> Document:
    document = own()
    media = operation(document)["responses"]["200"]["content"]["application/json"]
    media["schema"] = schema
    document["components"]["schemas"] |= components
    return document


def ref(name: str) -> Document:
    return {"$ref": f"#/components/schemas/{name}"}


def chain(length: int) -> Document:
    """Schemas each of which is either of two others that are the same: 2 to the power of `length` ways to the end."""
    links = {f"a{number}": {"anyOf": [ref(f"a{number + 1}")] * 2} for number in range(length)}
    return {**links, f"a{length}": {"type": "object"}}


HOSTILE: Mapping[str, tuple[Document, str]] = {
    "a circle of references": (with_schema(ref("a"), a=ref("b"), b=ref("a")), "circle"),
    "a union of itself": (with_schema(ref("a"), a={"anyOf": [ref("a"), {"type": "string"}]}), "holds itself"),
    "a part of itself": (with_schema(ref("a"), a={"allOf": [ref("a")]}), "holds itself"),
    "a long way of unions": (with_schema(ref("a0"), **chain(200)), "holds itself"),
    "a reference to nothing": (with_schema(ref("nowhere")), "nothing is there"),
    "a reference to a file": (with_schema({"$ref": "file:///etc/passwd"}), "not in the document"),
    "no schema": (with_schema(["string"]), "has no schema"),
    "a line end in a name": (with_schema(ref("a\nb"), **{"a\nb": ["string"]}), "has no schema"),
    "many alternatives": (
        with_schema({"allOf": [{"anyOf": [{"title": str(number)} for number in range(30)]} for _ in range(9)]}),
        f"more than {MOST_SHAPES}",
    ),
    "a parameter that is none": (changed(lambda document: operation(document)["parameters"].append(1)), "no parameter"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_document_is_refused_with_one_line(name: str, tmp_path: Path, command: Command) -> None:
    document, reason = HOSTILE[name]
    with pytest.raises(UnusableDocument, match=reason):
        compare_documents(CONTRACT, document)
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(document))
    status, shown = command(path)
    assert status == ExitStatus.WRONG_USAGE
    assert shown.count("\n") == 1
    assert str(path) in shown


def test_many_ways_to_one_schema_take_no_time() -> None:
    (difference,) = compare_documents(CONTRACT, with_schema(ref("a0"), **chain(30)))[:1]
    assert difference.path.startswith("payment_method")


UNREADABLE: Mapping[str, tuple[bytes, str]] = {
    "nothing": (b"", "no object"),
    "a list": (b"[]", "no object"),
    "broken JSON": (b'{"openapi": ', "not JSON"),
    "deep JSON": (b'{"openapi":' + b"[" * 1_000_000, "too deeply"),
    "JSON too deep to be shown": (b'{"openapi":' + b"[" * 600 + b"]" * 600 + b"}", "nested deeper"),
    "a long number": (b'{"openapi": ' + b"9" * 10_000 + b"}", "not JSON"),
    "broken YAML": (b"openapi: [\n", "neither JSON nor YAML"),
    "deep YAML": (b"a: " + b"[" * 5000 + b"]" * 5000, "nesting|levels"),
    "YAML that holds itself": (b"openapi: &a [*a]\n", "stands for what holds it"),
    "a YAML bomb": (
        b"\n".join([b"a0: &a0 [1, 1]", *(b"a%d: &a%d [*a%d, *a%d]" % (n, n, n - 1, n - 1) for n in range(1, 40))]),
        "nodes",
    ),
    "a Python object": (b"openapi: !!python/object/apply:os.getcwd []\n", "neither JSON nor YAML"),
    "no date": (b"openapi: 2026-99-99\n", "neither JSON nor YAML"),
    "bytes": (b"\x00\xff\xfe", "no text"),
    "too many bytes": (b" " * (MOST_BYTES + 1), "more than"),
    "no OpenAPI": (b'{"title": "x"}', "no `openapi` version"),
    "Swagger 2": (b"swagger: '2.0'\n", "no `openapi` version"),
    "OpenAPI 4": (b"openapi: 4.0.0\n", "not 3.x"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_file_that_is_no_such_document_is_refused_with_one_line(name: str) -> None:
    data, reason = UNREADABLE[name]
    with pytest.raises(UnreadableDocument, match=reason) as caught:
        parse_document(data)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", ['{"openapi": "3.0.0"}', "openapi: 3.0.0\n"])
def test_a_document_is_read_in_each_encoding_of_unicode(text: str, encoding: str) -> None:
    assert parse_document(text.encode(encoding)) == {"openapi": "3.0.0"}


@pytest.mark.parametrize(
    ("paths", "reason"),
    [
        ({}, "does not describe POST"),
        ({CONTRACT.path: {"get": {}}}, "but GET there"),
        ({CONTRACT.path: ["post"]}, "does not describe POST"),
        (None, "does not describe POST"),
    ],
)
def test_a_document_without_the_operation_is_refused(paths: object, reason: str) -> None:
    with pytest.raises(NoSuchOperation, match=reason):
        compare_documents(CONTRACT, {"openapi": "3.0.0", "paths": paths})


ODD: tuple[object, ...] = (
    *(None, 1, "x", [], {}, [1], [{}], True, float("nan"), {1: 2}, {"$ref": "#/x"}, {"$ref": 1}, ref("address")),
    *({"type": ["x", 1, None]}, {"enum": [{}]}, {"enum": {}}, {"properties": []}, {"properties": {"a": 1}}),
    *({"required": [{}]}, {"anyOf": {}}, {"anyOf": [1]}, {"allOf": [[]]}),
)


def places(value: object, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the keys that lead to each value within a document."""
    if place:
        yield place
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from places(child, (*place, key))


@pytest.mark.parametrize("odd", ODD, ids=str)
def test_an_odd_value_anywhere_is_compared_or_refused(odd: object) -> None:
    every = list(places(dict(CONTRACT.document)))
    upper = [place for place in every if place[0] != "components"]
    first = ODD.index(odd)
    for *way, last in [*upper[first % 6 :: 6], *every[first::250]]:
        document: Any = own()
        parent = document
        for key in way:
            parent = parent[key]
        parent[last] = odd
        with contextlib.suppress(UnusableDocument):
            report = report_of(compare_documents(CONTRACT, document), document, CONTRACT, load_catalogue())
            assert json.loads(json_page(report))["differences"] is not None
            assert text_page(report)
            assert markdown_page(report)


# --- The command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def moved(tmp_path: Path) -> Path:
    path = tmp_path / "spec3.json"
    document = changed(lambda document: body(document)["properties"].update(customer_account=NEW_PARAMETER))
    document["info"]["version"] = "2026-08-26.\x1b[31mdahlia|<b>"
    many: Document = {f"m{number:02}": {} for number in range(MOST_NAMES + 3)}
    schema(document, "payment_method_card")["properties"].update({"`<i>|\x1b[2J\nsent": {}, **many})
    path.write_text(json.dumps(document))
    return path


def test_the_status_says_whether_something_moved(tmp_path: Path, moved: Path, command: Command) -> None:
    same = tmp_path / "same.yaml"
    same.write_text(yaml.safe_dump(own()))
    status, shown = command(same)
    assert (status, shown.count("\n")) == (ExitStatus.CONFORMS, 1)
    assert "Nothing has moved" in shown
    status, shown = command(moved)
    assert status == ExitStatus.DOES_NOT_CONFORM
    assert "1 new" not in shown
    assert "2 new" in shown
    assert "requestBody.customer_account: optional parameter, string  [body.unknown-parameter, " in shown
    assert "and 4 more" in shown
    assert "\x1b" not in shown


def test_the_pages_hold_what_differs_and_no_markup_of_the_document(
    tmp_path: Path, moved: Path, command: Command
) -> None:
    page, data = tmp_path / "drift.md", tmp_path / "drift.json"
    page.write_text(f"# Drift\n\n{BEGIN}old\n{END}\nThe end.\n")
    status, shown = command(moved, "--json", data, "--markdown", page)
    assert (status, shown.count("\n")) == (ExitStatus.DOES_NOT_CONFORM, 1)
    text = page.read_text()
    assert text.startswith(f"# Drift\n\n{BEGIN}")
    assert text.endswith(f"{END}\nThe end.\n")
    assert "old" not in text
    assert "\x1b" not in text
    assert "<i>" not in text
    assert "`body.unknown-parameter`" in text
    (request, members) = json.loads(data.read_text())["differences"]
    assert request["published"].endswith("/schema/properties/customer_account")
    assert len(members["members"]) == MOST_NAMES + 4
    assert members["kind"] == Kind.MEMBERS


def test_a_page_without_a_place_for_it_is_the_report_alone(tmp_path: Path, moved: Path, command: Command) -> None:
    page = tmp_path / "drift.md"
    page.write_text("old\n")
    command(moved, "--markdown", page)
    assert page.read_text().startswith("The published POST ")


def test_a_file_that_is_not_there_is_named(tmp_path: Path, command: Command) -> None:
    status, shown = command(tmp_path / "nowhere.json")
    assert (status, shown.count("\n")) == (ExitStatus.WRONG_USAGE, 1)
    assert "nowhere.json" in shown
