"""The record of the run before: it stays beside that of the last run, for findings that only it holds."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from conformance.evidence.files import MOST_RECORDED, read_bounded, write_whole
from conformance.verdict.record import RECORD_FILE

PREVIOUS_FILE = "previous.jsonl"


def keep_record(results: Path) -> None:
    """Keep the record in a folder of results under another name, before a run writes its own.

    The record of a part of the suite, or of a target that could not be tested, does not take the place of an earlier
    one that is of a whole run.
    """
    last, previous = results / RECORD_FILE, results / PREVIOUS_FILE
    if not last.is_file() or last.is_symlink() or (previous.exists() and not _is_of_a_whole_run(last)):
        return
    with contextlib.suppress(OSError):  # a full disk: the run itself says so
        write_whole(previous, read_bounded(last))


def _is_of_a_whole_run(record: Path) -> bool:
    """Return whether a record says that it is of a whole run, and has a trial; what is no record does not."""
    try:
        with record.open("rb") as file:
            is_whole = bool(json.loads(file.readline(MOST_RECORDED))["header"]["selection"]["whole"])
            return is_whole and "footer" not in json.loads(file.readline(MOST_RECORDED))
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return False
