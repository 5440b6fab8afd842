"""Calls that do not need each other's results, at the same time or one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class InTurn(Executor):
    """Makes each call at once, in the thread that asks for it; what the call raises is raised there."""

    def submit(
        self, call: Callable[Arguments, Result], /, *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Future[Result]:
        """Make a call, and return a future that has its result."""
        made: Future[Result] = Future()
        made.set_result(call(*args, **kwargs))
        return made

    def map(
        self, fn: Callable[..., Result], *iterables: Iterable[Any], timeout: float | None = None, chunksize: int = 1
    ) -> Iterator[Result]:
        """Yield the result of each call, which is made when it is asked for."""
        return map(fn, *iterables)


def executor(at_once: int) -> Executor:
    """Return what makes `at_once` calls at the same time; 1 for one after the other, in this thread."""
    return ThreadPoolExecutor(at_once) if at_once > 1 else InTurn()
