"""The options of a run: what may be said on the command line, and the settings that it means."""

from __future__ import annotations

import argparse
import os
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from conformance.evidence.foreign import did_you_mean, usable_id
from conformance.evidence.secret import LiveKeyError, Secret, made_up_key
from conformance.fixtures.capabilities import CAPABILITY_NAMES
from conformance.paths import TESTS, leads_to_tests
from conformance.plugin.selecting import left_out
from conformance.scenes.budgets import BUDGETS
from conformance.transport.client import DEFAULT_TIMEOUT, Address, TargetError
from conformance.verdict.expectations import Expectations, ExpectationsError, read_expectations
from conformance.verdict.settings import (
    DEFAULT_RATE,
    DEFAULT_SEED,
    KEY_VARIABLE,
    LARGEST_RANDOM_SEED,
    LARGEST_SEED,
    SECONDS_A_REQUEST,
    Settings,
    default_max_time,
)
from contracts import load_catalogue
from contracts.catalogue import PROFILES

BASE_URL_HELP = "the target; without it the embedded reference"
"""What `--base-url` means here; the option itself is pytest-base-url's."""

DEFAULT_AT_ONCE = 8
"""How many tests are performed at the same time on a server that is not on this machine."""

MOST_AT_ONCE = 64
"""The most tests that may be performed at the same time: more would only wait for each other."""

LOWEST_RATE = 1 / 60
"""The lowest rate, in requests a second."""

LONGEST_TIMEOUT = 24 * 60 * 60.0
"""The longest time that one exchange may take, in seconds; a socket waits for no number that is much larger."""


def add_options(parser: pytest.Parser) -> None:
    """Register the suite's options."""
    group = parser.getgroup("conformance", "conformance of POST /v1/payment_methods/{payment_method}/attach")
    group.addoption(
        "--api-key",
        metavar="KEY",
        help=f"test key to send; better given in the environment variable {KEY_VARIABLE} (live keys are refused)",
    )
    group.addoption(
        "--target",
        metavar="NAME-or-FILE",
        help="a known implementation, or the file that describes one: it is started, tested and stopped again "
        "(see docs/adding-a-target.md; with --base-url it is not started); @VERSION behind it names another version",
    )
    group.addoption(
        "--clause",
        action="append",
        default=[],
        metavar="SLUG",
        help="judge only this clause and those that it rests on, of any profile; repeatable",
    )
    group.addoption(
        "--without-clause",
        action="append",
        default=[],
        metavar="SLUG",
        help="leave this clause out of everything, also of what other tests see in passing; repeatable",
    )
    group.addoption(
        "--profile",
        choices=PROFILES,
        default=None,
        help="profile that decides the exit status; each includes those before it (default: "
        f"{PROFILES[-1]}; with --clause or -m the narrowest that has all that is asked for)",
    )
    group.addoption(
        "--level",
        choices=("must", "should"),
        default="must",
        help="whether missed SHOULDs decide the verdict too (default: %(default)s)",
    )
    group.addoption(
        "--payment-method",
        action="append",
        default=[],
        metavar="ID",
        help="id of an unattached payment method that exists on the target; repeatable. A shared test token such as "
        "pm_card_visa is none: each use of it makes another",
    )
    group.addoption(
        "--customer",
        action="append",
        default=[],
        metavar="ID",
        help="id of a customer that exists on the target; repeatable",
    )
    group.addoption(
        "--results",
        metavar="DIR",
        default="reports",
        help="folder for the report and the results (default: %(default)s)",
    )
    group.addoption(
        "--budget",
        choices=tuple(BUDGETS),
        default="standard",
        help="how much is generated beside the pinned attempts (default: %(default)s)",
    )
    group.addoption(
        "--seed",
        type=whole_number,
        default=None,
        metavar="N",
        help=f"draw another plan (default: {DEFAULT_SEED}; with --explore a random one)",
    )
    group.addoption(
        "--rate",
        type=pace,
        default=None,
        metavar="PER_SECOND",
        help=f"most requests a second (default: {DEFAULT_RATE:g}, no limit on loopback)",
    )
    group.addoption(
        "--concurrency",
        type=few,
        default=None,
        metavar="N",
        help=f"how many tests to perform at the same time, within the rate (default: {DEFAULT_AT_ONCE}, 1 on loopback; "
        "always 1 with -n or with given ids); what shows only now and then may need 1",
    )
    group.addoption(
        "--timeout",
        type=patience,
        default=DEFAULT_TIMEOUT,
        metavar="SECONDS",
        help="how long an exchange may take, from the look-up of the host to the last byte (default: %(default)s)",
    )
    group.addoption(
        "--max-time",
        type=positive,
        default=None,
        metavar="SECONDS",
        help="stop sending after that time; what was found by then stands, and the rest is not run (default: no limit "
        f"on loopback, else {SECONDS_A_REQUEST:g} s and the pace of --rate for each request of the plan: "
        f"{default_max_time('standard', None) / 60:.0f} min with --budget standard; --explore adds its minutes)",
    )
    group.addoption(
        "--max-requests",
        type=count,
        default=None,
        metavar="N",
        help="stop sending after that many requests, of all workers together, likewise; removing what the run has made "
        "comes on top (default: no limit)",
    )
    group.addoption(
        "--require",
        action="append",
        default=[],
        choices=CAPABILITY_NAMES,
        metavar="CAPABILITY",
        help=f"fail where the target lacks this capability; repeatable: {', '.join(CAPABILITY_NAMES)}",
    )
    group.addoption(
        "--expectations",
        metavar="FILE",
        help="TOML file of known failures: any other failure fails the run, and so does an entry that no longer fails",
    )
    group.addoption(
        "--write-expectations",
        metavar="FILE",
        help="propose such a file from this run, with what was observed as reasons; an existing file is left alone",
    )
    group.addoption(
        "--explore",
        type=positive,
        default=None,
        metavar="MINUTES",
        help="after the run draw other attempts, with other seeds, until these minutes are over; never part of a "
        "certificate (see docs/exploring.md)",
    )
    group.addoption(
        "--dry-run",
        action="store_true",
        help="send nothing to the target and write nothing: say how many requests a run would send, what it would "
        "create or need, and how long it would take; needs no key",
    )


