"""pytest's own errors and tracebacks without the key, which may stand in a variable there."""

from __future__ import annotations

from typing import Any

import pytest
from _pytest._code.code import TerminalRepr
from _pytest._io import TerminalWriter

from conformance.evidence.secret import Secret


class Tracebacks:
    """Takes the key out of what belongs to no test; what does is a report, and is treated with it."""

    def __init__(self, key: Secret) -> None:
        self.key = key

    def pytest_configure(self, config: pytest.Config) -> None:
        """Blot what `--debug` writes, which tells of every call of a hook before the hook itself is called."""
        root: Any = config.trace.root
        if (usual := root._writer) is not None:  # pluggy sets it, and does not tell it
            root.setwriter(lambda text: usual(self.key.blotted(text)))

    @pytest.hookimpl(tryfirst=True)
    def pytest_internalerror(self, excrepr: Any) -> None:
        """Before the terminal, the JUnit file or the controller of this worker gets to see it."""
        self._blot(excrepr)

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Before the terminal has it written down, which `--full-trace` shows."""
        usual = excinfo.getrepr

        def getrepr(*arguments: Any, **options: Any) -> Any:
            try:
                shown = usual(*arguments, **options)
            except TypeError:  # CPython 3.11 does not always know the line at which a signal came
                shown = _repr_without_places(excinfo.value)
            crash = getattr(shown, "reprcrash", None)
            if crash is not None:
                crash.message = crash.message.partition("\n")[0]  # behind that, Hypothesis adds what it was drawing
            return self._blot(shown)

        excinfo.getrepr = getrepr  # type: ignore[method-assign]  # there is no hook for what is made of it

    def _blot(self, shown: TerminalRepr) -> TerminalRepr:
        plain = str(shown)
        if (blotted := self.key.blotted(plain)) != plain:

            def toterminal(tw: TerminalWriter) -> None:
                tw.line(blotted)

            shown.toterminal = toterminal  # type: ignore[method-assign]  # what writes it, in every form
        return shown


def _repr_without_places(error: BaseException) -> Any:
    """Return what pytest makes of an error of the same type and text that was raised here."""
    try:
        raise type(error)(str(error))
    except BaseException as raised:
        return pytest.ExceptionInfo.from_exception(raised).getrepr()
