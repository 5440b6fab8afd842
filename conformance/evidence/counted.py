"""Numbers with their nouns, as messages write them."""

from __future__ import annotations


def counted(number: int, one: str, many: str = "") -> str:
    """Return the number with its noun; in the plural with an s, or the word for `many`."""
    return f"{number} {one if number == 1 else many or one + 's'}"
