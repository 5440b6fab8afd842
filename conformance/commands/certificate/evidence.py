"""From a record to what is certified: the run that its episodes lead to, and what it says of its target."""

from __future__ import annotations

from collections import Counter
from typing import Any

from conformance.commands.certificate.statements import Evidence, Product, sha256_of
from conformance.evidence.episode import Outcome
from conformance.verdict.record import BrokenRecord, Record, run_of
from conformance.verdict.run import Run

VERSION_HEADER = "Stripe-Version"


def evidence_of(record: Record, content: bytes) -> Evidence:
    """The record, concluded from its episodes alone; `content` is the file that it was read from.

    Raises BrokenRecord when an episode is none that the suite makes.
    """
    try:
        run = run_of(record, weighed=False)
    except (LookupError, TypeError, ValueError, AttributeError) as error:  # whatever a made-up episode does to a judge
        raise BrokenRecord(f"its episodes cannot be judged ({type(error).__name__})") from None
    return Evidence(
        run=run,
        sha256=sha256_of(content),
        lines=content.count(b"\n"),
        ended=record.footer["ended"],
        commit=record.header["suite"]["commit"] or "",
        expectations=record.header["options"]["expectations"] or "",
        episodes=episodes_of(record),
    )


def episodes_of(record: Record) -> dict[str, list[str]]:
    """The ids of the episodes that were performed for each clause, in order."""
    found: dict[str, list[str]] = {}
    for trial in record.trials:
        for performed in trial.episodes:
            for slug in dict.fromkeys((trial.clause, *(clause for clause, _ in trial.also))):
                if slug:
                    found.setdefault(slug, []).append(performed.episode.id)
    return found


def passed_in(run: Run) -> frozenset[str]:
    """The clauses that passed."""
    return frozenset(slug for slug, result in run.results.items() if result.outcome is Outcome.PASS)


def target_of(record: Record, evidence: Evidence, product: Product) -> dict[str, Any]:
    """The content of `target.json`."""
    told = record.header["target"]
    return {
        "product": {"name": product.name, "version": product.version},
        "baseUrl": told["base_url"],
        "mode": "stateless" if evidence.run.stateless else "stateful",
        "fixtures": evidence.run.provision,
        "apiVersion": api_version(record),
        "imageDigest": product.image_digest or None,
    }


def api_version(record: Record) -> str | None:
    """The version that the target's answers name most often where none was asked for; None where they name none."""
    named = Counter(
        version
        for trial in record.trials
        for performed in trial.episodes
        for step in performed.episode.steps
        if (version := step.exchange.header(VERSION_HEADER))
        and not any(name.lower() == VERSION_HEADER.lower() for name, _ in step.exchange.request.headers)
    )
    return named.most_common(1)[0][0] if named else None
