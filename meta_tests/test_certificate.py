"""Certificates: honest ones are accepted, good or bad, and forged ones refused for the very reason that they give."""

from __future__ import annotations

import base64
import datetime
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner

from conformance.__main__ import main
from conformance.certificate import checking
from conformance.certificate.bundle import CERTIFICATE, MANIFEST, RECORD, TARGET, bundled, countersigned
from conformance.certificate.checking import Checked, Demands, check
from conformance.certificate.files import Files, write_folder
from conformance.certificate.keys import private_key
from conformance.certificate.nonce import new_nonce
from conformance.certificate.objections import REASONS
from conformance.certificate.planning import Plan, PlanOptions, plan_again
from conformance.certificate.statements import CLAUSE_RESULTS, TEST_RESULT, Validity
from conformance.exchange import Exchange
from conformance.record import Record
from conformance.run import ExitStatus
from conformance.trial import Note, Performed, Trial
from meta_tests.forging import (
    SIGNER,
    Place,
    Predicates,
    answered,
    edited,
    everywhere,
    find,
    find_clause,
    honest,
    log_of,
    restated,
    rewritten,
    with_episode,
)
from meta_tests.suite import Job, run_all
from meta_tests.test_bundle_files import write_keys
from reference import running

CONTRACT = ("--profile", "contract")
BROKEN = "body.unknown-parameter-nested"
DEFECT = "unknown-nested-ignored"


@dataclass(frozen=True)
class Runs:
    """The records that all tests share."""

    good: Record
    other: Record
    bad: Record
    stateless: Record


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    folder = tmp_path_factory.mktemp("records")
    jobs = {
        "good": Job("good"),
        "other": Job("other", arguments=CONTRACT),
        "bad": Job("bad", DEFECT, arguments=CONTRACT),
        "stateless": Job("stateless", stateless=True, arguments=CONTRACT),
    }
    placed = [replace(job, arguments=(*job.arguments, f"--results={folder / name}")) for name, job in jobs.items()]
    list(run_all(placed))
    return Runs(**{name: Record.read(folder / name / RECORD) for name in jobs})


@cache
def planned(options: PlanOptions) -> Plan:
    """The plan, drawn once for all tests."""
    return plan_again(options)


def checked(files: Files, **demands: Any) -> Checked:
    """Check with the right key, an hour after the run."""
    record = files.get(RECORD, b"").splitlines()
    ended = (
        json.loads(record[-1])["footer"]["ended"]
        if record and b'"ended"' in record[-1]
        else "2026-01-01T00:00:00+00:00"
    )
    at = datetime.datetime.fromisoformat(ended) + datetime.timedelta(hours=1)
    return check(files, Demands(**{"key": SIGNER.public_key, "at": at, **demands}), planned)


def codes(result: Checked) -> set[str]:
    return {objection.code for objection in result.objections}


# honest ones


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
    assert result.evidence is not None
    assert [slug for slug, one in result.evidence.run.results.items() if one.outcome == "fail"] == [BROKEN]


def test_an_honest_certificate_of_a_stateless_target_is_accepted_for_the_profile_that_it_can_have(runs: Runs) -> None:
    result = checked(honest(runs.stateless))
    assert not result.objections
    assert result.conforms


# forged by someone who holds the key

Forgery = Callable[[Runs], Files]


def forgery(record: Record, **changes: Any) -> Files:
    return honest(rewritten(record, **changes))


def without(log: Any, number: int) -> list[Trial | Note]:
    return [*log[:number], *log[number + 1 :]]


def without_what_explores(record: Record) -> list[Trial | Note]:
    return without(log_of(record), find(log_of(record), lambda trial, _: trial.explores).trial)


BROKE = Note("body.customer-structure", "error", "it broke")


def flipped(predicates: Predicates) -> None:
    predicates[CLAUSE_RESULTS]["clauses"][BROKEN] |= {"outcome": "pass"}


