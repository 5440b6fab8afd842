"""Wrong usage: an error that is the user's, and that a command ends with."""

from __future__ import annotations

from conformance.verdict.run import ExitStatus


class Misuse(ValueError):
    """A file, an option or a target that cannot be used; the message says why. The command ends with `status`."""

    def __init__(self, message: str, status: ExitStatus = ExitStatus.WRONG_USAGE) -> None:
        super().__init__(message)
        self.status = status
