"""Start pytest with the suite's tests: alike in every project, in a clone and in a wheel."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import pytest

from conformance.paths import SUITE, TESTS, cache_of_user

PLUGINS = ("conformance.plugin.hooks", "base_url", "html", "metadata", "xdist", "hypothesispytest", "schemathesis")
"""The pytest plugins that the suite runs with: its own module, and the entry points of others; `-p NAME` adds more."""

FOREIGN = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DEBUG", "PYTEST_XDIST_AUTO_NUM_WORKERS")
"""Environment variables that change what pytest does."""

RUN_COMMAND = (sys.executable, str(SUITE / "conformance"), "run")
"""A run in a process of its own; the options of the suite and of pytest come next."""


def run_pytest(given: Sequence[str], plugins: Sequence[object] = ()) -> int:
    """Run the suite's tests in this process with the options `given`, and return pytest's exit status."""
    _set_own_environment()
    return int(pytest.main(arguments_of_pytest(given), plugins=list(plugins)))


def arguments_of_pytest(given: Sequence[str]) -> list[str]:
    """Return the arguments of pytest: the suite's tests and configuration, and then those of the user."""
    own = [str(TESTS), f"--rootdir={SUITE}", f"--config-file={SUITE / 'pyproject.toml'}", f"--confcutdir={SUITE}"]
    plugins = [word for name in PLUGINS for word in ("-p", name)]
    # Some of these are imported before pytest could rewrite their assertions, which does not matter here.
    quiet = ("-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning")
    # The suite's tests assert nothing; rewritten, they would leave files in an environment that nobody removes.
    return [*own, "-p", "no:cacheprovider", "--assert=plain", *quiet, *plugins, *given]


def _set_own_environment() -> None:
    """Keep the settings and plugins of others away, and the files of Hypothesis out of the current folder.

    Hypothesis keeps tables of Unicode there that take seconds to compute, and no examples of ours: so that they are
    computed once for all runs of a user, they stand with the other programs' caches.
    """
    for name in FOREIGN:
        os.environ.pop(name, None)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(cache_of_user()))
