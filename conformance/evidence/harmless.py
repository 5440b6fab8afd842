"""Harmless text: no character in it moves, hides or ends what stands around it.

A target decides about much of what the suite prints. Every way out of the suite (the terminal, a template, a JSON file)
goes through this module, so that no author of a message has to think of it.
"""

from __future__ import annotations

import json
import re
from typing import Any, TextIO

from conformance.evidence.visible import escape_char

UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0001-\U000e007f]"
)
"""Control and format characters, lone surrogates, and separators of lines, except for line feed and tab."""


def harmless(text: str) -> str:
    """Return `text` with every unsafe character escaped; the same text where there is none."""
    return UNSAFE.sub(lambda match: escape_char(match[0]), text)


def json_text(value: Any, *, indent: int | None = None) -> str:
    """Return `value` as JSON that any program reads as the same value, and that is harmless to look at."""
    return UNSAFE.sub(_in_json, json.dumps(value, indent=indent, ensure_ascii=False))


def _in_json(match: re.Match[str]) -> str:
    return json.dumps(match[0])[1:-1] if match[0] != "\x7f" else "\\u007f"


class HarmlessStream:
    """A text stream through which only harmless text gets; all else is the stream's own."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write the text, with unsafe characters escaped."""
        self._stream.write(harmless(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
