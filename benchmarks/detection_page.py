"""The page docs/detection.md: how sure the suite is, from what was measured.

`python -m benchmarks.detection_page` writes it, once all that it shows has been measured. The measurements are in
benchmarks/measured/, and the page names the command of each.
"""

from __future__ import annotations

import json
import statistics
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined

from benchmarks.detection import DEFECTS, MEASURED, argued
from conformance.reports.templating import templates
from contracts.catalogue import PROFILES

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "detection.md"
UNDETECTABLE = HERE.parent / "reference" / "defects" / "undetectable.toml"
COMMANDS: Mapping[str, str] = {
    "detection-standard": "python -m benchmarks.detection --store",
    "detection-quick": "python -m benchmarks.detection --budget quick --store",
    "silence": "python -m benchmarks.silence --store",
    "schemathesis": "python -m benchmarks.schemathesis_runner",
    "shrinking": "python -m benchmarks.shrinking --to benchmarks/measured/shrinking.json",
}
"""The command that measures what the page shows, by the name of its file."""

Rows = Sequence[Mapping[str, Any]]


def rows_of(name: str) -> Any:
    """Return a measurement, by the name of its file without the ending. Raises SystemExit if there is none."""
    path = MEASURED / f"{name}.json"
    if not path.exists():
        raise SystemExit(f"{path.name} is missing in {MEASURED}: measure it first with `{COMMANDS[name]}`")
    return json.loads(path.read_text(encoding="utf-8"))


def found(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the rows of the defects that were found under their clause and no other."""
    return [row for row in rows if not row["complaint"]]


def share(part: int, whole: int) -> str:
    """Return a part of a whole in words, with one digit behind the point, never rounded up to all."""
    percent = 100 * part / whole if whole else 0.0
    rounded = min(percent, 99.9) if part < whole else percent
    return f"{part} of {whole} ({rounded:.1f} %)"


def by_profile(rows: Rows) -> list[tuple[str, str]]:
    """Return how many defects of each profile were found."""
    said = []
    for profile in PROFILES:
        of_profile = [row for row in rows if DEFECTS[row["defect"]].profile == profile]
        said.append((profile, share(len(found(of_profile)), len(of_profile))))
    return [*said, ("all", share(len(found(rows)), len(rows)))]


def until_found(rows: Rows) -> Mapping[str, int]:
    """Return quartiles and the ninth decile of the requests until the first finding."""
    numbers = [row["first_finding"] for row in found(rows) if row["first_finding"]]
    quarters = statistics.quantiles(numbers, n=4)
    tenths = statistics.quantiles(numbers, n=10)
    return {"lower": round(quarters[0]), "median": round(statistics.median(numbers)), "ninth": round(tenths[8])}


def cell(text: object) -> str:
    """Return a text that can stand in a table."""
    return str(text).replace("|", "\\|").replace("\n", " ")


def defect_rows(standard: Rows, quick: Rows) -> list[Mapping[str, Any]]:
    """Return for each defect its description, and how each budget found it."""
    at_quick = {row["defect"]: row for row in quick}
    return [
        {
            "defect": DEFECTS[row["defect"]],
            "standard": _found_after(row, "**missed**"),
            "quick": _found_after(at_quick[row["defect"]], "–"),
        }
        for row in standard
    ]


def _found_after(row: Mapping[str, Any], otherwise: str) -> str:
    """Return after how many requests a defect was found; `✓` if no request of a test showed it."""
    return otherwise if row["complaint"] else str(row["first_finding"] or "✓")


def page() -> str:
    """Return the whole page."""
    from benchmarks import schemathesis_runner, shrinking

    standard, quick = rows_of("detection-standard"), rows_of("detection-quick")
    tries = tomllib.loads((MEASURED / "first-try.toml").read_text(encoding="utf-8"))
    environment = templates(escaped=False, folder=HERE, undefined=StrictUndefined, keep_trailing_newline=True)
    environment.filters["cell"] = cell
    return environment.get_template("detection.md.jinja").render(
        standard=standard,
        quick=quick,
        profiles_found=list(zip(by_profile(standard), by_profile(quick), strict=True)),
        until_found=until_found,
        missed=[DEFECTS[row["defect"]] for row in standard if row["complaint"]],
        arguments=argued(),
        defects=defect_rows(standard, quick),
        profiles=PROFILES,
        silence=rows_of("silence"),
        batches=tries["batch"],
        close=tries["close_reading"],
        natural=tries["natural"],
        reported=tries["reported"],
        share=share,
        undetectable=tomllib.loads(UNDETECTABLE.read_text(encoding="utf-8"))["mistake"],
        schemathesis_table=schemathesis_runner.table(rows_of("schemathesis")),
        shrinking=shrinking.in_words(rows_of("shrinking")),
    )


def main() -> int:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
