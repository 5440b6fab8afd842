"""Recorded traffic is of foreign origin: the suite judges or rejects any file, and never fails on it."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.commands.traffic.judging import describe, judge_traffic
from conformance.commands.traffic.recordings import UnreadableRecording, read_recordings
from contracts import load_catalogue, published_contract
from meta_tests.test_passive import URL, entry
from meta_tests.test_recordings import GOOD, exchange, interaction, nock, ruby, utf8

CATALOGUE, CONTRACT = load_catalogue(), published_contract()

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.text(st.characters(codec=None, min_codepoint=0xD700, max_codepoint=0xE000), max_size=4),
    st.sampled_from(
        ("base64", "gzip", "0", "-1", "200", 10**30, "http://[", URL, "POST", "Mon, 99 Xxx 0 0:0:0", "1" * 30)
    ),
)
OF_THE_FORMS = ("name", "value", "text", "params", "encoding", "headers", "body", "string", "base64_string", "status")
names = st.sampled_from(OF_THE_FORMS)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.one_of(names, st.text(max_size=5)), inner, max_size=4)
    ),
    max_leaves=12,
)
FILES: tuple[Any, ...] = (
    {"log": {"entries": [entry(), entry(GOOD, 400)]}},
    {"http_interactions": [ruby(utf8(GOOD))]},
    {"interactions": [interaction({"string": GOOD})]},
    [nock(json.loads(GOOD))],
    [exchange(GOOD), entry()],
    exchange(GOOD),
)


def places_in(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, child in inner for place in places_in(child, (*path, key)))]


def with_change(value: Any, path: tuple[Any, ...], put: Any) -> Any:
    if not path:
        return put
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = with_change(value[path[0]], path[1:], put)
    return copy


@st.composite
def changed_files(draw: st.DrawFn) -> Any:
    document = draw(st.sampled_from(FILES))
    for _ in range(draw(st.integers(1, 3))):
        document = with_change(document, draw(st.sampled_from(places_in(document))), draw(values))
    return document


def read_and_judge(content: bytes) -> bool:
    """Judge a file with this content, and return whether it could be read."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "traffic.har"
        path.write_bytes(content)
        try:
            recording = read_recordings([path])
        except UnreadableRecording:
            return False
    ledger = judge_traffic(recording.exchanges, CONTRACT, CATALOGUE)
    for line in describe(ledger, recording, CATALOGUE, "stripe"):
        line.encode()
    return True


def test_any_json_is_judged_or_refused() -> None:
    were_read = set()

    @settings(max_examples=120, deadline=None, database=None, derandomize=True)
    @given(changed_files())
    def check(document: Any) -> None:
        were_read.add(read_and_judge(json.dumps(document).encode()))

    check()
    assert were_read == {True, False}


def test_any_yaml_is_judged_or_refused() -> None:
    were_read = set()

    @settings(max_examples=120, deadline=None, database=None, derandomize=True)
    @given(changed_files(), st.booleans())
    def check(document: Any, allow_unicode: bool) -> None:
        try:
            text = yaml.safe_dump(document, allow_unicode=allow_unicode)
        except yaml.YAMLError:
            return
        were_read.add(read_and_judge(text.encode("utf-8", "surrogatepass")))

    check()
    assert were_read == {True, False}


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.one_of(st.binary(max_size=60), st.text(max_size=40).map(str.encode)))
def test_any_bytes_are_judged_or_refused(content: bytes) -> None:
    assert read_and_judge(content) in (True, False)


@pytest.mark.parametrize("deep", ['{"log":' * 100_000, "[" * 100_000 + "]" * 100_000, "- " * 100_000, "{a: " * 100_000])
def test_deep_nesting_is_refused(deep: str) -> None:
    assert not read_and_judge(deep.encode())
