"""Asking the product: some of the tests behind a certificate are run again, against a target in the checker's reach."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pytest

from conformance.commands.certificate.objections import Objection
from conformance.evidence.episode import Outcome
from conformance.paths import SUITE, TESTS
from conformance.plugin.items import slug_of
from conformance.plugin.options import key_for
from conformance.verdict.record import BrokenRecord, Record, run_of
from conformance.verdict.run import Run
from conformance.verdict.settings import KEY_VARIABLE
from conformance.verdict.trial import Trial

SECONDS = 3600.0
"""How long the sample may take, in seconds."""
TELLING = (Outcome.PASS, Outcome.DEVIATION, Outcome.FAIL)
"""The outcomes that say something of the target, and not of the day or of its fixtures."""
RECORD = "run.jsonl"


class CannotAsk(RuntimeError):
    """The target cannot be asked; the message says why."""


def sampled(trials: Sequence[Trial], count: int, draw: random.Random) -> tuple[str, ...]:
    """The names of the tests that performed `count` trials, chosen at random, or all where there are no more."""
    trials = [trial for trial in trials if trial.episodes]
    return tuple(sorted({trial.test for trial in draw.sample(trials, min(count, len(trials)))}))


def against_target(run: Run, trials: Sequence[Trial], url: str, count: int) -> tuple[tuple[str, ...], list[Objection]]:
    """Run the tests behind `count` trials against the target at `url`: their names, and what came out otherwise.

    Raises CannotAsk when that target cannot be tested, pytest.UsageError when its key is missing or live.
    """
    names = sampled(trials, count, random.SystemRandom())
    again = _asked(run, url, names)
    return names, list(_differences(run, again, {trial.clause for trial in trials if trial.test in names}))


def _differences(stated: Run, again: Run, clauses: Collection[str]) -> Iterator[Objection]:
    for slug, result in stated.results.items():
        now = again.results[slug]
        if slug in clauses and result.outcome in TELLING and now.outcome in TELLING and now.outcome != result.outcome:
            yield Objection(
                "answers", f"{slug} is {result.outcome} in the certificate, and now {now.outcome}: {now.reason}"
            )


def _asked(run: Run, url: str, names: Sequence[str]) -> Run:
    key = key_for(os.environ, url)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    settings = run.settings
    with tempfile.TemporaryDirectory() as folder:
        arguments = [f"--base-url={url}", f"--results={folder}", f"--seed={settings.seed}", f"--level={settings.level}"]
        arguments += [f"--profile={settings.profile}", f"--budget={settings.budget}"]
        done = subprocess.run(
            [sys.executable, "-m", __name__, json.dumps(names), *arguments],
            cwd=SUITE,
            env={**environment, "PYTHONPATH": str(SUITE), KEY_VARIABLE: key.reveal()},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        try:
            again = run_of(Record.read(Path(folder, RECORD)))
        except (OSError, BrokenRecord):
            raise CannotAsk(f"{url}: {key.blotted(done.stdout + done.stderr).strip()[-1000:]}") from None
    if again.diagnosis is not None:
        raise CannotAsk(str(again.diagnosis))
    return again


class _Sample:
    """Keeps nothing but the tests of the sample."""

    def __init__(self, names: Collection[str]) -> None:
        self.names = names

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if _test_of(item) in self.names]


def _test_of(item: pytest.Item) -> str | None:
    """The name by which trials know the test; empty for one that explores, None for what is no test of the suite."""
    slug = slug_of(item)
    return slug if not slug else getattr(item, "originalname", item.name)


if __name__ == "__main__":
    asked = [str(TESTS), f"--rootdir={SUITE}", "-p", "no:cacheprovider", "--assert=plain", "-q", *sys.argv[2:]]
    sys.exit(pytest.main(asked, plugins=[_Sample(set(json.loads(sys.argv[1])))]))
