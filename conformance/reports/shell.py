"""Ids in commands of a shell, replaced by variables in any form in which they occur."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

SHORTEST_PART = 8
"""The least characters of a part of an id that is taken for one, and not for a word of its own."""
OF_THE_SCRIPT = "percent_encoded"
"""A function of `reproduce.sh` that some forms of an id call; elsewhere a command with it does not work."""

_TOKEN = re.compile(r"""'[^']*'|"(?:\\.|[^"\\])*"|(?:\\.|[^'"\\])+""", re.DOTALL)
"""The parts of a command that are quoted in one way, or not at all."""


class Variables:
    """Variables by the ids that they hold."""

    def __init__(self, known: Mapping[str, str] | None = None) -> None:
        self._names = dict(known or {})

    def add(self, identifier: str, kind: str) -> str:
        """Return the variable for an id, a new one if there is none: `kind`, with a number from the second on."""
        if identifier not in self._names:
            count = sum(re.fullmatch(rf"{kind}(_\d+)?", name) is not None for name in self._names.values())
            self._names[identifier] = f"{kind}_{count + 1}" if count else kind
        return self._names[identifier]

    @property
    def names(self) -> tuple[str, ...]:
        """The variables, in the order in which they were added."""
        return tuple(self._names.values())

    def knows(self, identifier: str) -> bool:
        """Return whether there is a variable for an id."""
        return identifier in self._names

    def stands_in(self, data: bytes) -> bool:
        """Return whether any form of any of the ids stands in `data`."""
        text = data.decode("utf-8", "replace")
        return any(re.search(pattern, text) for pattern, _ in self._forms())

    def in_shell(self, command: str) -> str:
        """Return a command of a shell with variables in place of the ids."""
        forms = list(self._forms())
        if not forms:
            return command
        wanted = "|".join(f"(?:{pattern})" for pattern, _ in forms)
        wanted_or_escaped = re.compile(rf"({wanted})|\\.", re.DOTALL)

        def expression(identifier: str) -> str:
            shown = next(shown for pattern, shown in forms if re.fullmatch(pattern, identifier))
            return shown.replace("{length}", str(len(identifier)))

        def written(token: re.Match[str]) -> str:
            text = token[0]
            if text.startswith("'"):
                return _joined(re.split(f"({wanted})", text[1:-1]), expression) or text
            quote = "" if text.startswith('"') else '"'
            return wanted_or_escaped.sub(
                lambda found: f"{quote}{expression(found[1])}{quote}" if found[1] else found[0], text
            )

        return _TOKEN.sub(written, command)

    def in_words(self, text: str) -> str:
        """Return a text with the names of the variables in place of the ids."""
        for identifier, name in sorted(self._names.items(), key=lambda item: -len(item[0])):
            text = text.replace(identifier, f"‹{name}›")
        return text

    def _forms(self) -> Iterator[tuple[str, str]]:
        """Yield every form of an id as a pattern, with the expression of bash for it; whole ids first."""
        longest_first = sorted(self._names.items(), key=lambda item: -len(item[0]))
        for identifier, name in longest_first:
            yield re.escape(identifier), f"${{{name}}}"
        for identifier, name in longest_first:
            if re.fullmatch(r"[A-Za-z]+_[A-Za-z0-9_]{6,}", identifier):
                yield from _changed(identifier, name)


def _joined(parts: list[str], expression: Callable[[str], str]) -> str:
    """Return texts in single quotes, and between them the expressions for the ids, which every second part is."""
    quoted = (f'"{expression(part)}"' if place % 2 else f"'{part}'" for place, part in enumerate(parts) if part)
    return "".join(quoted)


def _changed(identifier: str, name: str) -> Iterator[tuple[str, str]]:
    prefix, _, rest = identifier.rpartition("_")
    encoded = "".join(f"%{byte:02X}" for byte in identifier.encode())
    yield re.escape(encoded), f'$({OF_THE_SCRIPT} "${name}")'
    yield re.escape(encoded.lower()), f'$({OF_THE_SCRIPT} "${name}" | tr A-F a-f)'
    yield re.escape(encoded.replace("%", "%25")), f'$({OF_THE_SCRIPT} "${name}" | sed s/%/%25/g)'
    if identifier.swapcase() != identifier:
        yield re.escape(identifier.swapcase()), f'$(printf %s "${name}" | tr a-zA-Z A-Za-z)'
    yield re.escape(identifier.upper()), f"${{{name}^^}}"
    if rest.swapcase() != rest:
        swapped = f'{prefix}_$(printf %s "${{{name}##*_}}" | tr a-zA-Z A-Za-z)'
        yield re.escape(f"{prefix}_{rest.swapcase()}"), swapped
    yield re.escape(identifier[1:]), f"${{{name}#?}}"
    if len(rest) >= SHORTEST_PART:
        yield rf"(?<![A-Za-z0-9_]){re.escape(identifier.partition('_')[2])}", f"${{{name}#*_}}"
    if len(identifier) > SHORTEST_PART:
        whole = f"{re.escape(identifier[:SHORTEST_PART])}"
        optional = "".join(f"(?:{re.escape(char)}" for char in identifier[SHORTEST_PART:-1])
        closed = ")?" * len(identifier[SHORTEST_PART:-1])
        yield f"{whole}{optional}{closed}", f"${{{name}:0:{{length}}}}"
