"""The parts of a record, and its lines, from a run."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from itertools import chain
from typing import Any

from conformance.fixtures.provisioning import Provision
from conformance.paths import SUITE
from conformance.verdict.folding import LogEntry
from conformance.verdict.record import FORMAT, REFERENCE, encoded, previous_of
from conformance.verdict.run import Diagnosis, Run
from conformance.verdict.settings import Settings
from contracts import load_catalogue, published_contract

OPTIONS = ("profile", "level", "budget", "seed", "rate", "timeout", "dry_run")

RARE = {"explore": None, "max_time": None, "max_requests": None, "left_out": (), "concurrency": 1}
"""The options that a header names, always, and only where they are not as usual."""

SUITE_NAME = "attach-conformance"


def record_lines(
    header: Mapping[str, Any],
    entries: Iterable[LogEntry],
    footer: Mapping[str, Any],
    blotted: Callable[[str], str] = str,
) -> Iterator[bytes]:
    """Yield the lines of a record of these parts; the footer gets its counts here.

    `blotted` removes the key from a line, which is JSON.
    """
    digest = hashlib.sha256()
    count, line = 0, b""
    trials = ({"worker": one.worker, "turn": one.turn, **one.logged.to_json()} for one in entries)
    for part in chain([{"header": header}], trials):
        line = _chained(part, line, blotted)
        digest.update(line + b"\n")
        count += 1
        yield line + b"\n"
    counts = {"lines": count, "sha256": digest.hexdigest()}
    yield _chained({"footer": {**footer, **counts}}, line, blotted) + b"\n"


def _chained(part: Mapping[str, Any], before: bytes, blotted: Callable[[str], str]) -> bytes:
    line = encoded({"previous": previous_of(before), **part})
    return blotted(line.decode()).encode()


def header_of(
    settings: Settings,
    provision: Provision | None,
    *,
    diagnosis: Diagnosis | None = None,
    capabilities: Sequence[str] | None,
    versions: Mapping[str, str],
    started: str,
    workers: int,
    selection: str,
) -> dict[str, Any]:
    """Return the header for a run that `started` at an ISO 8601 time in UTC.

    `selection` says in words how it was narrowed; it is empty for a whole run.
    """
    commit, edited = suite_commit()
    searched = provision or diagnosis
    expectations = settings.expectations
    return {
        "format": FORMAT,
        "suite": {
            "name": SUITE_NAME,
            "version": versions.get(SUITE_NAME, ""),
            "commit": commit,
            "edited": edited,
        },
        "contract": published_contract().digest,
        "catalogue": load_catalogue().digest,
        "options": {
            **{name: getattr(settings, name) for name in OPTIONS},
            "required": list(settings.required),
            "expectations": expectations.digest if expectations else None,
            **{name: getattr(settings, name) for name, usual in RARE.items() if getattr(settings, name) != usual},
        },
        "expectations": expectations.to_json() if expectations else None,
        "selection": {"whole": not selection, "arguments": selection},
        "workers": workers,
        "versions": dict(versions),
        "target": {
            "base_url": settings.base_url or REFERENCE,
            **({"implementation": settings.implementation} if settings.implementation else {}),
            **({"started": settings.target} if settings.target else {}),
            "stateless": provision is not None and provision.stateless,
            "provision": provision.to_json() if provision else None,
            "tries": [asdict(one) for one in searched.tries] if searched else [],
            "capabilities": None if capabilities is None else list(capabilities),
        },
        "started": started,
    }


def footer_of(run: Run, known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the footer for a run without its counts: what is `known` beside its episodes, and the conclusions."""
    return {
        "outcomes": {slug: str(result.observed) for slug, result in run.results.items()},
        "verdicts": {profile: verdict.verdict for profile, verdict in run.verdicts.items()},
        "verdict": run.verdict,
        "exit_status": int(run.exit_status),
        **known,
    }


@cache
def suite_commit() -> tuple[str | None, bool | None]:
    """Return the commit of the suite, and whether its files differ from that; None for both outside of a repository."""
    try:
        commit, edited = _git("rev-parse", "HEAD"), _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None, None
    return commit.strip(), bool(edited.strip())


def _git(*arguments: str) -> str:
    """Ask git about the suite's own repository: an installed suite may lie within that of another project."""
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(SUITE.parent)}
    command = ["git", *arguments]
    done = subprocess.run(command, cwd=SUITE, env=environment, capture_output=True, text=True, check=True, timeout=10)
    return done.stdout
