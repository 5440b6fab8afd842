"""A proposed expectations file: the failures of a run, to be expected from now on."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import replace

import tomlkit
from tomlkit.items import Table

from conformance.verdict.expectations.entry import ANYTHING, Expectation
from conformance.verdict.expectations.gate import Gate, decides, fitting_in_part, is_telling, names_of
from conformance.verdict.expectations.reading import TABLE
from conformance.verdict.naming import BAR, finding_name, masked
from conformance.verdict.results import ClauseResult
from contracts import Catalogue

HEAD = """\
Known failures, proposed from a run of attach-conformance on {date} (profile {profile}, level {level}).

"""
MEANING = """\
Each entry expects one clause to fail in the way that `finding` names; `*` matches anything, and without `finding` the
clause may fail in any way. Any other failure fails the run, and so does an entry that no longer fails. Say in each
`reason` why the server fails. Optional: `link = "https://…"`, `expires = 2027-03-31` (the last day), `flaky = true`
(it may fail or pass)."""
HEAD_WITHOUT_RUN = "".join(
    f"# {line}\n" for line in ("Known failures: none so far.", "", *MEANING.splitlines())
).replace("# \n", "#\n")
"""The content of a file that expects nothing to fail."""


MOST_LISTED = 5
"""How many requests with the same failure are listed one by one; more share an entry, which takes any request."""


def proposal(
    gate: Gate, catalogue: Catalogue, *, profile: str, level: str, date: datetime.date
) -> tuple[str, tuple[Expectation, ...]]:
    """Return an expectations file that fits the run behind `gate`, as TOML, and its entries.

    Entries that still fit are kept. Each other entry has a reason of its own, unless the clause fails in one way in
    place of one other: then the entry takes over the old reason.
    """
    document = tomlkit.document()
    for line in (HEAD.format(date=date, profile=profile, level=level) + MEANING).splitlines():
        document.add(tomlkit.comment(line) if line else tomlkit.nl())
    entries: list[Expectation] = []
    tables = tomlkit.aot()
    for clause in catalogue.within(profile):
        result = gate.results[clause.slug]
        kept = kept_entries(gate, result)
        before = [entry for entry in gate.expectations.of(clause.slug) if entry not in kept]
        found = new_entries(result, kept, level, date)
        if len(found) == len(before) == 1:
            found = (take_over(found[0], before[0]),)
        for entry in (*kept, *found):
            entries.append(entry)
            tables.append(_table(entry, result))
    if entries:
        document.add(tomlkit.nl())
        document.add(TABLE, tables)
    return tomlkit.dumps(document), tuple(entries)


def kept_entries(gate: Gate, result: ClauseResult) -> tuple[Expectation, ...]:
    """Return the entries for a clause that fit this run, or about which it shows nothing."""
    if is_telling(result):
        return fitting_in_part(gate.expectations, result)
    slug = result.clause.slug
    kept = (*gate.expected.get(slug, ()), *gate.silent)
    return tuple(entry for entry in gate.expectations.of(slug) if entry in kept)


def new_entries(
    result: ClauseResult, kept: Sequence[Expectation], level: str, date: datetime.date
) -> tuple[Expectation, ...]:
    """Return the entries that expect what is new in this result; none if it decides nothing, or shows nothing."""
    if not decides(result, level) or not is_telling(result):
        return ()

    names = [name for name in names_of(result) if not any(entry.fits(name) for entry in kept)]
    texts = dict.fromkeys(name.request if result.clause.general else name.mistake for name in names)
    requests: dict[str, list[str]] = {}
    for text in texts:
        requests.setdefault(text.partition(BAR)[0], []).append(text)
    # A clause about headers is judged on whichever response comes first.
    is_loose = result.broken > len(result.known) or result.clause.chapter == "header"
    entries = []
    for observed, same in requests.items():
        if is_loose or len(same) > MOST_LISTED:
            is_found = any(BAR in text for text in same)
            entries.append(_entry(result, f"{observed}{BAR}{ANYTHING}" if is_found else observed, observed, date))
        else:
            entries += [_entry(result, text, text.replace(BAR, ", for "), date) for text in same]
    return tuple(entries)


def _entry(result: ClauseResult, finding: str, observed: str, date: datetime.date) -> Expectation:
    return Expectation(result.clause.slug, result.outcome, f"observed on {date}: {observed}", finding=finding)


def take_over(new: Expectation, before: Expectation) -> Expectation:
    """Return a new entry with the reason, the link and the date of the one before, if that had the same outcome."""
    if before.outcome is not new.outcome:
        return new
    return replace(new, reason=before.reason, link=before.link, expires=before.expires)


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
