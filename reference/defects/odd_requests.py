"""Mistakes that only odd requests show: names that objects inherit, bytes that are no text, requests at one time."""

from __future__ import annotations

import base64
import binascii
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ..behaviour import Build, Guard, Transaction
from ..call import Call
from ..changes import crash, interrupt, wrap, wrap_at_attach
from ..rules.forms import Form, Pair
from .parts import change_request_header, credentials_sent, unexpected_error
from .registry import Topic

contract = Topic("contract")
stateful = Topic("stateful")
stripe = Topic("stripe")

BATCH = "reading 3"

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
INHERITED = frozenset({"constructor", "toString", "valueOf", "hasOwnProperty", "__proto__"})
"""Properties that every JavaScript object has."""
IN_BRACKETS = re.compile(r"\[(\w+)\]")
GZIP = b"\x1f\x8b"
"""The first bytes of everything in gzip."""


def value_of(call: Call, name: str) -> str | None:
    """Return the value of the last pair with that name in the body, as it was sent."""
    pairs = (pair.partition(b"=") for pair in call.request.body.split(b"&"))
    values = [value.decode("latin-1") for key, _, value in pairs if key == name.encode()]
    return values[-1] if values else None


@contract("body.unknown-parameter", "hard", wrap_at_attach("build"), batch=BATCH)
def brackets_around_a_whole_name_lost(usual: Build, call: Call, pairs: Sequence[Pair]) -> Form:
    """A name that is all in brackets is read without them: `[customer]` is `customer`.

    qs for Node, and Rack.
    """
    return usual(call, [(IN_BRACKETS.sub(r"\1", name) if name[:1] == "[" else name, value) for name, value in pairs])


def shadows_a_property(call: Call) -> bool:
    """Return whether a name has a property that every object has in brackets."""
    names = (pair.partition(b"=")[0] for pair in call.request.body.split(b"&"))
    return any(name.endswith(b"[toString]") for name in names)


contract.row("inherited-properties-shadowed", "error.status-class", "hard", batch=BATCH)(
    "`customer[toString]` takes the place of a method, and calling it is a 500: converters in JavaScript.",
    interrupt(shadows_a_property, crash),
)


def names_no_method(call: Call) -> bool:
    """Return whether `_method` is in the form, and is no method."""
    named = value_of(call, "_method")
    return named is not None and named.upper() not in METHODS


contract.row("method-in-the-form-crashes", "error.status-class", "hard", batch=BATCH)(
    "A `_method` that is no method's name is a 500: overrides of the method by the form.",
    interrupt(names_no_method, crash),
)
contract.row("compressed-form-crashes", "robustness.content-coding", "medium", batch=BATCH)(
    "A form in gzip is read as it comes, and its bytes are a 500.",
    interrupt(lambda call: call.request.body.startswith(GZIP), crash),
)
contract.row("text-for-an-array-crashes", "error.status-class", "medium", also="expand.structure", batch=BATCH)(
    "An `expand` that is a text is a 500: what is done with each of its entries cannot be done.",
    interrupt(lambda call: value_of(call, "expand") is not None, crash),
)


# Keys.


@stripe(
    "auth.exact-credentials",
    "medium",
    wrap_at_attach("authenticate"),
    also="auth.scheme-capitals",
    level="SHOULD",
    batch=BATCH,
)
def words_behind_the_key_ignored(usual: Guard, call: Call) -> None:
    """The second word of the header is the key, and further words are not looked at: `split(" ")[1]`."""
    change_request_header(call, "authorization", lambda value: " ".join(value.split(" ")[:2]))
    usual(call)


def basic_credentials(call: Call) -> str | None:
    """Return the credentials of Basic authentication; None in another scheme."""
    scheme, credentials = credentials_sent(call)
    return credentials if scheme == "basic" else None


def is_beyond_ascii(call: Call) -> bool:
    """Return whether Basic credentials hold other characters than ASCII."""
    return not (basic_credentials(call) or "").isascii()


def is_no_text(call: Call) -> bool:
    """Return whether Basic credentials are base64 of bytes that are not UTF-8."""
    try:
        base64.b64decode(basic_credentials(call) or "", validate=True).decode("utf-8")
    except UnicodeDecodeError:
        return True
    except (binascii.Error, ValueError):
        return False
    return False


@stripe("error.status-class", "medium", wrap_at_attach("authenticate"), batch=BATCH)
def basic_beyond_ascii_crashes(usual: Guard, call: Call) -> None:
    """Basic credentials with a character beyond ASCII are a 500: Python's b64decode, which raises ValueError."""
    if is_beyond_ascii(call):
        raise unexpected_error()
    usual(call)


@stripe("error.status-class", "medium", wrap_at_attach("authenticate"), batch=BATCH)
def basic_that_is_no_text_crashes(usual: Guard, call: Call) -> None:
    """Basic credentials that decode to bytes that are not UTF-8 are a 500."""
    if is_no_text(call):
        raise unexpected_error()
    usual(call)


stripe.row("inherited-names-are-keys", "error.status-class", "hard", batch=BATCH)(
    "`Idempotency-Key: constructor` finds what every object has, and replaying that is a 500.",
    interrupt(lambda call: call.request.header("idempotency-key") in INHERITED, crash),
)


# At one time.


@stateful(
    "robustness.same-request-same-answer",
    "medium",
    wrap("transaction", running=Counter, guard=threading.Lock),
    intermittent=True,
    also="state.race idempotency.in-use error.status-class",
    batch=BATCH,
)
@contextmanager
def simultaneous_requests_crash(
    usual: Transaction, call: Call, *, running: Counter[str], guard: threading.Lock
) -> Iterator[None]:
    """There is one connection to the database, and a request while it is in use is a 500."""
    with guard:
        is_in_use = running["requests"] > 0
        running["requests"] += 1
    try:
        time.sleep(0.02)
        if is_in_use:
            raise unexpected_error()
        with usual(call):
            yield
    finally:
        with guard:
            running["requests"] -= 1
