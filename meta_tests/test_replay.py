"""Replaying a finding gives the same result as the run, and tells when the defect is gone."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from benchmarks.examples import ERROR, exchange
from benchmarks.forging import rewritten
from benchmarks.suite import Job, run_all
from conformance.commands.replay.looking_up import CannotReplay, look_up, read_run
from conformance.commands.replay.playing import History
from conformance.commands.replay.replay import CANNOT_RUN, FIXED, STILL_FAILS, Replayed, Replayer
from conformance.evidence.episode import Episode, Finding, Step
from conformance.evidence.secret import Secret
from conformance.fixtures.ids import is_of_the_account
from conformance.fixtures.provisioning import Provision
from conformance.fixtures.renaming import Known, Renaming
from conformance.transport.client import Address, Client
from conformance.verdict.ledger import UNSTEADY
from conformance.verdict.previous import PREVIOUS_FILE, keep_record
from conformance.verdict.record import RECORD_FILE, REFERENCE, Record
from conformance.verdict.run import ExitStatus
from contracts import load_catalogue, published_contract
from meta_tests.command_line import Command, command_line
from reference import Server, build, defects
from strategies.attempt import Request

KEY = "sk_test_replaying0123456789abcdef"

ONE_BY_ONE = {
    "json-obeyed": "request.json-refused",  # a single request
    "lower-hex-not-decoded": "request.equivalent-encodings",  # a pair that is compared
    "customer-decoded-twice": "request.value-exact",  # an id that was changed before it was sent
    "nul-in-path-crashes": "robustness.path-encoding",  # exact bytes
    "keys-ignored": "idempotency.replay",  # a key that is sent again
    "declined-but-attached": "stripe.card-declined",  # a fixture of another kind
    "cacheable": "header.cache-control",  # several answers
}
NOW_AND_THEN = {
    "every-twentieth-crashes": "robustness.same-request-same-answer",  # what another answer hides as often as not
}
WITH_STATE = {
    "metadata-assigned-before-refusal": "state.refusal-changes-nothing",  # a window of refusals, and a closing read
    "checked-then-written": "state.race",  # requests at once
}
IN_SEQUENCE = {
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
    "newest-taken-from-the-list": "state.detach",  # steps that run in another order than they are shown in
}
BEFORE = ("state.persisted", "state.second-customer", "state.only-this-one")
"""Clauses whose tests run before, and give customers payment methods."""


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
    """A run on a server with `defects`, and the path of its record."""

    defects: Mapping[str, str]
    record: Path

    @property
    def findings(self) -> Mapping[str, Finding]:
        return read_run(self.record).findings


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Found]:
    every, jobs = [], []
    with contextlib.ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("STRIPE_API_KEY", KEY)
        for names in (ONE_BY_ONE, NOW_AND_THEN, WITH_STATE, IN_SEQUENCE, ALONE, LATER, OUT_OF_ORDER):
            folder = tmp_path_factory.mktemp("replay")
            url = stack.enter_context(serving(*names)).url
            options = (f"--api-key={KEY}", f"--results={folder}")
            jobs.append(Job("defective", base_url=url, arguments=options, clauses=(*names.values(), *BEFORE)))
            every.append(Found(names, folder / RECORD_FILE))
        list(run_all(jobs))
    return every


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return command_line("replay", KEY, monkeypatch, capsys)


def test_what_fails_still_fails_and_is_fixed_once_its_defect_is_gone(found: Sequence[Found], command: Command) -> None:
    replayed = 0
    for one in found:
        findings = one.findings
        assert {finding.clause for finding in findings.values()} >= set(one.defects.values())
        with serving(*one.defects) as defective, serving() as healthy:
            status, shown = command(*findings, "--record", one.record, "--base-url", defective.url)
            assert (shown.count("  still fails: "), status) == (len(findings), ExitStatus.DOES_NOT_CONFORM), shown
            have_steps_before = sum(len(finding.episode.steps) > 1 for finding in findings.values())
            assert shown.count("    in order:   ") == have_steps_before, shown
            status, shown = command(*findings, "--record", one.record, "--base-url", healthy.url)
            assert (shown.count("  fixed"), status) == (len(findings), ExitStatus.CONFORMS), shown
        replayed += len(findings)
    assert replayed >= 10


def test_each_replay_sends_keys_of_its_own(found: Sequence[Found], command: Command) -> None:
    """With the keys of the first replay the second would get the answers of the first."""
    keys = next(one for one in found if "keys-ignored" in one.defects)
    with serving("replay-not-marked") as defective, serving() as healthy:
        for _ in range(2):
            shown = command("idempotency.replay", "--record", keys.record, "--base-url", defective.url)[1]
            assert "still fails: a 200 to a used key without `Idempotent-Replayed: true`" in shown
            assert command("idempotency.replay", "--record", keys.record, "--base-url", healthy.url)[0] == 0


def test_a_target_on_which_nobody_has_been_is_given_somebody(found: Sequence[Found], command: Command) -> None:
    (alone,) = [one for one in found if "empty-customer-is-the-newest" in one.defects]
    with serving(*alone.defects) as empty:
        status, shown = command("state.unknown-customer", "--record", alone.record, "--base-url", empty.url)
    assert status == ExitStatus.DOES_NOT_CONFORM, shown


def test_an_unsteady_server_is_known_by_answers_that_differ_from_round_to_round(
    found: Sequence[Found], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A control that fails now and then shows nothing about the subject, but that the server is flaky."""
    finding = next(one for each in found for one in each.findings.values() if one.clause == UNSTEADY)
    words = iter((FIXED, CANNOT_RUN))
    never_sent = Client(Address("http://127.0.0.1:1"), Secret(KEY), published_contract())
    provision = Provision("any id", "any id", True, True)
    replayer = Replayer(never_sent, provision, History(), published_contract(), load_catalogue())
    monkeypatch.setattr(replayer, "_in_every_setting", lambda _: Replayed(finding, next(words), ""))
    monkeypatch.setattr(replayer, "_once", lambda *_: (Replayed(finding, next(words), "answered 500"), None))
    replayed = replayer.replay(finding)
    assert (replayed.word, replayed.reason) == (STILL_FAILS, "answered 500 in one round, and not in another")


