"""The statements about a run: made from its record alone, so that a checker can make them again and compare."""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from conformance.commands.certificate.envelope import STATEMENT_TYPE
from conformance.evidence.episode import Outcome
from conformance.evidence.exchange import sent_header
from conformance.verdict.concluding import run_of
from conformance.verdict.record import BrokenRecord, Record
from conformance.verdict.recording import SUITE_NAME
from conformance.verdict.results import ClauseResult
from conformance.verdict.run import Run
from conformance.verdict.shapes import steps_in

TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
CLAUSE_RESULTS = "urn:attach-conformance:predicate:clause-results:v1"
VERIFICATION_SUMMARY = "https://slsa.dev/verification_summary/v1"
POLICY = "urn:attach-conformance:policy:certification:v1"

REDACTIONS = ("the API key, in each place where it would stand",)
"""What is left out of the evidence."""

TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
VERSION_HEADER = "Stripe-Version"
LEVELS = {"must": ("MUST",), "should": ("MUST", "SHOULD")}
"""The levels of the clauses that decide a verdict, by the level of the run."""


@dataclass(frozen=True)
class Product:
    """The certified product: its name and version, and the digest of its image or build, empty if not known."""

    name: str
    version: str
    image_digest: str = ""

    @property
    def uri(self) -> str:
        """Return a package URL for the product."""
        return f"pkg:generic/{self.name}@{self.version}"

    def to_json(self) -> dict[str, str]:
        """Return the JSON-like form in which statements name the product."""
        return {"name": self.name, "version": self.version}


@dataclass(frozen=True)
class Validity:
    """The time from which, and until which, a certificate is valid."""

    begins: datetime.datetime
    ends: datetime.datetime

    def to_json(self) -> dict[str, str]:
        """Return a JSON-like form, from which `from_json` makes the same value."""
        return {"notBefore": self.begins.strftime(TIME_FORMAT), "notAfter": self.ends.strftime(TIME_FORMAT)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Validity:
        """Return the validity that `to_json` wrote. Raises KeyError, TypeError or ValueError when it is none."""
        return cls(read_time(data["notBefore"]), read_time(data["notAfter"]))


_CONFUSED = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, AssertionError, RuntimeError)
"""The errors of a judge that is given an episode which no run makes."""


@dataclass(frozen=True)
class Evidence:
    """A record, and the run that its episodes alone lead to."""

    record: Record
    run: Run

    @classmethod
    def of(cls, record: Record) -> Evidence:
        """Judge the episodes of a record. Raises BrokenRecord when an episode is none that the suite makes."""
        try:
            return cls(record, run_of(record, weighed=False))
        except _CONFUSED as error:  # a forged episode can confuse any judge
            raise BrokenRecord(f"its episodes cannot be judged ({type(error).__name__})") from None

    @property
    def ended(self) -> str:
        """Return the time at which the run ended."""
        return str(self.record.footer["ended"])

    @cached_property
    def passed(self) -> frozenset[str]:
        """Return the clauses that passed."""
        return frozenset(slug for slug, result in self.run.results.items() if result.outcome is Outcome.PASS)

    @property
    def required(self) -> list[ClauseResult]:
        """Return the results that decide: those of the tested clauses of the profile, at the level of the run."""
        levels = LEVELS[self.run.settings.level]
        return [result for result in self.tested if result.clause.level in levels]

    @property
    def tested(self) -> list[ClauseResult]:
        """Return the results of the clauses of the profile that have a test."""
        clauses = self.run.catalogue.within(self.run.settings.profile)
        return [self.run.results[clause.slug] for clause in clauses if not clause.not_tested]

    @cached_property
    def conforms(self) -> bool:
        """Return whether everything that is required passed."""
        return bool(test_result(self)["result"] != "FAILED")

    @property
    def shortfall(self) -> str:
        """Return why nothing fails and yet not everything required is shown to hold; empty where neither is so."""
        if self.conforms or self.run.verdict != "conforms":
            return ""
        missing = {result.outcome for result in self.required} - {Outcome.PASS}
        if missing == {Outcome.NOT_APPLICABLE}:
            return "what does not apply to a product is not shown to hold for it"
        return "not every clause was judged"


@dataclass(frozen=True)
class Claim:
    """A product, the evidence about it, and how long a certificate of it is valid."""

    product: Product
    validity: Validity
    evidence: Evidence


def statement(predicate_type: str, predicate: Mapping[str, Any], subjects: Mapping[str, bytes]) -> dict[str, Any]:
    """Return an in-toto statement about the files that are its subjects."""
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": _digest(content)} for name, content in subjects.items()],
        "predicateType": predicate_type,
        "predicate": dict(predicate),
    }


