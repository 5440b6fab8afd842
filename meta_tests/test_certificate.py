"""Certificates: honest ones are accepted, good or bad, and forged ones refused for the very reason that they give."""

from __future__ import annotations

import base64
import contextlib
import datetime
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner

from benchmarks.examples import SUCCESS, exchange
from benchmarks.forging import SIGNER, claim_of, honest, log_of, rewritten
from benchmarks.runs import finding, run_with
from conformance.__main__ import main
from conformance.commands.certificate import checking
from conformance.commands.certificate.bundle import CERTIFICATE, MANIFEST, RECORD, TARGET, make_bundle
from conformance.commands.certificate.checking import Checked, Demands, check
from conformance.commands.certificate.files import Files, write_folder
from conformance.commands.certificate.freedoms import freedoms_of
from conformance.commands.certificate.keys import private_key
from conformance.commands.certificate.making import new_nonce
from conformance.commands.certificate.objections import MOST_SHOWN, REASONS, Objection, in_short
from conformance.commands.certificate.rerunning import Plan, PlanOptions, plan_again
from conformance.commands.certificate.statements import Evidence
from conformance.commands.certificate.verify import describe, describe_failures
from conformance.evidence.episode import Outcome
from conformance.scenes.budgets import BUDGETS
from conformance.verdict.record import Record
from conformance.verdict.run import ExitStatus
from conformance.verdict.trial import Trial
from meta_tests.conftest import Recorded
from meta_tests.forgeries import (
    FORGERIES,
    STRANGER,
    Forgery,
    Runs,
    said,
    with_lines,
)
from meta_tests.test_bundle_files import write_keys
from reference import running

BROKEN = "body.unknown-parameter-nested"
DEFECT = "unknown-nested-ignored"


@pytest.fixture(scope="module")
def runs(recorded: Recorded) -> Runs:
    names = ("good", "contract", "bad", "stateless", "deviating", "other seed")
    read = {name: Record.read(path) for name, path in recorded(names).items()}
    _PLANS[PlanOptions.of(read["other seed"])] = Plan(read["other seed"].trials, {}, BUDGETS["standard"].repetitions)
    return Runs(read["good"], read["contract"], read["bad"], read["stateless"], read["deviating"])


_PLANS: dict[PlanOptions, Plan] = {}
"""The plans that were drawn. That of another seed, which no honest record has here, is taken from a run."""


def planned(options: PlanOptions) -> Plan:
    """Draw a plan once for all tests; a smaller budget is refused whatever its plan, and gets that of the standard."""
    options = replace(options, budget="standard")
    if options not in _PLANS:
        _PLANS[options] = plan_again(options)
    return _PLANS[options]


def checked(files: Files, **demands: Any) -> Checked:
    """Check with the right key, an hour after the run."""
    record = files.get(RECORD, b"").splitlines()
    ended = "2026-01-01T00:00:00+00:00"
    with contextlib.suppress(ValueError, KeyError, IndexError):
        ended = json.loads(record[-1])["footer"]["ended"]
    at = datetime.datetime.fromisoformat(ended) + datetime.timedelta(hours=1)
    return check(files, Demands(**{"key": SIGNER.public_key, "at": at, **demands}), planned)


def codes(result: Checked) -> set[str]:
    return {objection.code for objection in result.objections}


# honest ones


def test_the_reference_takes_no_freedom(runs: Runs) -> None:
    assert [freedoms_of(record) for record in (runs.good, runs.stateless)] == [(), ()]


def test_an_honest_certificate_of_a_product_that_conforms_is_accepted(runs: Runs) -> None:
    result = checked(honest(runs.good))
    assert not result.objections
    assert result.conforms
    assert result.exit_status is ExitStatus.CONFORMS


def test_an_honest_certificate_of_a_product_that_does_not_conform_is_accepted_as_that(runs: Runs) -> None:
    result = checked(honest(runs.bad))
    assert not result.objections
    assert result.is_genuine
    assert not result.conforms
    assert result.exit_status is ExitStatus.NOT_CONFORMING
    assert result.claim is not None
    assert [slug for slug, one in result.claim.evidence.run.results.items() if one.outcome == "fail"] == [BROKEN]


@pytest.mark.long
def test_an_honest_certificate_of_a_stateless_target_is_accepted_for_the_profile_that_it_can_have(runs: Runs) -> None:
    result = checked(honest(runs.stateless))
    assert not result.objections
    assert result.conforms


def test_an_honest_certificate_of_a_product_that_misses_a_should_is_accepted(runs: Runs) -> None:
    """Requests that it takes against its contract are left out of the requests that must change nothing."""
    result = checked(honest(runs.deviating))
    assert not result.objections
    assert result.conforms
    assert runs.deviating.outcomes["request.other-media-types"] == "deviation"
    assert runs.deviating.outcomes["state.refusal-changes-nothing"] == "pass"


