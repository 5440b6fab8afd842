"""Output for CI services: annotations whose parts cannot be mistaken, and Markdown that shows texts unchanged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.runs import run_with
from conformance.__main__ import main
from conformance.reports.markdown import code, text
from conformance.reports.rendering import results_text
from conformance.reports.workflow import annotation, annotations_of, headline, summary_of
from conformance.verdict.run import ExitStatus


def results(ending: str = "conforms", **changes: Any) -> dict[str, Any]:
    """The content of a small `results.json`."""
    clause = {"outcome": "pass", "level": "MUST", "profile": "contract", "statement": "It holds.", "reason": ""}
    clauses = {slug: {**clause, "findings": []} for slug in ("request.a", "request.b")}
    return {
        "suite": {"attach-conformance": "0.1.0"},
        "target": {"base_url": "http://127.0.0.1:1"},
        "profile": "contract",
        "level": "must",
        "budget": "standard",
        "seed": 1,
        "ending": ending,
        "diagnosis": None,
        "lacking": [],
        "words": {"contract": "conforms (2 clauses)"},
        "reasons": {"contract": "2 clauses"},
        "expectations": None,
        "clauses": clauses,
        "requests": 3,
        "seconds": 0.25,
        **changes,
    }


def but(slug: str, outcome: str, reason: str, **more: Any) -> dict[str, Any]:
    clauses = results()["clauses"]
    clauses[slug] |= {"outcome": outcome, "reason": reason, **more}
    return {"clauses": clauses}


def test_nothing_in_a_message_or_a_property_can_be_taken_for_another_command() -> None:
    written = annotation("error", "50%\r\n::set-output::", title="a:b,c%\n", line=3)
    assert written == "::error title=a%3Ab%2Cc%25%0A,line=3::50%25%0D%0A::set-output::"


@pytest.mark.parametrize(
    ("value", "shown"),
    [("a", "`a`"), ("a`b", "``a`b``"), ("`a", "`` `a ``"), ("a|b\nc", "`a\\|b c`"), ("a``b`", "``` a``b` ```")],
)
def test_code_shows_whatever_it_holds(value: str, shown: str) -> None:
    assert code(value) == shown


def test_text_shows_markup_unchanged() -> None:
    assert text("<img src=x> *a* |\n[b](c) `d`") == "\\<img src=x\\> \\*a\\* \\| \\[b\\](c) \\`d\\`"


@pytest.mark.parametrize(
    ("ending", "expected", "said"),
    [
        ("conforms", None, "✅ conforms"),
        ("does-not-conform", None, "❌ does not conform"),
        ("unreachable", None, "⚠️ cannot be tested"),
        ("inconclusive", None, "⚠️ inconclusive"),
        ("conforms", [], "✅ conforms"),
        ("conforms", ["request.a"], "🟡 w"),
        ("as-expected", ["request.a"], "🟡 w"),
        ("does-not-conform", ["request.a"], "❌ does not conform"),
        ("not-as-expected", [], "❌ w"),
    ],
)
def test_what_is_expected_is_never_green(ending: str, expected: list[str] | None, said: str) -> None:
    gate = None if expected is None else {"expected": expected, "unexpected": [], "words": "w"}
    assert headline(results(ending, expectations=gate)) == f"contract {said}"


def test_each_failure_is_an_error_and_what_decides_nothing_is_none() -> None:
    failed = results("does-not-conform", **but("request.a", "fail", "accepted\nwith 200"))
    assert list(annotations_of(failed)) == ["::error title=request.a::It holds. Observed: accepted%0Awith 200"]
    deviates = but("request.a", "deviation", "no code", level="SHOULD")
    assert not list(annotations_of(results(**deviates)))
    assert len(list(annotations_of(results("does-not-conform", **deviates, level="should")))) == 1
    assert len(list(annotations_of(results("does-not-conform", lacking=["detach"])))) == 1
    (warning,) = annotations_of(results("inconclusive"))
    assert warning.startswith("::warning title=Inconclusive::")


def test_the_summary_folds_away_what_is_expected() -> None:
    gate = {"file": "known.toml", "is_met": True, "expected": ["request.a"], "unexpected": [], "words": "as expected"}
    summary = summary_of(
        results("as-expected", **but("request.a", "expected", "accepted", expected="why <b>"), expectations=gate)
    )
    assert "<details><summary>Expected failures (1)</summary>" in summary
    assert "| `request.a` | MUST | why \\<b\\> |  |" in summary


def test_a_known_implementation_is_called_by_its_name() -> None:
    named = results(target={"base_url": "http://127.0.0.1:1", "implementation": "Mine 1.2"})
    assert summary_of(named).startswith("### `Mine 1.2`: contract ✅ conforms\n")


def test_a_folder_without_results_is_said_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["annotate", str(tmp_path)]) == ExitStatus.WRONG_USAGE
    assert capsys.readouterr().out.startswith("::error title=No results::")
    (tmp_path / "results.json").write_text(results_text(run_with()))
    assert main(["annotate", str(tmp_path), "--summary", str(tmp_path / "summary.md")]) == 0
    assert (tmp_path / "summary.md").read_text().splitlines()[0].endswith(": stripe ✅ conforms")
