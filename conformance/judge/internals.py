"""Traces of a server's insides in an error: what a stack trace, a file path, SQL or an exception name looks like."""

from __future__ import annotations

import re
from urllib.parse import unquote

from conformance.exchange import Exchange

_TRACES = (
    ("a stack trace", re.compile(r"Traceback \(most recent call last\)|^\s+at [\w.$<>]+\s?\(.+:\d+", re.MULTILINE)),
    ("a stack trace", re.compile(r"\bgoroutine \d+ \[|panic: |\.(?:py|js|ts|go|rb|java|php)(?::|\", line )\d+")),
    ("a file path", re.compile(r"(?<![\w/:.])/(?:usr|home|var|opt|srv|app|tmp|etc|root|Users)/[\w./-]+")),
    ("a file path", re.compile(r"\b[A-Z]:\\\\?[\w\\. -]+")),
    ("SQL", re.compile(r"\b(?:SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s.+\sSET|DELETE\s+FROM)\s")),
    ("SQL", re.compile(r"\bselect\s[^.?!]*[*\"`=,][^.?!]*\sfrom\s|\binsert\s+into\s+[\"`\w]+\s*\(")),
    ("SQL", re.compile(r"\bupdate\s+[\"`\w]+\s+set\s+[\"`\w]+\s*=|\bdelete\s+from\s+[\"`\w]+\s+where\s")),
    ("SQL", re.compile(r"\b(?:sqlite3?|psycopg2?|mysql|pymysql|sqlalchemy|ORA-\d{4,}|SQLSTATE)\b", re.IGNORECASE)),
    ("SQL", re.compile(r"\bsql: no rows\b|\bSQLITE_[A-Z]+\b")),
    ("an exception's name", re.compile(r"\b\w+::\w+(?:NotFound|Invalid)\b|\.DoesNotExist\b")),
    ("an exception's name", re.compile(r"\bnil pointer dereference\b")),
    ("an exception's name", re.compile(r"\b(?:[A-Z][a-z0-9]+)+(?:Error|Exception|Panic)\b")),
)


def internals_in(exchange: Exchange) -> str:
    """What of the server's insides the answer's body shows, in words; empty when nothing.

    What the request itself held is taken out first, so that an echoed value is not held against the server.
    """
    text = (exchange.body or b"").decode("utf-8", "replace").replace("\\n", "\n").replace('\\"', '"')
    text = re.sub(r"https?://[^\s\"'<>]+", "", text)
    for echoed in (*_request_texts(exchange), str(exchange.error.get("type", ""))):
        text = text.replace(echoed, "") if echoed else text
    for name, pattern in _TRACES:
        if match := pattern.search(text):
            return f"{name}: {match.group(0).strip()[:60]!r}"
    return ""


def _request_texts(exchange: Exchange) -> list[str]:
    target = exchange.request.target
    segments = target.partition("?")[0].split("/")
    texts = [target, unquote(target), target.partition("?")[0], *segments[-2:-1], *map(unquote, segments[-2:-1])]
    texts += [(exchange.request.body or b"").decode("utf-8", "replace")]
    for pair in exchange.sent_pairs:
        texts += [pair.name.decode("utf-8", "replace"), pair.value.decode("utf-8", "replace")]
    return sorted({text for text in texts if len(text) >= 4}, key=len, reverse=True)
