"""Every command in the documents is executed, as it stands there."""

from __future__ import annotations

import datetime
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from conformance.__main__ import parser
from conformance.paths import SUITE
from conformance.plugin.options import add_options
from conformance.reports.rendering import FORMS
from conformance.verdict.expectations import parse_expectations
from contracts import load_catalogue, published_contract
from meta_tests.action import run_action
from meta_tests.commands import (
    KEY,
    LANGUAGES,
    PAGES,
    Block,
    Workplace,
    blocks,
    pipeline_script,
    scripts_of,
    workflow_steps,
)
from meta_tests.launcher import serving
from meta_tests.target_cache import pretend_installed
from reference import running

FEW = ("request.minimal-body", "request.json-refused", "state.persisted", "auth.missing")
SHORTENED = {
    "--explore 0.2": "--explore 0.02",
    "--explore 0.1": "--explore 0.02",
    "--seed 2 --budget quick": "--seed 2 --budget quick --profile contract",
}
"""Options that make a command of a page take long, and those with which it is executed."""
DEMONSTRATED = SUITE / "docs" / "gate.md"
"""Whose commands the demonstration executes."""
SERVICES = SUITE / "docs" / "ci.md"
SERVER = """\
import sys
from reference.__main__ import main
sys.exit(main(["--port", sys.argv[1], "--defect", "json-obeyed"]))
"""
KNOWN = """\
[[expected]]
clause = "request.json-refused"
outcome = "fail"
reason = "JSON is convenient"
"""

CERTIFICATION = SUITE / "docs" / "certification.md"
"""Whose run is a whole one, since no other can be certified."""

ADDING = SUITE / "docs" / "adding-a-clause.md"
"""Its commands change the suite, and run in a copy of it."""

