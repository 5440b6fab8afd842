"""The tables of docs/certification.md, from what was measured about forged and honest certificates.

`python -m benchmarks.certificates_page` writes them, once `python -m benchmarks.forgeries --store` and
`python -m benchmarks.honest_certificates --store` have measured.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import forgeries, honest_certificates
from benchmarks.detection import DEFECTS, VARIANTS, argued
from benchmarks.lies import BY_SUBJECT
from conformance.reports.markdown import with_table
from conformance.verdict.run import ExitStatus

PAGE = Path(__file__).resolve().parent.parent / "docs" / "certification.md"
BEGIN, END = "<!-- measured -->\n", "<!-- /measured -->\n"


def table_of_forgeries(rows: Sequence[forgeries.Row]) -> Iterator[str]:
    """Yield the lines of the table of forgeries: a row for each subject of the lies."""
    yield "| lies about | lies | bundles | refused | genuine, and said not to conform | not verified | believed |"
    yield "|---|---|---|---|---|---|---|"
    for subject, lies in BY_SUBJECT.items():
        yield _line(subject, [row for row in rows if row.lie in lies.by_name])
    yield _line("all", rows)


def _line(subject: str, rows: Sequence[forgeries.Row]) -> str:
    said = Counter(row.said for row in rows)
    lies = len({row.lie for row in rows})
    believed = sum(row.is_wrong for row in rows)
    counts = (lies, len(rows), said[forgeries.REFUSED], said[forgeries.GENUINE], said[forgeries.ADMITTED], believed)
    return f"| {subject} | {' | '.join(map(str, counts))} |"


def table_of_honest(rows: Sequence[honest_certificates.Row]) -> Iterator[str]:
    """Yield the lines of the table of honest certificates: a row for each chapter of defects, and for variants."""
    yield "| server | runs | genuine: conforms (0) | genuine: does not conform (23) | not signed | called forged |"
    yield "|---|---|---|---|---|---|"
    chapters = sorted({_chapter(row) for row in rows if row.name in DEFECTS})
    for chapter in chapters:
        own = [row for row in rows if row.name in DEFECTS and _chapter(row) == chapter]
        yield _honest_line(f"a defect of `{chapter}`", own)
    yield _honest_line("all defects", [row for row in rows if row.name in DEFECTS])
    yield _honest_line("conforming variants", [row for row in rows if _is_variant(row)])


def _chapter(row: honest_certificates.Row) -> str:
    return DEFECTS[row.name].clause.partition(".")[0]


def _is_variant(row: honest_certificates.Row) -> bool:
    """Return whether the server conforms; a name that defects have, too, is that of the defect."""
    return row.name in VARIANTS and row.name not in DEFECTS


def _honest_line(title: str, rows: Sequence[honest_certificates.Row]) -> str:
    positive = sum(row.status == ExitStatus.CONFORMS for row in rows)
    negative = sum(row.status == ExitStatus.NOT_CONFORMING for row in rows)
    unsigned = sum(row.status == ExitStatus.WRONG_USAGE for row in rows)
    forged = len(rows) - positive - negative - unsigned
    return f"| {title} | {len(rows)} | {positive} | {negative} | {unsigned} | {forged} |"


def exceptions(rows: Sequence[honest_certificates.Row]) -> Iterator[str]:
    """Yield a line for each honest run whose certificate is not what its server would lead one to expect."""
    for row in rows:
        if _is_variant(row) and row.status == ExitStatus.NOT_CONFORMING:
            yield f"- `{row.name}` conforms, and a clause does not apply to it, which is thus not shown to hold."
        elif row.name in honest_certificates.REFUSED:
            yield f"- `{row.name}` conforms, and is refused: “{honest_certificates.REFUSED[row.name]}”."
        elif row.status == ExitStatus.WRONG_USAGE:
            yield f"- `{row.name}`: the run was inconclusive (status {row.run_status}), and none is signed for that."
        elif row.name in DEFECTS and row.status == ExitStatus.CONFORMS:
            why = (
                "is one that a run is known to miss"
                if row.name in argued()
                else "shows now and then, and not in the run"
            )
            yield f"- The defect `{row.name}` {why}."
        elif row.complaint:
            yield f"- `{row.name}`: {row.complaint}."


def measured() -> str:
    """Return the generated part of the page."""
    forged = forgeries.read_rows(forgeries.STORED)
    honest = honest_certificates.read_rows(honest_certificates.STORED)
    products = len({row.base for row in forged})
    lines = [
        f"`python -m benchmarks.forgeries --store` forged the records of {products} products that do not conform, as",
        "far as there was something to lie about, and signed them with the right key. A record judged not to conform",
        "in spite of the lie was verified for the first product alone.",
        "",
        *table_of_forgeries(forged),
        "",
        "`python -m benchmarks.honest_certificates --sample N --variants M --store` certified and verified runs of",
        "servers that are known to conform, or not to; the sample is random.",
        "",
        *table_of_honest(honest),
        "",
        *exceptions(honest),
    ]
    return "\n".join(lines).rstrip() + "\n"


def with_tables(page: str) -> str:
    """Return the page with its tables as they were measured. Raises NoPlace where it has no place for them."""
    return with_table(page, BEGIN, END, measured())


def main() -> int:
    """Write the page."""
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
