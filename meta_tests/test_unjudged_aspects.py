"""An aspect that could not be judged: when it hides the pass of the others, and where it is shown."""

from __future__ import annotations

import pytest

from conformance.evidence.episode import Outcome
from conformance.verdict.entries import Kind, refer_to
from conformance.verdict.ledger import Ledger
from conformance.verdict.profiles import verdict_of
from conformance.verdict.results import ClauseResult, blocking, conclude, own_outcome
from conformance.verdict.trial import Note
from contracts import load_catalogue

CATALOGUE = load_catalogue()
SLUG = "request.minimal-body"
CLAUSE = CATALOGUE[SLUG]


def outcome_of(*kinds: str, held: int = 1, inconclusive: str = "") -> ClauseResult:
    ledger = Ledger()
    for name in kinds:
        reason = refer_to("body.customer-required") if name == "blocked" else f"{name} here"
        kind = Kind.NOT_RUN if name == "blocked" else Kind(name)
        ledger.merge(Note(SLUG, kind, reason, traceback="Traceback").ledger())
    entry = ledger.entry(SLUG)
    entry.held += held
    if inconclusive:
        entry.add(Kind.INCONCLUSIVE, inconclusive)
    return own_outcome(CLAUSE, entry)


@pytest.mark.parametrize("kind", [Kind.NOT_RUN, Kind.NOT_APPLICABLE])
def test_an_aspect_without_its_precondition_hides_no_pass_and_is_named(kind: str) -> None:
    result = outcome_of(kind)
    assert (result.outcome, result.unjudged) == (Outcome.PASS, (f"{kind} here",))


@pytest.mark.parametrize(
    ("kinds", "inconclusive", "outcome"),
    [
        (("blocked",), "", Outcome.NOT_RUN),
        ((Kind.LACKING, "blocked"), "", Outcome.NOT_RUN),
        ((Kind.NOT_RUN,), "no answer in time", Outcome.INCONCLUSIVE),
        ((Kind.ERROR, Kind.NOT_RUN), "no answer in time", Outcome.ERROR),
    ],
)
def test_what_could_still_be_found_out_keeps_a_clause_from_passing(
    kinds: tuple[str, ...], inconclusive: str, outcome: Outcome
) -> None:
    assert outcome_of(*kinds, inconclusive=inconclusive).outcome is outcome


def test_an_aspect_without_fixtures_hides_no_pass_and_lets_no_profile_conform() -> None:
    result = outcome_of(Kind.NOT_RUN, Kind.LACKING)
    assert (result.outcome, result.lacks_fixtures) == (Outcome.PASS, True)
    assert result.unjudged == (f"{Kind.NOT_RUN} here", f"{Kind.LACKING} here")
    ledger = Ledger()
    for clause in CATALOGUE.within("contract"):
        ledger.entry(clause.slug).held += 1
    ledger.entry(SLUG).add(Kind.LACKING, "no payment method is left")
    verdict = verdict_of("contract", conclude(CATALOGUE, ledger), CATALOGUE, level="must", stateless=False)
    assert verdict.verdict == "inconclusive"


@pytest.mark.parametrize("kind", [Kind.NOT_RUN, Kind.NOT_APPLICABLE, Kind.LACKING])
def test_no_judged_aspect_is_no_pass(kind: str) -> None:
    assert outcome_of(kind, held=0).outcome is not Outcome.PASS


def test_the_verdict_counts_what_was_judged_in_part() -> None:
    ledger = Ledger()
    for clause in CATALOGUE.within("contract"):
        ledger.entry(clause.slug).held += 1
    whole = verdict_of("contract", conclude(CATALOGUE, ledger), CATALOGUE, level="must", stateless=False)
    ledger.entry(SLUG).add(Kind.NOT_RUN, "none of the requests was refused")
    in_part = verdict_of("contract", conclude(CATALOGUE, ledger), CATALOGUE, level="must", stateless=False)
    assert (whole.verdict, in_part.verdict) == ("conforms", "conforms")
    assert in_part.reason == f"{whole.reason}, 1 in part"


def test_an_aspect_of_a_general_clause_that_was_not_judged_keeps_no_other_from_its_turn() -> None:
    """It passes in the end, where any response was judged, so that nothing would explain what was left out."""
    ledger = Note("response.json", Kind.NOT_RUN, "rejected with 404").ledger()
    ledger.entry("request.minimal-body").held += 1
    results = conclude(CATALOGUE, ledger, only=CATALOGUE.rests_on("response.object"))
    assert blocking(CATALOGUE["response.object"], results) == ""
