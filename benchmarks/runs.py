"""Runs made by hand, for the tests of what is rendered from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.examples import ERROR, SUCCESS, episode, exchange
from conformance.evidence.episode import Episode, Finding, Outcome, Step
from conformance.evidence.exchange import Exchange
from conformance.evidence.traffic import traffic_of
from conformance.verdict.finding_ids import with_ids
from conformance.verdict.ledger import Ledger
from conformance.verdict.profiles import all_verdicts
from conformance.verdict.results import conclude
from conformance.verdict.run import Run
from conformance.verdict.settings import Settings
from contracts import load_catalogue, published_contract

TARGET = "http://127.0.0.1:8420"
CATALOGUE = load_catalogue()
CONTRACT = published_contract()
SLUGS = tuple(clause.slug for clause in CATALOGUE if not clause.not_tested)


def settings(**changes: Any) -> Settings:
    """Return the settings of an ordinary run."""
    ordinary: dict[str, Any] = {
        "base_url": TARGET,
        "profile": "stripe",
        "level": "must",
        "payment_methods": (),
        "customers": (),
        "results": Path("reports"),
        "budget": "standard",
        "seed": 1,
        "rate": None,
        "timeout": 10.0,
        "dry_run": False,
    }
    return Settings(**{**ordinary, **changes})


def finding(clause: str, *answers: Exchange, observed: str = "accepted with 200", **step: Any) -> Finding:
    """Return a finding whose episode has a step for each answer; the last one shows it."""
    given = {"attempt": "POST customer=‹customer›", **step}
    steps = tuple(Step("subject", answer, **given) for answer in answers)
    return Finding(clause, observed, Episode(clause, "accepted", steps), len(steps) - 1)


def run_with(findings: Mapping[str, Sequence[Finding]] | None = None, **changes: Any) -> Run:
    """Return a run in which every clause holds but those with findings. `changes` are fields of `Run`."""
    ledger = Ledger()
    for slug in SLUGS:
        ledger.entry(slug).held = 1
    for slug, found in (findings or {}).items():
        for one in found:
            ledger.entry(slug).add_finding(one)
    results = with_ids(conclude(CATALOGUE, ledger))
    return Run(
        **{
            "settings": settings(),
            "contract": CONTRACT,
            "catalogue": CATALOGUE,
            "target": TARGET,
            "provision": "customers created, payment methods created from a test token",
            "stateless": False,
            "results": results,
            "verdicts": all_verdicts(results, CATALOGUE, level="must", stateless=False),
            "requests": 896,
            "seconds": 4.2,
            "started": "2026-11-25T09:30:00+00:00",
            "versions": {"attach-conformance": "0.1.0", "python": "3.11.7"},
            "traffic": traffic_of(
                [episode("accepted", exchange(200, SUCCESS, seconds=0.003), exchange(400, ERROR, seconds=0.2))]
            ),
            **changes,
        }
    )


def run_of_many(count: int, answer: bytes = b"{}", sent: str = "customer=cus_1&foo=1") -> Run:
    """Return a run with that many findings, all different, spread over all clauses."""
    run = run_with()
    per_clause, rest = divmod(count, len(SLUGS))
    results = dict(run.results)
    for place, slug in enumerate(SLUGS):
        found = [
            finding(slug, exchange(200, answer, sent=sent), observed=f"accepted {number}")
            for number in range(per_clause + (place < rest))
        ]
        results[slug] = replace(
            results[slug], outcome=Outcome.FAIL, reason="accepted", known=tuple(found), broken=len(found)
        )
    return replace(run, results=with_ids(results))
