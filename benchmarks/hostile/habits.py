"""Servers that misbehave over time: throttles, redirects, restarts, hangs, changing minds, random damage."""

from __future__ import annotations

import itertools
import json
import random
import time
from collections.abc import Iterator

from benchmarks.hostile.framing import CONFORMS, EITHER, UNDECIDED, UNTESTABLE, wait
from benchmarks.hostile.peer import LONG, Act, Gate, Hostile, Turn
from conformance.verdict.run import ExitStatus

TOO_MANY = b'{"error": {"type": "invalid_request_error", "code": "rate_limit", "message": "Slow down."}}'


def throttle(*after: bytes) -> Act:
    """Return the act of a 429 with that Retry-After."""
    more = [b"Retry-After: " + value for value in after]
    return lambda turn: turn.answer(TOO_MANY, *more, status=b"HTTP/1.1 429 Too Many Requests")


def redirect(status: bytes, place: bytes) -> Act:
    """Return the act of a redirect; `SELF` in its place is the URL of the request."""

    def act(turn: Turn) -> bytes:
        target = turn.request.target.encode("latin-1")
        return turn.answer(b"", b"Location: " + place.replace(b"SELF", target), status=b"HTTP/1.1 " + status)

    return act


def every(count: int, act: Act) -> Act:
    """Return the act in place of each answer whose number is a multiple of `count`."""
    numbers = itertools.count(1)

    def now_and_then(turn: Turn) -> Iterator[bytes]:
        done = act(turn) if next(numbers) % count == 0 else turn.good
        yield from [done] if isinstance(done, bytes) else done

    return now_and_then


def damaged(seed: int) -> Act:
    """Return the act of the good answer with a few bytes changed, left out or repeated."""
    draw = random.Random(seed)

    def act(turn: Turn) -> bytes:
        data = bytearray(turn.good)
        for _ in range(draw.randint(1, 6)):
            place = draw.randrange(len(data))
            match draw.randrange(4):
                case 0:
                    data[place] = draw.randrange(256)
                case 1:
                    del data[place : place + draw.randrange(20)]
                case 2:
                    data[place:place] = data[place : place + draw.randrange(50)]
                case _:
                    data[place:place] = draw.choice([b"\r\n", b"\0", b"\x1b[31m", b"\xff\xfe", b'"', b"{", b"\\u0000"])
            if not data:
                break
        return bytes(data)

    return act


def changing_ids(turn: Turn) -> bytes:
    """Answer each read of an object with another id."""
    if turn.request.method != "GET" or turn.response.status >= 400:
        return turn.good
    try:
        value = json.loads(turn.response.body)
    except ValueError:
        return turn.good
    if "id" in value:
        value["id"] = f"{value['id']}{turn.number}"
    return turn.answer(json.dumps(value).encode())


def endless_list(turn: Turn) -> bytes:
    """Say of every list that there is more of it."""
    return turn.answer(turn.response.body.replace(b'"has_more": false', b'"has_more": true'))


def slowly(seconds: float) -> Act:
    """Return the act of a good answer that comes late."""

    def act(turn: Turn) -> bytes:
        time.sleep(seconds)
        return turn.good

    return act


def forgetful(turn: Turn) -> bytes:
    """Answer that nothing exists."""
    body = (
        b'{"error": {"type": "invalid_request_error", "code": "resource_missing", "param": "id", "message": "None."}}'
    )
    return turn.answer(body, status=b"HTTP/1.1 404 Not Found")


def failing(turn: Turn) -> bytes:
    """Answer with a server error."""
    return turn.answer(b'{"error": {"type": "api_error", "message": "Oops."}}', status=b"HTTP/1.1 500 Oops")


def live(turn: Turn) -> bytes:
    """Say of every object that it is live."""
    return turn.answer(turn.response.body.replace(b'"livemode": false', b'"livemode": true'))


REDIRECTS = {
    "itself": ("the same URL", b"307 Temporary Redirect", b"SELF"),
    "itself-by-get": ("the same URL", b"302 Found", b"SELF"),
    "circle": ("a longer URL each time", b"308 Permanent Redirect", b"SELF/x"),
    "elsewhere": ("another host", b"307 Temporary Redirect", b"http://192.0.2.1:9/stolen"),
    "file": ("a file", b"302 Found", b"file:///etc/passwd"),
    "script": ("a script", b"302 Found", b"javascript:alert(1)"),
    "nonsense": ("nonsense", b"301 Moved", b"http://[::1\xff\x1b[31m"),
    "nowhere": ("nowhere", b"303 See Other", b""),
}

