"""Wrong options of the suite, said in one line: pytest prints its usage and the places of its files.

The parser behind pytest's own has no public name; a meta test notices when it moves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NoReturn

import pytest

from conformance.evidence.foreign import did_you_mean
from conformance.paths import SUITE

OF_AN_OPTION = re.compile(r"argument (?:-\w, ?)?(?P<name>--[\w-]+)(?P<more>[^:]*): (?P<why>.*)", re.DOTALL)
CHOICE = re.compile(r"invalid choice: '(?P<given>[^']*)'")
UNKNOWN = re.compile(r"unrecognized arguments: .*?(?P<name>--[\w-]+)", re.DOTALL)


def say_what_is_wrong(parser: pytest.Parser) -> None:
    """Have pytest's parser report an error about the suite's options, or a name that is near theirs, in one line."""
    actions = {option.names()[0]: option.attrs() for option in parser.getgroup("conformance").options}
    optparser: Any = parser.optparser
    usual = optparser.error

    def error(message: str) -> NoReturn:
        is_own_run = optparser.extra_info.get("rootdir") == str(SUITE)
        found = OF_AN_OPTION.match(message)
        if found and found["name"] in actions:
            choices = actions[found["name"]].get("choices") or ()
            raise pytest.UsageError(f"{found['name']}: {found['why']}{_hint(found['why'], choices)}")
        unknown = UNKNOWN.match(message)
        near = did_you_mean(unknown["name"], ["--base-url", *actions]) if unknown else ""
        if unknown and (near or is_own_run):
            raise pytest.UsageError(f"there is no option {unknown['name']}{near}")
        usual(message)
        raise AssertionError("the parser of argparse ends here")

    optparser.error = error


def _hint(why: str, choices: Iterable[str]) -> str:
    choice = CHOICE.match(why)
    return did_you_mean(choice["given"], choices) if choice else ""
