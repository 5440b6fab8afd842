"""Another kind of server is recognized and named; a mock that knows the operation is tested, however badly it does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from conformance.evidence.exchange import Exchange
from conformance.evidence.failure import Failure
from conformance.fixtures.diagnosing import ADVICE
from conformance.fixtures.probing import probe
from conformance.fixtures.provisioning import Unreachable
from conformance.fixtures.recognizing import NO_SUCH_URL, in_words, is_same_answer
from conformance.transport.client import Address
from meta_tests.test_provisioning import Answer, client_of, client_of_tiny
from strategies.attempt import Request

PAGE = "<!DOCTYPE html><html><head><title>Welcome to nginx!</title></head><body><h1>Welcome</h1></body></html>"
HTML, JSON, TEXT = "text/html", "application/json", "text/plain"

Answering = Callable[[str, str], Answer]


def always(status: int, media_type: str, text: str) -> Answering:
    return lambda method, path: (status, media_type, text)


def page_for_get(method: str, path: str) -> Answer:
    """Return what a single-page application answers: its page to GET, and an error of its framework to the rest."""
    return (200, HTML, PAGE) if method == "GET" else (404, TEXT, f"Cannot {method} {path}")


def echo(method: str, path: str) -> Answer:
    return 200, JSON, json.dumps({"method": method, "url": f"http://127.0.0.1{path}", "time": "2026-11-29T20:00:01"})


STRANGERS: dict[str, Answering] = {
    "a page for everything": always(200, HTML, PAGE),
    "no page": always(404, HTML, PAGE),
    "a single page": page_for_get,
    "text": always(200, TEXT, "ok"),
    "a health check": always(200, JSON, '{"status": "ok"}'),
    "another API": always(404, JSON, '{"message": "Not Found"}'),
    "another API's errors": always(
        400, JSON, '{"error": {"type": "parsing_exception", "reason": "no"}, "status": 400}'
    ),
    "GraphQL": always(400, JSON, '{"errors": [{"message": "Must provide query string."}]}'),
    "GraphQL with 200": always(200, JSON, '{"errors": [{"message": "Must provide query string."}]}'),
    "no content": always(204, TEXT, ""),
    "an empty page": always(404, TEXT, ""),
    "a log-in page": always(200, HTML, "<html><title>Log in to the network</title>"),
    "a file server": lambda method, path: (404, HTML, PAGE) if method == "GET" else (501, HTML, PAGE),
    "an echo": echo,
}


def diagnosis_of(answering: Answering, *given: list[str]) -> Unreachable:
    with client_of_tiny(answering) as client, pytest.raises(Unreachable) as raised:
        probe(client, *given)
    return raised.value


@pytest.mark.parametrize("name", STRANGERS)
@pytest.mark.parametrize("given", [(), (["pm_1", "pm_2"], ["cus_1"])], ids=["", "with ids"])
def test_a_stranger_is_named(name: str, given: tuple[list[str], ...]) -> None:
    found = diagnosis_of(STRANGERS[name], *given)
    assert "is not this API" in found.diagnosis
    assert "--base-url is what stands before" in found.hint
    assert [one.way for one in found.tries][-1] == "a URL that cannot exist"


def test_the_answer_of_a_stranger_is_quoted() -> None:
    assert "200 and a page “Welcome to nginx!”" in diagnosis_of(STRANGERS["a page for everything"]).diagnosis
    assert '404 and JSON: {"message": "Not Found"}' in diagnosis_of(STRANGERS["another API"]).diagnosis
    assert "204 and no body" in diagnosis_of(STRANGERS["no content"]).diagnosis


@pytest.mark.parametrize("status", [401, 403])
def test_a_gateway_may_reject_the_key_or_know_no_such_url(status: int) -> None:
    found = diagnosis_of(always(status, JSON, '{"message": "Missing Authentication Token"}'))
    assert "rejects the key, or is not this API" in found.diagnosis
    assert "Missing Authentication Token" in found.diagnosis
    assert "STRIPE_API_KEY" in found.hint
    assert "--base-url" in found.hint


def test_an_error_of_this_api_about_the_key_is_about_the_key() -> None:
    error = json.dumps({"error": {"type": "invalid_request_error", "message": "Invalid API Key"}})
    found = diagnosis_of(always(401, JSON, error))
    assert found.diagnosis == "the target rejects the key (401 and the error “Invalid API Key”)"
    assert "Authorization" in found.hint, "a proxy may leave it out, as squid does without login=PASSTHRU"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_reported_with_where_to_go(status: int) -> None:
    found = diagnosis_of(lambda method, path: (status, TEXT, f"https://mock.example/api{path}"))
    assert f"{status}, a redirect to https://mock.example/api/v1/customers" in found.diagnosis
    assert "give --base-url https://mock.example/api" in found.hint
    elsewhere = diagnosis_of(always(status, TEXT, "http://portal.example/login"))
    assert "http://portal.example/login" in elsewhere.diagnosis
    assert "log-in page" in elsewhere.hint
    assert "without a slash" in diagnosis_of(lambda method, path: (status, TEXT, f"{path}/")).hint


@pytest.mark.parametrize(
    ("status", "text", "what", "hint"),
    [
        (400, "Client sent an HTTP request to an HTTPS server.", "expects HTTPS", "write https://"),
        (502, "<h1>502 Bad Gateway</h1>", "gateway without a server behind it", "start the server"),
        (503, "unavailable", "gateway without a server behind it", "start the server"),
        (511, PAGE, "asks for a log-in", "browser"),
        (429, "slow down", "rate-limited", "lower --rate"),
        (500, PAGE, "answers POST /v1/customers with 500", "log"),
    ],
)
def test_what_answers_before_the_server_is_named(
    status: int, text: str, what: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conformance.transport.client.time.sleep", lambda seconds: None)
    found = diagnosis_of(always(status, TEXT if status != 511 else HTML, text))
    assert what in found.diagnosis
    assert hint in found.hint


def test_a_proxy_may_have_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    with client_of_tiny(always(403, HTML, PAGE)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.address.url)
        monkeypatch.setenv("http_proxy", proxy.address.url)
        with client_of("http://mock.example") as client, pytest.raises(Unreachable) as raised:
            probe(client)
    assert "NO_PROXY" in raised.value.hint


# Mocks that know the operation


def attached(path: str) -> str:
    return json.dumps({"id": path.split("/")[3], "customer": "cus_1", "type": "card"})


def attaches_in(media_type: str, text: str, status: int = 200) -> Answering:
    """Return a mock that attaches anything, in its own words, and knows nothing else."""

    def answer(method: str, path: str) -> Answer:
        return (status, media_type, text or attached(path)) if path.endswith("/attach") else (404, TEXT, "not found")

    return answer


def creates(unknown: Answer) -> Answering:
    """Return a mock that creates objects without saying what they are, and answers all else in one way."""
    count = iter(range(1, 1000))

    def answer(method: str, path: str) -> Answer:
        if method == "POST" and path in ("/v1/customers", "/v1/payment_methods"):
            return 200, JSON, json.dumps({"id": f"{next(count):08}"})
        return unknown

    return answer


MOCKS: dict[str, Answering] = {
    "attaches as JSON": attaches_in(JSON, ""),
    "attaches as text": attaches_in(TEXT, "attached"),
    "attaches as a page": attaches_in(HTML, PAGE),
    "attaches without a word": attaches_in(TEXT, "", 204),
    "creates, and attach is not found": creates((404, TEXT, "not found")),
    "creates, and attach is a page": creates((404, HTML, PAGE)),
    "creates, and attach is refused in words": creates((400, TEXT, "bad request")),
    "creates, and attach fails": creates((500, HTML, PAGE)),
}


@pytest.mark.parametrize("name", MOCKS)
def test_a_bad_mock_is_tested(name: str) -> None:
    with client_of_tiny(MOCKS[name]) as client:
        assert probe(client).payment_methods


def test_a_mock_that_knows_only_its_ids_is_tested_with_them() -> None:
    """All that it does not know is the same page, as with `send_error(404)`: the ids that are given decide."""
    known = re.compile("/v1/payment_methods/pm_[123]/attach")
    bodies: list[bytes] = []

    def answer(method: str, path: str) -> Answer:
        is_complete = bool(bodies) and bodies[-1] == b"customer=cus_1"
        return (200, JSON, attached(path)) if known.match(path) and is_complete else (404, HTML, PAGE)

    with client_of_tiny(answer) as client:
        send = client.send

        def send_noted(request: Request, *, new_connection: bool = False) -> Exchange:
            bodies.append(request.body or b"")
            return send(request, new_connection=new_connection)

        client.send = send_noted  # type: ignore[method-assign]
        provision = probe(client, ["pm_1", "pm_2", "pm_3"], ["cus_1"])
        assert provision.given_payment_methods == ("pm_2", "pm_3")
        assert probe(client, ["pm_1"], ["cus_1"]).given_payment_methods == ("pm_1",)
        with pytest.raises(Unreachable, match="for the ids given"):
            probe(client, ["pm_8", "pm_9"], ["cus_1"])
        with pytest.raises(Unreachable) as raised:
            probe(client)
    assert "name ids that exist" in raised.value.hint


# Pure functions


def exchange(target: str, status: int, body: str, media_type: str = JSON) -> Exchange:
    return Exchange(
        Request("POST", target, (), b"customer=cus_1"), status, (("Content-Type", media_type),), body.encode()
    )


@pytest.mark.parametrize(
    ("answer", "is_same"),
    [
        ((404, '{"path": "/v1/customers", "id": "8f14e45f-ceea-467f"}'), True),
        ((400, '{"path": "/v1/customers", "id": "8f14e45f-ceea-467f"}'), False),
        ((404, '{"path": "/v1/customers", "id": "8f14e45f-ceea-467f", "for": "cus_1"}'), False),
        ((404, "no such customer"), False),
    ],
)
def test_answers_are_compared_without_echoes(answer: tuple[int, str], is_same: bool) -> None:
    nowhere = exchange(NO_SUCH_URL, 404, json.dumps({"path": NO_SUCH_URL, "id": "c9f0f895-fb98-4b91"}))
    assert is_same_answer(exchange("/v1/customers", *answer), nowhere) is is_same


def test_a_long_or_odd_answer_is_one_short_line() -> None:
    words = in_words(exchange("/v1/customers", 200, "a\x1b[2J\n" * 1000, TEXT))
    assert len(words) < 200
    assert words.isprintable()


@pytest.mark.parametrize(
    "end", ["", "/", "/v1", "/v1/", "/v1/payment_methods", "/v1/customers/", "/v1/payment_methods/pm_1/attach"]
)
def test_a_url_of_the_api_gives_its_base_url(end: str) -> None:
    assert Address.of(f"http://127.0.0.1:8420/mock{end}").url == "http://127.0.0.1:8420/mock"


def test_a_failure_to_connect_has_its_own_words() -> None:
    with client_of("http://127.0.0.1:9") as client, pytest.raises(Unreachable) as raised:
        probe(client)
    assert Failure.CONNECTION_REFUSED in raised.value.diagnosis
    assert "Errno" in raised.value.diagnosis
    assert raised.value.hint == ADVICE[Failure.CONNECTION_REFUSED]


def test_a_creation_that_fails_over_a_later_way_is_what_is_quoted() -> None:
    answers = iter([(400, "No such field."), (500, "It broke.")])

    def answer(method: str, path: str) -> Answer:
        status, message = (404, "No.") if method != "POST" or path != "/v1/customers" else next(answers, (404, "No."))
        return status, "application/json", json.dumps({"error": {"type": "api_error", "message": message}})

    with client_of_tiny(answer) as client, pytest.raises(Unreachable) as caught:
        probe(client)
    assert "POST /v1/customers with 500" in caught.value.diagnosis
    assert "It broke." in caught.value.diagnosis
    assert "--customer" in caught.value.hint
