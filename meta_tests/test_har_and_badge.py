"""HAR and badge: a HAR that others read, in which no byte is lost; a badge that is green for conforming alone."""

from __future__ import annotations

import base64
import datetime
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from haralyzer import HarEntry, HarParser  # type: ignore[import-untyped]  # it has no types

from benchmarks.examples import ERROR, SUCCESS, episode, exchange
from benchmarks.runs import CATALOGUE, CONTRACT, TARGET, settings
from conformance.commands.traffic.judging import judge_traffic
from conformance.commands.traffic.recordings import read_recordings
from conformance.evidence.episode import Step
from conformance.evidence.exchange import Exchange
from conformance.reports.badge import AMBER, GREEN, GREY, RED, badge_of, verdict_of
from conformance.reports.har import har_of
from conformance.verdict.folding import LogEntry
from conformance.verdict.record import Record
from conformance.verdict.recording import header_of
from conformance.verdict.trial import FIRST, Performed, Trial
from strategies.attempt import Request

BYTES = bytes(range(256))
NOW = 1_790_000_000.5


def record_of(*exchanges: Exchange) -> Record:
    """A record with a trial for each exchange."""
    header = header_of(
        settings(),
        None,
        capabilities=None,
        versions={"attach-conformance": "0.1.0"},
        started="",
        workers=1,
        selection="",
    )
    trials = [Trial("request.accept", (Performed(FIRST, episode("answered", one)),)) for one in exchanges]
    return Record(b"", header, [LogEntry(0, trial) for trial in trials], {})


def entries_of(*exchanges: Exchange) -> list[HarEntry]:
    """The entries of the HAR of these exchanges, as another reader sees them."""
    parser = HarParser(json.loads(har_of(record_of(*exchanges))))
    assert parser.har_data["version"] == "1.2"
    assert parser.creator == {"name": "attach-conformance", "version": "0.1.0"}
    return [HarEntry(entry) for entry in parser.har_data["entries"]]


def sent(body: bytes | None, **changes: Any) -> Exchange:
    request = Request("POST", "/v1/payment_methods/pm_1/attach?a=b", (("X-Test", "1"),), body, **changes)
    headers = (("Content-Type", "application/json"), ("Location", "/x"))
    return Exchange(request, 200, headers, json.dumps(SUCCESS).encode(), seconds=0.25, received=NOW)


# HAR


def test_another_reader_finds_request_answer_and_times() -> None:
    (entry,) = entries_of(sent(b"customer=cus_1"))
    assert entry.request.method == "POST"
    assert entry.request.url == f"{TARGET}/v1/payment_methods/pm_1/attach?a=b"
    assert entry.request.text == "customer=cus_1"
    assert entry.request.bodySize == 14
    assert entry.request.queryString == [{"name": "a", "value": "b"}]
    assert entry.response.status == 200
    assert entry.response.statusText == "OK"
    assert json.loads(entry.response.text) == SUCCESS
    assert entry.response.redirectURL == "/x"
    assert entry.startTime == datetime.datetime.fromtimestamp(NOW - 0.25, datetime.UTC)
    assert entry.time == 250


def test_no_byte_is_lost() -> None:
    request = sent(BYTES).request
    (entry,) = entries_of(Exchange(request, 200, (), BYTES, received=NOW))
    assert base64.b64decode(entry.request["postData"]["text"]) == BYTES
    assert entry.request["postData"]["comment"].startswith("base64")
    assert entry.response.textEncoding == "base64"
    assert base64.b64decode(entry.response.text) == BYTES
    assert entry.response.bodySize == entry.response.contentSize == 256


def test_what_was_not_answered_has_no_status_and_says_why() -> None:
    (entry,) = entries_of(Exchange(sent(None).request, None, None, None, failure="no answer in time", received=NOW))
    assert (entry.response.status, entry.response["comment"]) == (0, "no answer in time")
    assert "postData" not in entry.request


@pytest.mark.parametrize(
    "credentials", ["key", "bearer", "basic", "key and junk", "key cut short", "none", "Basic eA=="]
)
def test_the_key_has_a_stand_in(credentials: str) -> None:
    (entry,) = entries_of(sent(b"", credentials=credentials))
    shown = [header["value"] for header in entry.request.headers if header["name"] == "Authorization"]
    redacted = base64.b64encode(b"sk_test_REDACTED:").decode()
    assert (
        shown
        == {
            "key": ["Bearer sk_test_REDACTED"],
            "bearer": ["Bearer sk_test_REDACTED"],
            "basic": [f"Basic {redacted}"],
            "key and junk": ["Bearer sk_test_REDACTEDx"],
            "key cut short": ["Bearer sk_test_REDACTE"],
            "none": [],
            "Basic eA==": ["Basic eA=="],
        }[credentials]
    )