def passed(predicates: Predicates) -> None:
    stated = predicates[TEST_RESULT]
    stated |= {"result": "PASSED", "failedTests": [], "passedTests": [*stated["passedTests"], BROKEN]}


def is_follow_up(trial: Trial, step: Any) -> bool:
    return bool(step.role == "follow-up" and step.exchange.is_success and trial.clause == "state.persisted")


def is_subject(clause: str) -> Callable[[Trial, Any], bool]:
    return lambda trial, step: trial.clause == clause and step.role == "subject"


def with_request_edited(record: Record) -> list[Trial | Note]:
    """A refusal whose request was not the wrong one after all."""
    place = find(log_of(record), is_subject("body.unknown-parameter"))

    def harmless(step: Any) -> Any:
        request = replace(step.exchange.request, body=b"customer=")
        return replace(step, exchange=replace(step.exchange, request=request))

    return edited(log_of(record), place, harmless)


def with_attempt_unnamed(record: Record) -> list[Trial | Note]:
    place = find(log_of(record), is_subject("body.unknown-parameter"))
    return edited(log_of(record), place, lambda step: replace(step, attempt_digest=""))


def with_fewer_repetitions(record: Record) -> list[Trial | Note]:
    number = find_clause(log_of(record), "robustness.same-request-same-answer")
    place = Place(number, 0, 0)
    trial = log_of(record)[number]
    assert isinstance(trial, Trial)
    episode = trial.episodes[0].episode
    return with_episode(log_of(record), place, replace(episode, steps=episode.steps[:12]))


def with_follow_up_dropped(record: Record) -> list[Trial | Note]:
    place = find(log_of(record), is_follow_up)
    trial = log_of(record)[place.trial]
    assert isinstance(trial, Trial)
    episode = trial.episodes[place.episode].episode
    steps = tuple(step for index, step in enumerate(episode.steps) if index != place.step)
    return with_episode(log_of(record), place, replace(episode, steps=steps))


def with_kind_changed(record: Record) -> list[Trial | Note]:
    """A valid request that is said to be of an open kind, so that nobody looks at the shape of its answer."""
    place = find(log_of(record), lambda trial, step: step.kind == "valid" and step.role == "subject")
    return edited(log_of(record), place, lambda step: replace(step, kind="wire"))


def reordered(record: Record) -> list[Trial | Note]:
    log = list(log_of(record))
    first, second = find_clause(log, "body.unknown-parameter"), find_clause(log, "body.customer-structure")
    log[first], log[second] = log[second], log[first]
    return log


def with_trial_of(record: Record, other: Record, clause: str) -> list[Trial | Note]:
    log = list(log_of(record))
    log[find_clause(log, clause)] = log_of(other)[find_clause(log_of(other), clause)]
    return log


def with_body_edited(record: Record) -> list[Trial | Note]:
    """An answer whose body was changed, and nothing else."""
    place = find(log_of(record), is_subject("body.unknown-parameter"))
    return edited(
        log_of(record),
        place,
        lambda step: replace(step, exchange=replace(step.exchange, body=(step.exchange.body or b"") + b" ")),
    )


def whitewashed(record: Record) -> list[Trial | Note]:
    """The failure turned into a refusal wherever it shows, and what was performed because of it dropped."""
    place = find(log_of(record), is_subject("body.unknown-parameter"))
    refusing = log_of(record)[place.trial]
    assert isinstance(refusing, Trial)
    refusal = refusing.episodes[0].episode.subject.body

    def refused(step: Any) -> Any:
        if step.role != "subject" or not step.exchange.is_success:
            return step
        return replace(step, exchange=answered(step.exchange, 400, refusal, content_type="application/json"))

    def refused_in(performed: Performed) -> Performed:
        steps = tuple(map(refused, performed.episode.steps))
        return replace(performed, episode=replace(performed.episode, steps=steps))

    return [
        replace(one, episodes=tuple(refused_in(each) for each in one.episodes if each.part == "first"))
        if isinstance(one, Trial) and one.clause == BROKEN
        else one
        for one in log_of(record)
    ]


