"""What exploring draws of malformed requests; as in `wider`, the more, the wider the search has become."""

from __future__ import annotations

import string
from collections.abc import Callable
from urllib.parse import quote

from hypothesis import strategies as st

from strategies.attempt import Attempt, Pair
from strategies.valid import CUSTOMER
from strategies.values import Known, Repeated, Text, joined
from strategies.wider import characters, texts

GOOD_ID = Known("customer")
HEX = set(string.hexdigits)


def _with(width: int, odd: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Text with something odd before, behind or in the middle of it, once or more often."""
    return st.lists(st.tuples(texts(width), odd), min_size=1, max_size=width).flatmap(
        lambda parts: texts(width).map(lambda end: "".join(text + one for text, one in parts) + end)
    )


def _places(odd: st.SearchStrategy[str]) -> st.SearchStrategy[Attempt]:
    """Odd text as a customer, as an entry, and as a name."""
    where: tuple[Callable[[str], tuple[Pair, ...]], ...] = (
        lambda text: (Pair("customer", text),),
        lambda text: (CUSTOMER, Pair("expand[]", text)),
        lambda text: (CUSTOMER, Pair(text, "1")),
    )
    return st.builds(lambda text, place: Attempt(where[place](text), kind="wire"), odd, st.integers(0, 2))


def _payload(*parts: Text) -> Attempt:
    return Attempt(payload=joined(*parts), kind="wire")


def _escaped(text: str) -> str:
    return quote(text, safe="")


def malformed_encodings(width: int) -> st.SearchStrategy[Attempt]:
    """Percent signs that encode nothing, wherever they stand."""
    sign = st.sampled_from(("%", "%4", "%zz", "%%", "%u0041", "%-1", "%0x", "% 1"))

    def of(before: str, sign: str, after: str, place: int) -> Attempt:
        joint = "&" if len(sign) < 3 and after[:1] in HEX else ""
        text = f"{_escaped(before)}{sign}{joint}{_escaped(after)}"
        choices = (("customer=", text), ("customer=", GOOD_ID, "&expand[]=", text), ("customer=", GOOD_ID, "&", text))
        return _payload(*choices[place])

    return st.builds(of, texts(width), sign, texts(width), st.integers(0, 2))


def _is_no_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return True
    return False


def invalid_utf8(width: int) -> st.SearchStrategy[Attempt]:
    """Bytes that are no UTF-8, encoded or raw, in values and names."""
    odd = st.binary(min_size=1, max_size=4 * width).filter(_is_no_text)

    def of(data: bytes, raw: bool, place: int) -> Attempt:
        bare = bytes(byte for byte in data if byte > 0x7F)
        text: Text = bare if raw and _is_no_text(bare) else "".join(f"%{byte:02x}" for byte in data)
        choices = (("customer=", text), ("customer=", GOOD_ID, "&expand[]=", text), ("customer=", GOOD_ID, "&", text))
        return _payload(*choices[place])

    return st.builds(of, odd, st.booleans(), st.integers(0, 2))


def control_characters(width: int) -> st.SearchStrategy[Attempt]:
    """Any control character of ASCII in values and names."""
    return _places(_with(width, st.sampled_from([chr(code) for code in (*range(0x20), 0x7F)])))


def non_bmp(width: int) -> st.SearchStrategy[Attempt]:
    """Any character beyond the Basic Multilingual Plane in values and names."""
    return _places(_with(width, st.characters(min_codepoint=0x10000, exclude_categories=["Cn", "Co"])))


def quotes(width: int) -> st.SearchStrategy[Attempt]:
    """What other languages take for syntax, mixed, in values and names."""
    syntax = st.sampled_from(
        ("'", '"', "`", "\\", "<", ">", "${", "}", "{{", "}}", "--", ";", "/*", "%s", "%n", "$(", ")", "<!--", "]]>")
    )
    return _places(_with(width, st.builds(str.__add__, st.sampled_from("'\"`\\<>${}"), syntax)))


def empty_values(width: int) -> st.SearchStrategy[Attempt]:
    """Names without values, values without names, with and without an equals sign."""
    odd = st.sampled_from(
        (Pair("", "x"), Pair("customer", ""), Pair("expand[]", ""), Pair("expand[]", None), Pair("", ""))
    )
    pairs = st.lists(st.one_of(odd, st.just(CUSTOMER)), max_size=1 + width)
    return st.builds(lambda one, more: Attempt((one, *more), kind="wire"), odd, pairs)


def long_values(width: int) -> st.SearchStrategy[Attempt]:
    """Values and names beyond every limit, of any character."""

    def of(unit: str, length: int, place: int) -> Attempt:
        text = Repeated(unit, length)
        choices = (
            (Pair("customer", text),),
            (CUSTOMER, Pair("expand[]", text)),
            (CUSTOMER, Pair(text, "1")),
        )
        return Attempt(choices[place], kind="wire")

    lengths = st.integers(5_001, 20_000 * width)
    return st.builds(of, characters().filter(lambda char: char not in "[]"), lengths, st.integers(0, 2))


def _path(segment: str) -> Attempt:
    return Attempt((CUSTOMER,), kind="wire", transport="raw", path_id=segment)


def odd_path_ids(width: int) -> st.SearchStrategy[Attempt]:
    """Ids in the path of any printable text."""
    return texts(width, least=1).map(lambda text: _path(_escaped(text).replace(".", "%2E")))


def path_encodings(width: int) -> st.SearchStrategy[Attempt]:
    """Ids in the path with escapes that mean nothing, or that mean what ends or parts a path."""
    odd = st.sampled_from(("%", "%4", "%zz", "%00", "%2F", "%2f..%2f", "%ff", "%0d%0a", "%3F", "%23", "%25"))
    return st.builds(
        lambda before, sign, after: _path(f"pm_{_escaped(before)}{sign}{_escaped(after)}"),
        texts(width),
        odd,
        texts(width),
    )


def deep_brackets(width: int) -> st.SearchStrategy[Attempt]:
    """Brackets of drawn keys up to a hundred deep for each step of the width, and such that do not pair."""

    def of(root: str, brackets: str, depth: int) -> Attempt:
        name = joined(root, Repeated(brackets, depth))
        return Attempt((CUSTOMER, Pair(name, "customer")), kind="wire")

    brackets = st.sampled_from(("[a]", "[0]", "[]", "[", "]", "[[", "][", "[__proto__]"))
    return st.builds(of, st.sampled_from(("expand", "customer", "a")), brackets, st.integers(9, 100 * width))
