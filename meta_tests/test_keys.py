"""Keys: what is taken for one, what is shown of it, and that nothing is done to a live account."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.processes import pytest_run
from conformance.evidence.secret import BLOT, LiveKeyError, Secret, without_any_key
from conformance.reports.rendering import concluded_again
from conformance.transport.client import Address, TargetError
from conformance.transport.route import is_this_machine
from conformance.verdict.record import RECORD_FILE, Record
from meta_tests.needles import running_with
from reference.behaviour import Behaviour
from reference.call import Call
from reference.wire.values import Response

KEY = "sk_test_51Hq8vKJ2eZvKYlo2CbWdJ5Y"

MOST_OBJECTS = 40
"""More than are made before a run notices, and fewer than a whole run makes."""

MOST_AROUND = 16
"""How many characters may be left of what was encoded together with a key."""

NO_TEST_KEYS = (
    '"sk_live_0123456789"',
    "'sk_test_0123456789'",
    "sk_org_live_0123456789",
    "ek_live_0123456789",
    "SK_LIVE_0123456789",
    ",sk_live_0123456789",
    "sk_test_0123,sk_live_0123",
    "Bearer:sk_test_0123456789",
    "pk_test_0123456789",
    "sk_0123456789",
    "secret",
)


@pytest.mark.parametrize("text", NO_TEST_KEYS)
def test_whatever_is_no_test_key_is_refused(text: str) -> None:
    with pytest.raises(LiveKeyError) as refused:
        Secret.given(text)
    assert "0123" not in str(refused.value)


@pytest.mark.parametrize(
    "text", [KEY, "rk_test_0123456789", "sk_org_test_0123456789", "sk_test_x", "sk_test_my-own.key~"]
)
def test_a_test_key_is_taken(text: str) -> None:
    assert Secret.given(text).reveal() == text


def escaped(form: str) -> str:
    return "".join(form.format(ord(character)) for character in KEY)


SPELLINGS: Mapping[str, str] = {
    "percent, all of it": escaped("%{:02X}"),
    "percent twice": escaped("%25{:02x}"),
    "JSON escapes": escaped("\\u{:04x}"),
    "HTML numbers": escaped("&#{};"),
    "HTML numbers in hex": escaped("&#x{:X};"),
    "hex": KEY.encode().hex(),
    "hex in capitals": KEY.encode().hex().upper(),
    "numbers of bytes": ",".join(map(str, KEY.encode())),
    "numbers of bytes in a list": str(list(KEY.encode())),
    "octal escapes": "".join(f"\\{byte:03o}" for byte in KEY.encode()),
    "base64 of two bytes each": base64.b64encode(f"{KEY}:".encode("utf-16-le")).decode(),
    "dots between": ".".join(KEY),
    "hex with blanks": KEY.encode().hex(" "),
    "capitals": KEY.upper(),
    "backwards": KEY[::-1],
    "UTF-16": KEY.encode("utf-16-le").decode("latin-1"),
    "UTF-16, the other order": KEY.encode("utf-16-be").decode("latin-1"),
    "UTF-16, escaped": repr(KEY.encode("utf-16-le").decode("latin-1")),
    "UTF-16, escaped twice": repr(repr(KEY.encode("utf-16-le").decode("latin-1"))),
    "base64": base64.b64encode(f"x{KEY}:".encode()).decode(),
    "base64 for URLs": base64.urlsafe_b64encode(f"xy{KEY}:".encode()).decode(),
    "base32": base64.b32encode(f"xyz{KEY}:".encode()).decode(),
    "base32 in small letters": base64.b32encode(KEY.encode()).decode().lower(),
}


@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS)
def test_no_spelling_of_the_key_is_left(text: str) -> None:
    secret = Secret(KEY)
    blotted = secret.blotted(f"before {text} after")
    assert blotted.startswith("before ")
    assert blotted.endswith(" after")
    assert BLOT in blotted
    assert len(blotted) < len("before  after") + len(BLOT) + MOST_AROUND
    assert secret.stands_in(text.encode("latin-1"))


@pytest.mark.parametrize("between", [" ", "\n", '", "', " and then "])
@pytest.mark.parametrize("at", [16, 20, 24])
def test_a_key_in_two_parts_is_masked(at: int, between: str) -> None:
    blotted = Secret(KEY).blotted(f"{KEY[:at]}{between}{KEY[at:]}")
    assert KEY[at - 6 : at] not in blotted
    assert KEY[at : at + 6] not in blotted


@given(before=st.text(), after=st.text())
def test_blotting_leaves_the_rest_as_it_is(before: str, after: str) -> None:
    """Letters that change their length in small letters move nothing."""
    assert Secret(KEY).blotted(f"{before}|{KEY}|{after}") == f"{before}|{BLOT}|{after}"


def test_secrets_of_objects_are_blotted_out() -> None:
    text = json.dumps({"client_secret": "seti_1PgafmB7WZ01zgkWqdi4nsCH_secret_QXg1o8vcGmoR32McYu0a"})
    assert "QXg1o8vc" not in Secret(KEY).blotted(text)


@pytest.mark.parametrize(
    "url",
    [f"http//{KEY}@127.0.0.1", f"ftp://{KEY}:@127.0.0.1", f"http://{KEY}:@127.0.0.1:x", f"http://127.0.0.1/{KEY}", KEY],
)
def test_a_bad_base_url_shows_no_key(url: str) -> None:
    with pytest.raises(TargetError) as refused:
        Address.of(url)
    assert KEY[8:] not in str(refused.value)
    assert KEY not in without_any_key(url)


@pytest.mark.parametrize(
    "host", ["127.1", "localhost.", "0.0.0.0", "::1", "::ffff:127.0.0.1", "2130706433", "0x7f.1", "a.localhost", "::"]
)
def test_every_name_of_this_machine_is_known(host: str) -> None:
    assert is_this_machine(host)


@pytest.mark.parametrize("host", ["api.stripe.com", "128.0.0.1", "10.1", "localhost.example.com", ""])
def test_another_machine_is_no_loopback(host: str) -> None:
    assert not is_this_machine(host)


def live(path: str, *, after: int = 0) -> object:
    """Let what is made at `path` be live, from the `after`th time on."""

    def change(behaviour: Behaviour) -> None:
        serve, times = behaviour.serve, iter(range(after))

        def answer(call: Call) -> Response:
            response = serve(call)
            if call.request.method != "POST" or call.request.path != path or next(times, None) is not None:
                return response
            return replace(response, body=json.dumps({**json.loads(response.body), "livemode": True}).encode())

        behaviour.serve = answer

    return change


@pytest.mark.parametrize(("path", "after"), [("/v1/customers", 0), ("/v1/payment_methods", 12)])
@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_a_live_object_stops_the_run(path: str, after: int, workers: tuple[str, ...], tmp_path: Path) -> None:
    with running_with(live(path, after=after)) as server:  # type: ignore[arg-type]  # a needle
        done = pytest_run("--base-url", server.url, "--results", str(tmp_path), *workers)
        made = len(server.world.store.methods) + len(server.world.store.customers)
    shown = done.stdout + done.stderr
    assert done.returncode == 4, shown
    assert "livemode" in shown
    assert "Traceback" not in shown
    assert made < MOST_OBJECTS
    assert concluded_again(Record.at(tmp_path / RECORD_FILE)).exit_status == 4
