"""The gate, end to end: expected failures in every output, and an exit status that is strict both ways."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks.examples import episode, exchange
from benchmarks.suite import Job, Result, run
from conformance.evidence.episode import Finding, Outcome
from conformance.verdict.entries import Kind
from conformance.verdict.expectations import Expectation, Expectations, Gate, weigh
from conformance.verdict.ledger import Ledger
from conformance.verdict.profiles import all_verdicts
from conformance.verdict.results import ClauseResult, conclude
from conformance.verdict.run import Run
from conformance.verdict.settings import Settings
from contracts import Catalogue, load_catalogue, published_contract
from reference.defects import CATALOGUE as DEFECTS

FEW = ("--profile", "contract", "-k", "json or minimal or envelope or methods")
JSON = "request.json-refused"
OTHER = "request.charset-parameter"


def gate(defect: str | None, *arguments: str) -> Result:
    return run(Job("gate", defect, arguments=(*FEW, *arguments), html="--results" in arguments))


def defect_of(slug: str) -> str:
    return next(name for name, defect in DEFECTS.items() if defect.clause == slug)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An expectations file proposed from a server that obeys JSON."""
    path = tmp_path_factory.mktemp("project") / "known.toml"
    result = gate(defect_of(JSON), "--write-expectations", str(path))
    assert result.status == 1, "writing expectations excuses nothing"
    assert "1 entry proposed" in result.output
    return path


