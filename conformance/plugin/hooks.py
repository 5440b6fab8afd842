"""The pytest plugin: registers the options, and wakes up only when the suite's own tests are asked for."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from conformance.evidence.secret import made_up_key
from conformance.paths import SUITE, other_copy
from conformance.plugin import options
from conformance.plugin.garbage import collect_rarely, spare_what_exists
from conformance.plugin.interruptions import handled
from conformance.plugin.order import slug_of
from conformance.plugin.output import open_closed_error_output, open_nowhere, surviving_output
from conformance.plugin.project import project_arguments
from conformance.plugin.rootdir import find_root_again
from conformance.plugin.wrong_options import say_what_is_wrong
from conformance.scenes.budgets import BUDGETS
from conformance.scenes.marks import MARK
from conformance.verdict.previous import keep_record
from conformance.verdict.settings import KEY_VARIABLE, REPORT_FILE
from contracts import Catalogue, load_catalogue
from contracts.catalogue import PROFILES

if TYPE_CHECKING:
    from conformance.plugin.items import ItemRunner
    from conformance.scenes.engine import Engine


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register the suite's options."""
    options.add_options(parser)
    say_what_is_wrong(parser)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> Generator[None, None, None]:
    """Take a key off the command line before anything can show it, and settle root directory and options again."""
    find_root_again(early_config)
    if options.will_select_suite(early_config):
        open_closed_error_output()
        early_config.add_cleanup(collect_rarely())
    args[:0] = project_arguments(early_config, parser, args)
    options.hide_key(args, os.environ)
    options.hide_key(sys.argv, os.environ)
    early_config.known_args_namespace.api_key = None
    shown = list(early_config.invocation_params.args)
    options.hide_key(shown, {})
    object.__setattr__(early_config.invocation_params, "args", tuple(shown))
    early_config.add_cleanup(lambda: _replace_closed_output(early_config))  # after pytest's capturing has ended
    return (yield)


def _replace_closed_output(config: pytest.Config) -> None:
    """Have a standard output after a run of the suite, which pytest flushes, if it was closed from the start."""
    if sys.stdout is None and options.selects_suite(config):
        sys.stdout = open_nowhere()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Wake up when this suite's tests are selected; otherwise stay inert."""
    config.addinivalue_line("markers", f"{MARK}(slug, also): the clause of the catalogue that a test is for")
    for name in marks_of(load_catalogue()):
        config.addinivalue_line("markers", f"{name}: a test of a clause of that profile or chapter")
    config.option.api_key = None
    _refuse_other_copy(config)
    if not options.selects_suite(config) or config.option.collectonly or getattr(config.option, "help", False):
        return
    worker_input = getattr(config, "workerinput", None)
    if worker_input is not None:
        from conformance.plugin.selecting import settle_profile
        from conformance.plugin.worker import start_worker

        settle_profile(config)
        start_worker(config, worker_input)
        return
    from conformance.plugin.rehearsing import keep_quiet
    from conformance.plugin.selecting import check_marks, settle_profile
    from conformance.targets.choosing import choose_target, implementation_of, key_source, started_name

    if sys.flags.optimize:
        raise pytest.UsageError(
            "Python left out assertions, which Schemathesis needs, or docstrings, which the suite shows: "
            "unset PYTHONOPTIMIZE, give no -O"
        )
    options.check_empty(config)
    options.prepare_exploring(config)
    choose_target(config)
    options.check_clauses(config)
    registered = [re.split(r"[:(]", line)[0] for line in config.getini("markers")]
    check_marks(config.option.markexpr, load_catalogue(), [*registered, MARK])
    settle_profile(config)
    implementation, started = implementation_of(config), started_name(config)
    settings = replace(options.settings_of(config), implementation=implementation, target=started)
    key = made_up_key() if settings.dry_run else options.key_for(key_source(config, os.environ), settings.base_url)
    os.environ[KEY_VARIABLE] = key.reveal()
    if settings.dry_run:
        keep_quiet(config)
    else:
        _write_results_to(config, settings.results)
    surviving = surviving_output(f"the run goes on without it; its results will be in {config.option.results}")
    stack = contextlib.ExitStack()
    stack.enter_context(surviving)
    interruptions = stack.enter_context(handled())
    config.add_cleanup(stack.close)
    from conformance.plugin.controller import Controller
    from conformance.plugin.rehearsing import Rehearsal
    from conformance.plugin.tracebacks import Tracebacks

    config.pluginmanager.register(Tracebacks(key), "conformance-tracebacks")
    controller = Controller(config, settings, key, interruptions)
    config.pluginmanager.register(controller, "conformance-controller")
    if settings.dry_run:
        config.pluginmanager.register(Rehearsal(config, settings, controller), "conformance-rehearsal")
    if settings.explore is not None:
        from conformance.plugin.exploring import Explorer

        config.pluginmanager.register(
            Explorer(config, settings.seed, settings.explore, controller), "conformance-explorer"
        )


