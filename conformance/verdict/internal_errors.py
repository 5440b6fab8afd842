"""Errors of the suite itself, with their tracebacks, so that the bug can be found from a run's files.

An error of the suite decides the exit status, but no verdict on the target.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from conformance.evidence.foreign import one_line
from conformance.paths import SUITE

INTERNAL_ERROR = "internal error of the suite (a bug of the suite, not of your server)"
LONGEST_TRACEBACK = 16_000
"""The most characters of a traceback that are kept: its end, which has the error."""


@dataclass(frozen=True)
class InternalError:
    """An error: `where` in the run it happened (a test, the clean-up, a report), `what` it says, and its traceback.

    `clause` is empty if it happened outside of tests.
    """

    where: str
    what: str
    traceback: str = ""
    clause: str = ""

    def to_json(self) -> dict[str, str]:
        """Return a JSON-like form, from which `from_json` makes the same value."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> InternalError:
        """Return the error that `to_json` wrote. Raises TypeError when a member is missing."""
        return cls(**data)

    @classmethod
    def of(cls, where: str, error: BaseException) -> InternalError:
        """Return the error that was raised at that place of the run."""
        return cls(where, in_short(error), traceback_of(error))


def in_short(error: BaseException) -> str:
    """Return type and text of an error in one line, and the place in the suite that raised it."""
    name, text, place = type(error).__name__, str(error), _place(error)
    short = one_line(f"{name}: {text}" if text else name)
    return f"{short} ({place})" if place else short


def traceback_of(error: BaseException) -> str:
    """Return the traceback with paths below the suite's folder, cut to its end if it is long."""
    text = "".join(traceback.format_exception(error)).replace(f"{SUITE}/", "")
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= LONGEST_TRACEBACK else f"…\n{text[-LONGEST_TRACEBACK:]}"


def _is_own(file: Path) -> bool:
    """Return whether it is a file of the suite, and of no environment below the suite's folder."""
    return SUITE in file.parents and "site-packages" not in file.relative_to(SUITE).parts


def _place(error: BaseException) -> str:
    """Return the innermost line of the suite's own code in the traceback, as `file:line in function`."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if _is_own(Path(frame.filename))]
    if not own:
        return ""
    last = own[-1]
    return f"{Path(last.filename).relative_to(SUITE)}:{last.lineno} in {last.name}"
