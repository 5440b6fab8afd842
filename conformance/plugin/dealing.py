"""Tests dealt out to the workers of pytest-xdist, so that several find what one finds.

Tests that lean on each other, on objects or on what is known to be broken already, go to one worker, in their usual
order. Ids that were given exist once: with them, one worker runs everything.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import time
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController, parse_tx_spec_config

from conformance.fixtures.provisioning import Provision
from conformance.plugin.careful import Errors
from conformance.plugin.order import name_in
from conformance.transport.bounds import CLEAN_UP_SECONDS, Bounds
from conformance.verdict.needs import requests_of_tests

LEANS_ON = {"test_stripe": "test_state", "test_idempotency": "test_state"}
"""The chapters that use what another has attached, listed or detached, and that one."""

INTERRUPTED = "keyboard-interrupt"
"""What pytest-xdist calls the end of a worker that was interrupted."""


def group_of(nodeid: str) -> str:
    """Return the group of a test: its chapter, or the one on which that leans."""
    chapter = nodeid.partition("::")[0].rpartition("/")[2].removesuffix(".py")
    return LEANS_ON.get(chapter, chapter)


def workers_at_work(workers: int, nodeids: Iterable[str]) -> int:
    """Return how many of the `workers` get tests at all, and so share the rate."""
    return max(1, min(workers, len(set(map(group_of, nodeids)))))


class ByGroup(LoadScopeScheduling):
    """Gives each worker one group after the other, the longest first; all tests in their order to one that is alone."""

    def remove_node(self, node: WorkerController) -> str | None:
        """Take a worker off; where it died, return its test and leave the other tests that it had to the others.

        The inherited method has the test that ended the worker run again, which ends the next worker, too.
        """
        workload = self.assigned_work.pop(node)
        left = {scope: [nodeid for nodeid, done in unit.items() if not done] for scope, unit in workload.items()}
        crashed = next(chain.from_iterable(left.values()), None)
        for scope, nodeids in left.items():
            if unit := {nodeid: False for nodeid in nodeids if nodeid != crashed}:
                self.workqueue[scope] = unit
        for other in self.nodes:
            self._reschedule(other)
        return crashed

    def _assign_work_unit(self, node: WorkerController) -> None:
        """Give a worker the group that sends the most requests of those that are left."""
        requests = requests_of_tests()

        def length(scope: str) -> int:
            return sum(requests.get(name_in(nodeid), 0) for nodeid in self.workqueue[scope])

        self.workqueue.move_to_end(max(self.workqueue, key=length), last=False)
        super()._assign_work_unit(node)

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid) if self.numnodes > 1 else ""


class Workers:
    """The workers of a run, as the controller sees them: their number, their input and their output."""

    def __init__(self, config: pytest.Config, errors: Errors, hear: Callable[..., None]) -> None:
        self.config = config
        self.asked_for = self.count
        self._errors = errors
        self._hear = hear
        self._told: dict[str, Any] | None = None

    @property
    def count(self) -> int | None:
        """The number of workers that pytest-xdist runs; None without it."""
        return len(parse_tx_spec_config(self.config)) if getattr(self.config.option, "tx", None) else None

    def send_to(self, base_url: str, provision: Provision, bounds: Bounds | None = None) -> None:
        """Say where the target is and how it gives fixtures, before the workers start: one alone uses given ids."""
        if provision.has_given_ids and self.count is not None:
            self.config.option.tx = parse_tx_spec_config(self.config)[:1]
        self._told = {
            "base_url": base_url,
            "provision": provision.to_json(),
            "workers": self.count or 1,
            "bounds": (bounds or Bounds()).to_json(),
        }

    def header_lines(self) -> list[str]:
        """Say how many workers there are, and why not as many as were asked for; nothing without pytest-xdist."""
        if self.asked_for is None:
            return []
        if self.count != self.asked_for:
            return [f"workers: 1 of {self.asked_for}, at the whole rate: each given id can be used up only once"]
        return [f"workers: {self.count}" + ", each with whole chapters" * (self.count != 1)]

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Producer) -> ByGroup:
        """Deal the tests out by group, regardless of `--dist`."""
        return ByGroup(config, log)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker where the target is and how it gives fixtures."""
        if self._told is not None:
            node.workerinput["conformance"] = self._told

    def stop(self) -> None:
        """Interrupt the workers, and hear from each what it made and left; pytest-xdist would just kill them."""
        distributed: Any = self.config.pluginmanager.get_plugin("dsession")
        nodes = distributed._active_nodes if distributed is not None else ()
        active = {node for node in nodes if hasattr(node, "workerinfo")}  # the others have not begun
        for node in active:
            with contextlib.suppress(OSError):
                os.kill(node.workerinfo["pid"], signal.SIGINT)
        deadline = time.monotonic() + CLEAN_UP_SECONDS
        with contextlib.suppress(queue.Empty, KeyboardInterrupt):
            while active:
                name, arguments = distributed.queue.get(timeout=max(0.0, deadline - time.monotonic()))
                if name == "testreport":
                    distributed.worker_testreport(**arguments)
                elif name in ("workerfinished", "errordown"):
                    self.pytest_testnodedown(arguments["node"], None)
                    active.discard(arguments["node"])

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Hear from a worker what it made and left."""
        output = getattr(node, "workeroutput", {}).pop("conformance", None)
        if output:
            self._hear(**output)
        if error and error != INTERRUPTED:
            self._errors.add_text(f"worker {node.gateway.id}", str(error))
