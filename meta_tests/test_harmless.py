"""Text of a target gets out of the suite only in a form that moves, hides or ends nothing around it."""

from __future__ import annotations

import io
import json
import re
import sys
import unicodedata
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.examples import ERROR, exchange
from benchmarks.runs import SLUGS, finding, run_with
from conformance import __main__ as command_line
from conformance.evidence.foreign import usable_id
from conformance.evidence.harmless import UNSAFE, HarmlessStream, harmless, json_text
from conformance.plugin.options import check_ids
from conformance.reports.badge import badge_of
from conformance.reports.html import html_page
from conformance.reports.rendering import results_text
from conformance.reports.script import script_of
from conformance.reports.templating import templates
from conformance.reports.terminal import print_summary
from conformance.reports.workflow import summary_of
from conformance.targets.description import TargetFileError
from conformance.transport.ways import Try
from conformance.verdict.run import Diagnosis, ExitStatus

CATEGORIES = {"Cc", "Cf", "Cs", "Zl", "Zp"}
BIDI, ANSI, LINES, LONE = "\u202ea\u2066", "\x1b[31m\x1b]0;x\x07", "a\u2028b\u2029c\x85\r\x0b", "\ud800\udfff"
NASTY = st.one_of(
    st.sampled_from(
        [BIDI, ANSI, LINES, LONE, "\0", "\x9b31m", "\x7f", "\ufeff", "\U000e0041", "<script>", "]]>", "`|"]
    ),
    st.text(st.characters(categories=["Cc", "Cf", "Cs", "Zl", "Zp"]), max_size=4),
    st.text(max_size=4),
)
TEXTS = st.lists(NASTY, max_size=6).map("".join)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)


def unsafe_in(text: str) -> set[str]:
    """The unsafe characters in a text, found without the suite's own means."""
    return {char for char in text if char != "\n" and unicodedata.category(char) in CATEGORIES}


def test_all_that_unicode_calls_control_or_format_is_unsafe() -> None:
    every = map(chr, range(sys.maxunicode + 1))
    unsafe = {char for char in every if unicodedata.category(char) in CATEGORIES - {"Cs"}} - {"\n", "\t"}
    assert {char for char in unsafe if not UNSAFE.fullmatch(char)} == set()
    assert all(map(UNSAFE.fullmatch, ("\ud800", "\udfff")))
    assert harmless("plain, “quoted” – 5\u00a0ms, 😀\n\t") == "plain, “quoted” – 5\u00a0ms, 😀\n\t"


@given(TEXTS)
def test_harmless_text_is_all_that_gets_through_a_stream(text: str) -> None:
    stream = io.StringIO()
    print(text, file=HarmlessStream(stream))
    assert unsafe_in(stream.getvalue()) <= {"\t"}
    assert harmless(harmless(text)) == harmless(text)


@given(ANY_JSON)
def test_json_for_a_reader_is_the_same_for_a_program(value: Any) -> None:
    for indent in (None, 1):
        text = json_text(value, indent=indent)
        assert not unsafe_in(text)
        assert json.loads(text) == value or "\\ud" in text  # halves that meet are one character to a parser


@given(TEXTS)
def test_no_template_prints_unsafe_text(text: str) -> None:
    for escaped in (True, False):
        shown = templates(escaped=escaped).from_string("{{ text }}{{ text | upper }}").render(text=text)
        assert unsafe_in(shown) <= {"\t"}


class Terminal:
    """A terminal reporter that keeps what is written to it."""

    def __init__(self) -> None:
        self.text = ""

    def isatty(self) -> bool:
        return False

    def write(self, text: str, **_: bool) -> None:
        self.text += text

    def write_line(self, text: str, **_: bool) -> None:
        self.text += f"{text}\n"

    def write_sep(self, sign: str, title: str) -> None:
        self.text += f"{sign} {title}\n"


