"""A finding in full, as text: its steps in order, the request, the response, and how to send it again."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.evidence.episode import Finding
from conformance.evidence.foreign import one_line
from conformance.reports.evidence import Lengths, outcome_in_short, step_shown, text_of
from conformance.reports.reproduction import Reached, curl_alone, curl_of
from conformance.reports.words import admissible_in_short, answer_in_short, culprit_of, request_in_short
from contracts import Clause

STEPS_SHOWN = 8
"""How many steps of a finding are shown, the last ones."""
MOST_STEPS = 60
"""How many are shown where a finding stands alone."""
WHOLE = Lengths(request=20_000, answer=20_000)
"""The most characters of a finding that stands alone: those of some hundred lines; what is cut is counted."""


def finding_in_full(finding: Finding, clause: Clause, reached: Reached, again: str) -> Iterator[str]:
    """Yield the lines about a finding; `again` is the command that sends it again."""
    step = culprit_of(finding)
    yield f"finding:    {finding.id}"
    yield f"sent:       {sent_in_short(finding)}"
    yield f"            {request_in_short(step.exchange)}"
    yield f"expected:   {admissible_in_short(clause)}"
    yield f"observed:   {finding.observed}"
    yield f"response:   {answer_in_short(step.exchange)}"
    yield from steps_in_order(finding)
    yield f"send again: {again}"
    if alone := curl_alone(finding, reached):
        yield f"            {alone}"


def finding_alone(finding: Finding, clause: Clause, reached: Reached, again: str, script: str) -> Iterator[str]:
    """Yield the lines about a finding, with the whole exchange that shows it.

    `again` is the command that sends it again; `script` one that does so with curl alone, empty if there is none.
    """
    step = culprit_of(finding)
    shown = step_shown(step, finding.culprit + 1, 1, reached.scheme, WHOLE)
    yield f"finding:    {finding.id}"
    yield from what_fails(finding, clause, MOST_STEPS)
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
        yield "            (where it gets another answer, what came before has a part in it: send it by the replay)"
    if script:
        yield f"as script:  {script}   (with the key in STRIPE_API_KEY; it makes its own objects)"


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
    """Return the request that shows a finding in words, with its place if there are several."""
    step = culprit_of(finding)
    count = len(finding.episode.steps)
    place = f"step {finding.culprit + 1} of {count}: " if count > 1 else ""
    invalid = f"  [{step.invalid}]" if step.invalid else ""
    return f"{place}{step.attempt}{invalid}"


def steps_in_order(finding: Finding, most: int = STEPS_SHOWN) -> Iterator[str]:
    """Yield a line for each of the last `most` steps of a finding that has several, the one that shows it marked."""
    steps, culprit = finding.episode.steps, culprit_of(finding)
    if len(steps) == 1:
        return
    lines = [f"  … {len(steps) - most} more before (`replay` sends them all)"] if len(steps) > most else []
    are_several = len({step.bindings.get("payment_method", "") for step in steps} - {""}) > 1
    for step in steps[-most:]:
        has_customer = step.exchange.is_success and "customer" in step.exchange.object
        answer = outcome_in_short(step.exchange) if has_customer else step.exchange.status or step.exchange.failure
        method = step.bindings.get("payment_method")
        which = f" to {method}" if are_several and method is not None else ""
        lines.append(f"{'▸' if step is culprit else ' '} {one_line(step.attempt + which)} → {answer}")
    yield f"in order:   {lines[0]}"
    yield from (f"{' ' * 12}{line}" for line in lines[1:])
