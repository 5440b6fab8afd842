"""Lies that a holder of the key can tell with the record of a product that does not conform.

Each is a pure function from the record to a record, a bundle or a zip file that holds it. One that finds nothing
to lie about raises LookupError. None makes an answer up with care: that leaves no trace, as docs/certification.md says,
and only asking the product shows it.
"""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.lies import answers, archives, envelopes, episodes, lines, runs, statements, trials
from benchmarks.lies.registry import Lie, Lies

BY_SUBJECT: Mapping[str, Lies] = {
    "trials": trials.LIES,
    "answers": answers.LIES,
    "episodes": episodes.LIES,
    "runs": runs.LIES,
    "lines of the record": lines.LIES,
    "statements": statements.LIES,
    "envelopes": envelopes.LIES,
    "zip files": archives.LIES,
}
"""The lies by what they are about."""


def _joined() -> Lies:
    every = Lies()
    for lies in BY_SUBJECT.values():
        every.enter(lies.by_name)
    return every


ALL_LIES: Mapping[str, Lie] = _joined().by_name
"""Every lie by its name."""

JUDGED = ("trials", "answers", "episodes", "runs")
"""The subjects whose lies make a record that is judged; one that does not flatter its product cannot be accepted."""

TRICKS = ("lines of the record", "envelopes", "zip files")
"""The subjects whose bundles are none that `certify` makes: they must be refused, even if they tell the truth."""