def whole_number(text: str) -> int:
    """Return the seed that `text` is. Raises argparse.ArgumentTypeError for what cannot be one."""
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None
    if number < 0:
        raise argparse.ArgumentTypeError("a seed is not negative")
    if number > LARGEST_SEED:
        raise argparse.ArgumentTypeError("a seed has at most 40 digits")
    return number


def positive(text: str) -> float:
    """Return the number above zero that `text` is. Raises argparse.ArgumentTypeError for anything else."""
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from None
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not above zero")
    return number


def pace(text: str) -> float:
    """Return the requests a second that `text` is. Raises argparse.ArgumentTypeError for too few to end a run."""
    number = positive(text)
    if number < LOWEST_RATE:
        raise argparse.ArgumentTypeError(f"{text} requests a second are too few: {LOWEST_RATE:.3f} is the least")
    return number


def patience(text: str) -> float:
    """Return the seconds that `text` is. Raises argparse.ArgumentTypeError for more than a day."""
    number = positive(text)
    if number > LONGEST_TIMEOUT:
        raise argparse.ArgumentTypeError(f"{text} s are too long: {LONGEST_TIMEOUT:.0f} s is the most")
    return number


def few(text: str) -> int:
    """Return how many tests `text` has performed at the same time. Raises argparse.ArgumentTypeError for too many."""
    number = count(text)
    if number > MOST_AT_ONCE:
        raise argparse.ArgumentTypeError(f"{text} tests at the same time are too many: {MOST_AT_ONCE} is the most")
    return number


def count(text: str) -> int:
    """Return the count above zero that `text` is. Raises argparse.ArgumentTypeError for anything else."""
    number = positive(text)
    if number != int(number):
        raise argparse.ArgumentTypeError(f"{text} is no whole number")
    return int(number)


