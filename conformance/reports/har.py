"""HAR 1.2 from a record: every exchange of its episodes once, in the order in which they were sent."""

from __future__ import annotations

import base64
import datetime
import io
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from urllib.parse import parse_qsl

import harfile

from conformance.evidence.episode import Episode, Step
from conformance.evidence.exchange import Exchange
from conformance.evidence.secret import Secret
from conformance.transport.request import headers_on_wire
from conformance.verdict.record import REFERENCE, Record

REFERENCE_URL = "http://reference.invalid"
"""The stand-in for the address of the embedded reference, which differs from run to run."""
STAND_INS: Mapping[bool, Secret] = {True: Secret("sk_test_REDACTED"), False: Secret("REDACTED")}
"""The stand-ins for the key: for a test key, and for another one."""
IN_BASE64 = "base64: these bytes are no UTF-8"


def har_of(record: Record) -> str:
    """Return the exchanges of all episodes as HAR 1.2, with a made-up word in place of the key.

    Bytes that are no UTF-8 are written in base64: of a response as HAR has it, of a request with a comment about that.
    """
    target = record.header["target"]
    base_url = REFERENCE_URL if target["base_url"] == REFERENCE else target["base_url"]
    provision = target["provision"] or {}
    scheme = str(provision.get("scheme", "bearer"))
    suite = record.header["suite"]
    file = io.StringIO()
    comment = "The requests that the suite judged, without those for probing, fixtures and clean-up."
    creator = harfile.Creator(suite["name"], suite["version"])
    with harfile.HarFile.open(file, creator=creator, comment=comment) as har:
        for episode, step in sorted(_each_once(record), key=lambda found: _began(found[1].exchange)):
            exchange = step.exchange
            took = round(exchange.seconds * 1000, 3)
            began = datetime.datetime.fromtimestamp(_began(exchange), datetime.UTC)
            har.add_entry(
                startedDateTime=began.isoformat(timespec="microseconds"),
                time=took,
                request=_request(exchange, base_url, STAND_INS[bool(episode.facts.get("test_key", True))], scheme),
                response=_response(exchange),
                timings=harfile.Timings(send=0, wait=took, receive=0),
                comment=f"{episode.id}: {step.role}, {step.attempt}".encode("utf-8", "backslashreplace").decode(),
            )
    return file.getvalue() + "\n"


def _each_once(record: Record) -> Iterable[tuple[Episode, Step]]:
    """Return every exchange with its first episode."""
    found: dict[object, tuple[Episode, Step]] = {}
    for episode in (performed.episode for trial in record.trials for performed in trial.episodes):
        for step in episode.steps:
            moment = (step.exchange.received, step.exchange.seconds, step.exchange.request)
            found.setdefault(moment, (episode, step))
    return found.values()


def _began(exchange: Exchange) -> float:
    return max(exchange.received - exchange.seconds, 0.0)


def _request(exchange: Exchange, base_url: str, key: Secret, scheme: str) -> harfile.Request:
    request = exchange.request
    headers = dict(headers_on_wire(request, key, scheme))
    by_name = {name.lower(): value for name, value in reversed(headers.items())}
    body = request.body
    if request.chunked:
        headers.setdefault("Transfer-Encoding", "chunked")
    elif body is not None and "content-length" not in by_name:
        headers["Content-Length"] = str(len(body))
    data = None
    if body is not None:
        text, encoding = _text(body)
        comment = IN_BASE64 if encoding else None
        data = harfile.PostData(by_name.get("content-type", ""), text=text, comment=comment)
    return harfile.Request(
        method=request.method,
        url=base_url + request.target,
        httpVersion="HTTP/1.1",
        headers=[harfile.Record(name, value) for name, value in headers.items()],
        queryString=[
            harfile.Record(name, value)
            for name, value in parse_qsl(request.target.partition("?")[2], keep_blank_values=True)
        ],
        postData=data,
        bodySize=len(body or b""),
    )


def _response(exchange: Exchange) -> harfile.Response:
    headers = exchange.headers or ()
    body = exchange.body or b""
    text, encoding = _text(body)
    status = exchange.status or 0
    return harfile.Response(
        status=status,
        statusText=HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "",
        httpVersion="HTTP/1.1" if status else "",
        headers=[harfile.Record(name, value) for name, value in headers],
        content=harfile.Content(
            size=len(body), mimeType=exchange.header("Content-Type") or "", text=text, encoding=encoding
        ),
        redirectURL=exchange.header("Location") or "",
        bodySize=len(body) if status else -1,
        comment=exchange.why_unanswered or None,
    )


def _text(data: bytes) -> tuple[str, str | None]:
    try:
        return data.decode(), None
    except UnicodeDecodeError:
        return base64.b64encode(data).decode(), "base64"
