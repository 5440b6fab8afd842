"""Echoes: text of the request that comes back in an answer, in every spelling that a server may give it.

Both sides are read down to the same plain form. Escapes of JSON, URLs, HTML and programming languages are undone,
letters lose case and compatibility form, and white space, quotes and backslashes are left out, since servers double,
collapse or drop them.
"""

from __future__ import annotations

import html
import re
import sys
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice
from typing import Any
from urllib.parse import unquote

from conformance.evidence.exchange import Exchange
from conformance.evidence.strict_json import read_json
from strategies.wire import decode

MASK = "\u16a0"
"""The character that stands in place of an echo: a letter, so that a path which holds an echo is still a path."""

SHORTEST_ECHO = 2
"""Plain forms shorter than this are not looked for: a `/` stands in every path."""
SHORTEST_CUT = 4
"""From how many characters on the begin of a text counts as an echo that was cut, where no ellipsis shows the cut."""
LONGEST_BESIDE_ELLIPSIS = 200
"""How many characters are looked at on either side of an ellipsis."""
MOST_ELLIPSES = 50
MOST_PASSES = 6
"""How often escapes may be nested."""

_ELLIPSIS = re.compile(r"\.{2,}|…|\[(?:\.{3}|…)\]|<(?:snip|truncated)>|\*{3,}")
_DROPPED = frozenset("\\'\"`´‘’“”«»+\ufeff\u200b")

_ESCAPES = re.compile(
    r"(?P<unicode>(?:[\\%][uU][0-9a-fA-F]{4})+)"
    r"|\\[uU]\{(?P<braced>[0-9a-fA-F]{1,6})\}"
    r"|\\U(?P<long>[0-9a-fA-F]{8})"
    r"|\\x\{?(?P<hexadecimal>[0-9a-fA-F]{2})\}?"
    r"|\\(?P<octal>[0-3][0-7]{2})"
    r"|(?P<percent>(?:%(?:25)*[0-9a-fA-F]{2})+)"
    r"|(?P<entity>&(?:amp;)*(?:\#[0-9]{1,7}|\#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,8});)"
    r"|\\(?P<letter>[abfnrtv0])"
)