def _refuse_other_copy(config: pytest.Config) -> None:
    """Raise pytest.UsageError where the tests are those of another copy of the suite than this plugin."""
    for other in filter(None, map(other_copy, options.paths(config, config.args))):
        install = f"{shlex.quote(sys.executable)} -m pip install --editable {shlex.quote(str(other))}"
        raise pytest.UsageError(
            f"the tests in {other} need the plugin of their own copy of the suite, and pytest has that of {SUITE}: "
            f"run `{install}`, or the tests of that copy"
        )


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say which implementation `--target` chose."""
    from conformance.targets.choosing import what_is_tested

    line = what_is_tested(config)
    return [line] if line else []


def marks_of(catalogue: Catalogue) -> tuple[str, ...]:
    """Return the marks that tests have for `-m`: profiles and chapters."""
    return tuple(dict.fromkeys([*PROFILES, *(clause.chapter for clause in catalogue)]))


def _write_results_to(config: pytest.Config, results: Path) -> None:
    """Have pytest write its HTML report there, unless the user said where."""
    _require_writable(results, f"--results {config.option.results}")
    keep_record(results)
    html = getattr(config.option, "htmlpath", None)
    if html is None:
        config.option.htmlpath = str(results / REPORT_FILE)
    else:
        _require_writable(Path(html).parent, f"--html {html}")
    config.option.self_contained_html = True
    if config.option.tbstyle == "auto":
        config.option.tbstyle = "no"
    if config.option.reportchars == "fE":
        config.option.reportchars = "E"


def _require_writable(folder: Path, option: str) -> None:
    """Make a folder. Raises pytest.UsageError, which names the option, if nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        why = f"nothing can be written there ({error.strerror or error}): name another folder"
        raise pytest.UsageError(f"{option}: {why}") from None


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark a test of the suite with the profile and the chapter of its clause."""
    slug = slug_of(item)
    if slug:
        clause = load_catalogue()[slug]
        item.add_marker(clause.profile)
        item.add_marker(clause.chapter)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Have the id of a test carry the clause that it is for."""
    mark = metafunc.definition.get_closest_marker(MARK)
    slug = mark.args[0] if mark is not None and mark.args else ""
    if slug:
        metafunc.fixturenames.append("named_clause")
        metafunc.parametrize("named_clause", [slug], indirect=True, ids=[slug], scope="session")


@pytest.fixture(scope="session")
def named_clause(request: pytest.FixtureRequest) -> str:
    """Return the clause that a test is for, which its id carries."""
    slug: str = request.param
    return slug


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what the chosen profile does not ask for, and put what tells the most first."""
    if not options.selects_suite(config) or config.option.collectonly:
        return
    if "conformance" not in getattr(config, "workerinput", {"conformance": None}):
        items.clear()  # the controller could not reach the target, and says so
        return
    from conformance.plugin.order import in_catalogue_order, in_order_of_need
    from conformance.plugin.selecting import Selection

    catalogue = load_catalogue()
    option = config.option
    selection = Selection(catalogue, option.profile, option.clause, option.without_clause)
    is_whole = BUDGETS[option.budget].whole
    chosen = [item for item in items if selection.wants(item, is_whole=is_whole)]
    left_out = [item for item in items if item not in chosen]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
    is_given = bool(option.payment_method) and not option.dry_run
    items[:] = in_order_of_need(chosen, catalogue) if is_given else in_catalogue_order(chosen, catalogue)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Spare the garbage collector what was imported and collected."""
    if options.selects_suite(session.config):
        spare_what_exists()


@pytest.hookimpl(wrapper=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, Any, Any]:
    """Leave the key where it was found, not in the environment of the caller of `pytest.main`."""
    before = os.environ.get(KEY_VARIABLE)
    try:
        return (yield)
    finally:
        if before is None:
            os.environ.pop(KEY_VARIABLE, None)


@pytest.fixture(scope="session")
def scene(pytestconfig: pytest.Config) -> Engine:
    """Return the engine that tells the stories of the tests, each on a scene of its own."""
    runner: ItemRunner | None = pytestconfig.pluginmanager.get_plugin("conformance-items")
    assert runner is not None, "the suite's own tests run only under its plugin"
    return runner.engine
