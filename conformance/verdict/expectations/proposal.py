"""A proposed expectations file: the failures of a run, to be expected from now on."""

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
Known failures, proposed from a run of attach-conformance on {date} (profile {profile}, level {level}).

Each entry expects one clause to fail in the way that `finding` names; `*` matches anything, and without `finding` the
clause may fail in any way. Any other failure fails the run, and so does an entry that no longer fails. Say in each
`reason` why the server fails. Optional: `link = "https://…"`, `expires = 2027-03-31` (the last day), `flaky = true`
(it may fail or pass)."""


def proposal(
    gate: Gate, catalogue: Catalogue, *, profile: str, level: str, date: datetime.date
) -> tuple[str, tuple[Expectation, ...]]:
    """Return an expectations file that fits the run behind `gate`, as TOML, and its entries.

    Entries that still fit are kept. If a clause fails in another way than before, its new entries take over the
    reasons of the old ones.
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
            entry = new if new in kept else take_over(new, before)
            entries.append(entry)
            tables.append(_table(entry, result))
    if entries:
        document.add(tomlkit.nl())
        document.add(TABLE, tables)
    return tomlkit.dumps(document), tuple(entries)


def kept_entries(gate: Gate, result: ClauseResult) -> tuple[Expectation, ...]:
    """Return the entries for a clause that fit this run, or about which it shows nothing."""
    slug, names = result.clause.slug, names_of(result)
    entries = gate.expectations.of(slug)
    if is_telling(result):
        return tuple(one for one in entries if one.outcome is result.outcome and any(map(one.fits, names)))
    kept = (*gate.expected.get(slug, ()), *gate.silent)
    return tuple(entry for entry in entries if entry in kept)


def new_entries(
    result: ClauseResult, kept: Sequence[Expectation], level: str, date: datetime.date
) -> tuple[Expectation, ...]:
    """Return the entries that expect what is new in this result; none if it decides nothing, or shows nothing."""
    if not decides(result, level) or not is_telling(result):
        return ()

    # A general clause, or one about headers, is judged on whichever response comes first.
    is_judged_anywhere = result.clause.general or result.clause.chapter == "header"
    is_loose = is_judged_anywhere or result.broken > len(result.findings)
    patterns: dict[str, str] = {}
    for name in names_of(result):
        if any(entry.fits(name) for entry in kept):
            continue
        observed, bar, _ = name.partition(BAR)
        pattern = f"{observed}{BAR}{ANYTHING}" if bar and is_loose else name
        patterns.setdefault(pattern, observed)
    return tuple(
        Expectation(result.clause.slug, result.outcome, f"observed on {date}: {observed}", finding=pattern)
        for pattern, observed in patterns.items()
    )


def take_over(new: Expectation, before: Sequence[Expectation]) -> Expectation:
    """Return a new entry with the reasons, the link and the date of those `before` it that had the same outcome."""
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
    texts = {"finding": entry.finding, "reason": entry.reason, "link": entry.link}
    values = {key: _storable(value) for key, value in texts.items()} | {"expires": entry.expires, "flaky": entry.flaky}
    for key, value in values.items():
        if value:
            table.add(key, value)
    return table


def _storable(text: str) -> str:
    """Return `text` without the characters that no TOML file can hold."""
    return text.encode("utf-8", "replace").decode()
