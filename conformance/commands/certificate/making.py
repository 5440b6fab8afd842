"""The commands `certify`, which signs what a run recorded, and `countersign`, by which a certifier vouches for it."""

from __future__ import annotations

import argparse
import datetime
import re
from collections.abc import Sequence
from pathlib import Path

from securesystemslib.signer import CryptoSigner

from conformance.commands.certificate.bundle import bundled, countersigned
from conformance.commands.certificate.checking import Checked, Demands, check, is_positive
from conformance.commands.certificate.evidence import evidence_of, target_of
from conformance.commands.certificate.files import (
    Files,
    UnreadableBundle,
    UnsafeBundle,
    read_files,
    write_folder,
    write_zip,
)
from conformance.commands.certificate.keys import UnusableKey, private_key, public_key
from conformance.commands.certificate.planning import CannotPlan
from conformance.commands.certificate.policy import against_kind, against_policy
from conformance.commands.certificate.statements import (
    CLAUSE_RESULTS,
    TEST_RESULT,
    VERIFICATION_SUMMARY,
    Evidence,
    Product,
    Validity,
    clause_results,
    test_result,
    verification_summary,
)
from conformance.verdict.record import BrokenRecord, Record
from conformance.verdict.run import ExitStatus

VALID_DAYS = 365
LARGEST_VALID_DAYS = 3650
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
"""What a product or a version may be called: what a package URL holds unescaped."""
IMAGE_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
URI = re.compile(r"[a-z][a-z0-9+.-]*:[^\s]+")


class CannotCertify(ValueError):
    """What was asked for cannot be signed; the message says why, one reason a line."""


def certified(content: bytes, product: Product, signer: CryptoSigner, valid_days: int = VALID_DAYS) -> Files:
    """The files of a bundle that certifies the run in a record. Raises CannotCertify, or BrokenRecord."""
    record = Record.of(content)
    objections = list(against_kind(record))
    evidence = None if objections else evidence_of(record, content)
    if evidence is not None:
        objections += against_policy(record, evidence)
    if evidence is None or objections:
        raise CannotCertify("\n".join(f"nobody would accept it: {objection}" for objection in objections))
    begins = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    return signed(record, evidence, product, signer, Validity(begins, begins + datetime.timedelta(days=valid_days)))


def signed(record: Record, evidence: Evidence, product: Product, signer: CryptoSigner, validity: Validity) -> Files:
    """The files of a bundle around a record, whatever it is worth."""
    predicates = {TEST_RESULT: test_result(evidence), CLAUSE_RESULTS: clause_results(evidence, product, validity)}
    return bundled(record.content, target_of(record, evidence, product), predicates, signer)


def vouched_for(files: Files, checked: Checked, signer: CryptoSigner, verifier: str, when: datetime.datetime) -> Files:
    """The files with a certifier's own summary. Raises CannotCertify for a bundle that is not genuine."""
    if not checked.is_genuine or checked.evidence is None or checked.product is None:
        raise CannotCertify("\n".join(f"it is not genuine: {objection}" for objection in checked.objections))
    profile = checked.evidence.run.settings.profile
    summary = verification_summary(
        verifier, checked.product, profile, is_positive(checked.evidence), when, checked.envelopes
    )
    return countersigned(files, VERIFICATION_SUMMARY, summary, signer)


def write_bundle(files: Files, path: Path) -> None:
    """Write a zip file where the path ends in `.zip`, a folder elsewhere. Raises UnreadableBundle."""
    (write_zip if path.suffix == ".zip" else write_folder)(files, path)


