"""Exploring finds what the standard budget misses, says how to pin it, and proves nothing."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks import runs
from benchmarks.processes import pytest_run
from conformance.commands.certificate.making import CannotCertify, certified
from conformance.commands.certificate.policy import against_kind
from conformance.commands.certificate.statements import Product
from conformance.paths import SUITE
from conformance.plugin.exploring import folder_for
from conformance.verdict.record import Record, run_of
from contracts import published_contract
from meta_tests.needles import Needle, dotted_names_are_dropped, numerals_are_converted, running_with
from strategies import Attempt, Comparison, Invalid, Pair, invalid, wider, wider_malformed
from strategies.as_python import as_python, imports_for
from strategies.oracle import violations
from strategies.sequences import Operation
from strategies.traits import traits
from strategies.wire import decode

KEY = "sk_test_exploring0123456789abcdef"
SEED = 1
FEW = settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
BINDINGS = {"customer": "cus_Known0", "other_customer": "cus_Other0", "payment_method": "pm_Known0"}
CONTRACT = published_contract()


def suite(results: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    chosen = ("-q", "-p", "no:cacheprovider", "--results", str(results), *arguments)
    return pytest_run(*chosen, timeout=120, environment={"STRIPE_API_KEY": KEY})


@dataclass(frozen=True)
class Explored:
    """An exploration of a server with a needle in it, and what the standard budget said of the same server."""

    url: str
    done: subprocess.CompletedProcess[str]
    folder: Path
    results: dict[str, Any]
    standard: dict[str, Any]


def results_in(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return content


BY_TEST = {"test_any_text": numerals_are_converted, "test_unknown_nested_parameter": dotted_names_are_dropped}


@pytest.fixture(scope="module", params=BY_TEST)
def explored(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Explored]:
    needle: Needle = BY_TEST[request.param]
    folder = tmp_path_factory.mktemp("explored")
    with running_with(needle, api_key=KEY) as server:
        target = ("--base-url", server.url)
        suite(folder / "standard", *target, "--profile", "contract")
        done = suite(
            folder, *target, "--explore", "1", "--seed", str(SEED), "-x", "-k", f"minimal_body or {request.param}"
        )
        yield Explored(server.url, done, folder, results_in(folder), results_in(folder / "standard"))


def test_the_standard_budget_misses_it(explored: Explored) -> None:
    assert explored.standard["verdict"] == "conforms"
    assert explored.standard["exploration"] is None


def test_exploring_finds_it_soon_and_says_so(explored: Explored) -> None:
    assert explored.done.returncode == 1, explored.done.stdout + explored.done.stderr
    assert explored.results["verdict"] == "does-not-conform"
    assert explored.results["requests"] < 2500
    (found,) = explored.results["exploration"]["found"]
    assert explored.results["clauses"][found["clause"]]["outcome"] == "fail"
    assert found["clause"] in ("error.status-class", "body.unknown-parameter-nested")
    assert f"--seed {SEED}" in explored.done.stdout
    assert "curl -i" in explored.done.stdout


def test_what_is_found_can_be_pasted_and_is_minimal(explored: Explored) -> None:
    (found,) = explored.results["exploration"]["found"]
    assert found["code"] in explored.done.stdout
    names: dict[str, Any] = {}
    exec("\n".join(found["imports"]), names)
    attempt = eval(re.sub(r"^@example\(attempt=(.*)\)$", r"\1", found["code"]), names)
    assert isinstance(attempt, Attempt)
    if found["clause"] == "error.status-class":
        (pair,) = attempt.pairs or ()
        assert len(str(pair.value)) == 1
        assert found["test"] == "tests/test_generated.py::test_any_text"
    else:
        assert sorted(str(pair.name)[:6] for pair in attempt.pairs or ())[-2:] == ["custom", "expand"]
        (odd,) = [pair for pair in attempt.pairs or () if not str(pair.name).startswith(("customer", "expand"))]
        assert odd.value == ""
        assert len(str(odd.name)) <= 13
        assert found["test"] == "tests/test_body.py::test_unknown_nested_parameter"


def test_what_was_found_once_is_found_again_first(explored: Explored) -> None:
    (first,) = explored.results["exploration"]["found"]
    test = first["test"].rpartition("::")[2]
    again = suite(explored.folder, "--base-url", explored.url, "--explore", "1", "-x", "-k", f"minimal_body or {test}")
    (found,) = results_in(explored.folder)["exploration"]["found"]
    assert found["round"] == 0, again.stdout
    assert found["code"] == first["code"]
    kept = [path for path in (explored.folder / "explored").rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if KEY.encode() in path.read_bytes()]


def test_an_exploration_certifies_nothing(explored: Explored) -> None:
    content = (explored.folder / "run.jsonl").read_bytes()
    record = Record.of(content)
    assert [objection.code for objection in against_kind(record)] == ["exploration"]
    assert run_of(record).settings.explore == 1
    from securesystemslib.signer import CryptoSigner

    with pytest.raises(CannotCertify, match="exploration"):
        certified(content, Product("server", "1", ""), CryptoSigner.generate_ed25519())


def test_exploring_a_server_that_conforms_finds_nothing_and_ends_in_time(tmp_path: Path) -> None:
    with running_with(None, api_key=KEY) as server:
        started = time.monotonic()
        done = suite(tmp_path, "--base-url", server.url, "--explore", "0.05", "-k", "minimal_body or test_request")
        seconds = time.monotonic() - started
    results = results_in(tmp_path)
    assert done.returncode == 0, done.stdout
    assert results["exploration"]["found"] == []
    assert results["verdict"] == "inconclusive"
    assert set(results["verdicts"].values()) == {"inconclusive"}
    assert results["seconds"] < 3 + 5
    assert seconds < 40
    assert results["seed"] != SEED  # one of four thousand million
    assert f"--seed {results['seed']}" in done.stdout


def test_what_was_found_before_it_was_broken_off_is_kept(tmp_path: Path) -> None:
    arguments = ("--explore", "5", "--seed", str(SEED), "-k", "minimal_body or any_text")
    with running_with(numerals_are_converted, api_key=KEY) as server:
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-q", "--results", str(tmp_path), "--base-url", server.url, *arguments],
            cwd=SUITE,
            env={**os.environ, "STRIPE_API_KEY": KEY, "COLUMNS": "200", "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        for line in process.stdout:
            if "found: " in line:
                break
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(60) == 2, rest
    results = results_in(tmp_path)
    assert [found["clause"] for found in results["exploration"]["found"]][:1] == ["error.status-class"]
    assert "@example(" in rest


@pytest.mark.parametrize(
    "other", [("--expectations", "known.toml"), ("--write-expectations", "new.toml"), ("--dry-run",), ("-n", "2")]
)
def test_what_does_not_go_with_exploring_is_told_in_one_line(other: tuple[str, ...], tmp_path: Path) -> None:
    done = suite(tmp_path, "--explore", "1", *other)
    assert done.returncode == 4
    assert "--explore does not go with" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("changes", "name", "stateless", "folder"),
    [
        ({"base_url": "http://127.0.0.1:8420/a/b"}, "", False, "127.0.0.1-8420-a-b-stateful"),
        ({"base_url": None}, "", True, "embedded-reference-stateless"),
        ({"base_url": "http://127.0.0.1:39999"}, "localstripe", False, "localstripe-stateful"),
    ],
)
def test_each_target_keeps_its_own_examples(changes: dict[str, Any], name: str, stateless: bool, folder: str) -> None:
    assert folder_for(runs.settings(**changes), name, stateless=stateless) == Path("reports", "explored", folder)


REFUSED: dict[str, tuple[Callable[[int], st.SearchStrategy[Attempt]], str]] = {
    "missing": (wider.missing_customers, "body.customer-required"),
    "structured": (wider.structured_customers, "body.customer-structure"),
    "too long": (wider.too_long_customers, "body.customer-max-length"),
    "unknown": (wider.unknown_parameters, "body.unknown-parameter"),
    "nested": (wider.unknown_nested_parameters, "body.unknown-parameter-nested"),
    "ill-structured": (wider.ill_structured_expands, "expand.structure"),
    "named index": (wider.named_expand_indexes, "expand.named-index"),
    "too long entry": (wider.too_long_expand_items, "expand.item-max-length"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_to_be_refused_breaks_its_clause_at_any_width(name: str) -> None:
    strategy, slug = REFUSED[name]

    @FEW
    @given(attempt=st.integers(1, wider.WIDEST).flatmap(strategy))
    def check(attempt: Attempt) -> None:
        broken = {violation.clause for violation in violations(decode(attempt.bind(BINDINGS).body or b""), CONTRACT)}
        assert broken == {slug}
        assert attempt.kind == "invalid"

    check()


@pytest.mark.parametrize("width", [1, wider.WIDEST])
def test_what_is_to_be_answered_fits_the_contract(width: int) -> None:
    @FEW
    @given(attempt=wider.answered_bodies(width))
    def check(attempt: Attempt) -> None:
        assert not violations(decode(attempt.bind(BINDINGS).body or b""), CONTRACT)

    check()


@pytest.mark.parametrize("width", [1, wider.WIDEST])
def test_respelled_bodies_mean_the_same(width: int) -> None:
    @FEW
    @given(comparison=wider.respelled_bodies(width))
    def check(comparison: Comparison) -> None:
        usual = decode(comparison.control.bind(BINDINGS).body or b"")
        assert all(decode(subject.bind(BINDINGS).body or b"") == usual for subject in comparison.subjects)

    check()


TRAITS = {
    "malformed-encoding": wider_malformed.malformed_encodings,
    "invalid-utf8": wider_malformed.invalid_utf8,
    "control-characters": wider_malformed.control_characters,
    "non-bmp": wider_malformed.non_bmp,
    "quotes": wider_malformed.quotes,
    "empty-values": wider_malformed.empty_values,
    "long-value": wider_malformed.long_values,
    "deep-brackets": wider_malformed.deep_brackets,
}


@pytest.mark.parametrize("name", TRAITS)
def test_malformed_requests_are_of_the_kind_that_their_clause_speaks_of(name: str) -> None:
    @FEW
    @given(attempt=st.integers(1, wider.WIDEST).flatmap(TRAITS[name]))
    def check(attempt: Attempt) -> None:
        found = traits(attempt.bind(BINDINGS))
        assert f"robustness.{name}" in found or (name == "deep-brackets" and "[" not in str(attempt))

    check()


@FEW
@given(
    value=st.one_of(
        st.integers(1, wider.WIDEST).flatmap(wider.unknown_parameters),
        wider.respelled_bodies(3),
        wider.sequences(2),
        wider_malformed.invalid_utf8(3),
        wider_malformed.path_encodings(2),
        wider_malformed.long_values(1),
    )
)
def test_the_python_of_what_is_drawn_makes_it_again(value: object) -> None:
    names: dict[str, Any] = {}
    exec("\n".join(imports_for(value)), names)
    assert eval(as_python(value), names) == value


def test_python_leaves_out_what_goes_without_saying() -> None:
    pair = Pair("customer", "a" * 5001)
    assert as_python(Attempt((pair,))) == "Attempt(pairs=(Pair('customer', 'a' * 5001),))"
    assert as_python((Operation("attach", 1, 2),)) == "(Operation('attach', method=1, customer=2),)"
    attempt = invalid.broken("a", "why", pair)
    assert imports_for(attempt) == ["from strategies.attempt import Attempt, Invalid, Pair"]
    assert as_python(Invalid("a", "b")) == "Invalid('a', 'b')"
    with pytest.raises(TypeError):
        as_python(object())
