"""What is stated: the predicates about a run, made from its record alone, so that a checker makes them again."""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.commands.certificate.envelope import STATEMENT_TYPE
from conformance.evidence.episode import Outcome
from conformance.verdict.ledger import ClauseResult
from conformance.verdict.run import Run

TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
CLAUSE_RESULTS = "urn:attach-conformance:predicate:clause-results:v1"
VERIFICATION_SUMMARY = "https://slsa.dev/verification_summary/v1"
POLICY = "urn:attach-conformance:policy:certification:v1"

REDACTIONS = ("the API key, wherever it would stand",)
"""What is left out of the evidence."""

TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Product:
    """What is certified: its name and version, and the digest of its image or build where that is known."""

    name: str
    version: str
    image_digest: str = ""

    @property
    def uri(self) -> str:
        """A package URL for it."""
        return f"pkg:generic/{self.name}@{self.version}"


@dataclass(frozen=True)
class Validity:
    """From when on a certificate is valid, and until when."""

    begins: datetime.datetime
    ends: datetime.datetime

    def to_json(self) -> dict[str, str]:
        """A JSON-like form, from which `from_json` makes the same value."""
        return {"notBefore": self.begins.strftime(TIME_FORMAT), "notAfter": self.ends.strftime(TIME_FORMAT)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Validity:
        """The validity that `to_json` wrote. Raises KeyError, TypeError or ValueError when it is none."""
        return cls(time_of(data["notBefore"]), time_of(data["notAfter"]))


@dataclass(frozen=True)
class Evidence:
    """A record, concluded: the run, the digest and the lines of the file, and the ids of the episodes of each clause.

    `commit` is that of the suite, empty where it is not known; `expectations` the digest of a file with expected
    failures.
    """

    run: Run
    sha256: str
    lines: int
    ended: str
    commit: str = ""
    expectations: str = ""
    episodes: Mapping[str, Sequence[str]] | None = None


def time_of(text: str) -> datetime.datetime:
    """The moment that a UTC time says. Raises ValueError when it is none."""
    return datetime.datetime.strptime(text, TIME_FORMAT).replace(tzinfo=datetime.UTC)


def statement(predicate_type: str, predicate: Mapping[str, Any], subjects: Mapping[str, bytes]) -> dict[str, Any]:
    """An in-toto statement about the files that are its subjects."""
    named = [{"name": name, "digest": {"sha256": sha256_of(content)}} for name, content in subjects.items()]
    return {
        "_type": STATEMENT_TYPE,
        "subject": named,
        "predicateType": predicate_type,
        "predicate": dict(predicate),
    }


def sha256_of(content: bytes) -> str:
    """The SHA-256 in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


# test-result/v0.1


def required(run: Run) -> list[ClauseResult]:
    """The results that decide: those of the profile's clauses at MUST, at the level `should` those at SHOULD too."""
    levels = ("MUST", "SHOULD") if run.settings.level == "should" else ("MUST",)
    clauses = run.catalogue.within(run.settings.profile)
    return [run.results[clause.slug] for clause in clauses if not clause.not_tested and clause.level in levels]


def test_result(evidence: Evidence) -> dict[str, Any]:
    """The predicate test-result/v0.1: FAILED where anything required did not pass, for whatever reason."""
    run = evidence.run
    of_profile = [run.results[clause.slug] for clause in run.catalogue.within(run.settings.profile)]
    tested = [result for result in of_profile if not result.clause.not_tested]
    decides = {result.clause.slug for result in required(run)}
    whole = [result for result in tested if result.outcome is Outcome.PASS and not result.unjudged]
    in_part = [result.clause.slug for result in tested if result.outcome is Outcome.PASS and result.unjudged]
    passed = [result.clause.slug for result in whole]
    others = [result.clause.slug for result in tested if result.outcome is not Outcome.PASS]
    failed = [slug for slug in others if slug in decides or run.results[slug].outcome in (Outcome.FAIL, Outcome.ERROR)]
    warned = [slug for slug in others if slug not in failed] + in_part
    is_whole = not (run.diagnosis or run.interrupted or run.lacking or run.errors)
    result = "FAILED" if failed or not is_whole or run.verdict != "conforms" else "WARNED" if warned else "PASSED"
    return {
        "result": result,
        "configuration": list(_configuration(evidence)),
        "passedTests": passed,
        "warnedTests": warned,
        "failedTests": failed,
    }


def _configuration(evidence: Evidence) -> Iterable[dict[str, Any]]:
    run = evidence.run
    version = run.versions.get("attach-conformance", "")
    suite: dict[str, Any] = _value("suite", version) | {"uri": f"pkg:generic/attach-conformance@{version}"}
    if evidence.commit:
        suite["digest"] |= {"gitCommit": evidence.commit}
    yield suite
    yield {"name": "contract", "digest": {"sha256": run.contract.digest}}
    yield {"name": "catalogue", "digest": {"sha256": run.catalogue.digest}}
    for name in ("profile", "level", "budget", "seed"):
        yield _value(name, str(getattr(run.settings, name)))
    yield {"name": "expectations", "digest": {"sha256": evidence.expectations or sha256_of(b"")}}


def _value(name: str, value: str) -> dict[str, Any]:
    """A resource descriptor of a value that is small enough to stand in it."""
    content = value.encode()
    return {"name": name, "content": base64.b64encode(content).decode(), "digest": {"sha256": sha256_of(content)}}


# our own


def clause_results(evidence: Evidence, product: Product, validity: Validity) -> dict[str, Any]:
    """Our own predicate: every clause's outcome with its episodes, what was required, and how long it counts."""
    run, settings = evidence.run, evidence.run.settings
    episodes = evidence.episodes or {}
    decides = required(run)
    executed = [result for result in decides if result.outcome in (Outcome.PASS, Outcome.DEVIATION, Outcome.FAIL)]
    return {
        "product": {"name": product.name, "version": product.version},
        "suite": {"name": "attach-conformance", "version": run.versions.get("attach-conformance", "")},
        "commit": evidence.commit or None,
        "contract": run.contract.digest,
        "catalogue": run.catalogue.digest,
        "profile": settings.profile,
        "level": settings.level,
        "budget": settings.budget,
        "seed": settings.seed,
        "started": run.started,
        "ended": evidence.ended,
        "validity": validity.to_json(),
        "verdict": run.verdict,
        "verdicts": {profile: verdict.verdict for profile, verdict in run.verdicts.items()},
        "required": len(decides),
        "executed": len(executed),
        "clauses": {
            slug: {
                "outcome": str(result.outcome),
                "level": result.clause.level,
                "profile": result.clause.profile,
                "reason": result.reason,
                "episodes": list(episodes.get(slug, ())),
            }
            for slug, result in run.results.items()
        },
        "record": {"sha256": evidence.sha256, "lines": evidence.lines},
        "redactions": list(REDACTIONS),
    }


# a certifier's


def verification_summary(
    verifier: str, product: Product, profile: str, passed: bool, when: datetime.datetime, envelopes: Sequence[bytes]
) -> dict[str, Any]:
    """A SLSA verification summary: that `verifier`, a URI, has checked the statements in `envelopes` itself."""
    policy = json.dumps({"profile": profile}, separators=(",", ":")).encode()
    return {
        "verifier": {"id": verifier},
        "timeVerified": when.strftime(TIME_FORMAT),
        "resourceUri": product.uri,
        "policy": {"uri": POLICY, "digest": {"sha256": sha256_of(policy)}},
        "inputAttestations": [{"digest": {"sha256": sha256_of(envelope)}} for envelope in envelopes],
        "verificationResult": "PASSED" if passed else "FAILED",
        "verifiedLevels": [f"ATTACH_CONFORMANCE_{profile.upper()}" if passed else "FAILED"],
        "slsaVersion": "1.0",
    }
