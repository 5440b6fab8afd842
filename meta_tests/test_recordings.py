"""Recorded traffic is read in every form that tools write it in, and a bad exchange costs no other its verdict."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.examples import CUSTOMER, PAYMENT_METHOD, SUCCESS, but
from conformance.__main__ import main
from conformance.commands.traffic.recordings import Recorded, UnreadableRecording, read_recordings
from meta_tests.test_passive import GOOD_HEADERS, KEY, URL, broken, entry, har, judged, named, written

GOOD, BAD = json.dumps(SUCCESS), json.dumps(but(SUCCESS, customer="cus_OTHER"))
FORM = f"customer={CUSTOMER}"
SENT_HEADERS = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": f"Bearer {KEY}"}
LISTED = {name: [value] for name, value in GOOD_HEADERS.items()}
SENT_LISTED = {name: [value] for name, value in SENT_HEADERS.items()}

Write = Callable[[Path, str], Path]
"""Write a file of one form that holds one attach with this response body."""


# the forms


def har_with(post: Any, **more: Any) -> Write:
    def write(folder: Path, answer: str) -> Path:
        one = entry(answer)
        one["request"] |= {"postData": post, **more}
        return har(folder, one)

    return write


def har_content(coded: Callable[[str], dict[str, Any]]) -> Write:
    def write(folder: Path, answer: str) -> Path:
        one = entry()
        one["response"]["content"] = coded(answer)
        return har(folder, one)

    return write


def in_base64(data: bytes | str) -> str:
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


def interaction(answer: Any, sent: Any = FORM, **more: Any) -> dict[str, Any]:
    response = {"status": {"code": 200, "message": "OK"}, "headers": LISTED, "body": answer}
    request = {"method": "POST", "uri": URL, "body": sent, "headers": SENT_LISTED}
    return {"request": request, "response": but(response, **more)}


def ruby(answer: Any, sent: Any = FORM, **more: Any) -> dict[str, Any]:
    one = interaction(answer, {"encoding": "UTF-8", "string": sent}, **more)
    return one | {"recorded_at": "Mon, 21 Sep 2026 14:00:00 GMT"}


def of_go(answer: str, **sent: Any) -> dict[str, Any]:
    request = {"method": "POST", "url": URL, "body": FORM, "headers": SENT_LISTED, **sent}
    return {"request": request, "response": {"status": "200 OK", "code": 200, "headers": LISTED, "body": answer}}


def of_php(answer: str, **sent: Any) -> dict[str, Any]:
    request = {"method": "POST", "url": URL, "headers": SENT_HEADERS, **sent}
    status = {"http_version": "1.1", "code": "200", "message": "OK"}
    return {"request": request, "response": {"status": status, "headers": GOOD_HEADERS, "body": answer}}


def utf8(answer: str) -> dict[str, Any]:
    return {"encoding": "UTF-8", "string": answer}


def file_of(make: Callable[[str], Any], dump: Callable[[Any], str] = json.dumps) -> Write:
    return lambda folder, answer: written(folder, dump(make(answer)))


def in_yaml(document: Any) -> str:
    return yaml.safe_dump(document)


def old_ruby(answer: str) -> str:
    """Write a cassette as VCR 1 did, with the classes of its language."""
    return (
        f"--- \n- !ruby/struct:VCR::HTTPInteraction \n  request: !ruby/struct:VCR::Request \n    method: :post\n"
        f"    uri: {URL}\n    body: {FORM}\n    headers: \n"
        f"      content-type: \n      - {SENT_HEADERS['Content-Type']}\n"
        f"  response: !ruby/struct:VCR::Response \n    status: !ruby/struct:VCR::ResponseStatus \n      code: 200\n"
        f"      message: OK\n    headers: \n      content-type: \n      - application/json\n"
        f"    body: {json.dumps(answer)}\n"
    )


def nock(answer: Any, **more: Any) -> dict[str, Any]:
    flat = [part for header in {**GOOD_HEADERS, **more.pop("headers", {})}.items() for part in header]
    path = f"/v1/payment_methods/{PAYMENT_METHOD}/attach"
    scope = "https://api.example.com:443"
    definition = {"scope": scope, "method": "POST", "path": path, "body": FORM, "status": 200, "response": answer}
    return definition | {"rawHeaders": flat, "reqheaders": {"content-type": SENT_HEADERS["Content-Type"]}, **more}


def exchange(answer: Any) -> dict[str, Any]:
    request = {"method": "POST", "uri": URL, "body": FORM, "headers": SENT_HEADERS}
    return {"request": request, "response": {"status": 200, "headers": GOOD_HEADERS, "body": answer}}


PARAMS = [{"name": "customer", "value": CUSTOMER}]
FORMS: dict[str, Write] = {
    "har, parameters": har_with({"mimeType": SENT_HEADERS["Content-Type"], "params": PARAMS}),
    "har, parameters and an empty text": har_with({"text": "", "params": PARAMS}),
    "har, parameters and text": har_with({"text": FORM, "params": PARAMS}),
    "har, base64": har_with({"text": in_base64(FORM), "encoding": "base64"}),
    "har, base64 in a custom member": har_with({"text": in_base64(FORM), "_encoding": "Base64"}),
    "har, base64 in a comment": har_with({"text": in_base64(FORM), "comment": "base64"}),
    "har, base64 beside the request": har_with(None, _content={"text": in_base64(FORM), "encoding": "base64"}),
    "har, undocumented parameter": har_with({"text": FORM + "&validate=false"}),
    "har, base64 content": har_content(lambda answer: {"text": in_base64(answer), "encoding": "base64"}),
    "har, chunks": har_content(lambda answer: {"text": json.dumps([in_base64(answer)]), "encoding": "base64"}),
    "har, compressed": har_content(
        lambda answer: {"text": in_base64(gzip.compress(answer.encode())), "encoding": "base64"}
    ),
    "vcr, yaml": file_of(lambda answer: {"http_interactions": [ruby(utf8(answer))]}, in_yaml),
    "vcr, json": file_of(lambda answer: {"http_interactions": [ruby(utf8(answer))], "recorded_with": "VCR 6"}),
    "vcr, base64": file_of(lambda answer: {"http_interactions": [ruby({"base64_string": in_base64(answer)})]}, in_yaml),
    "vcr, bytes": file_of(
        lambda answer: {"http_interactions": [ruby({"encoding": "ASCII-8BIT", "string": answer.encode()})]}, in_yaml
    ),
    "vcr, bytes in a tag of Ruby": file_of(
        lambda answer: {"http_interactions": [ruby({"encoding": "ASCII-8BIT", "string": answer.encode()})]},
        lambda document: in_yaml(document).replace("!!binary", "!binary"),
    ),
    "vcr 1": lambda folder, answer: written(folder, old_ruby(answer)),
    "vcrpy, yaml": file_of(lambda answer: {"interactions": [interaction({"string": answer})], "version": 1}, in_yaml),
    "vcrpy, json": file_of(lambda answer: {"interactions": [interaction({"string": answer})], "version": 1}),
    "vcrpy, bytes": file_of(
        lambda answer: {"interactions": [interaction({"string": answer.encode()}, FORM.encode())]}, in_yaml
    ),
    "vcrpy, gzip": file_of(
        lambda answer: {
            "interactions": [
                interaction(
                    {"string": gzip.compress(answer.encode())}, headers={**LISTED, "Content-Encoding": ["gzip"]}
                )
            ]
        },
        in_yaml,
    ),
    "vcrpy, deflate": file_of(
        lambda answer: {
            "interactions": [
                interaction(
                    {"string": zlib.compress(answer.encode())}, headers={**LISTED, "Content-Encoding": ["deflate"]}
                )
            ]
        },
        in_yaml,
    ),
    "vcrpy, gzip undone": file_of(
        lambda answer: {
            "interactions": [interaction({"string": answer}, headers={**LISTED, "Content-Encoding": ["gzip"]})]
        }
    ),
    "vcrpy, httpx": file_of(
        lambda answer: {"interactions": [interaction(..., status=..., body=..., status_code=200, content=answer)]}
    ),
    "vcrpy, python 2": file_of(
        lambda answer: {"interactions": [interaction({"string": answer})]},
        lambda document: in_yaml(document).replace("string: '", "string: !!python/unicode '"),
    ),
    "go-vcr": file_of(lambda answer: {"version": 2, "interactions": [of_go(answer)]}, in_yaml),
    "go-vcr, fields": file_of(
        lambda answer: {"version": 1, "interactions": [of_go(answer, body="", form={"customer": [CUSTOMER]})]}, in_yaml
    ),
    "php-vcr": file_of(lambda answer: [of_php(answer, body=FORM)], in_yaml),
    "php-vcr, fields": file_of(lambda answer: [of_php(answer, post_fields={"customer": CUSTOMER})]),
    "nock": file_of(lambda answer: [nock(json.loads(answer))]),
    "nock, compressed": file_of(
        lambda answer: [nock([gzip.compress(answer.encode()).hex()], headers={"Content-Encoding": "gzip"})]
    ),
    "one exchange": file_of(exchange),
    "one exchange, parsed": file_of(lambda answer: exchange(json.loads(answer))),
    "one exchange, UTF-16": lambda folder, answer: _utf16(folder, json.dumps(exchange(answer))),
    "a list": file_of(lambda answer: [exchange(answer)]),
    "a list of entries": file_of(lambda answer: [entry(answer)]),
    "a list of interactions": file_of(lambda answer: [interaction({"string": answer})]),
    "JSON lines": file_of(
        lambda answer: [exchange(answer), {**exchange(answer), "request": {"uri": "https://x.example/"}}],
        lambda documents: "\n".join(map(json.dumps, documents)),
    ),
}


def _utf16(folder: Path, text: str) -> Path:
    path = folder / "traffic.json"
    path.write_text(text, encoding="utf-16")
    return path


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_judged(tmp_path: Path, form: str) -> None:
    ledger = judged(FORMS[form](tmp_path, GOOD))
    assert not broken(ledger)
    assert ledger.entry("response.customer").held == 1
    assert broken(judged(FORMS[form](tmp_path, BAD))) == {"response.customer"}


# bodies that are not certain


def body_of(write: Write, folder: Path) -> bytes | None:
    (one,) = read_recordings([write(folder, GOOD)]).exchanges
    return one.exchange.request.body


def params(*pairs: tuple[str, Any], length: int | None = None, **post: Any) -> Write:
    listed = [{"name": name, "value": value} for name, value in pairs]
    return har_with({"params": listed, **post}, **({} if length is None else {"bodySize": length}))


@pytest.mark.parametrize(
    ("write", "body"),
    [
        (params(("customer", "cus_1"), ("expand[]", "customer")), b"customer=cus_1&expand[]=customer"),
        (params(("customer", "cus_1"), ("customer", "cus_2")), b"customer=cus_1&customer=cus_2"),
        (params(("customer", "ä b")), b"customer=%C3%A4+b"),
        (params(("customer", "100%")), b"customer=100%25"),
        (params(("customer", 5), ("expand", None)), b"customer=5&expand="),
        (params(("customer", "a%20b")), None),
        (params(("expand%5B%5D", "customer")), None),
        (params(("customer", "a+b")), None),
        (params(("expand%5B%5D", "customer"), length=len("expand%5B%5D=customer")), b"expand%5B%5D=customer"),
        (params(("customer", "a%20b"), length=len("customer=a%2520b")), b"customer=a%2520b"),
        (params(("customer", "a+b"), length=len("customer=a+b")), b"customer=a+b"),
        (params(("customer", "cus_1"), length=12), None),
        (har_with({"params": [{"name": "customer", "value": "a", "fileName": "a.txt"}]}), None),
        (har_with({"params": [{"name": "customer", "value": "a"}, {"name": "x", "disabled": True}]}), b"customer=a"),
        (har_with({"text": "", "comment": "Request bodies are not included."}), None),
        (har_with({"text": ""}, bodySize=17), None),
        (har_with({"text": "", "params": []}), b""),
        (har_with(None), None),
        (file_of(lambda answer: {"interactions": [interaction({"string": answer}, "")]}), None),
        (file_of(lambda answer: {"interactions": [interaction({"string": answer}, {"customer": "cus_1"})]}), None),
        (file_of(lambda answer: {"http_interactions": [ruby(utf8(answer), "")]}), None),
    ],
)
def test_only_what_was_certainly_sent_is_a_body(tmp_path: Path, write: Write, body: bytes | None) -> None:
    assert body_of(write, tmp_path) == body


def test_parameters_of_another_media_type_are_no_form(tmp_path: Path) -> None:
    one = entry(GOOD, sent_type="multipart/form-data; boundary=x")
    one["request"]["postData"] = {"mimeType": "multipart/form-data", "params": PARAMS}
    (read,) = read_recordings([har(tmp_path, one)]).exchanges
    assert (read.exchange.request.body, read.is_form) == (None, False)


@pytest.mark.parametrize(
    "content",
    [
        {"text": json.dumps(["1f8b", "08"]), "_isBinary": True},
        {"text": in_base64(gzip.compress(GOOD.encode())[:-9]), "encoding": "base64"},
        {"text": in_base64(b"\x1b\xff\x00"), "encoding": "base64"},
    ],
)
def test_a_body_in_a_coding_that_cannot_be_undone_is_not_judged(tmp_path: Path, content: Any) -> None:
    one = entry(headers={"Content-Encoding": "br"})
    one["response"]["content"] = content
    (read,) = read_recordings([har(tmp_path, one)]).exchanges
    assert read.exchange.body is None


@pytest.mark.parametrize("value", ["true", "false", "1"])
def test_an_undocumented_parameter_is_not_held_against_the_server(tmp_path: Path, value: str) -> None:
    ledger = judged(har(tmp_path, entry(sent=f"{FORM}&validate={value}")))
    assert not {slug for slug in ledger.entries if slug.startswith("body.")}
    assert ("response.customer" in ledger.entries) is (value != "1")


# exchanges that cannot be read


def without_answer(**response: Any) -> Any:
    return {**entry(), "response": response or None}


@pytest.mark.parametrize("bad", [without_answer(), without_answer(status=0), without_answer(status=-1, headers=[])])
def test_an_exchange_without_an_answer_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], bad: dict[str, Any]
) -> None:
    assert main(["judge", str(har(tmp_path, bad))]) == 0
    assert main(["judge", str(har(tmp_path, bad, entry(BAD)))]) == 1
    assert capsys.readouterr().out.count("traffic.har, entry 1: no answer was recorded") == 2


def changed(part: str, **changes: Any) -> dict[str, Any]:
    one = entry()
    return {**one, part: but(one[part], **changes)}


@pytest.mark.parametrize(
    ("bad", "member"),
    [
        (7, "`entry`"),
        ({"response": {}}, "`request.url`"),
        (changed("request", url=5), "`request.url`"),
        (changed("request", url="http://[/v1/payment_methods/pm_1/attach"), "`request.url`"),
        (changed("request", method=...), "`request.method`"),
        (changed("request", headers=7), "`request.headers`"),
        (changed("request", headers=[{"name": 1}]), "`request.headers[0]`"),
        (changed("request", postData={"text": {}}), "`request.postData.text`"),
        (changed("request", postData={"text": "%", "encoding": "base64"}), "`request.postData.text`"),
        (changed("request", postData={"params": 7}), "`request.postData.params`"),
        (changed("request", postData={"params": [None]}), "`request.postData.params[0]`"),
        (changed("request", postData={"params": [{"value": "x"}]}), "`request.postData.params[0].name`"),
        (changed("response", status="OK"), "`response.status`"),
        (changed("response", status=True), "`response.status`"),
        (changed("response", status=999), "`response.status`"),
        (changed("response", content="text"), "`response.content`"),
        (changed("response", content={"text": "!", "encoding": "base64"}), "`response.content.text`"),
        ({**entry(), "response": "text"}, "`response`"),
    ],
)
def test_a_bad_entry_is_left_out_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], bad: Any, member: str
) -> None:
    assert main(["judge", str(har(tmp_path, entry(), bad))]) == 0
    assert main(["judge", str(har(tmp_path, entry(BAD), bad))]) == 1
    assert capsys.readouterr().out.count(f"could not read {tmp_path / 'traffic.har'}, entry 2: {member}") == 2
    assert main(["judge", str(har(tmp_path, bad))]) == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert f"entry 1: {member}" in line


def test_a_bad_entry_with_another_url_is_ignored(tmp_path: Path) -> None:
    recording = read_recordings([har(tmp_path, {"request": {"url": "https://x.example/", "headers": 7}})])
    assert (recording.ignored, recording.unreadable) == (1, ())


def test_a_bad_line_is_left_out(tmp_path: Path) -> None:
    recording = read_recordings([written(tmp_path, f"{json.dumps(exchange(GOOD))}\nnonsense\n")])
    assert len(recording.exchanges) == 1
    assert ["exchange 2" in problem for problem in recording.unreadable] == [True]


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [*a]",
        "a: &a [x, x]\nb: &b [" + "*a, " * 3000 + "x]\nc: [" + "*b, " * 3000 + "x]",
        "[" * 200,
        "- " * 200,
        "interactions: 7",
        "interactions:\n- {",
        "a: *b",
        "\x00",
        '{"log": {"entries": [',
        "[]",
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(UnreadableRecording) as refused:
        read_recordings([written(tmp_path, text)])
    assert len(str(refused.value).splitlines()) == 1


def test_no_object_is_made_of_a_tag(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    with pytest.raises(UnreadableRecording):
        read_recordings([written(tmp_path, f"interactions: !!python/object/apply:os.mkdir ['{folder}']")])
    assert not folder.exists()


def test_a_header_that_a_hook_may_have_taken_out_is_not_missed(tmp_path: Path) -> None:
    few = {"Date": LISTED["Date"], "Content-Type": LISTED["Content-Type"]}
    refused = {"interactions": [interaction({"string": "{}"}, headers=few, status={"code": 401})]}
    ledger = judged(written(tmp_path, refused))
    assert not {slug for slug in ledger.entries if slug.startswith(("header.", "auth."))}
    cassette = {"interactions": [interaction({"string": GOOD}, headers={**few, "Request-Id": ["1"]})]}
    assert broken(judged(written(tmp_path, cassette))) == {"header.request-id"}


def test_an_alias_stands_for_its_anchor(tmp_path: Path) -> None:
    shared = interaction({"string": GOOD})
    text = in_yaml({"interactions": [shared, shared]})
    assert "*id" in text
    assert len(read_recordings([written(tmp_path, text)]).exchanges) == 2


def test_the_record_of_a_run_is_pointed_elsewhere(tmp_path: Path) -> None:
    lines = [{"format": 2, "suite": {"name": "x"}}, {"trial": {}}]
    with pytest.raises(UnreadableRecording, match="conformance render"):
        read_recordings([written(tmp_path, "\n".join(map(json.dumps, lines)))])


def test_a_recorded_key_is_kept_in_no_form(tmp_path: Path) -> None:
    for name, write in FORMS.items():
        one: Recorded = read_recordings([write(tmp_path, GOOD)]).exchanges[0]
        assert KEY not in repr(one), name


def test_names_of_headers_stand_in_either_form(tmp_path: Path) -> None:
    listed = exchange(GOOD)
    listed["response"]["headers"] = named(GOOD_HEADERS)
    (one,) = read_recordings([written(tmp_path, listed)]).exchanges
    assert dict(one.exchange.headers or ()) == GOOD_HEADERS