# the commands


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the commands `certify` and `countersign`."""
    command = commands.add_parser("certify", help="sign what a run recorded")
    command.add_argument("record", type=Path, metavar="RECORD", help="the record of a run, such as reports/run.jsonl")
    command.add_argument("--product", required=True, type=_name, metavar="NAME", help="what was tested")
    command.add_argument("--version", required=True, type=_name, metavar="VERSION", help="which version of it")
    command.add_argument("--key", required=True, type=Path, metavar="PEM", help="the private key that signs")
    command.add_argument("--out", type=Path, metavar="PATH", help="a zip file, or a folder (default: NAME-VERSION.zip)")
    command.add_argument(
        "--valid-days", type=_days, default=VALID_DAYS, metavar="N", help="for how many days (default: %(default)s)"
    )
    command.add_argument("--image-digest", type=_digest, metavar="DIGEST", help="sha256:… of its image or build")
    _add_certifier(command, is_required=False)
    command.set_defaults(run=_certify)
    command = commands.add_parser(
        "countersign", help="check a bundle, and add a statement of one's own that it is sound"
    )
    command.add_argument("bundle", type=Path, metavar="BUNDLE", help="a zip file, or a folder")
    command.add_argument("--key", required=True, type=Path, metavar="PEM", help="the public key of its signer")
    command.add_argument("--out", required=True, type=Path, metavar="PATH", help="where the countersigned bundle goes")
    _add_certifier(command, is_required=True)
    command.set_defaults(run=_countersign)


def _add_certifier(command: argparse.ArgumentParser, *, is_required: bool) -> None:
    command.add_argument(
        "--certifier-key", required=is_required, type=Path, metavar="PEM", help="the certifier's private key"
    )
    command.add_argument("--certifier", required=is_required, type=_uri, metavar="URI", help="who the certifier is")


def _certify(options: argparse.Namespace) -> int:
    try:
        signer = private_key(options.key)
        if (options.certifier_key is None) != (options.certifier is None):
            raise CannotCertify("--certifier-key and --certifier go together")
        certifier = private_key(options.certifier_key) if options.certifier_key else None
        product = Product(options.product, options.version, options.image_digest or "")
        files = certified(_content(options.record), product, signer, options.valid_days)
        if certifier is not None:
            files = _vouched(files, signer, certifier, options.certifier)
        path = options.out or Path(f"{product.name}-{product.version}.zip")
        write_bundle(files, path)
    except (UnusableKey, CannotCertify, UnreadableBundle, BrokenRecord, CannotPlan) as error:
        print(error)
        return ExitStatus.WRONG_USAGE
    print(f"{path}: {product.name} {product.version}, signed with the key {signer.public_key.keyid[:16]}…")
    return ExitStatus.CONFORMS


def _vouched(files: Files, signer: CryptoSigner, certifier: CryptoSigner, name: str) -> Files:
    when = datetime.datetime.now(datetime.UTC)
    return vouched_for(files, check(files, Demands(signer.public_key, when)), certifier, name, when)


def _countersign(options: argparse.Namespace) -> int:
    when = datetime.datetime.now(datetime.UTC)
    try:
        key, certifier = public_key(options.key), private_key(options.certifier_key)
        files = read_files(options.bundle)
        checked = check(files, Demands(key, when))
        write_bundle(vouched_for(files, checked, certifier, options.certifier, when), options.out)
    except CannotCertify as error:
        print(error)
        return checked.exit_status
    except (UnusableKey, UnreadableBundle, UnsafeBundle, CannotPlan) as error:
        print(error)
        return ExitStatus.WRONG_USAGE
    print(f"{options.out}: countersigned as {options.certifier}")
    return ExitStatus.CONFORMS


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CannotCertify(f"{path} cannot be read: {error.strerror}") from None


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no name: letters, digits, dots, dashes, plus and underscores")
    return text


def _days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= LARGEST_VALID_DAYS:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days from 1 to {LARGEST_VALID_DAYS}")
    return int(text)


def _digest(text: str) -> str:
    if not IMAGE_DIGEST.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no digest: sha256: and 64 hexadecimal digits in small letters")
    return text


def _uri(text: str) -> str:
    if not URI.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no URI")
    return text


__all__: Sequence[str] = ("CannotCertify", "add_commands", "certified", "signed", "vouched_for", "write_bundle")
