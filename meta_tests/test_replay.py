"""Replaying a finding gives the same result as the run, and tells when the defect is gone."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from conformance.__main__ import main
from conformance.episode import Finding
from conformance.record import RECORD_FILE
from conformance.replaying.command import findings_of, read_run
from conformance.run import ExitStatus
from meta_tests.suite import Job, run_all
from reference import Server, build, defects

KEY = "sk_test_replaying0123456789abcdef"

ONE_BY_ONE = {
    "json-obeyed": "request.json-refused",  # a single request
    "lower-hex-not-decoded": "request.equivalent-encodings",  # a pair that is compared
    "customer-decoded-twice": "request.value-exact",  # an id that was changed before it was sent
    "nul-in-path-crashes": "robustness.path-encoding",  # exact bytes
    "keys-ignored": "idempotency.replay",  # a key that is sent again
    "declined-but-attached": "stripe.card-declined",  # a fixture of another kind
    "cacheable": "header.cache-control",  # several answers
    "every-fiftieth-crashes": "robustness.same-request-same-answer",  # what shows now and then
}
WITH_STATE = {
    "metadata-assigned-before-refusal": "state.refusal-changes-nothing",  # a window of refusals, and a closing read
    "checked-then-written": "state.race",  # requests at once
    "refused-ones-go-with-the-customer": "state.model",  # a sequence
}
ALONE = {
    "every-eighth-not-stored": "state.persisted",  # what shows now and then, of a single attach
    "empty-customer-is-the-newest": "state.unknown-customer",  # who else is there
}
LATER = {
    "only-the-newest-looked-at": "state.same-customer-again",  # what else the customer has been given
}
OUT_OF_ORDER = {
    "newest-taken-from-the-list": "state.detach",  # what is played in another order than it is told
}
BEFORE = ("state.persisted", "state.listed")
"""What a run does before, and gives customers payment methods by."""


@contextlib.contextmanager
def serving(*names: str) -> Iterator[Server]:
    """A server with all of these defects."""
    server = build(api_key=KEY)
    for name in names:
        defects.get(name).apply(server.world.behaviour)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@dataclass(frozen=True)
class Found:
    """What a run on a server with `defects` found, and where that was recorded."""

    defects: Mapping[str, str]
    record: Path

    @property
    def findings(self) -> Mapping[str, Finding]:
        return findings_of(read_run(self.record)[0])


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Found]:
    every, jobs = [], []
    with contextlib.ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("STRIPE_API_KEY", KEY)
        for names in (ONE_BY_ONE, WITH_STATE, ALONE, LATER, OUT_OF_ORDER):
            folder = tmp_path_factory.mktemp("replay")
            url = stack.enter_context(serving(*names)).url
            selected = [f"--clause={slug}" for slug in (*names.values(), *BEFORE)]
            jobs.append(Job("defective", base_url=url, arguments=(*selected, f"--results={folder}")))
            every.append(Found(names, folder / RECORD_FILE))
        list(run_all(jobs))
    return every


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    monkeypatch.setenv("STRIPE_API_KEY", KEY)

    def run(*arguments: object) -> tuple[int, str]:
        status = main(["replay", *map(str, arguments)])
        out, err = capsys.readouterr()
        return status, out + err

    return run


Command = Callable[..., tuple[int, str]]


def test_what_fails_still_fails_and_is_fixed_once_its_defect_is_gone(found: Sequence[Found], command: Command) -> None:
    replayed = 0
    for one in found:
        findings = one.findings
        assert {finding.clause for finding in findings.values()} >= set(one.defects.values())
        with serving(*one.defects) as defective, serving() as healthy:
            status, shown = command(*findings, "--record", one.record, "--base-url", defective.url)
            assert (shown.count("  still fails: "), status) == (len(findings), ExitStatus.DOES_NOT_CONFORM), shown
            status, shown = command(*findings, "--record", one.record, "--base-url", healthy.url)
            assert (shown.count("  fixed"), status) == (len(findings), ExitStatus.CONFORMS), shown
        replayed += len(findings)
    assert replayed >= 10
