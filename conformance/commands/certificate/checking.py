"""Checking a bundle: its signatures, its evidence, and whether the suite, run again, has the same result."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from securesystemslib.signer import SSlibKey

from conformance.commands.certificate.bundle import CERTIFICATE, RECORD, SUBJECTS, TARGET, Bundle, read_bundle
from conformance.commands.certificate.consistency import contradictions
from conformance.commands.certificate.files import Files
from conformance.commands.certificate.objections import Kind, Objection, Refused, gravest, refuse_for
from conformance.commands.certificate.planned import compare_with_plan
from conformance.commands.certificate.policy import (
    check_kind,
    check_parts,
    check_policy,
    check_product,
    check_size,
    remarks,
)
from conformance.commands.certificate.rerunning import Plan, PlanOptions, plan_again
from conformance.commands.certificate.statements import (
    CLAUSE_RESULTS,
    TEST_RESULT,
    VERIFICATION_SUMMARY,
    Claim,
    Evidence,
    Product,
    Validity,
    clause_results,
    read_time,
    sha256_of,
    target_of,
    test_result,
    verification_summary,
)
from conformance.evidence.foreign import cut
from conformance.evidence.strict_json import exact_form
from conformance.verdict.record import BrokenRecord, Record
from conformance.verdict.recording import footer_of
from conformance.verdict.run import ExitStatus
from contracts.catalogue import PROFILES

CLOCKS_APART = datetime.timedelta(minutes=5)
"""By how much the clocks of a signer and a certifier may differ."""

OUTCOMES = "outcomes"
"""The member of a footer that is compared clause by clause."""

LONGEST_VALUE = 80
"""How many characters of a value a message quotes."""


@dataclass(frozen=True)
class KeyFiles:
    """The files that a checker's keys were read from, for messages; empty if they came from elsewhere."""

    signer: str = ""
    certifier: str = ""


@dataclass(frozen=True)
class Demands:
    """The demands of a checker: who must have signed, when it must be valid, and what it must cover at least.

    `nonce` is the seed that the checker gave, `certifier` the key of the countersigner; None demands neither. An empty
    `product` or `version` may be any.
    """

    key: SSlibKey
    at: datetime.datetime
    profile: str = PROFILES[0]
    level: str = "must"
    nonce: int | None = None
    certifier: SSlibKey | None = None
    files: KeyFiles = KeyFiles()
    product: str = ""
    version: str = ""


@dataclass(frozen=True)
class Checked:
    """The result of a check: all objections, and the claim of the bundle if it could be read that far."""

    objections: Sequence[Objection]
    claim: Claim | None = None
    envelopes: Sequence[bytes] = ()
    notes: Sequence[str] = ()

    @property
    def is_genuine(self) -> bool:
        """Return whether it says of the product what the evidence shows, good or bad."""
        return not self.objections

    @property
    def conforms(self) -> bool:
        """Return whether it is genuine, and the product conforms."""
        return self.is_genuine and self.claim is not None and self.claim.evidence.conforms

    @property
    def shortfall(self) -> str:
        """Return why a product of which nothing fails is not shown to conform, in words; empty for any other."""
        return self.claim.evidence.shortfall if self.claim is not None else ""

    @property
    def exit_status(self) -> ExitStatus:
        """Return the status with which `verify` ends."""
        kind = gravest(self.objections)
        if kind is not None:
            return kind.exit_status
        return ExitStatus.CONFORMS if self.conforms else Kind.NOT_CONFORMING.exit_status


def check(files: Files, demands: Demands, plan: Callable[[PlanOptions], Plan] | None = None) -> Checked:
    """Check a bundle in full; `plan` draws the plan, as `plan_again` does. Raises CannotPlan where that fails."""
    try:
        bundle = read_bundle(files)
        refuse_for([*_check_signatures(bundle, demands), *_check_types(bundle, demands), *_check_subjects(bundle)])
        claim = _read_claim(bundle)
    except Refused as refused:
        return Checked(refused.objections)
    evidence = claim.evidence
    objections = [
        *_compare_clauses(evidence, bundle),
        *_compare_footer(evidence),
        *_compare_predicates(claim, bundle),
        *_compare_summary(claim, bundle),
        *_check_validity(claim, demands.at),
        *_check_product(claim.product, demands),
        *check_policy(evidence, demands.profile, demands.level),
    ]
    if demands.nonce not in (None, evidence.run.settings.seed):
        objections.append(Objection("nonce", f"the seed is {evidence.run.settings.seed}, not {demands.nonce}"))
    if evidence.run.diagnosis is None:
        objections += contradictions(evidence)
        objections += compare_with_plan(evidence, (plan or _plan_aloud)(PlanOptions.of(evidence.record)))
    envelopes = [signed.line for signed in bundle.signed]
    return Checked(list(dict.fromkeys(objections)), claim, envelopes, list(remarks(evidence.record)))