def settings_of(config: pytest.Config) -> Settings:
    """Return the settings that the command line means.

    A rehearsal on the embedded reference keeps to no rate and to no time. Raises pytest.UsageError with one line for
    what it cannot mean.
    """
    option = config.option
    try:
        address = Address.of(option.base_url) if option.base_url else None
    except TargetError as error:
        raise pytest.UsageError(str(error)) from None
    results = config.invocation_params.dir / option.results
    if results.exists() and not results.is_dir():
        raise pytest.UsageError(f"--results {option.results}: that is a file, not a folder")
    for name in ("payment_method", "customer"):
        check_ids(f"--{name.replace('_', '-')}", getattr(option, name))
    return Settings(
        base_url=address.url if address else None,
        profile=option.profile,
        level=option.level,
        payment_methods=tuple(option.payment_method),
        customers=tuple(option.customer),
        results=results,
        budget=option.budget,
        seed=DEFAULT_SEED if option.seed is None else option.seed,
        rate=None if option.dry_run else option.rate,
        timeout=option.timeout,
        max_time=None if option.dry_run else option.max_time,
        max_requests=option.max_requests,
        dry_run=option.dry_run,
        required=tuple(option.require),
        expectations=_expectations(config),
        proposal=_proposal(config),
        explore=option.explore,
        concurrency=concurrency_of(option, address),
        left_out=tuple(sorted(left_out(load_catalogue(), option.clause, option.without_clause))),
    )


def concurrency_of(option: Any, address: Address | None) -> int:
    """Return how many tests are performed at the same time: given ids are used up in order, and workers are enough."""
    if option.payment_method or option.customer or getattr(option, "tx", None):
        return 1
    is_near = address is None or address.is_loopback
    return option.concurrency or (1 if is_near else DEFAULT_AT_ONCE)


def _expectations(config: pytest.Config) -> Expectations | None:
    """Return the expectations in the file given as `--expectations`.

    Raises pytest.UsageError with a line for each error in it.
    """
    name = config.option.expectations
    if name is None or config.option.explore is not None:
        return None
    here = config.invocation_params.dir
    path = Path(here, name)
    shown = str(path.relative_to(here)) if path.is_relative_to(here) else name
    try:
        return read_expectations(path, shown, load_catalogue())
    except ExpectationsError as error:
        raise pytest.UsageError(*map(str, error.problems)) from None


def _proposal(config: pytest.Config) -> Path | None:
    """Return the path for `--write-expectations`. Raises pytest.UsageError where something is in the way."""
    name = config.option.write_expectations
    if name is None:
        return None
    path = Path(config.invocation_params.dir, name)
    if path.exists() or not path.parent.is_dir():
        what = "is there already and stays as it is: name another" if path.exists() else "would lie in no folder"
        raise pytest.UsageError(f"--write-expectations {name}: that file {what}")
    return path


NEVER_IN_AN_ID = frozenset(" /")
"""Characters that a user's id has by mistake: of a list of ids, or of a URL."""


def check_ids(option: str, identifiers: Sequence[str]) -> None:
    """Raise pytest.UsageError for what can be no id, given with `option`."""
    for identifier in identifiers:
        if not usable_id(identifier) or not NEVER_IN_AN_ID.isdisjoint(identifier):
            raise pytest.UsageError(f"{option} {identifier!r} is no id: visible ASCII characters, none of them %&+/")


def key_for(environment: Mapping[str, str], base_url: str | None) -> Secret:
    """Return the key from the environment; for a target on this machine a made-up one when there is none.

    Raises pytest.UsageError for a live key, an ill-formed one, or a missing one where one is needed.
    """
    given = environment.get(KEY_VARIABLE, "")
    if given:
        try:
            return Secret.given(given)
        except (LiveKeyError, ValueError) as error:
            raise pytest.UsageError(str(error)) from None
    if base_url is None or Address(base_url).is_loopback:
        return made_up_key()
    raise pytest.UsageError(f"a target off this machine needs a test key: give it in {KEY_VARIABLE}")


