"""Text that no response may show: traces of a server's insides in an error, and card data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from conformance.evidence.exchange import Exchange
from conformance.judge.echoes import Echoes, strings_in

_SOURCE = r"(?:py|js|mjs|cjs|ts|go|rb|java|kt|php|cs|rs|ex|exs|scala|pl)"
_FRAME = r"^\s+at (?:async |new )?[\w.$<>\[\]`]+(?: \[as \w+\])? ?\([^()\s]*[./\\:][^()\s]*:\d+(?::\d+)?\)"
_ALWAYS_A_ROOT = r"(?:usr|var|opt|srv|etc|root|tmp|proc)/[\w./-]*\w"
_OFTEN_A_ROOT = r"(?:home|app|Users|code|workspace|build)/(?:[\w.-]+/)*[\w-]+\.[A-Za-z]\w{0,4}\b"
_OF_A_USER = r"(?:home|Users|app)/(?:[\w.-]+/){2,}[\w.-]+"

# "key" may be masked: it is part of most requests.
_TRACES = (
    ("a stack trace", re.compile(rf"Traceback \(most recent call last\)|{_FRAME}", re.MULTILINE)),
    ("a stack trace", re.compile(rf"\bgoroutine \d+ \[|\.{_SOURCE}(?::(?:line )?|\", line |:in )\d+")),
    ("a stack trace", re.compile(r"^panic: |\bpanic: runtime error\b", re.MULTILINE)),
    ("a file path", re.compile(rf"(?<![\w/:.])/(?:{_ALWAYS_A_ROOT}|{_OFTEN_A_ROOT}|{_OF_A_USER})")),
    ("a file path", re.compile(r"\b[A-Z]:\\{1,2}(?:[\w.-][\w. -]*\\{1,2})+[\w.-]+")),
    ("a file path", re.compile(r"\b[A-Z]:[\\/]{1,2}[\w.-]+(?:[\\/]{1,2}[\w.-]+)*\.[A-Za-z]\w{0,4}\b")),
    ("SQL", re.compile(r"\b(?:SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s.+\sSET|DELETE\s+FROM)\s")),
    ("SQL", re.compile(r"\bselect\s[^.?!]*[*\"`=,][^.?!]*\sfrom\s|\binsert\s+into\s+[\"`\w]+\s*\(")),
    ("SQL", re.compile(r"\bupdate\s+[\"`\w]+\s+set\s+[\"`\w]+\s*=|\bdelete\s+from\s+[\"`\w]+\s+where\s")),
    ("SQL", re.compile(r"\b(?:sqlite3?|psycopg2?|mysql|pymysql|sqlalchemy|ORA-\d{4,}|SQLSTATE)\b", re.IGNORECASE)),
    ("SQL", re.compile(r"\bsql: no rows\b|\bSQLITE_[A-Z]+\b")),
    ("SQL", re.compile(r"\bWHERE\s+[\"`(]*\w+[\"`.\w]*\s*(?:=|<>|!=|IN\s*\(|LIKE\s|IS\s+(?:NOT\s+)?NULL\b)")),
    ("SQL", re.compile(r"\bviolates (?:foreign \S+|unique|not-null|check) constraint\b")),
    ("SQL", re.compile(r"\b(?:FOREIGN \S+|UNIQUE|NOT NULL|CHECK) constraint failed\b")),
    ("SQL", re.compile(r"\ba foreign \S+ constraint fails\b")),
    ("SQL", re.compile(r"\bsyntax error at or near\b|\bconstraint failed: \w+\.\w+|\bDuplicate entry '[^']*' for\b")),
    ("SQL", re.compile(r"\bUnknown column '[\w.]+' in '")),
    ("an exception's text", re.compile(r"\bCannot read propert(?:y '\w+'|ies) of (?:undefined|null)\b")),
    ("an exception's text", re.compile(r"\b[\w$]+\.[\w$]+ is not a function\b|\bECONNREFUSED\b")),
    ("an exception's text", re.compile(r"'\w+' object (?:has no attribute|is not subscriptable|is not iterable)\b")),
    ("an exception's text", re.compile(r"\bundefined method [`'\u2018]\S+ for (?:nil|an? )|\bUndefined array\b")),
    (
        "an exception's text",
        re.compile(r"\bCannot invoke \"[^\"]+\" because \"|\bruntime error: (?:index|slice|invalid)\b"),
    ),
    ("an exception's text", re.compile(r"\bCast to ObjectId failed\b|\bNo query results for model \[")),
    (
        "an exception's text",
        re.compile(r"\b(?:mongo: no documents|redis: nil|strconv\.\w+: parsing|E11000 duplicate)\b"),
    ),
    ("an exception's name", re.compile(r"\b\w+::\w+(?:NotFound|Invalid)\b|\.DoesNotExist\b")),
    ("an exception's name", re.compile(r"\bnil pointer dereference\b")),
    ("an exception's name", re.compile(r"\b[A-Z][A-Za-z0-9]+(?:Error|Exception|Panic)\b")),
)
_NAME_OF_AN_ERROR = re.compile(r"(?:[A-Z][a-z]+)+(?:Error|Exception)")
"""A `code` that is no trace: some APIs name their errors in this way (`ResourceNotFoundException`)."""
_URL = re.compile(r"https?://[^\s\"'<>]+")


CARD_DATA_KEYS = {"number": re.compile(r"\d{12,19}"), "cvc": re.compile(r"\d{3,4}")}
"""The keys of card data, and the values that are card data anywhere; in a hash `card` any value of theirs is."""
OF_A_CARD = "card"
CARD_NUMBERS = (
    "4242424242424242",
    "4000056655665556",
    "5555555555554444",
    "378282246310005",
    "4000000000000002",
)

_PUNCTUATION = str.maketrans("", "", " -")


def internals_in(exchange: Exchange) -> str:
    """Return the first trace of the server's insides in the body of a response, in words; empty when there is none.

    Text that the request held is no trace, in whichever spelling it comes back.
    """
    texts = tuple(_texts_of(exchange))
    together = "\n".join(texts)
    if not any(pattern.search(together) for _, pattern in _TRACES):
        return ""  # the usual case, and much faster than a search for echoes
    echoes = Echoes.of(exchange)
    traces = (trace for text in texts for trace in _traces_in(text, echoes))
    return next(traces, "")


def _traces_in(text: str, echoes: Echoes) -> Iterator[str]:
    """Yield every trace in a text, apart from URLs and from text of the request."""
    own = echoes.mask_in(_URL.sub("", text))
    for name, pattern in _TRACES:
        for match in pattern.finditer(own):
            if not echoes.hold(match.group(0)):
                yield f"{name}: {match.group(0).strip()[:60]!r}"


def _texts_of(exchange: Exchange) -> Iterator[str]:
    """Yield every text that a reader of the response sees: the strings of a JSON value, else the whole body."""
    if exchange.json.found:
        code = exchange.error.get("code")
        is_name = isinstance(code, str) and _NAME_OF_AN_ERROR.fullmatch(code)
        yield from (text for text in strings_in(exchange.json.value) if not is_name or text != code)
    else:
        yield (exchange.body or b"").decode("utf-8", "replace")


def card_data_in(value: Any) -> str:
    """Return the place of card data in a decoded JSON value, in words; empty when there is none."""
    return next(_card_data_in(value, ""), "")


def _is_card_data(key: str, item: Any, path: str) -> bool:
    """Return whether a member is card data by its name: a build has a `number`, too, and `cvc` may name a check."""
    if key not in CARD_DATA_KEYS or item is None:
        return False
    is_of_card = path.rpartition(".")[2] == OF_A_CARD
    return is_of_card or CARD_DATA_KEYS[key].fullmatch(_digits_of(item)) is not None


def _digits_of(value: Any) -> str:
    """Return the value as text, without what groups the digits of a card number."""
    return str(value).translate(_PUNCTUATION)


def _card_data_in(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            here = f"{path}.{key}".lstrip(".")
            if _is_card_data(key, item, path):
                yield f"`{here}` is in the answer"
            if key != "metadata":
                yield from _card_data_in(item, here)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _card_data_in(item, f"{path}[{index}]")
    elif isinstance(value, str | int):
        digits = _digits_of(value)
        if any(number in digits for number in CARD_NUMBERS):
            yield f"`{path}` holds a card number"
