"""Check HTML reports with axe-core: desktop and phone width, light and dark, all evidence opened.

    npm install --prefix /tmp/axe axe-core
    python -m benchmarks.accessibility --axe /tmp/axe/node_modules/axe-core/axe.min.js reports/report.html

Exits with 1 if axe-core reports a serious or critical violation.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from benchmarks.browser import chromium, open_page

SERIOUS = ("serious", "critical")
SIZES = ((1280, 900), (390, 844))


def violations(page: Path, axe: str) -> list[tuple[str, dict[str, Any]]]:
    """Return every violation in the page, each with the size and colour scheme in which it was found."""
    found = []
    for width, height in SIZES:
        for dark in (False, True):
            with chromium(width, height, dark=dark) as browser:
                open_page(browser, page)
                browser.execute_script(
                    "document.querySelectorAll('.cf-row').forEach(row => {"
                    "  row.style.contentVisibility = 'visible'; row.open = true;"
                    "});"
                )
                browser.execute_script(axe)
                browser.set_script_timeout(300)
                result = browser.execute_async_script(
                    "const done = arguments[0]; axe.run(document, {resultTypes: ['violations']}).then(done);"
                )
                where = f"{width} px, {'dark' if dark else 'light'}"
                found += [(where, violation) for violation in result["violations"]]
    return found


def main() -> int:
    """Check every page given, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accessibility", description=__doc__.splitlines()[0])
    parser.add_argument("--axe", type=Path, required=True, help="axe.min.js of the npm package axe-core")
    parser.add_argument("pages", type=Path, nargs="+", metavar="HTML")
    options = parser.parse_args()
    axe = options.axe.read_text()
    serious = 0
    for page in options.pages:
        found = violations(page, axe)
        serious += sum(violation["impact"] in SERIOUS for _, violation in found)
        print(f"{page}: {len(found)} violations")
        for where, violation in found:
            print(f"  {violation['impact']} at {where}: {violation['id']}: {violation['help']}")
            for node in violation["nodes"][:3]:
                print(f"    {node['html'][:160]}")
    return int(serious > 0)


if __name__ == "__main__":
    sys.exit(main())
