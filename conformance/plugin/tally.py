"""The figures of a run, from the look at the target and from every worker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass
class Tally:
    """The number of `requests`, of those until the first finding, and of objects `made` by kind.

    `left_over` names objects that could not be removed, `bound` the one that was reached, `plan` is the digest of all
    that the last worker sent.
    """

    requests: int = 0
    first_finding: int | None = None
    made: Counter[str] = field(default_factory=Counter)
    left_over: list[str] = field(default_factory=list)
    bound: str = ""
    plan: str = ""

    def add(
        self,
        *,
        requests: int,
        left: Sequence[str] = (),
        made: Mapping[str, int] | None = None,
        first_finding: int | None = None,
        bound: str = "",
        plan: str = "",
    ) -> None:
        """Add the figures of a worker."""
        self.requests += requests
        self.left_over += left
        self.made.update(made or {})
        self.bound = self.bound or bound
        self.plan = plan
        if first_finding is not None:
            self.first_finding = min(self.first_finding or first_finding, first_finding)
