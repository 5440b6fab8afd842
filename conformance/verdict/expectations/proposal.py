"""A proposed expectations file: what a run found, in the form in which it is to be expected from now on."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import replace

import tomlkit
from tomlkit.items import Table

from conformance.verdict.expectations.entry import ANYTHING, BAR, Expectation, finding_name, masked
from conformance.verdict.expectations.gate import Gate, decides, is_telling, names_of
from conformance.verdict.expectations.reading import TABLE
from conformance.verdict.ledger import ClauseResult
from contracts import Catalogue

HEAD = """\
What is known to be wrong, proposed from a run of attach-conformance on {date} (profile {profile}, level {level}).

Each entry expects one clause to be missed in just the way that `finding` names; `*` stands for anything, and without
`finding` the clause may be missed in any way. Any other failure fails the run, and so does an entry that is no longer
borne out. Say in each `reason` why the server is so. Optional: `link = "https://…"`, `expires = 2027-03-31` (the last
day), `flaky = true` (may show or not)."""


def proposal(
    gate: Gate, catalogue: Catalogue, *, profile: str, level: str, date: datetime.date
) -> tuple[str, tuple[Expectation, ...]]:
    """An expectations file that is borne out by the run behind `gate`, as TOML, and its entries.

    What was expected already, and borne out, is kept as it was. Where a clause is missed in another way than before,
    its new entries take over the reasons of the old ones.
    """
    document = tomlkit.document()
    for line in HEAD.format(date=date, profile=profile, level=level).splitlines():
        document.add(tomlkit.comment(line) if line else tomlkit.nl())
    entries: list[Expectation] = []
    tables = tomlkit.aot()
    for clause in catalogue.within(profile):
        result = gate.results[clause.slug]
        kept = kept_entries(gate, result)
        before = [entry for entry in gate.expectations.of(clause.slug) if entry not in kept]
        for new in (*kept, *new_entries(result, kept, level, date)):
            entry = new if new in kept else taking_over(new, before)
            entries.append(entry)
            tables.append(_table(entry, result))
    if entries:
        document.add(tomlkit.nl())
        document.add(TABLE, tables)
    return tomlkit.dumps(document), tuple(entries)


def kept_entries(gate: Gate, result: ClauseResult) -> tuple[Expectation, ...]:
    """The entries for a clause that this run bears out, or on which it is silent."""
    slug, names = result.clause.slug, names_of(result)
    borne_out = gate.expected.get(slug, ())

    def is_kept(entry: Expectation) -> bool:
        if is_telling(result):
            return entry.outcome is result.outcome and any(map(entry.fits, names))
        return entry in borne_out or entry in gate.silent

    return tuple(filter(is_kept, gate.expectations.of(slug)))


def new_entries(
    result: ClauseResult, kept: Sequence[Expectation], level: str, date: datetime.date
) -> tuple[Expectation, ...]:
    """The entries that expect what is new in this result; none where it decides nothing, or tells nothing."""
    if not decides(result, level) or not is_telling(result):
        return ()
    patterns: dict[str, str] = {}
    for name in names_of(result):
        if not any(entry.fits(name) for entry in kept):
            observed, bar, _ = name.partition(BAR)
            # A general clause, or one about headers, is judged on whichever answer comes first.
            is_judged_anywhere = result.clause.general or result.clause.chapter == "header"
            loosely = bar and (is_judged_anywhere or result.broken > len(result.findings))
            patterns.setdefault(f"{observed}{BAR}{ANYTHING}" if loosely else name, observed)
    return tuple(
        Expectation(result.clause.slug, result.outcome, f"observed on {date}: {observed}", finding=pattern)
        for pattern, observed in patterns.items()
    )


def taking_over(new: Expectation, before: Sequence[Expectation]) -> Expectation:
    """A new entry with the reasons, the link and the date of those `before` it that had the same outcome."""
    alike = [entry for entry in before if entry.outcome is new.outcome]
    if not alike:
        return new
    reasons = "; ".join(dict.fromkeys(entry.reason for entry in alike))
    return replace(new, reason=reasons, link=alike[0].link, expires=alike[0].expires)


def _table(entry: Expectation, result: ClauseResult) -> Table:
    table = tomlkit.table()
    table.add(tomlkit.comment(result.clause.statement))
    shown = [found for found in result.findings if entry.fits(finding_name(found))]
    for example in shown[:1]:
        table.add(tomlkit.comment(f"sent: {masked(example.episode.steps[example.culprit].attempt)}"))
    table.add("clause", entry.clause)
    table.add("outcome", str(entry.outcome))
    for key, value in (("finding", entry.finding), ("reason", entry.reason), ("link", entry.link)):
        if value:
            table.add(key, _storable(value))
    if entry.expires:
        table.add("expires", entry.expires)
    if entry.flaky:
        table.add("flaky", True)
    return table


def _storable(text: str) -> str:
    """`text` without what no TOML file can hold."""
    return text.encode("utf-8", "replace").decode()
