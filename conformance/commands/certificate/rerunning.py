"""Running the suite again: against the embedded reference, to plan, and against the product, to sample its answers.

Both take a process of their own, in which this module is the program.
"""

from __future__ import annotations

import json
import os
import pickle
import random
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from conformance.commands.certificate.freedoms import WITHOUT_STATE, freedoms_of
from conformance.commands.certificate.objections import Objection
from conformance.commands.certificate.statements import Evidence
from conformance.evidence.episode import Outcome
from conformance.evidence.secret import made_up_key
from conformance.fixtures.embedded import embedded_reference
from conformance.fixtures.forms import PAYMENT_METHOD_FORMS
from conformance.fixtures.provisioning import Provision
from conformance.paths import SUITE
from conformance.plugin.options import key_for
from conformance.plugin.order import slug_of
from conformance.plugin.starting import run_pytest
from conformance.scenes.budgets import BUDGETS, Repetitions
from conformance.transport.client import Address, Client
from conformance.verdict.concluding import run_of
from conformance.verdict.misuse import Misuse
from conformance.verdict.record import RECORD_FILE, BrokenRecord, Record
from conformance.verdict.run import ExitStatus, Run
from conformance.verdict.settings import KEY_VARIABLE
from conformance.verdict.trial import Trial
from contracts import published_contract
from strategies.attempt import Attempt

PLAN_SECONDS = 900.0
"""How long planning may take, in seconds: a thorough budget takes the most."""
SAMPLE_SECONDS = 3600.0
"""How long the sample may take, in seconds."""
ENOUGH_IDS = 1000
"""How many given ids are enough for any run; the thorough budget uses up some 270."""
ATTEMPTS_FILE = "attempts.pickle"
LONGEST_OUTPUT = 1000
"""How many characters of a failed run's output a message quotes."""
ENDED = (ExitStatus.CONFORMS, ExitStatus.DOES_NOT_CONFORM, ExitStatus.INCONCLUSIVE)
"""The statuses of a run that came to an end: with some freedoms the reference does not conform to every profile, and
given ids may be too few."""
CONCLUSIVE = (Outcome.PASS, Outcome.DEVIATION, Outcome.FAIL)
"""The outcomes that depend on the target, rather than on its fixtures or on the network."""


class CannotPlan(Misuse):
    """The plan could not be drawn again; the message holds the end of what was printed."""


class CannotSample(RuntimeError):
    """The target cannot be tested; the message says why."""


@dataclass(frozen=True)
class PlanOptions:
    """The options that decide a plan.

    `given_payment_methods` and `given_customers` are how many ids the user gave: with few of them a run sends less.
    `freedoms` are the variants of the reference that take the freedoms which the product takes.
    """

    profile: str
    budget: str
    seed: int
    stateless: bool = False
    given_payment_methods: int = 0
    given_customers: int = 0
    freedoms: tuple[str, ...] = ()

    @classmethod
    def of(cls, record: Record) -> PlanOptions:
        """Return the options of a recorded run."""
        options, provision = record.header["options"], Provision.from_json(record.header["target"]["provision"])
        freedoms = freedoms_of(record)
        return cls(
            profile=options["profile"],
            budget=options["budget"],
            seed=int(options["seed"]),
            stateless=provision.stateless and WITHOUT_STATE.keys().isdisjoint(freedoms),
            given_payment_methods=_count(provision.given_payment_methods) * provision.has_given_methods,
            given_customers=_count(provision.given_customers) * provision.has_given_customers,
            freedoms=freedoms,
        )


def _count(ids: Sequence[str]) -> int:
    return min(len(ids), ENOUGH_IDS)


@dataclass(frozen=True)
class Plan:
    """The trials of the suite with a server that conforms, in order, and every attempt by its digest.

    `repetitions` is how often a request is sent at least to see whether its answer is steady.
    """

    trials: Sequence[Trial]
    attempts: Mapping[str, Attempt]
    repetitions: Repetitions


