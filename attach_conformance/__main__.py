"""The program `attach-conformance`, and `python -m attach_conformance`: start a command of the suite."""

from __future__ import annotations

import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def suite_folder() -> Path:
    """Return the folder of the suite's packages: in this package where a wheel was installed, or else the clone."""
    packed = PACKAGE / "suite"
    return packed if packed.is_dir() else PACKAGE.parent


def main() -> int:
    """Run the command that the arguments give, and return its exit status."""
    sys.path.insert(0, str(suite_folder()))
    from conformance.__main__ import main as run_command

    return run_command()


if __name__ == "__main__":
    sys.exit(main())