def test_a_clause_that_does_not_apply_is_not_said_to_fail(runs: Runs) -> None:
    result = checked(honest(runs.good))
    assert result.claim is not None
    run = result.claim.evidence.run
    absent = replace(run.results["expand.every-entry"], outcome=Outcome.NOT_APPLICABLE)
    partly = replace(run, results={**run.results, "expand.every-entry": absent})
    evidence = Evidence(result.claim.evidence.record, partly)
    *_, last = describe(replace(result, claim=replace(result.claim, evidence=evidence)))
    assert "nothing fails" in last
    assert "does not conform" not in last


# forged by someone who holds the key


@pytest.mark.parametrize("name", FORGERIES)
def test_forgeries_with_the_right_key_are_refused_for_their_reason(name: str, runs: Runs) -> None:
    code, forge = FORGERIES[name]
    result = checked(forge(runs))
    assert code in codes(result), [str(objection) for objection in result.objections]
    assert not result.is_genuine
    assert result.exit_status in {kind.exit_status for kind, _ in REASONS.values()}


def test_fixtures_that_ran_out_do_not_hide_what_was_shown(runs: Runs) -> None:
    """Each trial of a product that conforms, with the remark that it is incomplete."""
    log = [replace(one, missing="no payment method is left") for one in log_of(runs.other) if isinstance(one, Trial)]
    result = checked(honest(rewritten(runs.other, log)))
    assert not result.conforms


def test_what_is_asked_for_beyond_the_certificate_is_refused(runs: Runs) -> None:
    files = honest(runs.other)
    assert codes(checked(files, profile="stripe")) == {"profile"}
    assert codes(checked(files, level="should")) == {"level"}
    product = claim_of(runs.other).product
    assert codes(checked(files, product="another")) == {"other-product"}
    assert codes(checked(files, product=product.name, version="0.0.0")) == {"other-product"}
    assert not codes(checked(files, product=product.name, version=product.version))
    assert codes(checked(files, nonce=runs.other.header["options"]["seed"] + 1)) == {"nonce"}
    assert not codes(checked(files, profile="contract", nonce=runs.other.header["options"]["seed"]))


# forged by someone who does not hold the key


def with_key_id_of(files: Files, signer: CryptoSigner) -> Files:
    def claim(lines: list[bytes]) -> list[bytes]:
        data = [json.loads(line) for line in lines]
        for one in data:
            one["signatures"][0]["keyid"] = signer.public_key.keyid
        return [json.dumps(one).encode() + b"\n" for one in data]

    return with_lines(files, claim)


def with_payload(files: Files, old: bytes, new: bytes) -> Files:
    def altered(lines: list[bytes]) -> list[bytes]:
        data = [json.loads(line) for line in lines]
        for one in data:
            payload = base64.b64decode(one["payload"]).replace(old, new)
            one["payload"] = base64.b64encode(payload).decode()
        return [json.dumps(one).encode() + b"\n" for one in data]

    return with_lines(files, altered)


def with_manifest_of(files: Files, other: Files) -> Files:
    return {**other, CERTIFICATE: files[CERTIFICATE]}


KEYLESS: dict[str, tuple[str, Forgery]] = {
    "signed again": ("signature", lambda runs: honest(runs.other, STRANGER)),
    "signed again under the right key id": (
        "signature",
        lambda runs: with_key_id_of(honest(runs.other, STRANGER), SIGNER),
    ),
    "a statement altered": ("signature", lambda runs: with_payload(honest(runs.bad), b'"FAILED"', b'"PASSED"')),
    "a statement cut": ("malformed", lambda runs: with_lines(honest(runs.other), lambda lines: [lines[0][:-200]])),
    "the statements of another bundle": (
        "subjects",
        lambda runs: with_manifest_of(honest(runs.other), honest(runs.bad)),
    ),
    "one statement of another bundle": (
        "subjects",
        lambda runs: with_lines(
            honest(runs.bad), lambda lines: [honest(runs.other)[CERTIFICATE].splitlines(keepends=True)[0], lines[1]]
        ),
    ),
    "another record": ("manifest", lambda runs: {**honest(runs.bad), RECORD: runs.other.content}),
    "a record that is cut off": ("manifest", lambda runs: {**honest(runs.other), RECORD: runs.other.content[:-100]}),
    "another target": ("manifest", lambda runs: {**honest(runs.other), TARGET: b"{}"}),
    "a file more": ("extra-file", lambda runs: {**honest(runs.other), "README": b"trust me"}),
    "a file less": (
        "missing-file",
        lambda runs: {name: content for name, content in honest(runs.other).items() if name != RECORD},
    ),
    "no statement at all": ("statements", lambda runs: {**honest(runs.other), CERTIFICATE: b""}),
    "another manifest": (
        "manifest",
        lambda runs: {
            **honest(runs.other),
            MANIFEST: honest(runs.other)[MANIFEST].replace(b'"format": 1', b'"format": 2'),
        },
    ),
    "a manifest made again": (
        "subjects",
        lambda runs: {
            **make_bundle(runs.bad.content, {}, {}, STRANGER),
            CERTIFICATE: honest(runs.bad)[CERTIFICATE],
        },
    ),
}