@settings(max_examples=25, deadline=None, derandomize=True)
@given(TEXTS, TEXTS, st.sampled_from([200, 400, 500]))
def test_no_report_holds_unsafe_text_of_a_target(text: str, observed: str, status: int) -> None:
    error = {**ERROR, "error": {"type": text, "code": text, "message": text, "param": text, text: text}}
    bodies = [json.dumps(error).encode(), text.encode("utf-8", "surrogatepass")]
    latin = text.encode("utf-8", "surrogatepass").decode("latin-1")
    headers = ((latin, latin), ("Request-Id", latin))
    answers = [replace(exchange(status, body), headers=headers) for body in bodies]
    tried = Try.of("a way", answers[0])
    findings = {SLUGS[0]: [finding(SLUGS[0], *answers, observed=observed)]}
    runs = [
        run_with(findings),
        run_with(findings, left_over=(text,)),
        run_with(diagnosis=Diagnosis(text, text, (tried, Try.of("a way", answers[1])))),
    ]
    for run in runs:
        terminal = Terminal()
        print_summary(terminal, run)
        content = run.to_json()
        reports = [html_page(run), results_text(run), summary_of(content), script_of(content), badge_of(content)]
        for report in (terminal.text, *reports):
            assert unsafe_in(report) <= {"\t"}


@pytest.mark.parametrize("stream", ["out", "err"])
def test_no_command_prints_unsafe_text(
    stream: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def say(_: object) -> int:
        print(ANSI, BIDI, LINES, "\U000e0041", file=sys.stdout if stream == "out" else sys.stderr)
        return 7

    class Parser:
        def parse_args(self, _: object) -> Any:
            return type("Options", (), {"run": staticmethod(say)})

    monkeypatch.setattr(command_line, "parser", Parser)
    assert command_line.main([]) == 7
    printed = getattr(capsys.readouterr(), stream)
    assert re.search(r"\\x1b", printed)
    assert not unsafe_in(printed)


@pytest.mark.parametrize("error", [FileNotFoundError(2, "gone", ANSI), TargetFileError(f"no target {ANSI}")])
def test_no_error_that_ends_a_command_is_printed_as_it_is(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: object) -> int:
        raise error

    class Parser:
        def parse_args(self, _: object) -> Any:
            return type("Options", (), {"run": staticmethod(fail)})

    monkeypatch.setattr(command_line, "parser", Parser)
    assert command_line.main([]) == ExitStatus.WRONG_USAGE
    assert not unsafe_in(capsys.readouterr().err)


@pytest.mark.parametrize(
    "value", ["cus_a%2F", "cus_a&b=c", "cus_a+b", "cus_\x1b", "cus_\u202e", "cus_\ud800", "cus_é", 7, None]
)
def test_an_id_that_no_exact_body_can_hold_is_not_used(value: object) -> None:
    assert usable_id(value) == ""
    assert usable_id("cus_a/b=='$(x)") == "cus_a/b=='$(x)"


def test_an_id_of_any_form_can_be_given() -> None:
    check_ids("--customer", ["6f9619ff-8b86-d011-b42d-00c04fc964ff", "17", "cus_eu:1.x~y", "Q3VzdG9tZXI6MQ=="])


@pytest.mark.parametrize("identifier", ["", "cus_1 cus_2", "/v1/customers/cus_1", "cus_%31", "cus_é"])
def test_what_can_be_no_id_is_not_given(identifier: str) -> None:
    with pytest.raises(pytest.UsageError, match="is no id"):
        check_ids("--customer", [identifier])


def test_ways_that_were_answered_alike_are_one_line() -> None:
    refused = [Try(f"way {number}", "POST /v1/customers", 400, "no such field") for number in range(3)]
    failed = Try("way 4", "POST /v1/customers", 500, "it broke")
    terminal = Terminal()
    print_summary(terminal, run_with(diagnosis=Diagnosis("no fixtures", "give ids", (*refused, failed))))
    tried = [line for line in terminal.text.splitlines() if "tried:" in line]
    assert len(tried) == 2
    assert "way 0" in tried[0]
    assert "2 other ways" in tried[0]
    assert "way 4" in tried[1]