SPECIAL = (DEMONSTRATED, SERVICES, CERTIFICATION, ADDING)
COMPARING = SUITE / "docs" / "replay-and-compare.md"
AT_LENGTH = pytest.param(COMPARING, marks=pytest.mark.long)
"""Its commands run the suite several times."""
ORDINARY = [page for page in PAGES if page not in SPECIAL and scripts_of(page)]


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield the socket of a launcher. No command may change a file of this checkout."""
    socket = tmp_path_factory.mktemp("launcher") / "socket"
    before = changed_files()
    with serving(socket):
        yield socket
    assert changed_files() == before


@pytest.fixture
def place(tmp_path: Path, launched: Path) -> Workplace:
    """A clone of the suite, or a project with a server, as far as the commands can tell."""
    place = Workplace(tmp_path, launched, clauses=FEW)
    (place.project / ".venv").mkdir()
    (place.project / ".venv" / "bin").symlink_to(place.tools)
    (place.project / "pyproject.toml").symlink_to(SUITE / "pyproject.toml")
    (place.project / "server.py").write_text(SERVER)
    (place.project / "conformance.toml").write_text(KNOWN)
    return place


def objects_for(url: str, text: str) -> Iterator[tuple[str, str]]:
    """The example ids of a page, each with the id of an object that exists."""
    for name in sorted(set(re.findall(r"\b(?:cus|pm)_Example\d\b", text))):
        form = {} if name.startswith("cus") else {"type": "card", "card[token]": "tok_visa"}
        path = "customers" if name.startswith("cus") else "payment_methods"
        yield name, requests.post(f"{url}/v1/{path}", data=form, auth=(KEY, ""), timeout=10).json()["id"]


@pytest.mark.parametrize(
    "page", [one if one != COMPARING else AT_LENGTH for one in ORDINARY], ids=lambda page: page.name
)
def test_the_commands_of_a_page_do_what_it_says(page: Path, place: Workplace) -> None:
    scripts = scripts_of(page)
    fails = any(block.status == 1 for block in scripts)
    with running("json-obeyed" if fails else None, api_key=KEY, port=place.port(8420)) as server:
        place.words = {**SHORTENED, "https://api.stripe.com": server.url, "sk_test_…": KEY}
        place.words |= dict(objects_for(server.url, page.read_text()))
        (place.project / "traffic.har").write_text(json.dumps({"log": {"entries": []}}))
        (place.project / "spec3.json").write_text(json.dumps(published_contract().document))
        pretend_installed("localstripe", place.folder / "targets")
        for block in filter(lambda block: block.file, scripts):
            place.keep(block)
        for block in filter(lambda block: not block.file, scripts):
            done = place.run(block.text, STRIPE_API_KEY=KEY)
            assert done.returncode == block.status, f"{block}: {done.stdout}"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="without openssl the page was NOT executed")
@pytest.mark.long
def test_the_commands_about_certificates_do_what_the_page_says(place: Workplace) -> None:
    place.clauses = ()
    place.words = {"--profile stripe": "--profile contract"}  # a whole run, and a short one
    with running(api_key=KEY, port=place.port(8420)):
        for block in scripts_of(CERTIFICATION):
            done = place.run(block.text, STRIPE_API_KEY=KEY)
            assert done.returncode == block.status, f"{block}: {done.stdout}"
    assert "Verified OK" in done.stdout


def test_the_commands_about_clauses_work_in_a_copy_of_the_suite(tmp_path: Path) -> None:
    copy = tmp_path / "suite"
    shutil.copytree(SUITE, copy, ignore=shutil.ignore_patterns(".git", ".tox", ".venv", "__pycache__"))
    before = changed_files()
    for block in scripts_of(ADDING):
        script = block.text.replace(".venv/bin/pytest", ".venv/bin/python -m pytest")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script.replace(".venv/bin/python", sys.executable)],
            cwd=copy,
            env={**os.environ, "PYTHONPATH": str(copy)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == block.status, f"{block}: {done.stdout}{done.stderr}"
    assert (copy / "contracts" / "requirements.toml").read_text() != (
        SUITE / "contracts" / "requirements.toml"
    ).read_text()
    assert changed_files() == before


def changed_files() -> str:
    """Return the differences between this checkout and its last commit."""
    command = ["git", "diff", "HEAD", "--stat"]
    return subprocess.run(command, cwd=SUITE, capture_output=True, text=True, check=True).stdout


def of_services(language: str) -> list[Block]:
    return [block for block in blocks(SERVICES) if block.language == language]


def test_the_workflow_for_github_passes_and_annotates(place: Workplace) -> None:
    (steps,) = [steps for block in of_services("yaml") if (steps := workflow_steps(block))]
    script = "\n".join(step["run"] for step in steps if "run" in step)
    (action,) = [step for step in steps if step.get("uses") == "./.conformance/suite"]
    given = {name: place.translated(value) for name, value in action["with"].items()}
    server = place.project / "serve.sh"
    server.write_text(place.translated(script))

    with running("json-obeyed", api_key=KEY, port=place.port(8420)):
        refused = run_action(place, given)
        passed = run_action(place, {**given, "api-key": KEY, "options": "--seed=2\n\n-q"})
        (place.project / "conformance.toml").write_text(KNOWN.replace("json-refused", "minimal-body"))
        failed = run_action(place, {**given, "api-key": KEY, "artifact": ""})
        wrong = run_action(place, {**given, "results": "none", "expectations": "nowhere.toml"})
    assert place.run(script).returncode == 0, "the server starts, and is found to have started"

    assert refused.status == 10, refused.printed
    assert "::error title=The target cannot be tested::" in refused.printed
    assert passed.status == 0, passed.printed
    assert passed.outputs["status"] == "0"
    assert "🟡 as expected (1 expected failure)" in passed.summary
    assert "::error" not in passed.printed
    assert passed.artifacts == ("conformance-results",)
    assert (place.project / passed.outputs["report"]).is_file()
    assert failed.status == 1, failed.printed
    assert "::error title=request.json-refused::" in failed.printed
    assert "❌ not as expected (1 unexpected failure, 1 entry to remove, 0 expected failures)" in failed.summary
    assert "::error file=conformance.toml,line=1,title=Expectation to remove::" in failed.printed
    assert not failed.artifacts
    assert wrong.status == 4
    assert "::error title=No results::" in wrong.printed
    assert KEY not in "".join(run.printed + run.summary for run in (refused, passed, failed, wrong))


def test_the_pipeline_for_gitlab_passes(place: Workplace) -> None:
    (script,) = [lines for block in of_services("yaml") if (lines := pipeline_script(block))]
    done = place.run("\n".join(script))
    assert done.returncode == 0, done.stdout
    assert "conformance.toml: as expected (1 expected failure)" in done.stdout
    (place.project / "conformance.toml").write_text("")
    assert place.run("\n".join(script[2:])).returncode == 1


def test_the_plain_shell_passes_and_so_does_the_container(place: Workplace) -> None:
    shell, container = of_services("sh")
    done = place.run(shell.text)
    assert done.returncode == 0, done.stdout
    place.ports.clear()  # the server that was just killed may hold its port for another moment
    with running("json-obeyed", port=place.port(8420)):
        done = place.run(container.text)
    assert done.returncode == 0, done.stdout
    assert "conformance.toml: as expected (1 expected failure)" in done.stdout


def test_the_action_says_all_that_its_table_says() -> None:
    import yaml

    documented = set(re.findall(r"^\| `([\w-]+)` \|", SERVICES.read_text(), re.MULTILINE))
    action = yaml.safe_load((SUITE / "action.yml").read_text())
    assert documented == set(action["inputs"])


# What is no command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_says_what_it_is_and_no_command_stands_outside(page: Path) -> None:
    found = list(blocks(page))
    assert {block.language for block in found} <= {*LANGUAGES}
    text = page.read_text()
    for block in found:
        text = text.replace(block.text, "")
    if page.name == "implementations.md":
        text = text.partition("CUS=$(curl")[0]  # from here on it is generated from targets/, which is checked otherwise
    assert not re.search(r"^(?: {4,}|\t)(?:\.venv|python|pip|pytest|curl|git|docker|[A-Z_]+=)\S* ", text, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_leaves_a_name_to_fill_into_an_address(page: Path) -> None:
    assert not re.search(r"//[\w.]+/[A-Z_<{]{2,}|\b[A-Z]{2,}/attach-conformance", page.read_text())


def test_every_page_with_commands_is_executed_by_a_test() -> None:
    assert {page for page in PAGES if scripts_of(page)} == {*ORDINARY, *SPECIAL}
    assert {"README.md", "CONTRIBUTING.md"} <= {page.name for page in ORDINARY}


@pytest.mark.parametrize("words", SHORTENED)
def test_what_is_shortened_stands_on_a_page(words: str) -> None:
    assert [page for page in ORDINARY if words in page.read_text()]


def test_the_example_of_an_expectation_can_be_read() -> None:
    (example,) = [block for block in blocks(SUITE / "docs" / "expectations.md") if block.language == "toml"]
    assert parse_expectations(example.text.encode(), str(example), load_catalogue(), datetime.date.today()).entries


def options_of_the_suite() -> set[str]:
    known = pytest.Parser(_ispytest=True)
    add_options(known)
    (group,) = (group for group in known._groups if group.name == "conformance")
    return {name for option in group.options for name in option.names()}


PYTHON_IN_A_CLONE = "python -m conformance …"
"""The one place that says that this is the same."""
OF_PYTEST = {"--assert", "--base-url", "--html", "--junit-xml", "--showlocals"}


def wrong_with(command: str) -> str:
    """Return what is wrong with a command in the text of a page, or an empty text."""
    words = shlex.split(command)
    if words[:3] == ["python", "-m", "conformance"]:
        return "that works only in an activated environment: write attach-conformance"
    if words[0].removeprefix(".venv/bin/") == "attach-conformance":
        names = {name for action in parser()._subparsers._group_actions for name in action.choices}  # type: ignore[union-attr]
        rest = words[1:]
        return "" if not rest or rest[0] in names else f"there is no command {rest[0]}"
    if not command.startswith(("--", "pytest --")):
        return ""
    asked = {word.partition("=")[0] for word in words if word.startswith("--")}
    unknown = asked - options_of_the_suite() - OF_PYTEST - OF_COMMANDS
    return f"there is no option {', '.join(unknown)}" if unknown else ""


OF_COMMANDS = {"--record", "--start", "--install", "--check", "--store", "--cache", "--keep"}
OF_COMMANDS |= {"--out", "--valid-days", "--image-digest", "--at", "--nonce", "--against", "--sample"}
OF_COMMANDS |= {"--observe", "--summary", "--to", *(f"--{name}" for name in FORMS)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_options_in_the_text_exist(page: Path) -> None:
    text = re.sub(r"<!--.*?-->", "", page.read_text())
    for block in blocks(page):
        text = text.replace(block.text, "")
    for code in re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text):
        if code == PYTHON_IN_A_CLONE:
            continue
        if code.startswith(("--", "python -m conformance", ".venv/bin/attach", "attach-conformance", "pytest")):
            assert not wrong_with(code.replace("\\|", "/").replace("…", "")), code


def test_the_guard_of_commands_in_the_text_sees_a_wrong_one() -> None:
    assert wrong_with("attach-conformance nothing")
    assert wrong_with(".venv/bin/attach-conformance nothing")
    assert wrong_with("python -m conformance doctor")
    assert wrong_with("pytest --no-such-option")
    assert not wrong_with("attach-conformance sweep --base-url URL")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    links = re.findall(r"(?<!!)\[[^\]]*\]\(([^)#\s]+)", page.read_text())
    assert not [link for link in links if "://" not in link and not (page.parent / link).exists()]