def hide_key(arguments: list[str], environment: dict[str, str] | os._Environ[str]) -> None:
    """Move a key given as `--api-key` from the argument list, in place, into the environment."""
    index = 0
    while index < len(arguments):
        name, equals, value = arguments[index].partition("=")
        if name == "--api-key" and equals:
            environment[KEY_VARIABLE] = value
            del arguments[index]
        elif name == "--api-key" and index + 1 < len(arguments):
            environment[KEY_VARIABLE] = arguments[index + 1]
            del arguments[index : index + 2]
        else:
            index += 1


NEVER_EMPTY = ("base_url", "target", "results")
"""The options that mean something else where they are left out, so that an empty one must not pass for that."""


def check_empty(config: pytest.Config) -> None:
    """Raise pytest.UsageError for an option that is given and empty, as by a variable that is not set."""
    for name in NEVER_EMPTY:
        if getattr(config.option, name, None) == "":
            shown = f"--{name.replace('_', '-')}"
            raise pytest.UsageError(f"{shown} is empty: give a value (is a variable set?), or leave {shown} out")


def check_clauses(config: pytest.Config) -> None:
    """Raise pytest.UsageError when `--clause` or `--without-clause` names one that does not exist."""
    catalogue = load_catalogue()
    for option in ("clause", "without_clause"):
        for slug in getattr(config.option, option):
            if slug not in catalogue:
                near = did_you_mean(slug, catalogue.by_slug)
                hint = near or " (docs/clauses.md lists them)"
                raise pytest.UsageError(f"--{option.replace('_', '-')} {slug}: there is no such clause{hint}")


def prepare_exploring(config: pytest.Config) -> None:
    """Choose the seed of an exploration, if there is to be one.

    Raises pytest.UsageError for what does not go with it: it satisfies no expectations, and is one search.
    """
    option = config.option
    if option.explore is None:
        return
    others = {name: getattr(option, name, None) for name in ("expectations", "write_expectations", "dry_run")}
    if getattr(option, "tx", None):
        others["numprocesses"] = True
    beside = next((name for name, given in others.items() if given), "")
    if beside:
        raise pytest.UsageError(
            f"--explore does not go with --{beside.replace('_', '-')}: an exploration is one search"
        )
    if option.seed is None:
        option.seed = random.SystemRandom().randrange(LARGEST_RANDOM_SEED)


NARROWING = {
    "keyword": "-k {}",
    "markexpr": "-m {}",
    "maxfail": "--maxfail={}",
    "clause": "--clause {}",
    "without_clause": "--without-clause {}",
    "deselect": "--deselect {}",
    "ignore": "--ignore {}",
    "ignore_glob": "--ignore-glob {}",
    "lf": "--lf",
    "stepwise": "--stepwise",
    "dry_run": "--dry-run",
}
"""The options that narrow a run to a part of the profile, and the form in which each is shown."""


def narrowed_by(config: pytest.Config) -> str:
    """Return in words how the run is narrowed to a part of the profile; empty where it is not."""
    given = {name: getattr(config.option, name, None) for name in NARROWING}
    words = [NARROWING[name].format(value) for name, values in given.items() for value in _as_list(values)]
    whole = any(
        "::" not in argument and path in (TESTS, *TESTS.parents)
        for argument, path in zip(config.args, paths(config, config.args), strict=True)
    )
    return " ".join(words if whole else [*words, *(argument.rpartition("/")[2] for argument in config.args)])


def _as_list(value: Any) -> list[Any]:
    """Return the values of an option that may be repeatable; none for one that is not given."""
    return value if isinstance(value, list) else [value] * bool(value)


def paths(config: pytest.Config, arguments: Sequence[str]) -> list[Path]:
    """Return the paths in what pytest is asked to collect."""
    return [Path(config.invocation_params.dir, argument.partition("::")[0]).resolve() for argument in arguments]


def selects_suite(config: pytest.Config) -> bool:
    """Return whether what pytest was asked to collect includes this suite's tests."""
    return any(map(leads_to_tests, paths(config, config.args)))


def will_select_suite(config: pytest.Config) -> bool:
    """Return whether the command line names this suite's tests, before pytest has settled what it collects."""
    return any(map(leads_to_tests, paths(config, config.known_args_namespace.file_or_dir or ["."])))
