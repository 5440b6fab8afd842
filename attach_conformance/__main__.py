"""The program `attach-conformance`, and `python -m attach_conformance`: start a command of the suite."""

from __future__ import annotations

import sys
from pathlib import Path

INTERRUPTED = 2
"""The exit status of what the user ended, as that of pytest: perhaps nothing of the suite is loaded by then."""
PACKAGE = Path(__file__).resolve().parent


def suite_folder() -> Path:
    """Return the folder of the suite's packages: in this package where a wheel was installed, or else the clone."""
    packed = PACKAGE / "suite"
    return packed if packed.is_dir() else PACKAGE.parent


def main() -> int:
    """Run the command that the arguments give, and return its exit status; INTERRUPTED where nothing else is."""
    sys.path.insert(0, str(suite_folder()))
    try:
        from conformance.__main__ import main as run_command

        return run_command()
    except KeyboardInterrupt:
        print("interrupted before the end: run the command again", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
