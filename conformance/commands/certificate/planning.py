"""Planning again: the suite is run against the embedded reference, to learn what it sends to a server that conforms."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from conformance.evidence.secret import made_up_key
from conformance.fixtures.embedded import embedded_reference
from conformance.fixtures.forms import PAYMENT_METHOD_FORMS
from conformance.fixtures.provisioning import Provision
from conformance.paths import SUITE, TESTS
from conformance.scenes.budgets import BUDGETS, Repetitions
from conformance.transport.client import Address, Client
from conformance.verdict.record import RECORD_FILE, Record
from conformance.verdict.settings import KEY_VARIABLE
from conformance.verdict.trial import Trial
from contracts import published_contract
from strategies.attempt import Attempt

PLAN_SECONDS = 900.0
"""How long planning may take, in seconds: a thorough budget takes the most."""


class CannotPlan(RuntimeError):
    """The plan could not be drawn again; the message holds what was printed last."""


@dataclass(frozen=True)
class PlanOptions:
    """What decides a plan besides the suite itself.

    `given_payment_methods` and `given_customers` say how many ids the user gave: with few of them a run sends less.
    """

    profile: str
    budget: str
    seed: int
    stateless: bool = False
    given_payment_methods: int = 0
    given_customers: int = 0

    @classmethod
    def of(cls, record: Record) -> PlanOptions:
        """The options of a recorded run."""
        options, provision = record.header["options"], Provision.from_json(record.header["target"]["provision"])
        given = (provision.given_payment_methods, provision.given_customers)
        is_given = (provision.payment_methods == "given", provision.customers == "given")
        counts = (len(ids) * given_it for ids, given_it in zip(given, is_given, strict=True))
        return cls(options["profile"], options["budget"], options["seed"], provision.stateless, *counts)


@dataclass(frozen=True)
class Plan:
    """What the suite performs for a server that conforms: its trials in order, and every attempt by its digest.

    `repetitions` says how often a request is sent at least to see whether its answer is steady.
    """

    trials: Sequence[Trial]
    attempts: Mapping[str, Attempt]
    repetitions: Repetitions


def plan_again(options: PlanOptions) -> Plan:
    """The plan for these options, drawn in a process of its own. Raises CannotPlan."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", __name__, json.dumps(asdict(options)), folder],
            cwd=SUITE,
            env={**environment, "PYTHONPATH": str(SUITE)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PLAN_SECONDS,
            check=False,
        )
        planned = Path(folder, "attempts.pickle")
        if done.returncode != 0 or not planned.exists():
            raise CannotPlan((done.stdout + done.stderr).strip()[-1000:])
        attempts: Mapping[str, Attempt] = pickle.loads(planned.read_bytes())  # written by our own process, just now
        trials = Record.read(Path(folder, RECORD_FILE)).trials
        return Plan(trials, attempts, BUDGETS[options.budget].repetitions)


class _Collector:
    """Keeps every attempt that the suite sends."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        runner = session.config.pluginmanager.get_plugin("conformance-items")
        if runner is not None:
            self.path.write_bytes(pickle.dumps(dict(runner.stage.sent)))


def _run(options: PlanOptions, folder: Path) -> int:
    key = made_up_key()
    os.environ[KEY_VARIABLE] = key.reveal()
    with ExitStack() as stack:
        url = stack.enter_context(embedded_reference(key, *(["--stateless"] if options.stateless else [])))
        client = Client(Address(url), key, published_contract())
        stack.callback(client.close)
        arguments = [str(TESTS), f"--rootdir={SUITE}", "-p", "no:cacheprovider", "--assert=plain", "-q"]
        arguments += [f"--base-url={url}", f"--results={folder}", f"--profile={options.profile}"]
        arguments += [f"--budget={options.budget}", f"--seed={options.seed}"]
        way = next(iter(PAYMENT_METHOD_FORMS.values()))
        for option, target, form, count in (
            ("--customer", "/v1/customers", {}, options.given_customers),
            ("--payment-method", "/v1/payment_methods", dict(way), options.given_payment_methods),
        ):
            made = [client.call("POST", target, form).object["id"] for _ in range(count)]
            arguments += [f"{option}={identifier}" for identifier in made]
        return int(pytest.main(arguments, plugins=[_Collector(folder / "attempts.pickle")]))


if __name__ == "__main__":
    sys.exit(_run(PlanOptions(**json.loads(sys.argv[1])), Path(sys.argv[2])))