def test_a_request_that_is_dropped_after_a_pause_is_sent_after_one() -> None:
    """Without the pauses of the run it may have met a connection that the server was closing, which is legal."""
    pauses = (0.15, *(0.03,) * 11)
    steps = tuple(Step("subject", replace(exchange(400, ERROR), idle=pause), "POST") for pause in pauses)
    episode = Episode(UNSTEADY, "steady", steps)
    with serving("fortieth-on-a-connection-drops") as server:
        client = Client(Address(server.url), Secret(KEY), published_contract())
        provision = Provision("a test token", "created", False, True)
        replayer = Replayer(client, provision, History(), published_contract(), load_catalogue())
        replayed = replayer.replay(Finding(UNSTEADY, "1 of 12 was another", episode))
    assert (replayed.word, "on a kept connection" in replayed.reason) == (STILL_FAILS, True), replayed.reason


def test_the_embedded_reference_is_started_anew_where_the_record_is_of_it(
    found: Sequence[Found], command: Command, tmp_path: Path
) -> None:
    record = Record.read(found[0].record)
    target = {**record.header["target"], "base_url": REFERENCE}
    record = rewritten(record, header={**record.header, "target": target}, concluded=False)
    (tmp_path / RECORD_FILE).write_bytes(record.content)
    status, shown = command("request.json-refused", "--record", tmp_path / RECORD_FILE)
    assert (status, shown.count("  fixed")) == (ExitStatus.CONFORMS, 1), shown


def test_what_says_nothing_of_the_clause_cannot_run(found: Sequence[Found], command: Command) -> None:
    record = found[0].record
    with serving("always-refused") as another:
        status, shown = command("idempotency.replay", "--record", record, "--base-url", another.url)
    assert status == ExitStatus.INCONCLUSIVE, shown
    assert "  cannot run: " in shown
    status, shown = command("request.json-refused", "--record", record)
    assert status == ExitStatus.UNREACHABLE, shown
    assert shown.startswith("cannot run: http://127.0.0.1")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing", "--record", "RECORD"], " UTC, only of --clause "),
        (["request.json-refusd", "--record", "RECORD"], "did you mean request.json-refused?"),
        (["header.vary", "--record", "RECORD"], "has no finding 'header.vary'"),
        (["auth.missing", "--record", "RECORD"], "has no finding of auth.missing, which is not judged there"),
        (["nothing", "--record", "nowhere"], "nowhere cannot be read (No such file or directory): say which record"),
        (["nothing", "--record", __file__], "it is no record of a run"),
        (["request.json-refused", "--record", "RECORD", "--base-url", "ftp://x"], "must start with http"),
        (["request.json-refused", "--record", "RECORD", "--target", "nobody"], "there is no target 'nobody'"),
        (["request.json-refused", "--record", "RECORD", "--customer", "a b"], "--customer 'a b' is no id"),
    ],
)
def test_what_cannot_be_replayed_is_said_in_one_line(
    arguments: list[str], said: str, found: Sequence[Found], command: Command
) -> None:
    status, shown = command(*(str(found[0].record) if word == "RECORD" else word for word in arguments))
    assert status == ExitStatus.WRONG_USAGE
    assert said in shown
    assert shown.count("\n") == 1