def with_date_moved(record: Record) -> list[Trial | Note]:
    place = find(log_of(record), is_subject("body.unknown-parameter"))
    return edited(
        log_of(record),
        place,
        lambda step: replace(step, exchange=_with_header(step.exchange, "Date", "Mon, 05 Jan 2026 09:00:00 GMT")),
    )


def with_request_id_of_another(record: Record) -> list[Trial | Note]:
    first = find(log_of(record), is_subject("body.unknown-parameter"))
    trial = log_of(record)[first.trial]
    assert isinstance(trial, Trial)
    identifier = trial.episodes[0].episode.subject.header("Request-Id") or ""
    place = find(log_of(record), is_subject("body.customer-structure"))
    return edited(
        log_of(record),
        place,
        lambda step: replace(step, exchange=_with_header(step.exchange, "Request-Id", identifier)),
    )


def _with_header(exchange: Exchange, name: str, value: str) -> Exchange:
    headers = tuple((key, value if key.lower() == name.lower() else old) for key, old in exchange.headers or ())
    return replace(exchange, headers=headers)


def with_creation_of_another(record: Record) -> list[Trial | Note]:
    """A payment method that was created under an id that nobody used, in every episode that shows it."""
    place = find(log_of(record), lambda trial, step: trial.clause == "state.persisted" and step.role == "set-up")
    trial = log_of(record)[place.trial]
    assert isinstance(trial, Trial)
    original = trial.episodes[place.episode].episode.steps[place.step].exchange
    other = answered(original, 200, {**original.object, "id": "pm_another"})
    return everywhere(log_of(record), lambda one: other if one == original else one)


def said(record: Record, part: str, **changes: Any) -> dict[str, Any]:
    return {**record.header, part: {**record.header[part], **changes}}


def with_target(record: Record, **changes: Any) -> Files:
    files = honest(record)
    target = {**json.loads(files[TARGET]), **changes}
    predicates = {one["predicateType"]: one["predicate"] for one in statements_in(files)}
    return bundled(record.content, target, predicates, SIGNER)


def statements_in(files: Files) -> Iterator[dict[str, Any]]:
    for line in files[CERTIFICATE].splitlines():
        yield json.loads(base64.b64decode(json.loads(line)["payload"]))


def with_validity(record: Record, begins: int, ends: int) -> Files:
    """A bundle that is valid from so many hours after the run until so many."""
    ended = datetime.datetime.fromisoformat(record.footer["ended"])
    validity = Validity(ended + datetime.timedelta(hours=begins), ended + datetime.timedelta(hours=ends))
    return restated(record, lambda predicates: predicates[CLAUSE_RESULTS].update(validity=validity.to_json()))


def with_lines(files: Files, change: Callable[[list[bytes]], list[bytes]]) -> Files:
    return {**files, CERTIFICATE: b"".join(change(files[CERTIFICATE].splitlines(keepends=True)))}


def later(record: Record) -> list[Trial | Note]:
    return everywhere(log_of(record), lambda one: replace(one, received=one.received + 3600))