def sha256_of(content: bytes) -> str:
    """Return the SHA-256 in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def test_result(evidence: Evidence) -> dict[str, Any]:
    """Return the predicate test-result/v0.1: FAILED where anything required did not pass, for any reason."""
    run = evidence.run
    decisive = {result.clause.slug for result in evidence.required}
    tests: dict[str, list[str]] = {"passed": [], "warned": [], "failed": [], "in part": []}
    for result in evidence.tested:
        slug = result.clause.slug
        if result.outcome is Outcome.PASS:
            tests["in part" if result.unjudged else "passed"].append(slug)
        else:
            is_failed = slug in decisive or result.outcome in (Outcome.FAIL, Outcome.ERROR)
            tests["failed" if is_failed else "warned"].append(slug)
    warned = tests["warned"] + tests["in part"]
    has_gaps = any((run.diagnosis, run.interrupted, run.bound, run.stopped, run.lacking, run.errors))
    is_failed = bool(tests["failed"]) or has_gaps or run.verdict != "conforms"
    passed = "WARNED" if warned else "PASSED"
    return {
        "result": "FAILED" if is_failed else passed,
        "configuration": list(_configuration(evidence)),
        "passedTests": tests["passed"],
        "warnedTests": warned,
        "failedTests": tests["failed"],
    }


def _configuration(evidence: Evidence) -> Iterator[dict[str, Any]]:
    run, header = evidence.run, evidence.record.header
    version = run.versions.get(SUITE_NAME, "")
    commit = header["suite"]["commit"]
    suite = _value("suite", version)
    suite["digest"] |= {"gitCommit": commit} if commit else {}
    yield {**suite, "uri": f"pkg:generic/{SUITE_NAME}@{version}"}
    yield {"name": "contract", "digest": {"sha256": run.contract.digest}}
    yield {"name": "catalogue", "digest": {"sha256": run.catalogue.digest}}
    for name in ("profile", "level", "budget", "seed"):
        yield _value(name, str(getattr(run.settings, name)))
    yield {"name": "expectations", "digest": {"sha256": header["options"]["expectations"] or sha256_of(b"")}}


def _value(name: str, value: str) -> dict[str, Any]:
    """Return a resource descriptor of a value that is small enough to be part of it."""
    content = value.encode()
    return {"name": name, "content": base64.b64encode(content).decode(), "digest": _digest(content)}


def clause_results(claim: Claim) -> dict[str, Any]:
    """Return our own predicate: the outcome and the episodes of every clause, what was required, and the validity."""
    evidence, run, settings = claim.evidence, claim.evidence.run, claim.evidence.run.settings
    episodes, required = _episodes_of(evidence.record), evidence.required
    content = evidence.record.content
    return {
        "product": claim.product.to_json(),
        "suite": {"name": SUITE_NAME, "version": run.versions.get(SUITE_NAME, "")},
        "commit": evidence.record.header["suite"]["commit"] or None,
        "contract": run.contract.digest,
        "catalogue": run.catalogue.digest,
        "profile": settings.profile,
        "level": settings.level,
        "budget": settings.budget,
        "seed": settings.seed,
        "started": run.started,
        "ended": evidence.ended,
        "validity": claim.validity.to_json(),
        "verdict": run.verdict,
        "verdicts": {profile: verdict.verdict for profile, verdict in run.verdicts.items()},
        "required": len(required),
        "executed": sum(result.outcome in (Outcome.PASS, Outcome.DEVIATION, Outcome.FAIL) for result in required),
        "clauses": {
            slug: {
                "outcome": str(result.outcome),
                "level": result.clause.level,
                "profile": result.clause.profile,
                "reason": result.reason,
                "episodes": episodes.get(slug, []),
            }
            for slug, result in run.results.items()
        },
        "record": {"sha256": sha256_of(content), "lines": content.count(b"\n")},
        "redactions": list(REDACTIONS),
    }


def _episodes_of(record: Record) -> dict[str, list[str]]:
    """Return the ids of the episodes that were performed for each clause, in order."""
    found: dict[str, list[str]] = {}
    for trial in record.trials:
        for slug in dict.fromkeys((trial.clause, *(clause for clause, _ in trial.also))):
            found.setdefault(slug, []).extend(performed.episode.id for performed in trial.episodes)
    return found


def target_of(claim: Claim) -> dict[str, Any]:
    """Return the content of `target.json`."""
    run = claim.evidence.run
    return {
        "product": claim.product.to_json(),
        "baseUrl": claim.evidence.record.header["target"]["base_url"],
        "mode": "stateless" if run.stateless else "stateful",
        "fixtures": run.provision,
        "apiVersion": _api_version(claim.evidence.record),
        "imageDigest": claim.product.image_digest or None,
    }


def _api_version(record: Record) -> str | None:
    """Return the version that most responses name to a request that asked for none; None where none names one."""
    exchanges = (step.exchange for _, step in steps_in(record.trials))
    versions = Counter(one.header(VERSION_HEADER) for one in exchanges if sent_header(one, VERSION_HEADER) is None)
    del versions[None], versions[""]
    return max(versions, key=versions.__getitem__, default=None)


def verification_summary(
    verifier: str, claim: Claim, when: datetime.datetime, envelopes: Sequence[bytes]
) -> dict[str, Any]:
    """Return a SLSA verification summary: `verifier`, a URI, has checked the statements in `envelopes` itself."""
    profile, passed = claim.evidence.run.settings.profile, claim.evidence.conforms
    policy = json.dumps({"profile": profile}, separators=(",", ":")).encode()
    return {
        "verifier": {"id": verifier},
        "timeVerified": when.strftime(TIME_FORMAT),
        "resourceUri": claim.product.uri,
        "policy": {"uri": POLICY, "digest": _digest(policy)},
        "inputAttestations": [{"digest": _digest(envelope)} for envelope in envelopes],
        "verificationResult": "PASSED" if passed else "FAILED",
        "verifiedLevels": [f"ATTACH_CONFORMANCE_{profile.upper()}" if passed else "FAILED"],
        "slsaVersion": "1.0",
    }


def _digest(content: bytes) -> dict[str, str]:
    return {"sha256": sha256_of(content)}


def read_time(text: str) -> datetime.datetime:
    """Return the time that a statement names. Raises ValueError or TypeError where it is none."""
    return datetime.datetime.strptime(text, TIME_FORMAT).replace(tzinfo=datetime.UTC)
