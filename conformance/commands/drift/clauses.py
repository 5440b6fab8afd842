"""The clauses that speak of a difference, found by the sources that the catalogue names for them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from conformance.commands.drift.differences import Change, Difference, Kind, Part
from contracts import Catalogue, Clause, Contract

PUBLISHED = "published operation"
"""How a part of a clause's `source` begins that rests on the published document."""

WORDS = {
    "required": ("required",),
    "properties": ("additionalProperties",),
    "additionalProperties": ("additionalProperties",),
    "type": ("type", "array", "string"),
    "maxLength": ("maxLength",),
    "pattern": ("pattern",),
    "uniqueItems": ("uniqueItems",),
    "maxItems": ("maxItems",),
    "format": ("format",),
    "deepObject encoding": ("deepObject encoding",),
    "request media type": ("request media type",),
    "response media type": ("response media type",),
    "responses": ("responses", "default response"),
    "method": ("the only method",),
    "path parameter": ("path parameter",),
    "query parameter": ("described in the body only",),
    "header parameter": ("names no such header",),
}
"""The words in which sources speak of what differs, by its keyword."""
ALL_WORDS = sorted({word for words in WORDS.values() for word in words}, key=lambda word: (-len(word), word))
"""All of them, the longest first."""
NAMED = ("properties", "query parameter", "header parameter", "cookie parameter")
"""The keywords of differences whose members are names that a request may hold."""
WHOLE = "payment_method"
"""How a source names the schema of a success as a whole."""
SHORTEST_NAME = 4
"""How long a new name must be to be looked for in the statements: a shorter one is an English word as well."""


def clauses_about(difference: Difference, catalogue: Catalogue, contract: Contract) -> tuple[Clause, ...]:
    """Return the clauses whose source or statement speaks of what differs, in the order of the catalogue.

    None speaks of members beyond the contract's, or of new values of an open list: both are legal in every answer.
    """
    if difference.kind is not Kind.JUDGED:
        return ()
    return tuple(clause for clause in catalogue if _speaks(clause, difference, contract))


def _speaks(clause: Clause, difference: Difference, contract: Contract) -> bool:
    is_new_name = difference.change is Change.NEW and difference.keyword in NAMED
    if is_new_name and any(_mentions(clause, name) for name in difference.members):
        return True
    return any(_is_about(text, difference, contract) for text in _published_parts(clause))


def _published_parts(clause: Clause) -> Iterator[str]:
    for part in clause.source.split(";"):
        text = part.strip()
        if text.startswith(PUBLISHED):
            yield text.removeprefix(PUBLISHED).lstrip(":, ")


def _mentions(clause: Clause, name: str) -> bool:
    return len(name) >= SHORTEST_NAME and _has_word(f"{clause.statement} {clause.note}", name)


def _has_word(text: str, word: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text) is not None


def _is_about(text: str, difference: Difference, contract: Contract) -> bool:
    """Return whether a part of a source speaks of what differs in its part of the operation."""
    if difference.part in (Part.OPERATION, Part.REQUEST):
        return _is_about_request(text, difference, contract)
    if difference.keyword in ("responses", "response media type"):
        return text in WORDS[difference.keyword]
    if difference.part is Part.ERROR:
        return text in ("error schema", f"error schema, {difference.path.removeprefix('error.error.')}")
    subject = re.match(r"response schema, (\w+)", text)
    member = difference.path.removeprefix(f"{WHOLE}.")
    return subject is not None and subject[1] in (difference.path, member, WHOLE)


def _is_about_request(text: str, difference: Difference, contract: Contract) -> bool:
    """Return whether a source names the keyword that differs, and no other parameter than the one that differs."""
    if text.startswith(("response schema", "error schema")):
        return False
    parameters = {name for name in contract.parameters if _has_word(text, name)}
    is_named = not parameters.isdisjoint(difference.members)
    if difference.members and parameters and not is_named:
        return False
    keywords = _keywords_in(text)
    if not keywords or (difference.keyword == "properties" and is_named):
        return is_named
    if "path parameter" in keywords:
        return difference.keyword == "path parameter"
    return not keywords.isdisjoint(WORDS.get(difference.keyword, ()))


def _keywords_in(text: str) -> set[str]:
    """Return the words of OpenAPI in a source; "request media type" does not count as "type", too."""
    found = set()
    for word in ALL_WORDS:
        if _has_word(text, word):
            found.add(word)
            text = text.replace(word, "")
    return found