SERVERS = (
    *(
        Hostile(
            f"redirects-to-{name}",
            f"redirects the operation to {what} ({status.decode()})",
            redirect(status, place),
            timeout=LONG,
        )
        for name, (what, status, place) in REDIRECTS.items()
    ),
    Hostile(
        "redirects-everything",
        "redirects every request to another host",
        redirect(b"307 Temporary Redirect", b"http://192.0.2.1:9/"),
        Gate.ALL,
        UNTESTABLE,
    ),
    Hostile(
        "throttles", "answers every request with 429", throttle(), Gate.ALL, (*UNTESTABLE, *UNDECIDED), 90, timeout=LONG
    ),
    Hostile(
        "throttles-attach",
        "answers every request of the operation with 429",
        throttle(),
        status=UNDECIDED,
        seconds=120,
        timeout=LONG,
    ),
    Hostile(
        "throttles-later",
        "answers every request with 429 once it is probed",
        throttle(),
        Gate.LATER,
        UNDECIDED,
        120,
        timeout=LONG,
    ),
    Hostile(
        "retry-after-1e9",
        "answers 429 and says to wait 1e9 seconds",
        throttle(b"1e9"),
        status=UNDECIDED,
        seconds=120,
        timeout=LONG,
    ),
    Hostile(
        "retry-after-years",
        "answers 429 and says to wait for 10^400 seconds",
        throttle(b"9" * 400),
        status=UNDECIDED,
        seconds=200,
        timeout=LONG,
    ),
    Hostile(
        "retry-after-of-5000-digits",
        "answers 429 and says to wait for 10^5000 seconds, now and then",
        every(11, throttle(b"9" * 5000)),
        Gate.ATTACH,
        CONFORMS,
        seconds=240,
        timeout=LONG,
    ),
    Hostile(
        "retry-after-negative",
        "answers 429 and says to wait for -1 second",
        throttle(b"-1"),
        status=UNDECIDED,
        seconds=120,
        timeout=LONG,
    ),
    Hostile(
        "retry-after-date",
        "answers 429 and says to wait until the year 99999",
        throttle(b"Fri, 01 Jan 99999 00:00:00 GMT"),
        status=UNDECIDED,
        seconds=120,
        timeout=LONG,
    ),
    Hostile(
        "retry-after-two",
        "answers 429 with two Retry-After of other scripts",
        throttle("\u0663".encode(), b"\xb2"),
        status=UNDECIDED,
        seconds=120,
        timeout=LONG,
    ),
    Hostile(
        "throttles-now-and-then",
        "answers every seventh request with 429",
        every(7, throttle(b"0")),
        Gate.ALL,
        CONFORMS,
        90,
        keeps=True,
        timeout=LONG,
    ),
    Hostile(
        "slow-now-and-then",
        "answers every thirtieth request too late",
        every(30, slowly(1.5)),
        Gate.ALL,
        (*CONFORMS, *EITHER),
        120,
        keeps=True,
    ),
    Hostile(
        "hangs-now-and-then",
        "never answers every thirtieth request",
        every(30, wait),
        Gate.ALL,
        (*CONFORMS, *EITHER),
        120,
        keeps=True,
    ),
    Hostile(
        "closes-now-and-then",
        "closes every fifth connection instead of an answer",
        every(5, lambda turn: b""),
        Gate.ALL,
        (*CONFORMS, *EITHER),
        120,
    ),
    Hostile(
        "closes-each-time",
        "closes each connection after an answer, unannounced",
        lambda turn: turn.good,
        Gate.ALL,
        CONFORMS,
        timeout=LONG,
    ),
    Hostile(
        "fails-every-second",
        "answers every second request of the operation with 500",
        every(2, failing),
        keeps=True,
        timeout=LONG,
    ),
    Hostile(
        "fails-later",
        "answers every request with 500 once it is probed",
        failing,
        Gate.LATER,
        EITHER,
        120,
        timeout=LONG,
    ),
    Hostile(
        "forgets-later", "knows no object any more once it is probed", forgetful, Gate.LATER, EITHER, 120, timeout=LONG
    ),
    Hostile(
        "ids-change",
        "answers each read with another id",
        changing_ids,
        Gate.ALL,
        EITHER,
        90,
        keeps=True,
        profile="stateful",
        timeout=LONG,
    ),
    Hostile(
        "endless-list",
        "says of every list that there is more of it",
        endless_list,
        Gate.ALL,
        (*CONFORMS, *EITHER),
        120,
        keeps=True,
        profile="stateful",
        timeout=LONG,
    ),
    Hostile("is-live", "says of every object that it is live", live, Gate.ALL, (ExitStatus.WRONG_USAGE,), timeout=LONG),
    *(
        Hostile(
            f"damaged-{seed}",
            f"damages a few bytes of every answer of the operation (seed {seed})",
            damaged(seed),
            seconds=150,
        )
        for seed in range(1, 6)
    ),
    *(
        Hostile(
            f"damaged-everywhere-{seed}",
            f"damages a few bytes of every answer once it is probed (seed {seed})",
            damaged(seed),
            Gate.LATER,
            EITHER,
            200,
        )
        for seed in range(6, 9)
    ),
)
