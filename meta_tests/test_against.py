"""`verify --against`: a target that no longer answers confirms nothing, and is never said to conform."""

from __future__ import annotations

import contextlib
import datetime
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.forging import honest
from conformance.__main__ import main
from conformance.commands.certificate import checking
from conformance.commands.certificate.files import write_folder
from conformance.commands.certificate.keys import private_key
from conformance.commands.certificate.rerunning import Plan
from conformance.scenes.budgets import BUDGETS
from conformance.targets.running import free_port
from conformance.verdict.record import Record
from conformance.verdict.run import ExitStatus
from meta_tests.conftest import Recorded
from meta_tests.test_bundle_files import write_keys
from reference import build
from reference.call import Call
from reference.wire.values import Response

KEY = "sk_test_certificates0123456789abcdef"


@contextlib.contextmanager
def attaching(change: Callable[[Response], Response]) -> Iterator[str]:
    """Serve the reference with each answer to an attach changed, at the URL that is yielded."""
    server = build(api_key=KEY)
    behaviour = server.world.behaviour
    usual = behaviour.finish

    def finish(call: Call, response: Response) -> Response:
        finished = usual(call, response)
        return change(finished) if call.request.is_attach else finished

    behaviour.finish = finish
    server.start()
    try:
        yield server.url
    finally:
        server.stop()


def throttling() -> AbstractContextManager[str]:
    """Serve a reference that throttles each attach, for ever."""
    now = ("Retry-After", "0")
    return attaching(lambda response: replace(response, status=429, headers=(*response.headers, now)))


def dropping() -> AbstractContextManager[str]:
    """Serve a reference that never answers an attach."""
    return attaching(lambda response: replace(response, dropped=True))


@contextlib.contextmanager
def dead() -> Iterator[str]:
    """Yield a URL at which nothing listens."""
    yield f"http://127.0.0.1:{free_port()}"


SAMPLED = 3


@dataclass(frozen=True)
class Unlike:
    """A target that answers unlike the one of the certificate: how it is served, and what `verify` says about it."""

    serving: Callable[[], AbstractContextManager[str]]
    status: ExitStatus
    said: str
    never: str


UNLIKE = {
    "throttling for ever": Unlike(
        throttling, ExitStatus.NOT_COMPARED, "not compared: not-compared: ", "different: answers: "
    ),
    "dead": Unlike(dead, ExitStatus.NOT_COMPARED, "not compared: not-compared: ", "different: answers: "),
    "hanging up": Unlike(dropping, ExitStatus.DIFFERENT, "different: answers: ", "genuine"),
}


@pytest.fixture(scope="module")
def record(recorded: Recorded) -> Record:
    """The record of a product that conforms."""
    return Record.read(recorded(("contract",))["contract"])


@pytest.mark.parametrize("name", UNLIKE)
def test_a_target_that_gives_no_answer_confirms_nothing(
    name: str,
    record: Record,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A target that hangs up at each attach fails a clause; one that throttles or is dead cannot be compared."""
    unlike = UNLIKE[name]
    private, public = write_keys(tmp_path, ec.generate_private_key(ec.SECP256R1()))
    write_folder(honest(record, private_key(private)), tmp_path / "bundle")
    plan = Plan(record.trials, {}, BUDGETS["standard"].repetitions)
    monkeypatch.setenv("STRIPE_API_KEY", KEY)
    monkeypatch.setattr(checking, "plan_again", lambda _: plan)
    monkeypatch.setattr(random, "SystemRandom", lambda: random.Random(1))
    at = datetime.datetime.fromisoformat(record.footer["ended"]) + datetime.timedelta(hours=1)
    asked = ["verify", str(tmp_path / "bundle"), "--key", str(public), "--at", at.isoformat()]

    assert main(asked) == ExitStatus.CONFORMS, capsys.readouterr().out
    capsys.readouterr()
    with unlike.serving() as url:
        status = main([*asked, "--against", url, "--sample", str(SAMPLED)])

    shown = capsys.readouterr().out
    assert status == unlike.status, shown
    assert unlike.said in shown
    assert unlike.never not in shown
    assert "genuine" not in shown
    assert ("sampled: " in shown) == (name != "dead")
