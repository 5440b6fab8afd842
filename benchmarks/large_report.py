"""Measure the report of many findings: its size, and the time until a browser can use it.

    python -m benchmarks.large_report [--findings 10000]

Prints the size of the page in bytes, the seconds until it is loaded, until a filter has shown its rows, and until all
evidence is opened. Exits with 1 if the page is larger than 6 MB, or if loading and filtering take more than 2 s.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.browser import chromium, open_page
from benchmarks.runs import run_of_many
from conformance.reports.html import html_page

MOST_BYTES = 6_000_000
MOST_SECONDS = 2.0

ANSWER = (
    b'{"id": "pm_1234567890abcdefghijklmn", "object": "payment_method", "customer": "cus_1", "card": {"brand": "visa"}}'
)

_FILTERED = """
const start = performance.now();
document.querySelector('.cf-filters [name=text]').value = arguments[0];
document.querySelector('.cf-filters').dispatchEvent(new Event('input'));
const done = arguments[1];
const before = document.querySelector('.cf-shown').textContent;
const wait = () => document.querySelector('.cf-shown').textContent === before ? setTimeout(wait, 5)
  : requestAnimationFrame(() => done((performance.now() - start) / 1000));
wait();
"""

_OPENED = """
const start = performance.now();
document.querySelector('.cf-toggle').click();
const done = arguments[0];
requestAnimationFrame(() => requestAnimationFrame(() => done((performance.now() - start) / 1000)));
"""


def main() -> int:
    """Measure, print, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.large_report", description=__doc__.splitlines()[0])
    parser.add_argument("--findings", type=int, default=10_000, metavar="N")
    options = parser.parse_args()
    start = time.monotonic()
    page = html_page(run_of_many(options.findings, ANSWER)).encode()
    print(f"{options.findings} findings: {len(page)} bytes, rendered in {time.monotonic() - start:.2f} s")
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        path = Path(folder, "report.html")
        path.write_bytes(page)
        start = time.monotonic()
        open_page(browser, path)
        loaded = time.monotonic() - start
        filtered = float(browser.execute_async_script(_FILTERED, "unknown"))
        opened = float(browser.execute_async_script(_OPENED))
    print(f"loaded in {loaded:.2f} s, filtered in {filtered:.2f} s, all evidence opened in {opened:.2f} s")
    return int(len(page) > MOST_BYTES or loaded + filtered > MOST_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
