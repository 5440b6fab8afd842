"""A process that runs tests: a worker of pytest-xdist, or the only one there is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import pytest

from conformance.evidence.secret import Secret
from conformance.fixtures.provisioning import Provision
from conformance.plugin.drawing import set_up_hypothesis
from conformance.plugin.interruptions import Interruptions, Phase, make_showable
from conformance.plugin.items import ItemRunner
from conformance.plugin.options import settings_of
from conformance.plugin.tracebacks import Tracebacks
from conformance.transport.bounds import Bounds
from conformance.verdict.settings import KEY_VARIABLE

RUNNER = "conformance-items"


def start_worker(config: pytest.Config, worker_input: Mapping[str, Any]) -> None:
    """Make a worker run items as its controller says; nothing where the controller could not reach the target."""
    given = worker_input.get("conformance")
    settings = settings_of(config)
    set_up_hypothesis(settings)
    if given is None:
        return
    key = Secret(os.environ[KEY_VARIABLE])
    config.pluginmanager.register(Tracebacks(key), "conformance-tracebacks")
    number = int("".join(char for char in str(worker_input["workerid"]) if char.isdecimal()) or 0)
    runner = ItemRunner(
        settings,
        given["base_url"],
        Provision.from_json(given["provision"]),
        key,
        bounds=Bounds.from_json(given["bounds"]),
        workers=given["workers"],
        worker=number,
    )
    config.pluginmanager.register(runner, RUNNER)
    interruptions = Interruptions()
    interruptions.install()
    config.pluginmanager.register(_CleanUp(runner, interruptions), "conformance-clean-up")


class _CleanUp:
    """Removes what a worker made, and tells the controller what is left."""

    def __init__(self, runner: ItemRunner, interruptions: Interruptions) -> None:
        self.runner = runner
        self.interruptions = interruptions

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Have no signal do anything from here to the clean-up."""
        self.interruptions.phase = Phase.WRITING
        make_showable(excinfo)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        with self.interruptions.cleaning():
            result = self.runner.wrap_up()
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output["conformance"] = result
