"""Texts that are bound late: ids that only the run knows, and long values in short form.

An attempt is drawn before any object exists on the target. So its texts are made of parts: plain characters, raw bytes,
`Known` ids, and `Repeated` units. `render` returns the characters for a binding, `describe` the words for a report.
"""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Bindings = Mapping[str, str]
"""Names of fixtures (`payment_method`, `customer`, `other_customer`) to the ids that they have in this run."""


def _differing(change: Callable[[str], str]) -> Callable[[str], str]:
    """Return the change, with junk behind an id that it leaves as it is, such as one of digits in capitals."""
    return lambda known: changed if (changed := change(known)) != known else f"{known}x"


IN_BASE64 = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
"""The characters of Base64 for URLs, in the order of their values."""


def _with_unused_bit(known: str) -> str:
    """Return an id whose last character differs in the last of its bits, which an id in Base64 may not use."""
    place = IN_BASE64.find(known[-1])
    return f"{known}x" if place < 0 else known[:-1] + IN_BASE64[place ^ 1]


CHANGES: Mapping[str, Callable[[str], str]] = {
    "": lambda known: known,
    "in the other case": _differing(str.swapcase),
    "in capitals": _differing(str.upper),
    "without its last character": lambda known: known[:-1],
    "without its first character": lambda known: known[1:],
    "without its prefix": lambda known: known.partition("_")[2] or known[1:],
    "with its last character replaced": lambda known: known[:-1] + ("a" if known[-1] != "a" else "b"),
    "with another bit at its end": _with_unused_bit,
    "percent-encoded twice": lambda known: "".join(f"%{byte:02X}" for byte in known.encode()),
    "in full-width letters": lambda known: "".join(
        chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in known
    ),
    "with a combining accent": lambda known: unicodedata.normalize("NFD", known + "é"),
    "with an accent": lambda known: known.replace("u", "ú", 1) if "u" in known else known + "\u0301",
    "percent-encoded": lambda known: "".join(f"%{byte:02X}" for byte in known.encode()),
    "in overlong escapes": lambda known: "".join(
        f"%{0xC0 | byte >> 6:02X}%{0x80 | byte & 0x3F:02X}" for byte in known.encode()
    ),
    "first eight characters": _differing(lambda known: known[:8]),
    "as a JSON string with an escape in it": lambda known: f"\\u{ord(known[0]):04x}{known[1:]}",
    "with an escape of JavaScript in it": lambda known: f"%u{ord(known[0]):04x}{known[1:]}",
    "with an entity of HTML in it": lambda known: f"&#{ord(known[0])};{known[1:]}",
    "twice": lambda known: known + known,
}
"""The changes to a known id, by the words that a report uses for them."""


@dataclass(frozen=True)
class Known:
    """The id of a fixture, possibly changed into something that only resembles it."""

    name: str
    change: str = ""


@dataclass(frozen=True)
class Repeated:
    """The text `unit`, repeated `count` times."""

    unit: str
    count: int


@dataclass(frozen=True)
class Joined:
    """Several parts, one after the other."""

    parts: tuple[Text, ...]


Text = str | bytes | Known | Repeated | Joined
"""The content of a name, a value, a path segment or a whole body."""


def joined(*parts: Text) -> Joined:
    """Return the parts as one text."""
    return Joined(parts)


def repeated_to(length: int, unit: str, prefix: str = "") -> Text:
    """Return `prefix` and then repetitions of `unit`, `length` characters in all.

    Raises ValueError when the rest after the prefix is no multiple of the unit.
    """
    count, rest = divmod(length - len(prefix), len(unit))
    if rest or count < 0:
        raise ValueError(f"{length} characters cannot be {prefix!r} and a multiple of {unit!r}")
    return Joined((prefix, Repeated(unit, count))) if prefix else Repeated(unit, count)


def swapped(text: Joined) -> Joined:
    """Return the same text with capitals and small letters exchanged. Raises TypeError where a part has no letters."""

    def exchanged(part: Text) -> Text:
        match part:
            case str():
                return part.swapcase()
            case Known(name, ""):
                return Known(name, "in the other case")
            case Joined():
                return swapped(part)
        raise TypeError(f"{part!r} has no letters to exchange")

    return Joined(tuple(map(exchanged, text.parts)))


def render(text: Text, bindings: Bindings) -> str:
    """Return the characters of `text`. Raises KeyError for an unbound name, UnicodeDecodeError for bytes of no text."""
    match text:
        case str():
            return text
        case bytes():
            return text.decode()
        case Known(name, change):
            return CHANGES[change](bindings[name])
        case Repeated(unit, count):
            return unit * count
        case Joined(parts):
            return "".join(render(part, bindings) for part in parts)


def render_bytes(text: Text, bindings: Bindings) -> bytes:
    """Return the bytes of `text`: its characters in UTF-8, its raw bytes unchanged."""
    match text:
        case bytes():
            return text
        case Joined(parts):
            return b"".join(render_bytes(part, bindings) for part in parts)
        case _:
            return render(text, bindings).encode("utf-8", "surrogatepass")


def known_names(text: Text) -> frozenset[str]:
    """Return the names of the fixtures that `text` needs."""
    match text:
        case Known(name):
            return frozenset({name})
        case Joined(parts):
            return frozenset().union(*(known_names(part) for part in parts))
        case _:
            return frozenset()


PRINTABLE = frozenset(range(0x20, 0x7F))
"""The bytes of printable ASCII, which are shown as they are."""


def describe(text: Text) -> str:
    """Return `text` in the words of a report, short and free of control characters."""
    match text:
        case str():
            return _quoted_at_blanks(_printable(text))
        case bytes():
            return "".join(chr(byte) if byte in PRINTABLE else f"\\x{byte:02x}" for byte in text)
        case Known(name, change):
            return f"‹{name.replace('_', ' ')}{' ' + change if change else ''}›"
        case Repeated(unit, count):
            return f"{_quoted_at_blanks(_printable(unit))} × {count}"
        case Joined(parts):
            return " + ".join(describe(part) for part in parts)


def _quoted_at_blanks(text: str) -> str:
    """Return the text in quotes where it begins or ends with a blank, which nobody would see."""
    return f"“{text}”" if text != text.strip(" ") else text


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)
