"""Runs that a pytest plugin watches; the plugin writes what it saw in a line of the terminal's output."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from benchmarks.suite import Job, Result


def watched(job: Job, probe: str) -> Job:
    """Return the same run, watched by the plugin in the module `probe`."""
    return replace(job, arguments=("-p", probe, *job.arguments))


def lines_in(result: Result, marker: str) -> Iterator[Any]:
    """Yield the JSON value of each line that begins with the plugin's `marker`."""
    for line in result.output.splitlines():
        if line.startswith(marker):
            yield json.loads(line.removeprefix(marker))
