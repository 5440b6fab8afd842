"""Checking a bundle: whose it is, what it rests on, and whether the suite itself, asked again, says the same."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from securesystemslib.signer import SSlibKey

from conformance.commands.certificate.bundle import CERTIFICATE, RECORD, SUBJECTS, TARGET, Bundle, read_bundle
from conformance.commands.certificate.consistency import Circumstances, contradictions
from conformance.commands.certificate.evidence import evidence_of, passed_in, target_of
from conformance.commands.certificate.files import Files
from conformance.commands.certificate.objections import Kind, Objection, gravest
from conformance.commands.certificate.planned import against_plan
from conformance.commands.certificate.planning import Plan, PlanOptions, plan_again
from conformance.commands.certificate.policy import against_kind, against_policy, remarks
from conformance.commands.certificate.statements import (
    CLAUSE_RESULTS,
    TEST_RESULT,
    VERIFICATION_SUMMARY,
    Evidence,
    Product,
    Validity,
    clause_results,
    sha256_of,
    test_result,
)
from conformance.verdict.record import BrokenRecord, Record
from conformance.verdict.run import ExitStatus, Run


@dataclass(frozen=True)
class Demands:
    """What a checker asks for: by whom it must be signed, when it must be valid, and what it must cover at least.

    `nonce` is the seed that the checker gave, `certifier` the key of whoever must have countersigned; None asks for
    neither.
    """

    key: SSlibKey
    at: datetime.datetime
    profile: str | None = None
    level: str = "must"
    nonce: int | None = None
    certifier: SSlibKey | None = None


@dataclass(frozen=True)
class Checked:
    """What came of it: everything that speaks against the bundle, and what it says where it could be read so far."""

    objections: Sequence[Objection]
    evidence: Evidence | None = None
    record: Record | None = None
    product: Product | None = None
    validity: Validity | None = None
    envelopes: Sequence[bytes] = field(default=())
    notes: Sequence[str] = field(default=())

    @property
    def is_genuine(self) -> bool:
        """Whether nothing speaks against it: it says of the product what the evidence shows, good or bad."""
        return not self.objections

    @property
    def conforms(self) -> bool:
        """Whether it is genuine, and the product conforms."""
        return self.is_genuine and self.evidence is not None and is_positive(self.evidence)

    @property
    def exit_status(self) -> ExitStatus:
        """The status with which `verify` ends."""
        kind = gravest(self.objections)
        if kind is not None:
            return kind.exit_status
        return ExitStatus.CONFORMS if self.conforms else Kind.NOT_CONFORMING.exit_status


def is_positive(evidence: Evidence) -> bool:
    """Whether everything that is required passed."""
    return bool(test_result(evidence)["result"] != "FAILED")


def check(files: Files, demands: Demands, plan: Callable[[PlanOptions], Plan] | None = None) -> Checked:
    """Check a bundle in full. `plan` draws the plan again, as `plan_again` does. Raises CannotPlan where that fails."""
    bundle, objections = read_bundle(files)
    if bundle is None:
        return Checked(objections)
    objections += [*_signatures(bundle, demands), *_subjects(bundle)]
    if objections:
        return Checked(objections)
    try:
        record = Record.of(bundle.record)
    except BrokenRecord as error:
        return Checked([Objection("record", f"{RECORD}: {error}")])
    stated = bundle.of_type(CLAUSE_RESULTS)[0].predicate
    try:
        product = Product(
            stated["product"]["name"], stated["product"]["version"], bundle.target.get("imageDigest") or ""
        )
        validity = Validity.from_json(stated["validity"])
    except (KeyError, TypeError, ValueError):
        return Checked([Objection("statements", "our own predicate lacks its product or its validity")], record=record)
    objections = [*against_kind(record)]
    if objections:
        return Checked(objections, record=record, product=product, validity=validity)
    return _judged_again(bundle, demands, record, product, validity, plan or plan_again)


def _judged_again(
    bundle: Bundle,
    demands: Demands,
    record: Record,
    product: Product,
    validity: Validity,
    plan: Callable[[PlanOptions], Plan],
) -> Checked:
    try:
        evidence = evidence_of(record, bundle.record)
    except BrokenRecord as error:
        return Checked([Objection("record", f"{RECORD}: {error}")], record=record)
    objections = [
        *_outcomes(evidence.run, record, bundle),
        *_statements(evidence, product, validity, bundle),
        *_against_target(record, evidence, product, bundle.target),
        *_validity(validity, evidence, demands.at),
        *against_policy(record, evidence, profile=demands.profile, level=demands.level),
    ]
    if demands.nonce is not None and evidence.run.settings.seed != demands.nonce:
        objections.append(Objection("nonce", f"the seed is {evidence.run.settings.seed}, not {demands.nonce}"))
    passed = passed_in(evidence.run)
    if evidence.run.diagnosis is None:
        positive = is_positive(evidence)
        objections += contradictions(record.trials, Circumstances.of(record, passed, is_positive=positive))
        drawn = plan(PlanOptions.of(record))
        objections += against_plan(record.trials, record.notes, drawn, passed, is_positive=positive)
    lines = tuple(one.line for one in bundle.signed)
    return Checked(tuple(dict.fromkeys(objections)), evidence, record, product, validity, lines, tuple(remarks(record)))


# whose it is


def _signatures(bundle: Bundle, demands: Demands) -> Iterator[Objection]:
    for number, signed in enumerate(bundle.signed, start=1):
        is_summary = signed.predicate_type == VERIFICATION_SUMMARY
        key = demands.certifier if is_summary else demands.key
        if key is not None and not signed.is_signed_by(key):
            whose = "the certifier's" if is_summary else "the pinned"
            yield Objection("signature", f"line {number} of {CERTIFICATE} is not signed with {whose} key")
    for kind in (TEST_RESULT, CLAUSE_RESULTS, VERIFICATION_SUMMARY):
        count = len(bundle.of_type(kind))
        is_optional = kind == VERIFICATION_SUMMARY and demands.certifier is None
        if count > 1 or (count == 0 and not is_optional):
            yield Objection("statements", f"there are {count} statements of {kind}, not one")
    known = (TEST_RESULT, CLAUSE_RESULTS, VERIFICATION_SUMMARY)
    for signed in bundle.signed:
        if signed.predicate_type not in known:
            yield Objection("statements", f"there is a statement of {signed.predicate_type}, which no bundle has")


def _subjects(bundle: Bundle) -> Iterator[Objection]:
    wanted = {name: sha256_of(bundle.files[name]) for name in SUBJECTS}
    for number, signed in enumerate(bundle.signed, start=1):
        if signed.subjects != wanted:
            yield Objection("subjects", f"line {number} of {CERTIFICATE} is not about this manifest and this target")


# what it says


def _outcomes(run: Run, record: Record, bundle: Bundle) -> Iterator[Objection]:
    """The outcomes that statement and footer tell, against those that the episodes lead to."""
    again = {slug: str(result.outcome) for slug, result in run.results.items()}
    stated = bundle.of_type(CLAUSE_RESULTS)[0].predicate.get("clauses")
    told: Mapping[str, Any] = stated if isinstance(stated, dict) else {}
    by_statement = {slug: one.get("outcome") for slug, one in told.items() if isinstance(one, dict)}
    for where, outcomes in (("the statement", by_statement), ("the record's footer", record.outcomes)):
        for slug in dict.fromkeys([*again, *outcomes]):
            if again.get(slug) != outcomes.get(slug):
                said, found = outcomes.get(slug) or "not there", again.get(slug) or "unknown"
                yield Objection(
                    "outcome", f"{slug} is {said} by {where}, and {found} when its episodes are judged again"
                )


def _statements(evidence: Evidence, product: Product, validity: Validity, bundle: Bundle) -> Iterator[Objection]:
    """Both predicates are made again from the record, and must be the same member by member."""
    made = {TEST_RESULT: test_result(evidence), CLAUSE_RESULTS: clause_results(evidence, product, validity)}
    for kind, wanted in made.items():
        found = bundle.of_type(kind)[0].predicate
        for name in dict.fromkeys([*wanted, *found]):
            if name == "clauses":
                yield from _clauses(wanted[name], found.get(name))
            elif wanted.get(name) != found.get(name):
                yield Objection(
                    "statement", f"`{name}` of {kind} is {_short(found.get(name))}, not {_short(wanted.get(name))}"
                )


def _clauses(wanted: Mapping[str, Any], found: Any) -> Iterator[Objection]:
    """What the statement says of each clause besides its outcome."""
    told: Mapping[str, Any] = found if isinstance(found, dict) else {}
    for slug, one in wanted.items():
        other = told.get(slug)
        if isinstance(other, dict) and {**other, "outcome": ""} != {**one, "outcome": ""}:
            yield Objection("statement", f"what is stated of {slug} besides its outcome is not what the record says")


def _against_target(
    record: Record, evidence: Evidence, product: Product, target: Mapping[str, Any]
) -> Iterator[Objection]:
    wanted = target_of(record, evidence, product)
    for name in dict.fromkeys([*wanted, *target]):
        if wanted.get(name) != target.get(name):
            yield Objection(
                "target", f"`{name}` of {TARGET} is {_short(target.get(name))}, not {_short(wanted.get(name))}"
            )


def _validity(validity: Validity, evidence: Evidence, at: datetime.datetime) -> Iterator[Objection]:
    if validity.ends <= validity.begins:
        yield Objection("statement", "the validity ends before it begins")
    if datetime.datetime.fromisoformat(evidence.ended) > validity.begins + datetime.timedelta(seconds=1):
        yield Objection("times", "it was signed before the run had ended")
    if at < validity.begins:
        yield Objection("not-yet-valid", f"it is valid from {validity.begins:%Y-%m-%d %H:%M} UTC on")
    if at > validity.ends:
        yield Objection("expired", f"it was valid until {validity.ends:%Y-%m-%d %H:%M} UTC")


def _short(value: Any, limit: int = 80) -> str:
    words = repr(value)
    return words if len(words) <= limit else words[: limit - 1] + "…"
