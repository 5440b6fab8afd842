"""Traces of a server's insides in an error: what a stack trace, a file path, SQL or an exception name looks like."""

from __future__ import annotations

import re
from collections.abc import Iterator

from conformance.evidence.exchange import Exchange
from conformance.judge.echoes import Echoes, strings_in

_SOURCE = r"(?:py|js|mjs|cjs|ts|go|rb|java|kt|php|cs|rs|ex|exs|scala|pl)"
_FRAME = r"^\s+at (?:async |new )?[\w.$<>\[\]`]+(?: \[as \w+\])? ?\([^()\s]*[./\\:][^()\s]*:\d+(?::\d+)?\)"
_ALWAYS_A_ROOT = r"(?:usr|var|opt|srv|etc|root|tmp|proc)/[\w./-]*\w"
_OFTEN_A_ROOT = r"(?:home|app|Users|code|workspace|build)/(?:[\w.-]+/)*[\w-]+\.[A-Za-z]\w{0,4}\b"
_OF_A_USER = r"(?:home|Users|app)/(?:[\w.-]+/){2,}[\w.-]+"

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
    ("an exception's name", re.compile(r"\b\w+::\w+(?:NotFound|Invalid)\b|\.DoesNotExist\b")),
    ("an exception's name", re.compile(r"\bnil pointer dereference\b")),
    ("an exception's name", re.compile(r"\b(?:[A-Z][a-z0-9]+)+(?:Error|Exception|Panic)\b")),
)
_URL = re.compile(r"https?://[^\s\"'<>]+")


def internals_in(exchange: Exchange) -> str:
    """Return what of the server's insides the answer's body shows, in words; empty where there is nothing.

    Text that the request held is no trace, in whatever spelling it comes back.
    """
    texts = tuple(_texts_of(exchange))
    together = "\n".join(texts)
    if not any(pattern.search(together) for _, pattern in _TRACES):
        return ""  # the usual case, and much faster than looking for echoes
    echoes = Echoes.of(exchange)
    for text in texts:
        own = echoes.taken_out_of(_URL.sub("", text))
        for name, pattern in _TRACES:
            for match in pattern.finditer(own):
                if not echoes.hold(match.group(0)):
                    return f"{name}: {match.group(0).strip()[:60]!r}"
    return ""


def _texts_of(exchange: Exchange) -> Iterator[str]:
    """Yield every text that a reader of the answer sees: the strings of a JSON value, else the body as it is."""
    if exchange.json.found:
        yield from strings_in(exchange.json.value)
    else:
        yield (exchange.body or b"").decode("utf-8", "replace")