def test_every_exchange_stands_there_once_in_the_order_of_sending() -> None:
    first, second = sent(b"a=1"), Exchange(sent(b"a=2").request, 400, (), b"{}", received=NOW - 10)
    entries = entries_of(first, second, first)
    assert [entry.request.text for entry in entries] == ["a=2", "a=1"]


def test_the_suite_judges_its_own_har_as_it_judged_the_run(tmp_path: Path) -> None:
    good, bad = exchange(200, SUCCESS), exchange(400, {"error": {**ERROR["error"], "type": "x"}}, sent="customer=")
    file = tmp_path / "traffic.har"
    file.write_text(har_of(record_of(good, bad)), encoding="utf-8")
    recorded = read_recordings([file]).exchanges
    assert [one.exchange.body for one in recorded] == [good.body, bad.body]
    assert [one.exchange.request.body for one in recorded] == [good.request.body, bad.request.body]
    ledger = judge_traffic(recorded, CONTRACT, CATALOGUE)
    assert {slug for slug, entry in ledger.entries.items() if entry.findings} >= {"error.type"}


def test_steps_of_other_endpoints_are_there_too() -> None:
    read = Exchange(Request("GET", "/v1/payment_methods/pm_1", (), None), 200, (), b"{}", received=NOW)
    whole = episode("answered", sent(b"a=1"))
    trial = Trial("", (Performed(FIRST, type(whole)("", "answered", (*whole.steps, Step("follow-up", read)))),))
    record = record_of()
    har = json.loads(har_of(Record(b"", record.header, [LogEntry(0, trial)], {})))
    assert [entry["request"]["method"] for entry in har["log"]["entries"]] == ["POST", "GET"]


# the badge


def results(ending: str = "conforms", **changes: Any) -> Mapping[str, Any]:
    return {
        "suite": {"name": "attach-conformance", "attach-conformance": "0.1.0"},
        "profile": "stripe",
        "ending": ending,
        "started": "2026-11-25T09:30:00+00:00",
        "diagnosis": None,
        "dry_run": False,
        "lacking": [],
        "expectations": None,
        **changes,
    }


MET = {"is_met": True, "expected": ["request.a", "request.b"]}
ONE = {"is_met": True, "expected": ["request.a"]}
UNMET = {"is_met": False, "expected": []}


@pytest.mark.parametrize(
    ("content", "words", "colour"),
    [
        (results(), "conforms", GREEN),
        (results(expectations={"is_met": True, "expected": []}), "conforms", GREEN),
        (results("not-as-expected", expectations=UNMET), "not as expected", RED),
        (results("does-not-conform"), "does not conform", RED),
        (results("as-expected", expectations=MET), "2 expected failures", AMBER),
        (results("expected-in-part", expectations=ONE), "1 expected failure", AMBER),
        (results("does-not-conform", expectations=MET, lacking=["detach"]), "does not conform", RED),
        (results("inconclusive"), "inconclusive", GREY),
        (results("interrupted"), "interrupted", GREY),
        (results("unreachable", diagnosis="refused"), "cannot be tested", GREY),
        (results(dry_run=True), "rehearsed only", GREY),
    ],
)
def test_only_what_conforms_is_green(content: Mapping[str, Any], words: str, colour: str) -> None:
    assert verdict_of(content) == (words, colour)
    badge = badge_of(content)
    assert words in badge
    assert (GREEN in badge) == (colour == GREEN)


def test_the_badge_names_profile_verdict_version_and_date() -> None:
    badge = ElementTree.fromstring(badge_of(results()))
    texts = [text.text for text in badge.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ["stripe profile", "conforms", "attach-conformance 0.1.0 · 2026-11-25"]
    assert badge.get("aria-label") == "stripe profile · conforms · attach-conformance 0.1.0 · 2026-11-25"
    widths = [int(part.get("width", "")) for part in badge.iter("{http://www.w3.org/2000/svg}rect")]
    assert widths[0] == sum(widths[1:]) == int(badge.get("width", ""))


def test_what_the_badge_says_is_no_markup() -> None:
    badge = badge_of(results(suite={"name": "<script>", "<script>": '"&'}))
    assert "<script" not in badge
    ElementTree.fromstring(badge)
