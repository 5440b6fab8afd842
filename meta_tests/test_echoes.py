"""Text of the request that comes back is no trace of a server's insides, in any spelling; real traces are."""

from __future__ import annotations

import html
import json
import unicodedata
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from conformance.evidence.exchange import Exchange
from conformance.judge.internals import internals_in
from strategies.attempt import Request

TRACES = (
    "A:ß",
    "A:\\ß",
    "C:\\Users\\ß\\new.txt",
    "/usr/src/app/é.js",
    "/srv/app/main.py",
    "SELECT * FROM users WHERE id = 'ß'",
    "insert into users (id) values",
    "x' OR SQLSTATE --",
    "KeyError: 'ß'",
    'Traceback (most recent call last)\n  File "x.py", line 3',
    "\n    at Object.run (/app/x.js:1:2)",
    "panic: runtime error\tß",
    "App::RecordNotFound",
    "FooException" + "a" * 300,
)


def percent_lower(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


def javascript(text: str) -> str:
    units = text.encode("utf-16-be")
    return "".join(f"\\u{units[place : place + 2].hex()}" for place in range(0, len(units), 2))


SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON twice": lambda text: json.dumps(json.dumps(text)),
    "JSON, UTF-8": lambda text: json.dumps(text, ensure_ascii=False),
    "percent": lambda text: quote(text, safe=""),
    "percent, lower": percent_lower,
    "percent, twice": lambda text: quote(quote(text, safe=""), safe=""),
    "percent, plus": quote_plus,
    "HTML": html.escape,
    "HTML twice": lambda text: html.escape(html.escape(text)),
    "HTML, numbers": lambda text: "".join(f"&#{ord(sign)};" for sign in text),
    "HTML, hexadecimal": lambda text: "".join(f"&#x{ord(sign):X};" for sign in text),
    "HTML, ASCII": lambda text: html.escape(text).encode("ascii", "xmlcharrefreplace").decode(),
    "Python": repr,
    "Python, ASCII": ascii,
    "Python, bytes": lambda text: repr(text.encode()),
    "Ruby": lambda text: "".join(f"\\u{{{ord(sign):x}}}" if ord(sign) > 126 else sign for sign in text),
    "JavaScript": javascript,
    "octal": lambda text: "".join(f"\\{byte:03o}" for byte in text.encode()),
    "backslashes doubled": lambda text: text.replace("\\", "\\\\"),
    "quotes doubled": lambda text: text.replace("'", "''").replace('"', '""'),
    "quotes escaped": lambda text: text.replace("'", "\\'").replace('"', '\\"'),
    "NFC": lambda text: unicodedata.normalize("NFC", text),
    "NFD": lambda text: unicodedata.normalize("NFD", text),
    "NFKC": lambda text: unicodedata.normalize("NFKC", text),
    "NFKD": lambda text: unicodedata.normalize("NFKD", text),
    "lower": str.lower,
    "upper": str.upper,
    "collapsed": lambda text: " ".join(text.split()),
    "stripped": str.strip,
    "first part": lambda text: text[:12],
    "first part, marked": lambda text: text[:3] + "...",
    "both parts": lambda text: f"{text[:6]}...{text[-4:]}",
    "both parts, typeset": lambda text: f"{text[:9]}…{text[-9:]}",
    "masked": lambda text: f"{text[:8]}****{text[-4:]}",
    "Latin-1": lambda text: text.encode().decode("latin-1"),
    "Windows-1252": lambda text: text.encode().decode("cp1252", "replace"),
    "replaced": lambda text: text.encode("ascii", "replace").decode(),
    "left out": lambda text: text.encode("ascii", "ignore").decode(),
}
MESSAGES = ("No such customer: '{}'", "Invalid value: {}", '"{}" is not known, please check it.', "{}")


def request_with(text: str, place: str) -> Request:
    path, method, body = "/v1/payment_methods/pm_1/attach", "POST", b"customer=cus_1"
    headers: tuple[tuple[str, str], ...] = ()
    if place == "value":
        body = b"customer=" + quote_plus(text).encode()
    elif place == "name":
        body = quote_plus(text).encode() + b"=1"
    elif place == "nested name":
        body = b"expand[" + quote(text, safe="").encode() + b"]=1"
    elif place == "body":
        body = json.dumps({"customer": text}).encode()
    elif place == "path":
        path = f"/v1/payment_methods/{quote(text, safe='')}/attach"
    elif place == "query":
        path += f"?x={quote(text)}"
    elif place == "header":
        headers = (("Idempotency-Key", text),)
    else:
        method = text
    return Request(method, path, headers, body)


PLACES = ("value", "name", "body", "path", "query", "header", "method")


def answer_to(request: Request, message: str, *, escaped: bool = True, **error: Any) -> Exchange:
    value = {"error": {"type": "invalid_request_error", "message": message, **error}}
    return Exchange(request, 400, (), json.dumps(value, ensure_ascii=escaped).encode("utf-8", "surrogatepass"))


