"""Comparisons, for clauses without an absolute answer: attempts with the same prefix and one difference."""

from __future__ import annotations

from dataclasses import dataclass

from strategies.attempt import Attempt


@dataclass(frozen=True)
class Comparison:
    """Attempts that must get the same answer as the `control`.

    `needs_success` says that nothing is compared unless the control succeeds.
    """

    control: Attempt
    subjects: tuple[Attempt, ...]
    needs_success: bool = False

    def __str__(self) -> str:
        return f"{' and '.join(map(str, self.subjects))} like {self.control}"
