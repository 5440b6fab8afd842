"""Comparisons decide where no absolute answer is known: same alphabet, same prefix, one difference."""

from __future__ import annotations

from dataclasses import dataclass

from strategies.attempt import Attempt


@dataclass(frozen=True)
class Comparison:
    """Attempts that must get the same answer as the `control`.

    `needs_success` says that the comparison means nothing unless the control succeeds.
    """

    control: Attempt
    subjects: tuple[Attempt, ...]
    needs_success: bool = False

    def __str__(self) -> str:
        return f"{' and '.join(map(str, self.subjects))} like {self.control}"