def test_what_only_the_run_before_found_is_looked_up_there(
    found: Sequence[Found], command: Command, tmp_path: Path
) -> None:
    """A run of one clause replaces the record; the findings of the run before can still be replayed and explained."""
    (before,) = [one for one in found if "json-obeyed" in one.defects]
    (last,) = [one for one in found if "newest-taken-from-the-list" in one.defects]
    (tmp_path / RECORD_FILE).write_bytes(before.record.read_bytes())
    keep_record(tmp_path)
    (tmp_path / RECORD_FILE).write_bytes(last.record.read_bytes())
    (name,) = [key for key, one in before.findings.items() if one.clause == "request.json-refused"]
    recorded, (finding,) = look_up([name], tmp_path / RECORD_FILE)
    assert (finding.clause, recorded.is_earlier) == ("request.json-refused", True)
    with serving() as healthy:
        status, shown = command(name, "--record", tmp_path / RECORD_FILE, "--base-url", healthy.url)
    assert status == ExitStatus.CONFORMS
    assert f"from {tmp_path / PREVIOUS_FILE} (the run of " in shown
    with pytest.raises(CannotReplay, match=RECORD_FILE):
        look_up(["nothing"], tmp_path / RECORD_FILE)


def record_of(whole: bool, text: str, second: str = "trial") -> bytes:
    lines = [{"header": {"selection": {"whole": whole}}, "text": text}, {second: ""}]
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def test_the_record_of_a_part_or_of_no_trial_does_not_replace_that_of_a_whole_run(tmp_path: Path) -> None:
    last, before = tmp_path / RECORD_FILE, tmp_path / PREVIOUS_FILE
    keep_record(tmp_path)
    assert not before.exists()
    for whole, text, kept in ((True, "a", "a"), (False, "b", "a"), (True, "c", "c"), (False, "d", "c")):
        last.write_bytes(record_of(whole, text))
        keep_record(tmp_path)
        assert before.read_bytes() == record_of(True, kept)
        assert last.read_bytes() == record_of(whole, text)
    for bad in (b"garbage", record_of(True, "e", "footer"), record_of(True, "f").partition(b"\n")[0]):
        last.write_bytes(bad)
        keep_record(tmp_path)
        assert before.read_bytes() == record_of(True, "c")


# ids in requests


def renaming(known: Mapping[str, Known], described: str = "") -> Renaming:
    return Renaming(dict(known), lambda old, _: f"new_{old}", described)


def renamed(body: bytes, known: Mapping[str, Known], described: str = "") -> bytes | None:
    return renaming(known, described).request(Request("POST", "/v1/x", (), body)).body


LONG = {"cus_ABCdef123456": Known("customer", "customer")}
SHORT = {"cus_1": Known("customer", "customer"), "cus_12": Known("other_customer", "customer")}


def test_ids_are_renamed_in_whatever_form_they_stand() -> None:
    new = "new_cus_ABCdef123456"
    assert renamed(b"customer=cus_ABCdef123456x", LONG) == f"customer={new}x".encode()
    assert renamed(b"customer=CUS_abcDEF123456", LONG) == f"customer={new.swapcase()}".encode()
    assert renamed(b"customer=%63us_ABCdef123456", LONG) == f"customer=%{ord('n'):02X}{new[1:]}".encode()
    assert renamed(b"customer=cus_ABCdef12345", LONG) == f"customer={new[:-1]}".encode()
    assert renamed(b"customer=pm_card_visa", LONG) == b"customer=pm_card_visa"


def test_short_ids_are_renamed_only_where_they_stand_alone() -> None:
    assert renamed(b"a=cus_12&b=cus_1&c=xcus_1&d=cus_123&e=1", SHORT) == (
        b"a=new_cus_12&b=new_cus_1&c=xcus_1&d=cus_123&e=1"
    )
    assert renamed(b"a=1", SHORT, "POST customer=‹customer without its prefix›") == b"a=cus_1"


def test_an_object_is_made_once_and_only_when_it_is_needed() -> None:
    made = []

    def provide(old: str, _: Known) -> str:
        made.append(old)
        return f"new_{old}"

    some = Renaming(dict(SHORT), provide)
    assert some.words(["cus_1", {"cus_12": "cus_1"}]) == ["cus_1", {"cus_12": "cus_1"}]
    assert not made
    for _ in range(2):
        some.request(Request("POST", "/v1/customers/cus_1", (("Idempotency-Key", "cus_1"),), b"cus_1"))
    assert made == ["cus_1"]
    assert some.words("of cus_1") == "of new_cus_1"


def test_a_bound_id_is_learnt_from_its_creation_alone() -> None:
    some = renaming(SHORT)
    some.learn("cus_1", "cus_wrong", "customer")
    some.learn("cus_12", "cus_right", "customer", is_created=True)
    some.learn("pm_9", "pm_found", "payment_method")
    assert some.words("cus_1 cus_12 pm_9") == "cus_1 cus_right pm_found"


def test_only_a_shared_token_is_of_no_account() -> None:
    assert not is_of_the_account("pm_card_visa")
    assert not is_of_the_account("pm_usBankAccount_success")
    assert is_of_the_account("pm_us4fXq81EysGuAQTz7DdT1a4")