any_text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
pieces = st.one_of(st.sampled_from(TRACES), any_text)
texts = st.one_of(pieces, st.lists(pieces, min_size=2, max_size=3).map(" ".join))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(texts, st.sampled_from(sorted(SPELLINGS)), st.sampled_from(MESSAGES), st.sampled_from(PLACES), st.booleans())
@example("A:ß", "Python, ASCII", MESSAGES[0], "value", True)
def test_an_echo_is_no_trace(text: str, spelling: str, message: str, place: str, escaped: bool) -> None:
    exchange = answer_to(request_with(text, place), message.format(SPELLINGS[spelling](text)), escaped=escaped)
    assert internals_in(exchange) == ""


@pytest.mark.parametrize("place", ["value", "nested name", "path"])
@pytest.mark.parametrize("text", TRACES)
def test_no_spelling_of_a_trace_that_was_sent_is_one(text: str, place: str) -> None:
    spelled = {name: [message.format(spell(text)) for message in MESSAGES[::3]] for name, spell in SPELLINGS.items()}
    assert internals_in(answer_to(request_with(text, place), "No.", debug=list(spelled.values()))) == ""


@pytest.mark.parametrize(
    "message",
    [
        "The drive is C: see the manual.",
        "Use option A:\\ or B.",
        "at Foo (x:1)",
        "Look\n  at the page (section 4:2)",
        "Don't panic: try again.",
        "Please select a customer from the list.",
        "See /home or /app for more.",
        "Open /app/settings in the dashboard.",
        "An Error occurred. This is an Exception to the rule.",
        "Unrecognized request URL (DELETE: /v1/payment_methods/pm_1/attach).",
        "Read https://example.com/usr/local/x.js:12 for details.",
        "it/him/her, and/or",
        "This cannot be read: properties of undefined objects are not.",
        "The customer is not a function of the payment method.",
        "The object has no attribute of that name.",
        "This request violates the constraint that a payment method has one customer.",
        "There is an error near the end of the body: unknown columns, duplicate entries.",
        "A runtime error: try again.",
    ],
)
def test_prose_is_no_trace(message: str) -> None:
    assert internals_in(answer_to(request_with("cus_1", "value"), message)) == ""


@pytest.mark.parametrize(
    "message",
    [
        'Traceback (most recent call last):\n  File "/srv/app/x.py", line 87, in post',
        "Error\n    at Object.attach (/app/x.js:1:2)\n    at next",
        "java\n\tat com.example.Attach.run(Attach.java:12)",
        "KeyError: 'customer'",
        "CustomerError",
        "customer: Customer.DoesNotExist",
        "Customer::RecordNotFound",
        "in /usr/src/app/lib/handlers/attach.js",
        "in /app/customer.py",
        "/app/routes/customer/attach.js",
        "/home/deploy/current/app",
        "C:\\inetpub\\customer\\attach.cs",
        "C:\\\\app\\\\x.dll",
        "D:/build/api/attach.php",
        "attach.rb:12:in `call'",
        'insert into "customer" (id)',
        "SELECT id FROM customer WHERE",
        "panic: runtime error: index out of range",
        "goroutine 7 [running]",
        "Cannot read properties of undefined (reading 'trim')",
        "Cannot read property 'trim' of null",
        "body.name.trim is not a function",
        "connect ECONNREFUSED 127.0.0.1:5432",
        "'NoneType' object has no attribute 'strip'",
        "undefined method `strip' for nil:NilClass",
        "undefined method 'strip' for an instance of Array",
        'Undefined array key "name"',
        'Cannot invoke "String.length()" because "name" is null',
        "runtime error: index out of range [1] with length 1",
        'Cast to ObjectId failed for value "x" (type string) at path "_id"',
        "No query results for model [App\\Models\\Card] x",
        "mongo: no documents in result",
        'strconv.Atoi: parsing "x": invalid syntax',
        'insert or update on table "cards" violates foreign key constraint "owner_fkey"',
        'syntax error at or near "x"',
        "UNIQUE constraint failed: cards.fingerprint",
        "Duplicate entry 'x' for key 'cards.PRIMARY'",
        "Unknown column 'x' in 'where clause'",
    ],
)
def test_a_trace_is_found_beside_an_echo(message: str) -> None:
    sent = request_with("customer", "value")
    assert internals_in(answer_to(sent, message)) != ""
    assert internals_in(answer_to(sent, f"No such customer 'customer': {message}")) != ""
    assert internals_in(answer_to(sent, "No.", debug=[{"trace": message}])) != ""


def test_a_name_is_searched_too() -> None:
    assert internals_in(answer_to(request_with("cus_1", "value"), "No.", debug={"/srv/app/main.py": 1})) != ""


def test_a_long_echo_is_compared_in_bounded_time() -> None:
    text = "a" * 100_000 + "KeyError C:\\a\\a"
    assert internals_in(answer_to(request_with(text, "value"), f"No such customer: {text!r}")) == ""
