"""Each reproduction that is printed, run as it is printed, says `still fails`, and after the fix `fixed`."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from benchmarks.examples import SUCCESS, exchange
from benchmarks.runs import finding
from benchmarks.suite import Job, run_all
from conformance.evidence.secret import made_up_key
from conformance.reports.reproduction import Reached, curl_alone
from reference import Server, build, defects, variants

KEY = made_up_key().reveal()
SAYS = re.compile(r"^[0-9a-f]{7}  (still fails|fixed|cannot run)", re.MULTILINE)
STATUS = re.compile(r"HTTP/1\.1 (\d{3})")


@dataclass(frozen=True)
class Kind:
    """A server to be tested, with its defects and the clauses that they break."""

    defects: dict[str, str]
    bearer_only: bool = False
    stateless: bool = False


SEVERAL_STEPS = Kind(
    {
        "taken-over": "state.second-customer",
        "deleted-customer-accepted": "state.deleted-customer",
        "keys-ignored": "idempotency.replay",
        "lower-hex-not-decoded": "request.equivalent-encodings",
    }
)
BEARER_ONLY = Kind(
    {
        "json-obeyed": "request.json-refused",
        "unknown-ignored": "body.unknown-parameter",
        "method-in-any-case": "state.unknown-payment-method",
    },
    bearer_only=True,
)
STATELESS = Kind(
    {
        "customer-optional": "body.customer-required",
        "lower-hex-not-decoded": "request.equivalent-encodings",
        "unknown-ignored": "body.unknown-parameter",
    },
    stateless=True,
)
KINDS = (SEVERAL_STEPS, BEARER_ONLY, STATELESS)


@contextlib.contextmanager
def serving(kind: Kind, port: int = 0, *, fixed: bool = False) -> Iterator[Server]:
    """Serve with the defects of a kind, or without them."""
    server = build(stateless=kind.stateless, port=port)
    behaviour = server.world.behaviour
    for name in () if fixed else kind.defects:
        defects.get(name).apply(behaviour)
    if kind.bearer_only:
        variants.get("takes-bearer-only").apply(behaviour)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@dataclass(frozen=True)
class Printed:
    """The reproductions that a run printed: on the terminal, and in the file for CI services."""

    kind: Kind
    port: int
    folder: Path
    terminal: str
    in_junit: Sequence[str]
    curls: Sequence[str]


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Printed]:
    every, jobs, folders = [], [], []
    with contextlib.ExitStack() as stack:
        stack.enter_context(pytest.MonkeyPatch.context()).delenv("STRIPE_API_KEY", raising=False)
        servers = [stack.enter_context(serving(kind)) for kind in KINDS]
        for kind, server in zip(KINDS, servers, strict=True):
            folders.append(tmp_path_factory.mktemp("printed"))
            options = [*(f"--clause={slug}" for slug in kind.defects.values()), f"--results={folders[-1]}"]
            jobs.append(Job("printed", base_url=server.url, arguments=tuple(options)))
        results = list(run_all(jobs))
    for kind, server, folder, result in zip(KINDS, servers, folders, results, strict=True):
        texts = [text.text or "" for text in ET.parse(folder / "junit.xml").iter("failure")]
        again = re.findall(r"^send again: (.*)$", result.output, re.MULTILINE)
        assert len(again) == 1, result.output
        every.append(
            Printed(
                kind,
                urlsplit(server.url).port or 0,
                folder,
                again[0],
                [
                    one
                    for text in texts
                    for one in re.findall(r"^reproduce, .*: (attach-conformance .*)$", text, re.MULTILINE)
                ],
                [one for text in texts for one in re.findall(r"^or: (curl .*)$", text, re.MULTILINE)],
            )
        )
    return every


def pasted(command: str, folder: Path) -> str:
    """Run a command as it is printed, in a shell that knows this Python, and return what it says."""
    environment = {name: value for name, value in os.environ.items() if name != "STRIPE_API_KEY"}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    if command.startswith("curl"):
        environment["STRIPE_API_KEY"] = KEY
    done = subprocess.run(["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True)
    return done.stdout + done.stderr


def test_every_printed_reproduction_says_still_fails_and_after_the_fix_fixed(printed: Sequence[Printed]) -> None:
    findings = 0
    for one in printed:
        with serving(one.kind, one.port):
            said = pasted(one.terminal, one.folder)
            assert SAYS.findall(said) == ["still fails"] * len(one.kind.defects), said
            in_junit = pasted(one.in_junit[0], one.folder)
            assert SAYS.findall(in_junit) == ["still fails"], in_junit
        with serving(one.kind, one.port, fixed=True):
            said = pasted(one.terminal, one.folder)
            assert SAYS.findall(said) == ["fixed"] * len(one.kind.defects), said
        assert len(one.in_junit) == len(one.kind.defects)
        findings += len(one.kind.defects)
    assert findings >= 10


def test_a_printed_curl_line_gets_the_answer_of_the_run(printed: Sequence[Printed]) -> None:
    """Only a server that knows every id still has the objects: elsewhere no curl line is printed with one."""
    (stateless,) = [one for one in printed if one.kind is STATELESS]
    assert stateless.curls
    with serving(STATELESS, stateless.port):
        assert {STATUS.findall(pasted(line, stateless.folder))[0] for line in stateless.curls} == {"200"}
    with serving(STATELESS, stateless.port, fixed=True):
        assert {STATUS.findall(pasted(line, stateless.folder))[0] for line in stateless.curls} == {"400"}
    assert not [line for one in printed if one is not stateless for line in one.curls]


def test_a_curl_line_shows_the_key_as_the_run_did_and_has_no_id_that_is_gone() -> None:
    ids = {"payment_method": "pm_Example0", "customer": "cus_Example0"}
    made = finding("body.unknown-parameter", exchange(200, SUCCESS), bindings=ids)
    anywhere = Reached("http://127.0.0.1:1", knows_any_id=True)
    assert '"Authorization: Bearer $STRIPE_API_KEY"' in curl_alone(made, anywhere)
    assert '-u "$STRIPE_API_KEY:"' in curl_alone(made, replace(anywhere, scheme="basic"))
    assert not curl_alone(made, replace(anywhere, knows_any_id=False))
    assert not curl_alone(made, replace(anywhere, base_url=""))
    two_steps = finding("body.unknown-parameter", exchange(200, SUCCESS), exchange(200, SUCCESS))
    assert not curl_alone(two_steps, anywhere)