@dataclass(frozen=True)
class PlainText:
    """A text in plain form: its characters, and for each the place in the text that it was read from."""

    characters: str
    spans: tuple[tuple[int, int], ...]

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Return where the text begins and ends that these characters were read from."""
        return self.spans[start][0], self.spans[end - 1][1]

    def index_of(self, match: re.Match[str]) -> tuple[int, int]:
        """Return the indexes of the first character of a match in the text, and of the first one behind it."""
        ends = [span[1] for span in self.spans]
        return bisect_right(ends, match.start()), bisect_left([span[0] for span in self.spans], match.end())


@dataclass(frozen=True)
class Echoes:
    """The texts that a request held, which are to be found again."""

    texts: tuple[str, ...]

    @classmethod
    def of(cls, exchange: Exchange) -> Echoes:
        """Gather every text of the request: method, path, query, headers, the body, its names and its values."""
        found = {text for text in _request_texts(exchange) if text.strip()}
        found.add(str(exchange.error.get("type", "")))
        return cls(tuple(sorted(found, key=lambda text: (-len(text), text))))

    @cached_property
    def plain(self) -> tuple[str, ...]:
        """The texts in plain form, as they are and as a server reads them in a wrong encoding, the longest first."""
        forms = {plain_text(form).characters for text in self.texts for form in (text, *_misread(text))}
        kept = (form for form in forms if len(form) >= SHORTEST_ECHO)
        return tuple(sorted(kept, key=lambda form: (-len(form), form)))

    def hold(self, text: str) -> bool:
        """Return whether the whole text is part of what was sent."""
        wanted = plain_text(text.replace(MASK, "")).characters
        return not wanted or any(wanted in form for form in self.plain)

    def mask_in(self, text: str) -> str:
        """Return the text with each character of an echo replaced by a mask."""
        plain = plain_text(text)
        signs = list(text)
        for start, end in _echoes_in(text, plain, self.plain):
            first, last = plain.place(start, end)
            signs[first:last] = MASK * (last - first)
        return "".join(signs)


# finding echoes


def _echoes_in(text: str, plain: PlainText, forms: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """Yield where in the plain text an echo begins and ends."""
    cuts = [plain.index_of(match) for match in islice(_ELLIPSIS.finditer(text), MOST_ELLIPSES)]
    for form in forms:
        for start, end in _beginnings(form, plain.characters):
            is_whole = end - start == len(form)
            if (is_whole or end - start >= SHORTEST_CUT) and _stands_alone(text, *plain.place(start, end)):
                yield start, end
        for before, after in cuts:
            yield from _beside_ellipsis(form, plain.characters, before, after)


def _beginnings(form: str, characters: str) -> Iterator[tuple[int, int]]:
    """Yield where the form begins, and up to where it goes on."""
    begin = form[:SHORTEST_CUT]
    start = characters.find(begin)
    while start >= 0:
        end = start + _common_length(form, characters[start : start + len(form)])
        yield start, end
        start = characters.find(begin, end)


def _common_length(one: str, other: str) -> int:
    """Return how many characters the two have in common at their begin."""
    differing = (place for place, (left, right) in enumerate(zip(one, other, strict=False)) if left != right)
    return next(differing, min(len(one), len(other)))


def _stands_alone(text: str, first: int, last: int) -> bool:
    """Return whether no word goes on across an edge of what was found: `CustomerError` is no echo of `customer`."""
    goes_on_before = first > 0 and text[first - 1].isalnum() and text[first].isalnum()
    goes_on_after = last < len(text) and text[last].isalnum() and text[last - 1].isalnum()
    return not goes_on_before and not goes_on_after


def _beside_ellipsis(form: str, characters: str, before: int, after: int) -> Iterator[tuple[int, int]]:
    """Yield the begin of the form that stands before an ellipsis, and the end of it that stands behind one."""
    lengths = range(min(len(form), LONGEST_BESIDE_ELLIPSIS), 0, -1)
    begins = (length for length in lengths if characters.endswith(form[:length], 0, before))
    for length in islice(begins, 1):
        yield before - length, before
    ends = (length for length in lengths if characters.startswith(form[-length:], after))
    for length in islice(ends, 1):
        yield after, after + length


# the plain form


def plain_text(text: str) -> PlainText:
    """Return the text in plain form."""
    characters, spans = text, [(place, place + 1) for place in range(len(text))]
    for _ in range(MOST_PASSES):
        unescaped, spans = _unescaped(characters, spans)
        if unescaped == characters:
            break
        characters = unescaped
    folded = [(sign, span) for character, span in zip(characters, spans, strict=True) for sign in _folded(character)]
    return PlainText("".join(sign for sign, _ in folded), tuple(span for _, span in folded))


def _unescaped(characters: str, spans: list[tuple[int, int]]) -> tuple[str, list[tuple[int, int]]]:
    """Return the characters with one level of escapes undone, and the spans that they were read from."""
    parts: list[str] = []
    new_spans: list[tuple[int, int]] = []
    done = 0
    for match in _ESCAPES.finditer(characters):
        start, end = match.span()
        meant = _meaning(match)
        parts += [characters[done:start], meant]
        new_spans += spans[done:start]
        new_spans += [(spans[start][0], spans[end - 1][1])] * len(meant)
        done = end
    return "".join([*parts, characters[done:]]), new_spans + spans[done:]


def _meaning(match: re.Match[str]) -> str:
    """Return the characters that an escape means; the escape itself where it means none."""
    return _MEANINGS[str(match.lastgroup)](match.group(0), str(match.group(str(match.lastgroup))))


def _of_units(whole: str, _: str) -> str:
    units = bytes.fromhex(re.sub(r"[\\%][uU]", "", whole))
    return units.decode("utf-16-be", "surrogatepass")


def _of_percent(whole: str, _: str) -> str:
    return _decoded(bytes.fromhex(re.sub(r"%(?:25)*(?=[0-9a-fA-F]{2})", "", whole)))


def _of_entity(whole: str, _: str) -> str:
    return html.unescape(re.sub(r"^&(?:amp;)*", "&", whole))


def _of_hexadecimal(whole: str, digits: str) -> str:
    number = int(digits, 16)
    return chr(number) if number <= sys.maxunicode else whole


_MEANINGS: Mapping[str, Callable[[str, str], str]] = {
    "unicode": _of_units,
    "braced": _of_hexadecimal,
    "long": _of_hexadecimal,
    "hexadecimal": _of_hexadecimal,
    "octal": lambda _, digits: chr(int(digits, 8)),
    "percent": _of_percent,
    "entity": _of_entity,
    "letter": lambda _, letter: "\n",
}
"""The meaning of each kind of escape, given the whole of it and its digits."""


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


@lru_cache(maxsize=4096)
def _folded(character: str) -> str:
    """Return a character without case and compatibility form; nothing for one that servers add and drop at will."""
    decomposed = unicodedata.normalize("NFKD", character)
    folded = unicodedata.normalize("NFKD", decomposed.upper().casefold())
    return "".join(sign for sign in folded if not _is_dropped(sign))


def _is_dropped(sign: str) -> bool:
    return sign in _DROPPED or sign.isspace() or unicodedata.category(sign)[0] in "CM"


def _misread(text: str) -> Iterator[str]:
    """Yield the text as it looks after it was read or written in an encoding that is not its own."""
    if text.isascii():
        return
    data = text.encode("utf-8", "surrogatepass")
    latin = data.decode("latin-1")
    yield latin
    yield latin.encode().decode("latin-1")
    yield data.decode("cp1252", "replace")
    yield data.decode("cp1252", "ignore")
    yield data.decode("ascii", "replace")
    yield text.encode("ascii", "replace").decode()
    yield text.encode("ascii", "ignore").decode()


# the texts of a request


def _request_texts(exchange: Exchange) -> Iterator[str]:
    request = exchange.request
    path, _, query = request.target.partition("?")
    yield from (request.method, request.target, path, query, str(request.credentials))
    yield from (unquote(segment) for segment in path.split("/")[-2:-1])
    for name, value in request.headers:
        yield from (name, value)
    body = request.body or b""
    yield body.decode("utf-8", "replace")
    for pair in (*exchange.sent_pairs, *decode(query.encode("utf-8", "surrogatepass"))):
        name = pair.name.decode("utf-8", "replace")
        yield from (name, *re.split(r"[\[\]]+", name), pair.value.decode("utf-8", "replace"))
    if body[:1] in (b"{", b"[", b'"'):
        yield from strings_in(read_json(body).value)


def strings_in(value: Any) -> Iterator[str]:
    """Yield every string in a JSON value, the names of members too."""
    open_values = [value]
    while open_values:
        value = open_values.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            open_values += [*reversed(value.values()), *reversed(value)]
        elif isinstance(value, list):
            open_values += reversed(value)