def results_in(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return content


def test_an_expected_failure_is_shown_as_such_everywhere_and_is_never_green(known: Path, tmp_path: Path) -> None:
    result = gate(defect_of(JSON), "--expectations", str(known), "--results", str(tmp_path))
    assert result.status == 0, result.output

    assert "contract: does not conform, as expected (1 expected failure; only a part was run: " in result.output
    assert re.search(rf"~ {JSON}  \w{{7}}  expected fail, MUST: observed on ", result.output)
    assert " xfailed" not in result.output, "pytest counts tests, the summary counts clauses"
    assert "stateful:" not in result.output, "what was not asked for has no verdict in the terminal"
    assert "\n100% " in result.output
    assert re.search(r"^ *\d+% request: done, [\d,]+ requests so far$", result.output, re.MULTILINE)
    assert not re.search(r"^[.xs]+$", result.output, re.MULTILINE), "no letters behind those of the tests"

    results = results_in(tmp_path)
    assert results["verdict"] == "does-not-conform"
    assert results["exit_status"] == 0
    assert results["clauses"][JSON]["outcome"] == "expected"
    assert results["clauses"][JSON]["was"] == "fail"
    assert results["clauses"][JSON]["findings"]
    assert results["expectations"]["is_met"] is True
    assert results["expectations"]["expected"] == [JSON]

    skipped = ET.parse(tmp_path / "junit.xml").findall(f".//testcase[@name='{JSON}']/skipped[@type='expected']")
    assert len(skipped) == 1
    assert "observed on" in skipped[0].attrib["message"]

    page = (tmp_path / "report.html").read_text()
    assert "Does not conform, as expected (1 expected failure; only a part was run: " in page
    assert "cf-tile cf-expected" in page


def test_what_has_been_mended_turns_the_gate_red_until_its_entry_goes(known: Path, tmp_path: Path) -> None:
    result = gate(None, "--expectations", str(known), "--results", str(tmp_path))
    assert result.status == 1
    line = known.read_text().splitlines().index("[[expected]]") + 1
    said = f"{known}:{line}: {JSON} is fixed: remove it"
    assert said in result.output
    assert "contract: nothing failed (" in result.output
    assert said in (tmp_path / "junit.xml").read_text()
    assert said in (tmp_path / "report.html").read_text()
    assert results_in(tmp_path)["expectations"]["stale"] == [
        {"clause": JSON, "line": line, "why": f"{JSON} is fixed: remove it"}
    ]


def test_a_quick_run_sees_too_little_to_have_an_entry_removed(known: Path) -> None:
    result = gate(None, "--expectations", str(known), "--budget", "quick")
    assert result.status == 0, result.output
    assert f"left alone, it passed, but not all of its tests were run: {known}:" in result.output
    assert gate(defect_of("error.envelope"), "--expectations", str(known), "--budget", "quick").status == 1


def test_another_failure_turns_the_gate_red(known: Path) -> None:
    result = gate(defect_of("error.envelope"), "--expectations", str(known))
    assert result.status == 1
    assert "  unexpected: error.envelope: " in result.output
    assert result.results["expectations"]["unexpected"] == ["error.envelope"]


def test_a_clause_beside_the_tests_is_expected_too(tmp_path: Path) -> None:
    path = tmp_path / "known.toml"
    path.write_text('[[expected]]\nclause = "error.envelope"\noutcome = "fail"\nreason = "the proxy answers"\n')
    result = gate(defect_of("error.envelope"), "--expectations", str(path), "-x")
    assert result.status == 0, result.output
    assert re.search(r"~ error\.envelope  \w{7}  expected fail, MUST: the proxy answers", result.output)
    assert "stopping" not in result.output
    assert "; failed: " not in result.output


def test_a_run_of_a_few_clauses_tells_nothing_of_the_others(tmp_path: Path) -> None:
    path = tmp_path / "known.toml"
    entry = '[[expected]]\nclause = "{}"\noutcome = "fail"\nreason = "so it is"\n'
    path.write_text(entry.format("error.envelope") + entry.format("body.unknown-parameter") + entry.format(JSON))
    result = gate(None, "--clause", JSON, "--expectations", str(path))
    assert [stale["clause"] for stale in result.results["expectations"]["stale"]] == [JSON]
    assert f"left alone, not selected: {path}:1, {path}:5" in result.output


def test_a_file_with_an_error_stops_the_run_before_anything_is_sent(known: Path, tmp_path: Path) -> None:
    path = tmp_path / "known.toml"
    path.write_text(known.read_text().replace(JSON, "request.jason-refused") + "\nexpires = 2020-01-01\n")
    result = run(Job("error", base_url="http://127.0.0.1:9", arguments=("--expectations", str(path))))
    assert result.status == 4
    lines = [line for line in result.output.splitlines() if str(path) in line]
    assert len(lines) == 2, result.output
    assert "did you mean request.json-refused?" in lines[0]
    assert "expired on 2020-01-01" in lines[1]
    assert not result.results


def test_a_target_that_cannot_be_tested_meets_no_expectation(known: Path, tmp_path: Path) -> None:
    path = tmp_path / "new.toml"
    arguments = ("--expectations", str(known), "--write-expectations", str(path), "--profile", "contract")
    result = run(Job("down", base_url="http://127.0.0.1:9", arguments=arguments))
    assert result.status == 10
    assert "no expectations are proposed" in result.output
    assert not path.exists()


def test_what_could_not_be_judged_is_inconclusive_whatever_was_expected() -> None:
    catalogue = load_catalogue()
    ledger = Ledger()
    ledger.entry(JSON).add(Kind.NOT_RUN, "answered 500")
    ledger.entry("request.minimal-body").held = 1
    ledger.entry("error.no-secrets").add(Kind.INCONCLUSIVE, "no answer within 10 s")
    ledger.entry("error.envelope").add_finding(broken("error.envelope"))
    results = conclude(catalogue, ledger)
    known = [Expectation("error.envelope", Outcome.FAIL, "so it is"), Expectation(JSON, Outcome.NOT_RUN, "so it is")]
    for entries, status in ((known, 11), (known[:1], 1), ([*known, Expectation(OTHER, Outcome.FAIL, "?")], 1)):
        ledger.entry(OTHER).held = 1
        results = conclude(catalogue, ledger)
        weighed = weigh(Expectations("f", tuple(entries)), results, catalogue, profile="contract", level="must")
        assert ended(catalogue, results, weighed) == status
    ledger.entries.pop("error.no-secrets")
    results = conclude(catalogue, ledger)
    weighed = weigh(Expectations("f", tuple(known)), results, catalogue, profile="contract", level="must")
    assert ended(catalogue, results, weighed) == 0


def broken(slug: str) -> Finding:
    return Finding(slug, "no envelope", episode("rejected", exchange(400, b"no"), clause=slug))


def ended(catalogue: Catalogue, results: Mapping[str, ClauseResult], weighed: Gate) -> int:
    """The exit status of a run with these results."""
    settings = Settings("http://127.0.0.1:1", "contract", "must", (), (), Path(), "standard", 1, None, 10.0, False)
    verdicts = all_verdicts(results, catalogue, level="must", stateless=False)
    fields: dict[str, Any] = {"target": "", "provision": "", "stateless": False, "requests": 0, "seconds": 0.0}
    fields |= {"started": "", "versions": {}, "results": weighed.results, "verdicts": verdicts, "gate": weighed}
    return Run(settings=settings, contract=published_contract(), catalogue=catalogue, **fields).exit_status


def test_no_file_is_overwritten(known: Path) -> None:
    before = known.read_text()
    result = gate(None, "--write-expectations", str(known))
    assert result.status == 4
    assert "stays as it is" in result.output
    assert known.read_text() == before


def test_a_dry_run_says_nothing_of_expectations(known: Path, tmp_path: Path) -> None:
    path = tmp_path / "new.toml"
    result = gate(None, "--dry-run", "--expectations", str(known), "--write-expectations", str(path))
    assert result.status == 0, result.output
    assert not path.exists()
