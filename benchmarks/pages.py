"""Measure again what takes a minute, and write all pages that rest on it: `python -m benchmarks.pages`.

Run it before a commit that changes what tests send. It leaves the measurements that take longer as they are: those of
detection, silence, speed, the targets and the zoo.
"""

from __future__ import annotations

import subprocess
import sys

from conformance.paths import SUITE

IN_ORDER = (
    "benchmarks.ids_needed",
    "benchmarks.passing",
    "benchmarks.minimal_mock",
    "benchmarks.detection_page",
    "benchmarks.certificates_page",
    "conformance docs",
)
"""The modules with their arguments, each after those whose files it reads."""


def main() -> int:
    """Run them one after the other. Raises CalledProcessError where one fails."""
    for command in IN_ORDER:
        print(f"python -m {command}", flush=True)
        subprocess.run([sys.executable, "-m", *command.split()], cwd=SUITE, check=True, stdout=subprocess.DEVNULL)
    return 0


if __name__ == "__main__":
    sys.exit(main())
