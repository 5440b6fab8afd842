"""A finding in full, as text: its steps in order, the request, the response, and how to send it again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from conformance.evidence.episode import Finding, Step
from conformance.evidence.foreign import one_line
from conformance.reports.evidence import Lengths, outcome_in_short, step_shown, text_of
from conformance.reports.reproduction import Reached, curl_alone, curl_of
from conformance.reports.words import (
    admissible_in_short,
    answer_in_short,
    culprit_of,
    request_in_short,
    step_in_short,
)
from contracts import Clause

STEPS_SHOWN = 8
"""How many steps of a finding are shown, the last ones."""
MOST_STEPS = 60
"""How many are shown where a finding stands alone."""
MOST_PASSED = 3
"""How many requests are shown with which nothing was wrong."""
WHOLE = Lengths(request=20_000, answer=20_000)
"""The most characters of a finding that stands alone: those of some hundred lines; what is cut is counted."""


def finding_in_full(finding: Finding, clause: Clause, reached: Reached, again: str) -> Iterator[str]:
    """Yield the lines about a finding; `again` is the command that sends it again."""
    step = culprit_of(finding)
    yield f"finding:    {finding.id}"
    yield from what_was_sent(finding)
    yield f"expected:   {admissible_in_short(clause)}"
    yield f"observed:   {finding.observed}"
    yield f"response:   {answer_in_short(step.exchange)}"
    yield from steps_in_order(finding)
    yield f"send again: {again}"
    if alone := curl_alone(finding, reached):
        yield f"            {alone}"


def finding_alone(
    finding: Finding, clause: Clause, reached: Reached, again: str, script: str, passed: Sequence[str] = ()
) -> Iterator[str]:
    """Yield the lines about a finding, with the whole exchange that shows it.

    `again` is the command that sends it again; `script` one that does so with curl alone, empty if there is none.
    `passed` are requests of the same clause with which nothing was wrong.
    """
    step = culprit_of(finding)
    shown = step_shown(step, finding.culprit + 1, 1, reached.scheme, WHOLE)
    yield f"finding:    {finding.id}"
    yield from what_fails(finding, clause, MOST_STEPS)
    for number, words in enumerate(passed[:MOST_PASSED]):
        yield f"{'            ' if number else 'passed:     '}{one_line(words)}"
    if len(passed) > MOST_PASSED:
        yield f"            and {len(passed) - MOST_PASSED} more"
    yield from ("", "request:")
    yield from _indented(text_of(shown.request))
    yield from ("", f"response: {', '.join([shown.status_line, *shown.notes])}")
    yield from _indented("\n\n".join(filter(None, (text_of(shown.headers), text_of(shown.body)))))
    yield from ("", f"send again: {again}")
    by_curl = curl_of(finding, reached)
    if by_curl is not None:
        yield f"by curl:    {by_curl.command}"
    if by_curl is not None and by_curl.names:
        yield f"            with new objects of yours: {' '.join(f'{name}=ID' for name in by_curl.names)}"
    if by_curl is not None and (by_curl.names or finding.culprit):
        yield "            (where it gets another answer, what came before has a part in it: send it by the replay)"
    if script:
        key = "" if reached.is_on_this_machine else "with the key in STRIPE_API_KEY; "
        yield f"as script:  {script}   ({key}it makes its own objects)"


def what_fails(finding: Finding, clause: Clause, most: int = STEPS_SHOWN) -> Iterator[str]:
    """Yield the lines about what was sent, expected and observed, and about the last `most` steps."""
    yield f"sent:       {sent_in_short(finding)}"
    yield f"expected:   {admissible_in_short(clause)}"
    yield f"observed:   {finding.observed}"
    yield from steps_in_order(finding, most)


def _indented(text: str) -> Iterator[str]:
    for line in text.splitlines():
        yield f"    {line}".rstrip()


def sent_in_short(finding: Finding) -> str:
    """Return the request that shows a finding in words, with its place if others have a part in it."""
    step = culprit_of(finding)
    count = len(finding.episode.steps)
    is_alone = count == 1 or (finding.culprit == 0 and finding.clause != finding.episode.clause)
    place = "" if is_alone else f"step {finding.culprit + 1} of {count}: "
    invalid = f"  [{step.invalid}]" if step.invalid else ""
    return f"{place}{step_in_short(step)}{invalid}"


def what_was_sent(finding: Finding) -> Iterator[str]:
    """Yield the lines about the request that shows a finding: in words, and as it was sent where that says more."""
    step = culprit_of(finding)
    yield f"sent:       {sent_in_short(finding)}"
    as_sent = request_in_short(step.exchange)
    if as_sent != step.attempt:
        yield f"            {as_sent}"


def steps_in_order(finding: Finding, most: int = STEPS_SHOWN) -> Iterator[str]:
    """Yield a line for each of the last `most` steps of a finding that has several, the one that shows it marked.

    Consecutive steps that are alike, but for the payment method, have one line.
    """
    steps = finding.episode.steps
    if len(steps) == 1:
        return
    lines = [f"  … {len(steps) - most} more before (`replay` sends them all)"] if len(steps) > most else []
    are_several = len({step.bindings.get("payment_method", "") for step in steps} - {""}) > 1

    def in_words(numbered: tuple[int, Step]) -> tuple[bool, str, str]:
        place, step = numbered
        return place == finding.culprit, step_in_short(step), _answer(step)

    for (is_culprit, words, answer), alike in groupby([*enumerate(steps)][-most:], in_words):
        methods = [step.bindings.get("payment_method", "") for _, step in alike]
        which = f" to {methods[0]}" if are_several and methods[0] else ""
        times = f", {len(methods)} times" if len(methods) > 1 else ""
        others = " and others" if which and len(set(methods)) > 1 else ""
        lines.append(f"{'▸' if is_culprit else ' '} {one_line(words + which + others + times)} → {answer}")
    yield f"in order:   {lines[0]}"
    yield from (f"{' ' * 12}{line}" for line in lines[1:])


def _answer(step: Step) -> str:
    """Return the status of an answer, with the customer that it shows, or why there is none."""
    exchange = step.exchange
    if exchange.is_success and "customer" in exchange.object:
        return outcome_in_short(exchange)
    return str(exchange.status or exchange.failure)