def plan_again(options: PlanOptions) -> Plan:
    """Draw the plan for these options. Raises CannotPlan."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = _run_this_module("plan", json.dumps(asdict(options)), folder, seconds=PLAN_SECONDS)
        except subprocess.TimeoutExpired:
            raise CannotPlan(f"planning had not ended after {PLAN_SECONDS:g} s") from None
        attempts = Path(folder, ATTEMPTS_FILE)
        if done.returncode not in ENDED or not attempts.exists():
            raise CannotPlan((done.stdout + done.stderr).strip()[-LONGEST_OUTPUT:])
        return Plan(
            trials=Record.read(Path(folder, RECORD_FILE)).trials,
            attempts=pickle.loads(attempts.read_bytes()),  # written by our own process, just now
            repetitions=BUDGETS[options.budget].repetitions,
        )


def sample_target(evidence: Evidence, url: str, count: int) -> tuple[tuple[str, ...], list[Objection]]:
    """Run the tests behind `count` random trials against the target at `url`: their names, and what differs.

    A target that cannot be tested is one that cannot be compared; then there are no names. Raises pytest.UsageError
    when its key is missing or live.
    """
    performed = [trial for trial in evidence.record.trials if trial.episodes]
    chosen = random.SystemRandom().sample(performed, min(count, len(performed)))
    names = tuple(sorted({trial.test for trial in chosen}))
    clauses = {trial.clause for trial in evidence.record.trials if trial.test in names}
    try:
        again = _run_sample(evidence.run, url, names)
    except CannotSample as error:
        return (), [Objection("not-compared", str(error))]
    return names, list(_compare(evidence.run, again, clauses))


def _compare(stated: Run, again: Run, clauses: Collection[str]) -> Iterator[Objection]:
    """Yield the clauses that come out differently, and those of the sample that can no longer be judged."""
    for slug, result in again.results.items():
        before, now = stated.results[slug].outcome, result.outcome
        reason = f": {result.reason}" if result.reason else ""
        is_failing = before is Outcome.PASS and now in (Outcome.DEVIATION, Outcome.FAIL)
        if before == now or not (slug in clauses or is_failing):
            continue
        if before in CONCLUSIVE and now in CONCLUSIVE:
            yield Objection("answers", f"{slug} is {before} in the certificate, and now {now}{reason}")
        elif before in CONCLUSIVE:
            yield Objection("not-compared", f"{slug} is {before} in the certificate, and now {now}{reason}")
    for error in again.errors:
        yield Objection("not-compared", f"the suite itself failed: {error.where}: {error.what}")
    if again.interrupted:
        yield Objection("not-compared", "the run against the target was interrupted")


def _run_sample(run: Run, url: str, names: Sequence[str]) -> Run:
    key = key_for(os.environ, url)
    settings = run.settings
    options = [f"--base-url={url}", f"--seed={settings.seed}", f"--level={settings.level}"]
    options += [f"--profile={settings.profile}", f"--budget={settings.budget}"]
    with tempfile.TemporaryDirectory() as folder:
        options.append(f"--results={folder}")
        try:
            done = _run_this_module("sample", json.dumps(names), *options, seconds=SAMPLE_SECONDS, key=key.reveal())
        except subprocess.TimeoutExpired:
            raise CannotSample(f"{url}: the tests had not ended after {SAMPLE_SECONDS:g} s") from None
        try:
            again = run_of(Record.read(Path(folder, RECORD_FILE)))
        except (OSError, BrokenRecord):
            output = key.blotted(done.stdout + done.stderr).strip()[-LONGEST_OUTPUT:]
            raise CannotSample(f"{url}: {output}") from None
    if again.diagnosis is not None:
        raise CannotSample(str(again.diagnosis))
    return again


def _run_this_module(*arguments: str, seconds: float, key: str = "") -> subprocess.CompletedProcess[str]:
    """Run this module in the environment of this process, but for the settings of a pytest that runs it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    if key:
        environment[KEY_VARIABLE] = key
    return subprocess.run(
        [sys.executable, "-m", __name__, *arguments],
        cwd=SUITE,
        env={**environment, "PYTHONPATH": str(SUITE)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


# in the process of its own


class _Collector:
    """A pytest plugin that keeps every attempt that the suite sends."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        runner = session.config.pluginmanager.get_plugin("conformance-items")
        if runner is not None:
            self.path.write_bytes(pickle.dumps(dict(runner.stage.sent)))


class _Sample:
    """A pytest plugin that keeps only the tests of the sample."""

    def __init__(self, names: Collection[str]) -> None:
        self.names = names

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if _test_of(item) in self.names]


def _test_of(item: pytest.Item) -> str | None:
    """Return the name by which trials know the test; empty for one that explores, None for no test of the suite."""
    slug = slug_of(item)
    return getattr(item, "originalname", item.name) if slug else slug


def _plan(options: PlanOptions, folder: Path) -> int:
    key = made_up_key()
    os.environ[KEY_VARIABLE] = key.reveal()
    with ExitStack() as stack:
        conforming = [f"--variant={name}" for name in options.freedoms]
        url = stack.enter_context(embedded_reference(key, *["--stateless"] * options.stateless, *conforming))
        client = Client(Address(url), key, published_contract())
        stack.callback(client.close)
        arguments = ["-q", f"--base-url={url}", f"--results={folder}", f"--profile={options.profile}"]
        arguments += [f"--budget={options.budget}", f"--seed={options.seed}"]
        form = dict(next(iter(PAYMENT_METHOD_FORMS.values())))
        for _ in range(options.given_customers):
            arguments.append(f"--customer={client.call('POST', '/v1/customers', {}).object['id']}")
        for _ in range(options.given_payment_methods):
            arguments.append(f"--payment-method={client.call('POST', '/v1/payment_methods', form).object['id']}")
        return run_pytest(arguments, [_Collector(folder / ATTEMPTS_FILE)])


if __name__ == "__main__":
    if sys.argv[1] == "plan":
        sys.exit(_plan(PlanOptions(**json.loads(sys.argv[2])), Path(sys.argv[3])))
    sys.exit(run_pytest(["-q", *sys.argv[3:]], [_Sample(json.loads(sys.argv[2]))]))
