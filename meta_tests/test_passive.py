"""Recorded traffic is judged like a live run, and nothing is concluded from what a recording lacks."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.examples import CUSTOMER, ERROR, NOW, PAYMENT_METHOD, SUCCESS, but
from conformance.__main__ import main
from conformance.commands.traffic.judging import judge_traffic
from conformance.commands.traffic.recordings import read_recordings
from conformance.verdict.ledger import Ledger
from contracts import load_catalogue, published_contract

KEY = "sk_" + "test_" + "0123456789abcdefghij"
URL = f"https://api.example.com/v1/payment_methods/{PAYMENT_METHOD}/attach"
DECLINE = {"error": {"type": "card_error", "code": "card_declined", "decline_code": "generic_decline", "message": "No"}}
MISSING = {"error": {**ERROR["error"], "code": "resource_missing", "param": "payment_method"}}
GOOD_HEADERS = {
    "Content-Type": "application/json",
    "Request-Id": "req_1",
    "Cache-Control": "no-cache, no-store",
    "Stripe-Version": "2026-03-25.dahlia",
    "Date": "Mon, 21 Sep 2026 14:00:00 GMT",
}


def named(headers: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers.items()]


def entry(body: Any = SUCCESS, status: int = 200, sent: str | None = f"customer={CUSTOMER}", **more: Any) -> Any:
    text = body if isinstance(body, str) or body is None else json.dumps(body)
    request: dict[str, Any] = {
        "method": more.get("method", "POST"),
        "url": more.get("url", URL),
        "headers": named(
            {
                "authorization": f"Bearer {more.get('key', KEY)}",
                "content-type": more.get("sent_type", "application/x-www-form-urlencoded"),
                "stripe-version": "2026-03-25.dahlia",
            }
        ),
    }
    if sent is not None:
        request["postData"] = {"text": sent}
    content = {} if text is None else {"text": text, "size": len(text)}
    headers = named({**GOOD_HEADERS, **more.get("headers", {})})
    return {"request": request, "response": {"status": status, "headers": headers, "content": content}}


def exchange(**changes: Any) -> dict[str, Any]:
    answer = {"status": 200, "headers": {}, "body": SUCCESS}
    request = {"method": "POST", "uri": URL, "body": f"customer={CUSTOMER}", "headers": {}}
    return but({"request": request, "response": answer}, **changes)


def written(folder: Path, document: Any, name: str = "traffic.json") -> Path:
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def har(folder: Path, *entries: Any) -> Path:
    return written(folder, {"log": {"version": "1.2", "entries": list(entries)}}, "traffic.har")


def judged(path: Path) -> Ledger:
    return judge_traffic(read_recordings([path]).exchanges, published_contract(), load_catalogue())


def broken(ledger: Ledger) -> set[str]:
    return {slug for slug, known in ledger.entries.items() if known.findings}


def test_good_traffic_breaks_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = har(
        tmp_path,
        entry(),
        entry(DECLINE, 402),
        entry(MISSING, 404),
        entry(ERROR, 400, sent=""),
        entry(url="https://api.example.com/v1/customers"),
        entry(method="OPTIONS"),
    )
    assert main(["judge", str(path)]) == 0
    said = capsys.readouterr().out
    for slug in ("response.customer", "response.json", "response.livemode", "error.no-secrets", "stripe.card-declined"):
        assert f"✓ {slug}: holds" in said
    for slug in ("stripe.resource-missing-payment-method", "header.version", "body.customer-required"):
        assert f"✓ {slug}: holds (" in said
    assert "4 exchanges with the operation judged; 2 requests to other URLs ignored" in said
    assert "state.persisted" in said.splitlines()[-1]


@pytest.mark.parametrize(
    ("clause", "bad"),
    [
        ("response.customer", entry(but(SUCCESS, customer="cus_Other"))),
        ("response.created", entry(but(SUCCESS, created=NOW + 10**7))),
        ("response.livemode", entry(but(SUCCESS, livemode=True))),
        ("response.json", entry(json.dumps(SUCCESS) + "}")),
        ("response.media-type", entry(headers={"Content-Type": "text/plain"})),
        ("error.envelope", entry("<h1>No</h1>", 400, headers={"Content-Type": "text/html"})),
        ("error.status-class", entry("", 502)),
        ("error.no-secrets", entry(but(SUCCESS, surprise=f"you sent {KEY}"))),
        ("body.unknown-parameter", entry(sent=f"customer={CUSTOMER}&nope=1")),
        ("body.customer-required", entry(sent="")),
        ("expand.inlined", entry(sent=f"customer={CUSTOMER}&expand[]=customer")),
        ("request.other-methods", entry(method="PUT")),
        ("stripe.resource-missing-payment-method", entry(MISSING, 400)),
        ("stripe.card-declined", entry({"error": but(DECLINE["error"], decline_code=...)}, 402)),
        ("header.request-id", entry(headers={"Request-Id": "1"})),
        ("header.version", entry(headers={"Stripe-Version": "2020-08-27"})),
        ("auth.challenge", entry(ERROR, 401)),
    ],
)
def test_a_broken_answer_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str], clause: str, bad: Any) -> None:
    path = har(tmp_path, entry(), bad)
    assert main(["judge", str(path)]) == 1
    said = capsys.readouterr().out
    assert f"✗ {clause}: fails" in said
    assert "traffic.har, entry 2" in said
    assert "expected:   " in said
    assert KEY not in said
    assert [line.split()[1] for line in said.splitlines() if line.startswith("✗")] == [f"{clause}:"]


def test_a_deviation_does_not_decide(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = har(tmp_path, entry(headers={"Cache-Control": "private"}))
    assert main(["judge", str(path)]) == 0
    assert "! header.cache-control: deviates" in capsys.readouterr().out


def test_a_profile_limits_the_clauses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = har(tmp_path, entry(headers={"Request-Id": "1"}))
    assert main(["judge", "--profile", "contract", str(path)]) == 0
    assert "header." not in capsys.readouterr().out


@pytest.mark.parametrize("key", [KEY, KEY.replace("test", "live")])
def test_no_key_is_kept(tmp_path: Path, key: str) -> None:
    (one,) = read_recordings([har(tmp_path, entry(f"your key is {key}", 400, key=key))]).exchanges
    assert one.exchange.leaked_key
    assert key not in repr(one)


def test_a_key_in_basic_authentication_is_found(tmp_path: Path) -> None:
    basic = entry()
    basic["request"]["headers"][0]["value"] = "Basic " + base64.b64encode(f"{KEY}:".encode()).decode()
    (one,) = read_recordings([har(tmp_path, basic)]).exchanges
    assert one.test_key
    assert one.key_sought


def test_what_was_not_recorded_is_not_judged(tmp_path: Path) -> None:
    ledger = judged(written(tmp_path, exchange()))
    unknown = {"response.json", "response.media-type", "response.livemode", "response.created", "header.request-id"}
    assert not unknown & set(ledger.entries)
    assert {"response.customer", "response.id", "response.schema"} <= set(ledger.entries)
    assert not broken(ledger)


@pytest.mark.parametrize("request_", [None, {"method": "POST", "uri": URL, "body": None, "headers": None}])
def test_a_request_without_recorded_body_lacks_no_customer(tmp_path: Path, request_: Any) -> None:
    ledger = judged(written(tmp_path, exchange(request=request_)))
    assert not {"body.customer-required", "response.customer", "expand.not-expanded"} & set(ledger.entries)
    assert ("response.id" in ledger.entries) is (request_ is not None)
    assert "response.schema" in ledger.entries
    assert not broken(ledger)


@pytest.mark.parametrize(
    "unsure",
    [
        entry(sent=None),
        entry(sent=f"customer={CUSTOMER}&client_secret=x"),
        entry(sent=json.dumps({"customer": CUSTOMER}), sent_type="application/json"),
        entry(None),
        entry(ERROR, 401, sent="", headers={"WWW-Authenticate": "Bearer realm=x"}),
        entry(ERROR, 403, headers={"Server": "nginx"}),
        entry(ERROR, 404, sent=""),
    ],
)
def test_nothing_false_is_concluded(tmp_path: Path, unsure: Any) -> None:
    ledger = judged(har(tmp_path, unsure))
    assert not broken(ledger)
    assert not [slug for slug in ledger.entries if slug.startswith("body.")]


PAGE = "<html>no</html>"


@pytest.mark.parametrize(
    ("path", "status", "is_broken"),
    [
        ("pm_%zz", 400, False),
        ("pm_%00", 404, False),
        ("pm_a%2Fb", 404, False),
        ("p" * 3000, 414, False),
        ("pm_1", 404, True),
        ("pm_1", 400, True),
        ("pm_%zz", 404, True),
        ("pm_%00", 403, True),
    ],
)
def test_a_front_end_server_may_reject_an_odd_path(tmp_path: Path, path: str, status: int, is_broken: bool) -> None:
    url = f"https://api.stripe.com/v1/payment_methods/{path}/attach"
    ledger = judged(har(tmp_path, entry(PAGE, status, url=url, headers={"Content-Type": "text/html"})))
    assert ("error.envelope" in broken(ledger)) is is_broken
    assert ledger.entry("error.envelope").held == 0


def test_a_url_without_an_id_is_not_the_operation(tmp_path: Path) -> None:
    url = "https://api.stripe.com/v1/payment_methods//attach"
    recording = read_recordings([har(tmp_path, entry("", 307, url=url))])
    assert (len(recording.exchanges), recording.ignored) == (0, 1)


def test_compressed_bytes_that_were_taken_for_text_are_not_judged(tmp_path: Path) -> None:
    answer = {"status": 200, "headers": {"Content-Encoding": "gzip"}, "body": "\x1f\ufffd\x08\x00\ufffdmT"}
    ledger = judged(written(tmp_path, exchange(response=answer)))
    assert not broken(ledger)
    assert "response.json" not in ledger.entries


@pytest.mark.parametrize(
    ("recorded_at", "is_broken"), [("2026-09-22T00:00:00+00:00", False), ("Mon, 01 Jan 2024 00:00:00 GMT", True)]
)
def test_created_is_judged_by_the_time_of_recording(tmp_path: Path, recorded_at: str, is_broken: bool) -> None:
    ledger = judged(written(tmp_path, exchange(source={"recorded_at": recorded_at})))
    assert ("response.created" in broken(ledger)) is is_broken
    assert ledger.entry("response.created").held == (not is_broken)


@pytest.mark.parametrize("document", ["no JSON", [], 7, {}, {"log": {}}, {"response": {"status": "?"}}])
def test_a_file_of_another_form_is_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], document: Any
) -> None:
    assert main(["judge", str(written(tmp_path, document))]) == 4
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_file_that_is_not_there_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["judge", str(tmp_path / "none.har")]) == 4
    assert "cannot be read" in capsys.readouterr().err


def test_the_example_of_the_page_works(tmp_path: Path) -> None:
    page = (Path(__file__).parent.parent / "docs" / "judging-traffic.md").read_text()
    example = page.partition("```json\n")[2].partition("```")[0]
    assert not broken(judged(written(tmp_path, example)))
