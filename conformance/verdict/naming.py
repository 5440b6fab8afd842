"""Names of findings, which are the same in every run that finds them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from conformance.evidence.episode import Finding
from conformance.evidence.foreign import cut

BAR = " | "
"""The separator, in the name of a finding, of the observation and the request."""

LONGEST_NAME = 240

_IDENTIFIER = re.compile(r"\b(cus|pm|card|src|tok|req|seti|pi|evt|sk_test|rk_test)_[A-Za-z0-9]{6,}\b")
_MADE = re.compile(r"(?!(?:cus|pm)_[A-Za-z0-9]{6,}$)(?=.*\d)[!-~]{8,}")
"""An id that a server has made, in another form: of eight characters or more, a digit among them."""
_NUMBER = re.compile(r"\b\d{9,}\b")


@dataclass(frozen=True)
class Name:
    """A name by which an expectation is matched, the same in every run: of a finding, its observation and its request.

    By its `mistake` all requests with the same one have the same name; `request` tells them apart.
    """

    mistake: str
    request: str

    def __str__(self) -> str:
        return self.mistake


def finding_name(finding: Finding) -> Name:
    """Return the name of a finding. Ids and times, which differ from run to run, are masked."""
    step, fixtures = finding.episode.steps[finding.culprit], finding.episode.fixtures
    known = dict.fromkeys(_ids_made(finding), "id") | {identifier: name for name, identifier in fixtures.items()}
    mistake, request = (
        masked(f"{finding.observed}{BAR}{sent}", known) for sent in (step.invalid or step.attempt, step.attempt)
    )
    return Name(mistake, request)


def request_name(finding: Finding) -> str:
    """Return the request that shows a finding, in words without ids and times."""
    fixtures = finding.episode.fixtures
    attempt = finding.episode.steps[finding.culprit].attempt
    return masked(attempt, {identifier: name for name, identifier in fixtures.items()})


def _ids_made(finding: Finding) -> list[str]:
    """Return the ids in the responses that have another form than Stripe's, and are no fixtures, in order."""
    fixtures = finding.episode.fixtures.values()
    shown = dict.fromkeys(step.exchange.object.get("id") for step in finding.episode.steps)
    return [one for one in shown if isinstance(one, str) and _MADE.fullmatch(one) and one not in fixtures]


def reason_name(reason: str) -> Name:
    """Return the name of a clause that was not run, for this reason."""
    return Name(masked(reason), masked(reason))


def masked(text: str, names: Mapping[str, str] | None = None) -> str:
    """Return `text` without ids and times, in one line of at most LONGEST_NAME characters; `names` are those of ids."""
    longest_first = sorted((names or {}).items(), key=lambda item: -len(item[0]))
    for identifier, name in longest_first:
        if identifier:
            text = re.sub(rf"(?<![A-Za-z0-9_]){re.escape(identifier)}(?![A-Za-z0-9_])", f"‹{name}›", text)
    text = _NUMBER.sub("‹number›", _IDENTIFIER.sub(r"‹\1›", " ".join(text.split())))
    return cut(text, LONGEST_NAME)
