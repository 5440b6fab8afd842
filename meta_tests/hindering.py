"""A plugin for runs of the suite that are hindered: HINDERED names the way."""

from __future__ import annotations

import os
import shutil
import signal
import time

import pytest

from conformance.evidence.exchange import Exchange
from conformance.fixtures import endpoints, objects
from conformance.plugin.interruptions import APART
from conformance.transport.client import Client

NO_REMOVAL, SMALL_DISK, NO_FOLDER = WAYS = ("no removal", "small disk", "no folder")

MOST_BYTES = 30_000
"""The size of the largest file on the small disk."""


def pytest_configure(config: pytest.Config) -> None:
    """Hinder the removal of objects, or the writing of files."""
    way = os.environ["HINDERED"]
    if way == NO_REMOVAL:
        usual = endpoints.delete_customer

        def interrupted(client: Client, identifier: str) -> Exchange:
            time.sleep(APART + 0.1)
            signal.raise_signal(signal.SIGINT)
            return usual(client, identifier)

        pytest.MonkeyPatch().setattr(objects, "delete_customer", interrupted)
    if way == SMALL_DISK:
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_BYTES, MOST_BYTES))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Remove the folder of the results while the run is on its way."""
    if os.environ["HINDERED"] == NO_FOLDER:
        shutil.rmtree(session.config.option.results)