FORGERIES: dict[str, tuple[str, Forgery]] = {
    "a verdict flipped in the statement": ("outcome", lambda runs: restated(runs.bad, flipped)),
    "a result flipped in the statement": ("statement", lambda runs: restated(runs.bad, passed)),
    "a clause dropped from the statement": (
        "outcome",
        lambda runs: restated(runs.bad, lambda stated: stated[CLAUSE_RESULTS]["clauses"].pop(BROKEN)),
    ),
    "a clause added to the statement": (
        "outcome",
        lambda runs: restated(
            runs.good, lambda stated: stated[CLAUSE_RESULTS]["clauses"].update({"body.new": {"outcome": "pass"}})
        ),
    ),
    "fewer clauses said to be required": (
        "statement",
        lambda runs: restated(runs.bad, lambda stated: stated[CLAUSE_RESULTS].update(required=1, executed=1)),
    ),
    "a verdict flipped in the footer": (
        "outcome",
        lambda runs: honest(
            rewritten(
                runs.bad,
                footer={**runs.bad.footer, "outcomes": {**runs.bad.outcomes, BROKEN: "pass"}},
                concluded=False,
            )
        ),
    ),
    "a failing clause made not applicable": (
        "plan",
        lambda runs: forgery(
            runs.good, log=without(log_of(runs.good), find_clause(log_of(runs.good), "body.customer-structure"))
        ),
    ),
    "an episode dropped": (
        "plan",
        lambda runs: forgery(
            runs.good, log=without(log_of(runs.good), find_clause(log_of(runs.good), "body.unknown-parameter"))
        ),
    ),
    "an episode without a clause of its own dropped": (
        "plan",
        lambda runs: forgery(runs.good, log=without_what_explores(runs.good)),
    ),
    "a follow-up dropped": ("plan", lambda runs: forgery(runs.good, log=with_follow_up_dropped(runs.good))),
    "a request edited": ("request", lambda runs: forgery(runs.good, log=with_request_edited(runs.good))),
    "a request without its attempt": ("plan", lambda runs: forgery(runs.good, log=with_attempt_unnamed(runs.good))),
    "a valid request said to be of another kind": (
        "plan",
        lambda runs: forgery(runs.good, log=with_kind_changed(runs.good)),
    ),
    "requests left out of the plan": ("plan", lambda runs: forgery(runs.good, log=with_fewer_repetitions(runs.good))),
    "an episode duplicated": (
        "episodes",
        lambda runs: forgery(runs.good, log=[*log_of(runs.good), log_of(runs.good)[-1]]),
    ),
    "episodes reordered": ("episodes", lambda runs: forgery(runs.good, log=reordered(runs.good))),
    "an episode of another run": (
        "ids",
        lambda runs: forgery(runs.good, log=with_trial_of(runs.good, runs.other, "request.minimal-body")),
    ),
    "an episode of another target": (
        "another-target",
        lambda runs: forgery(runs.other, log=with_trial_of(runs.other, runs.stateless, "request.minimal-body")),
    ),
    "an answer edited": ("lengths", lambda runs: forgery(runs.good, log=with_body_edited(runs.good))),
    "answers edited, and everything else made consistent": (
        "plan",
        lambda runs: forgery(runs.bad, log=whitewashed(runs.bad)),
    ),
    "an answer with another date": ("times", lambda runs: forgery(runs.good, log=with_date_moved(runs.good))),
    "an answer with the request id of another": (
        "ids",
        lambda runs: forgery(runs.good, log=with_request_id_of_another(runs.good)),
    ),
    "an object created under another id": (
        "ids",
        lambda runs: forgery(runs.good, log=with_creation_of_another(runs.good)),
    ),
    "a run of another hour": ("times", lambda runs: forgery(runs.good, log=later(runs.good))),
    "another contract": (
        "contract",
        lambda runs: forgery(runs.good, header={**runs.good.header, "contract": "0" * 64}),
    ),
    "another catalogue": (
        "catalogue",
        lambda runs: forgery(runs.good, header={**runs.good.header, "catalogue": "0" * 64}),
    ),
    "another version of the suite": (
        "suite",
        lambda runs: forgery(runs.good, header=said(runs.good, "suite", version="9")),
    ),
    "another seed": ("plan", lambda runs: forgery(runs.other, header=said(runs.other, "options", seed=2))),
    "a larger profile": (
        "selection",
        lambda runs: forgery(runs.other, header=said(runs.other, "options", profile="stripe")),
    ),
    "a smaller budget": (
        "budget",
        lambda runs: forgery(runs.other, header=said(runs.other, "options", budget="quick")),
    ),
    "a selection": ("selection", lambda runs: forgery(runs.good, header=said(runs.good, "selection", whole=False))),
    "several workers": ("workers", lambda runs: forgery(runs.good, header={**runs.good.header, "workers": 2})),
    "failures that were expected": (
        "expectations",
        lambda runs: forgery(runs.good, header=said(runs.good, "options", expectations="0" * 64)),
    ),
    "an interrupted run": (
        "inconclusive",
        lambda runs: forgery(runs.good, footer={**runs.good.footer, "interrupted": True}),
    ),
    "a clause that could not be judged": (
        "inconclusive",
        lambda runs: forgery(runs.other, log=[*log_of(runs.other), BROKE]),
    ),
    "another base URL": ("target", lambda runs: with_target(runs.good, baseUrl="https://api.example.com")),
    "another product in the target": (
        "target",
        lambda runs: with_target(runs.good, product={"name": "another", "version": "1"}),
    ),
    "expired": ("expired", lambda runs: with_validity(runs.good, -1, 0)),
    "not yet valid": ("not-yet-valid", lambda runs: with_validity(runs.good, 2, 24)),
    "signed before the run had ended": ("times", lambda runs: with_validity(runs.good, -2, 24)),
    "a statement left out": ("statements", lambda runs: with_lines(honest(runs.good), lambda lines: lines[:1])),
    "a statement twice": ("statements", lambda runs: with_lines(honest(runs.good), lambda lines: lines + lines[:1])),
    "a statement of another kind": (
        "statements",
        lambda runs: countersigned(honest(runs.good), "https://example.com/approved", {}, SIGNER),
    ),
    "a record without its end": (
        "record",
        lambda runs: honest(replace(runs.good, content=b"\n".join(runs.good.content.splitlines()[:-1]) + b"\n")),
    ),
    "a line of the record edited, and not chained anew": (
        "record",
        lambda runs: honest(replace(runs.good, content=runs.good.content.replace(b'"status":400', b'"status":402', 1))),
    ),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_forgeries_with_the_right_key_are_refused_for_their_reason(name: str, runs: Runs) -> None:
    code, forge = FORGERIES[name]
    result = checked(forge(runs))
    assert code in codes(result), [str(objection) for objection in result.objections]
    assert not result.is_genuine
    assert result.exit_status in {kind.exit_status for kind, _ in REASONS.values()}


def test_what_is_asked_for_beyond_the_certificate_is_refused(runs: Runs) -> None:
    files = honest(runs.other)
    assert codes(checked(files, profile="stripe")) == {"profile"}
    assert codes(checked(files, level="should")) == {"level"}
    assert codes(checked(files, nonce=runs.other.header["options"]["seed"] + 1)) == {"nonce"}
    assert not codes(checked(files, profile="contract", nonce=runs.other.header["options"]["seed"]))


# forged by someone who does not hold the key

STRANGER = CryptoSigner.generate_ecdsa()


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
    "signed anew": ("signature", lambda runs: honest(runs.good, STRANGER)),
    "signed anew under the right key id": (
        "signature",
        lambda runs: with_key_id_of(honest(runs.good, STRANGER), SIGNER),
    ),
    "a statement altered": ("signature", lambda runs: with_payload(honest(runs.bad), b'"FAILED"', b'"PASSED"')),
    "a statement cut": ("malformed", lambda runs: with_lines(honest(runs.good), lambda lines: [lines[0][:-200]])),
    "the statements of another bundle": (
        "subjects",
        lambda runs: with_manifest_of(honest(runs.good), honest(runs.bad)),
    ),
    "one statement of another bundle": (
        "subjects",
        lambda runs: with_lines(
            honest(runs.bad), lambda lines: [honest(runs.good)[CERTIFICATE].splitlines(keepends=True)[0], lines[1]]
        ),
    ),
    "another record": ("manifest", lambda runs: {**honest(runs.bad), RECORD: runs.good.content}),
    "a record that is cut off": ("manifest", lambda runs: {**honest(runs.good), RECORD: runs.good.content[:-100]}),
    "another target": ("manifest", lambda runs: {**honest(runs.good), TARGET: b"{}"}),
    "a file more": ("extra-file", lambda runs: {**honest(runs.good), "README": b"trust me"}),
    "a file less": (
        "missing-file",
        lambda runs: {name: content for name, content in honest(runs.good).items() if name != RECORD},
    ),
    "no statement at all": ("statements", lambda runs: {**honest(runs.good), CERTIFICATE: b""}),
    "another manifest": (
        "manifest",
        lambda runs: {
            **honest(runs.good),
            MANIFEST: honest(runs.good)[MANIFEST].replace(b'"format": 1', b'"format": 2'),
        },
    ),
    "a manifest made anew": (
        "subjects",
        lambda runs: {
            **bundled(runs.bad.content, {}, {}, STRANGER),
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
    """What a command showed, and how it ended."""

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
    runs: Runs, command: Command, keys: dict[str, tuple[Path, Path]], tmp_path: Path
) -> None:
    (private, pinned), (certifier, _) = keys["vendor"], keys["certifier"]
    record, bundle = tmp_path / RECORD, tmp_path / "bundle.zip"
    record.write_bytes(runs.bad.content)
    who = ["--certifier-key", certifier, "--certifier", "https://certifier.example"]
    named = ["--product", "mock", "--version", "1.2.3", "--key", private, "--out", bundle]
    assert command("certify", record, *named, *who).status == 0
    done = command("verify", bundle, "--key", pinned, "--at", "2100-01-01")
    assert done.status == ExitStatus.EXPIRED
    begins = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=1)
    done = command("verify", bundle, "--key", pinned, "--at", begins.isoformat())
    assert done.status == ExitStatus.NOT_CONFORMING, done.shown
    assert f"FAILED: {BROKEN}" in done.shown
    assert "truthfully says that the product does not conform" in done.shown


def test_what_was_answered_by_another_server_is_shown_by_the_product_alone(
    runs: Runs, command: Command, keys: dict[str, tuple[Path, Path]], tmp_path: Path
) -> None:
    """docs/certification.md says so: this is what a signer can still forge, and what asking the product is for."""
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
    ("arguments", "told"),
    [
        (["verify", "nowhere.zip", "--key", "nowhere.pem"], "nowhere.pem cannot be read: No such file"),
        (["certify", "nowhere.jsonl", "--product", "a b", "--version", "1", "--key", "k"], "is no name"),
        (["certify", "n", "--product", "a", "--version", "1", "--key", "k", "--valid-days", "0"], "no number of days"),
        (["certify", "n", "--product", "a", "--version", "1", "--key", "k", "--image-digest", "1"], "is no digest"),
        (["verify", "b", "--key", "k", "--at", "tomorrow"], "is no date"),
        (["verify", "b", "--key", "k", "--sample", "0"], "is no number from 1 on"),
    ],
)
def test_what_the_commands_cannot_use_is_told_in_one_line(arguments: list[str], told: str, command: Command) -> None:
    done = command(*arguments)
    assert done.status == ExitStatus.WRONG_USAGE, done.shown
    assert told in done.shown


def test_a_run_that_proves_nothing_is_not_signed(
    runs: Runs, command: Command, keys: dict[str, tuple[Path, Path]], tmp_path: Path
) -> None:
    record = rewritten(runs.other, header=said(runs.other, "selection", whole=False, arguments="-k body"))
    (tmp_path / RECORD).write_bytes(record.content)
    out = tmp_path / "out.zip"
    named = ["--product", "mock", "--version", "1", "--key", keys["vendor"][0], "--out", out]
    done = command("certify", tmp_path / RECORD, *named)
    assert done.status == ExitStatus.WRONG_USAGE
    assert "nobody would accept it: selection: only a part was run: -k body" in done.shown
    assert not out.exists()


def test_nonces_differ_and_serve_as_seeds(command: Command) -> None:
    nonces = {new_nonce() for _ in range(100)}
    assert len(nonces) == 100
    assert all(nonce.bit_length() == 63 for nonce in nonces)
    assert int(command("nonce").shown) not in nonces