def _plan_aloud(options: PlanOptions) -> Plan:
    """Draw the plan, and say so before: that takes as long as a run. Raises CannotPlan."""
    print("drawing the plan: the suite runs against the embedded reference …", file=sys.stderr, flush=True)
    return plan_again(options)


def _read_claim(bundle: Bundle) -> Claim:
    """Return the claim of a bundle, its episodes judged again. Raises Refused."""
    try:
        record = Record.of(bundle.files[RECORD])
        predicate = _predicate(bundle, CLAUSE_RESULTS)
        validity = Validity.from_json(predicate["validity"])
        digest = bundle.target.get("imageDigest") or ""
        product = Product(predicate["product"]["name"], predicate["product"]["version"], digest)
        refuse_for(check_kind(record))
        refuse_for(check_size(record))
        refuse_for(check_parts(record))
        refuse_for(check_product(product, validity, str(record.header["target"]["base_url"])))
        return Claim(product, validity, Evidence.of(record))
    except Refused:
        raise
    except BrokenRecord as error:
        raise Refused([Objection("record", f"{RECORD}: {error}")]) from None
    except (KeyError, TypeError, ValueError):
        raise Refused([Objection("statements", "our own predicate lacks its product or its validity")]) from None


def _predicate(bundle: Bundle, predicate_type: str) -> Mapping[str, Any]:
    """Return the predicate of the only statement with that type."""
    (signed,) = bundle.of_type(predicate_type)
    return signed.predicate


# the statements, before anything in them is believed


def _check_signatures(bundle: Bundle, demands: Demands) -> Iterator[Objection]:
    pinned = ("the pinned", demands.key, demands.files.signer)
    by_type = {VERIFICATION_SUMMARY: ("the certifier's", demands.certifier, demands.files.certifier)}
    for number, signed in enumerate(bundle.signed, start=1):
        whose, key, file = by_type.get(signed.predicate_type, pinned)
        named = f", {file}" if file else ""
        if key is not None and not signed.is_signed_by(key):
            yield Objection("signature", f"line {number} of {CERTIFICATE} is not signed with {whose} key{named}")


def _check_types(bundle: Bundle, demands: Demands) -> Iterator[Objection]:
    summaries = (0, 1) if demands.certifier is None else (1,)
    counts = {TEST_RESULT: (1,), CLAUSE_RESULTS: (1,), VERIFICATION_SUMMARY: summaries}
    for predicate_type, admissible in counts.items():
        count = len(bundle.of_type(predicate_type))
        if count not in admissible:
            yield Objection("statements", f"there are {count} statements of {predicate_type}, not one")
    for signed in bundle.signed:
        if signed.predicate_type not in counts:
            yield Objection("statements", f"there is a statement of {signed.predicate_type}, which no bundle has")


def _check_subjects(bundle: Bundle) -> Iterator[Objection]:
    wanted = {name: sha256_of(bundle.files[name]) for name in SUBJECTS}
    for number, signed in enumerate(bundle.signed, start=1):
        if signed.subjects != wanted:
            yield Objection("subjects", f"line {number} of {CERTIFICATE} is not about this manifest and this target")


# the statements, compared with the record


def _compare_clauses(evidence: Evidence, bundle: Bundle) -> Iterator[Objection]:
    """Yield the outcomes in statement and footer that are not those to which the episodes lead."""
    judged = {slug: str(result.outcome) for slug, result in evidence.run.results.items()}
    clauses = _predicate(bundle, CLAUSE_RESULTS).get("clauses")
    stated = {slug: _outcome_in(one) for slug, one in clauses.items()} if isinstance(clauses, dict) else {}
    for where, outcomes in (("the statement", stated), ("the record's footer", evidence.record.outcomes)):
        for slug in dict.fromkeys([*judged, *outcomes]):
            wanted, found = judged.get(slug, "unknown"), outcomes.get(slug, "missing")
            if wanted != found:
                text = f"{slug} is {found} in {where}, and {wanted} when its episodes are judged again"
                yield Objection("outcome", text)