@pytest.mark.parametrize("name", KEYLESS)
def test_forgeries_without_the_key_are_refused_for_their_reason(name: str, runs: Runs) -> None:
    code, forge = KEYLESS[name]
    result = checked(forge(runs))
    assert codes(result) == {code}, [str(objection) for objection in result.objections]
    assert result.exit_status is ExitStatus.FORGED


# what only the product itself can show


KEY = "sk_test_certificates0123456789abcdef"


@dataclass(frozen=True)
class Done:
    """The output of a command, and how it ended."""

    status: int
    shown: str


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Runs `python -m conformance …` in this process, with plans that are drawn once for all tests."""
    monkeypatch.setenv("STRIPE_API_KEY", KEY)
    monkeypatch.setattr(checking, "plan_again", planned)

    def run(*arguments: object) -> Done:
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as ended:
            status = int(str(ended.code))
        out, err = capsys.readouterr()
        return Done(status, out + err)

    return run


Command = Callable[..., Done]


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, tuple[Path, Path]]:
    """Two pairs of key files, private and public."""
    pairs = {}
    for name, key in (("vendor", ec.generate_private_key(ec.SECP256R1())), ("certifier", Ed25519PrivateKey.generate())):
        folder = tmp_path / name
        folder.mkdir()
        pairs[name] = write_keys(folder, key)
    return pairs


def test_the_commands_certify_countersign_and_verify(
    runs: Runs, command: Command, keys: dict[str, tuple[Path, Path]], tmp_path: Path
) -> None:
    (private, pinned), (certifier, certifiers) = keys["vendor"], keys["certifier"]
    record, bundle, better = tmp_path / RECORD, tmp_path / "bundle.zip", tmp_path / "better"
    record.write_bytes(runs.other.content)
    named = ["--product", "mock", "--version", "1.2.3", "--image-digest", "sha256:" + "0" * 64]
    done = command("certify", record, *named, "--key", private, "--out", bundle)
    assert done.status == 0, done.shown
    who = ["--certifier-key", certifier, "--certifier", "https://certifier.example"]
    done = command("countersign", bundle, "--key", pinned, *who, "--out", better)
    assert done.status == 0, done.shown
    tomorrow = f"{datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1):%Y-%m-%d}"
    done = command("verify", better, "--key", pinned, "--at", tomorrow, "--certifier", certifiers)
    assert done.status == 0, done.shown
    assert "genuine: the product conforms" in done.shown
    assert "mock 1.2.3 (sha256:000" in done.shown
    done = command("verify", better, "--key", pinned, "--product", "other-mock")
    assert done.status == ExitStatus.DIFFERENT
    assert "the product is mock, and other-mock is demanded" in done.shown
    done = command("verify", bundle, "--key", pinned, "--at", tomorrow, "--certifier", certifiers)
    assert done.status == ExitStatus.FORGED
    assert "there are 0 statements of https://slsa.dev/verification_summary/v1" in done.shown
    done = command("verify", better, "--key", pinned, "--at", tomorrow, "--certifier", pinned)
    assert done.status == ExitStatus.FORGED
    assert "not signed with the certifier's key" in done.shown
    done = command("certify", record, *named, "--key", private, "--out", bundle)
    assert done.status == ExitStatus.WRONG_USAGE
    assert "File exists" in done.shown


def test_a_certificate_of_failures_is_verified_as_that(
    runs: Runs, command: Command, keys: dict[str, tuple[Path, Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (private, pinned), (certifier, _) = keys["vendor"], keys["certifier"]
    record, bundle = tmp_path / RECORD, tmp_path / "bundle.zip"
    record.write_bytes(runs.bad.content)
    drawn: list[PlanOptions] = []

    def counted(options: PlanOptions) -> Plan:
        drawn.append(options)
        return planned(options)

    monkeypatch.setattr(checking, "plan_again", counted)
    who = ["--certifier-key", certifier, "--certifier", "https://certifier.example"]
    named = ["--product", "mock", "--version", "1.2.3", "--key", private, "--out", bundle]
    done = command("certify", record, *named, *who)
    assert done.status == 0
    assert "the certificate says that mock does not conform" in done.shown
    assert len(drawn) == 1, "the plan takes as long as a run: one check is enough for the signer and the certifier"
    done = command("verify", bundle, "--key", keys["certifier"][1])
    assert f"is not signed with the pinned key, {keys['certifier'][1]}" in done.shown
    done = command("verify", bundle, "--key", pinned, "--at", "2100-01-01")
    assert done.status == ExitStatus.EXPIRED
    begins = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=1)
    done = command("verify", bundle, "--key", pinned, "--at", begins.isoformat())
    assert done.status == ExitStatus.NOT_CONFORMING, done.shown
    assert f"failing:  1 clause: {BROKEN}\n" in done.shown
    assert "not judged" not in done.shown
    assert "truthfully says that the product does not conform" in done.shown


@pytest.mark.long
@pytest.mark.long
def test_what_was_answered_by_another_server_is_shown_by_the_product_alone(
    runs: Runs, command: Command, keys: dict[str, tuple[Path, Path]], tmp_path: Path
) -> None:
    """A signer can still forge this, and it is what asking the product is for."""
    signer = private_key(keys["vendor"][0])
    with running(DEFECT, api_key=KEY) as server:
        made_up = rewritten(runs.other, header=said(runs.other, "target", base_url=server.url))
        write_folder(honest(made_up, signer), tmp_path / "bundle")
        asked = ["verify", tmp_path / "bundle", "--key", keys["vendor"][1], "--at", "2026-12-24"]
        asked[-1] = (datetime.datetime.fromisoformat(made_up.footer["ended"]) + datetime.timedelta(days=1)).isoformat()
        assert command(*asked).status == 0
        done = command(*asked, "--against", server.url, "--sample", "1000")
    assert done.status == ExitStatus.DIFFERENT, done.shown
    assert f"answers: {BROKEN} is pass in the certificate, and now fail" in done.shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["verify", "nowhere.zip", "--key", "nowhere.pem"], "nowhere.pem cannot be read: No such file"),
        (["certify", "nowhere.jsonl", "--product", "a b", "--version", "1", "--key", "k"], "invalid name"),
        (
            ["certify", "n", "--product", "a", "--version", "1", "--key", "k", "--valid-days", "0"],
            "invalid number of days",
        ),
        (["certify", "n", "--product", "a", "--version", "1", "--key", "k", "--image-digest", "1"], "invalid digest"),
        (["verify", "b", "--key", "k", "--at", "tomorrow"], "invalid date"),
        (["verify", "b", "--key", "k", "--sample", "0"], "invalid number"),
    ],
)
def test_what_the_commands_cannot_use_is_said_in_one_line(arguments: list[str], said: str, command: Command) -> None:
    done = command(*arguments)
    assert done.status == ExitStatus.WRONG_USAGE, done.shown
    assert said in done.shown


def test_a_run_that_proves_nothing_is_not_signed(
    runs: Runs, command: Command, keys: dict[str, tuple[Path, Path]], tmp_path: Path
) -> None:
    record = rewritten(runs.other, header=said(runs.other, "selection", whole=False, arguments="-k body"))
    (tmp_path / RECORD).write_bytes(record.content)
    out = tmp_path / "out.zip"
    named = ["--product", "mock", "--version", "1", "--key", keys["vendor"][0], "--out", out]
    done = command("certify", tmp_path / RECORD, *named)
    assert done.status == ExitStatus.WRONG_USAGE
    assert "verify would refuse it: selection: only a part was run: -k body" in done.shown
    assert done.shown.endswith("nothing was written\n")
    assert not out.exists()


def test_what_fails_is_named_apart_from_what_was_not_judged() -> None:
    root, dependant = "body.unknown-parameter", "body.unknown-parameter-nested"
    results = run_with({root: [finding(root, exchange(200, SUCCESS))]}).results
    lacking = "expand.every-entry"
    results = {**results, lacking: replace(results[lacking], outcome=Outcome.NOT_APPLICABLE)}
    assert list(describe_failures(results, [dependant, lacking, root])) == [
        f"failing:  1 clause: {root}",
        f"not applicable: 1 clause: {lacking}",
        f"not judged: 1 clause: {dependant}",
    ]


def test_of_many_objections_of_one_kind_the_first_are_shown_and_the_rest_counted() -> None:
    many = [Objection("selection", f"no request was sent for {number}") for number in range(80)]
    lines = [text for _, text in in_short([*many, Objection("budget", "too little")])]
    assert lines[0] == "budget: too little"
    assert len(lines) == 1 + MOST_SHOWN + 1
    assert lines[-1] == f"selection: and {80 - MOST_SHOWN} more"


def test_nonces_differ_and_serve_as_seeds(command: Command) -> None:
    nonces = {new_nonce() for _ in range(100)}
    assert len(nonces) == 100
    assert all(nonce.bit_length() == 63 for nonce in nonces)
    assert int(command("nonce").shown) not in nonces
