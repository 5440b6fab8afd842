"""Strange input that does its harm to the request after it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from ..behaviour import Behaviour
from ..call import Call
from ..forms import BROKEN_ESCAPE
from ..values import Response
from .registry import Chapter
from .robustness import decoded, drop, identifier, is_utf8
from .tools import crash

seed = Chapter("aftermath", "contract")


def poison(b: Behaviour, when: Callable[[Call], bool], then: Callable[[Call], Response]) -> None:
    """Answer the next decent request wrongly, once, after one of some kind."""
    poisoned: list[bool] = []
    usual = b.serve

    def serve(call: Call) -> Response:
        if not call.is_attach:
            return usual(call)
        if when(call):
            poisoned[:] = [True]
            return usual(call)
        if not poisoned or not is_plain(call):
            return usual(call)
        poisoned.clear()
        return then(call)

    b.serve = serve


def is_plain(call: Call) -> bool:
    """Whether a request looks like a plain one that attaches."""
    return re.fullmatch(rb"customer=[A-Za-z0-9_]+", call.request.body) is not None


@seed("robustness.still-serving", "medium")
def malformed_body_breaks_the_next(b: Behaviour) -> None:
    """After a malformed body the next good request is a 500."""
    poison(b, lambda call: bool(BROKEN_ESCAPE.search(call.request.body)), crash)


@seed("robustness.still-serving", "hard")
def invalid_utf8_loses_the_next(b: Behaviour) -> None:
    """After bytes that are no UTF-8 the next good request loses its connection."""
    poison(b, lambda call: not is_utf8(decoded(call)), drop)


@seed("robustness.still-serving", "hard")
def long_path_refuses_the_next(b: Behaviour) -> None:
    """After a very long id in the path the next good request is refused."""
    usual = b.serve

    def empty(call: Call) -> Response:
        call.request = replace(call.request, body=b"")
        return usual(call)

    poison(b, lambda call: len(identifier(call)) > 2000, empty)


@seed("robustness.still-serving", "hard")
def many_parameters_break_the_next(b: Behaviour) -> None:
    """After thousands of parameters the next good request is a 500."""
    poison(b, lambda call: call.request.body.count(b"&") >= 5000, crash)