def _compare_footer(evidence: Evidence) -> Iterator[Objection]:
    """Yield the verdicts in the footer that are not those to which the episodes lead."""
    header, footer = evidence.record.header, evidence.record.footer
    if header["expectations"] is not None:
        return
    for name, value in footer_of(evidence.run, {}).items():
        if name != OUTCOMES and footer[name] != value:
            text = f"`{name}` of the record's footer is {_short(footer[name])}, and {_short(value)} when judged again"
            yield Objection("outcome", text)


def _outcome_in(clause: Any) -> Any:
    return clause.get("outcome", "missing") if isinstance(clause, dict) else "missing"


def _compare_predicates(claim: Claim, bundle: Bundle) -> Iterator[Objection]:
    """Make both predicates and the target again from the record, and yield the members that differ."""
    wanted, found = clause_results(claim), dict(_predicate(bundle, CLAUSE_RESULTS))
    clauses, stated = wanted.pop("clauses"), found.pop("clauses", None)
    yield from _compare("statement", CLAUSE_RESULTS, wanted, found)
    yield from _compare("statement", TEST_RESULT, test_result(claim.evidence), _predicate(bundle, TEST_RESULT))
    yield from _compare("target", TARGET, target_of(claim), bundle.target)
    for slug, clause in clauses.items():
        other = stated.get(slug) if isinstance(stated, dict) else None
        if isinstance(other, dict) and exact_form({**other, "outcome": ""}) != exact_form({**clause, "outcome": ""}):
            yield Objection("statement", f"the statement about {slug} differs from the record in more than its outcome")


def _compare_summary(claim: Claim, bundle: Bundle) -> Iterator[Objection]:
    """Make the certifier's summary again, and yield the members that differ. Who and when are theirs to say."""
    about = [signed.line for signed in bundle.signed if signed.predicate_type != VERIFICATION_SUMMARY]
    for signed in bundle.of_type(VERIFICATION_SUMMARY):
        found = signed.predicate
        try:
            verifier, when = str(found["verifier"]["id"]), read_time(found["timeVerified"])
        except (KeyError, TypeError, ValueError):
            yield Objection("summary", "the summary does not say who verified what when")
            continue
        yield from _compare("summary", "the summary", verification_summary(verifier, claim, when, about), found)
        if not claim.validity.begins - CLOCKS_APART <= when <= claim.validity.ends:
            yield Objection("summary", "the summary was made at a time when the certificate is not valid")


def _compare(code: str, what: str, wanted: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[Objection]:
    for name in dict.fromkeys([*wanted, *found]):
        if exact_form(wanted.get(name)) != exact_form(found.get(name)):
            yield Objection(code, f"`{name}` of {what} is {_short(found.get(name))}, not {_short(wanted.get(name))}")


def _check_validity(claim: Claim, at: datetime.datetime) -> Iterator[Objection]:
    begins, ends = claim.validity.begins, claim.validity.ends
    if ends <= begins:
        yield Objection("statement", "the validity ends before it begins")
    if datetime.datetime.fromisoformat(claim.evidence.ended) > begins + datetime.timedelta(seconds=1):
        yield Objection("times", "it was signed before the run had ended")
    if at < begins:
        yield Objection("not-yet-valid", f"it is valid from {begins:%Y-%m-%d %H:%M} UTC on")
    if at > ends:
        yield Objection("expired", f"it was valid until {ends:%Y-%m-%d %H:%M} UTC")


def _check_product(product: Product, demands: Demands) -> Iterator[Objection]:
    stated, demanded = (product.name, product.version), (demands.product, demands.version)
    for what, found, wanted in zip(("product", "version"), stated, demanded, strict=True):
        if wanted not in ("", found):
            yield Objection("other-product", f"the {what} is {found}, and {wanted} is demanded")


def _short(value: Any) -> str:
    return cut(repr(value), LONGEST_VALUE)
