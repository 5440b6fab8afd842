"""The commands `certify`, which signs a recorded run, `countersign`, for certifiers, and `nonce`."""

from __future__ import annotations

import argparse
import datetime
import re
import secrets
from collections.abc import Callable
from pathlib import Path

from securesystemslib.signer import CryptoSigner

from conformance.commands.certificate.bundle import add_statement, make_bundle
from conformance.commands.certificate.checking import Checked, Demands, check
from conformance.commands.certificate.files import (
    Files,
    UnreadableBundle,
    UnsafeBundle,
    read_files,
    write_folder,
    write_zip,
)
from conformance.commands.certificate.keys import UnusableKey, private_key, public_key
from conformance.commands.certificate.objections import Refused, in_short, refuse_for
from conformance.commands.certificate.policy import IMAGE_DIGEST, LARGEST_VALID_DAYS, NAME, check_kind, check_policy
from conformance.commands.certificate.rerunning import CannotPlan, Plan, PlanOptions
from conformance.commands.certificate.statements import (
    CLAUSE_RESULTS,
    TEST_RESULT,
    VERIFICATION_SUMMARY,
    Claim,
    Evidence,
    Product,
    Validity,
    clause_results,
    target_of,
    test_result,
    verification_summary,
)
from conformance.evidence.foreign import one_line
from conformance.paths import program_here
from conformance.verdict.record import REFERENCE, BrokenRecord, Record
from conformance.verdict.run import ExitStatus

VALID_DAYS = 365
NONCE_BITS = 63
URI = re.compile(r"[a-z][a-z0-9+.-]*:[^\s]+")


class CannotCertify(ValueError):
    """A record or a bundle cannot be signed; the message says why, one reason a line. `status` is the exit status."""

    def __init__(self, message: str, status: ExitStatus = ExitStatus.WRONG_USAGE) -> None:
        super().__init__(message)
        self.status = status


def certify(
    record: Record,
    product: Product,
    signer: CryptoSigner,
    valid_days: int = VALID_DAYS,
    plan: Callable[[PlanOptions], Plan] | None = None,
) -> tuple[dict[str, bytes], Checked]:
    """Return the files of a bundle that certifies a recorded run, and their check as by `verify`; `plan` as in `check`.

    Raises CannotCertify, BrokenRecord, or CannotPlan.
    """
    begins = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    validity = Validity(begins, begins + datetime.timedelta(days=valid_days))
    try:
        refuse_for(check_kind(record))
        evidence = Evidence.of(record)
        refuse_for(check_policy(evidence))
        files = sign_claim(Claim(product, validity, evidence), signer)
        checked = check(files, Demands(signer.public_key, begins), plan)
        refuse_for(checked.objections)
    except Refused as refused:
        reasons = [f"verify would refuse it: {text}" for _, text in in_short(refused.objections)]
        raise CannotCertify("\n".join([*reasons, "nothing was written"])) from None
    return files, checked


def sign_claim(claim: Claim, signer: CryptoSigner) -> dict[str, bytes]:
    """Return the files of a bundle with a claim, without checking it."""
    predicates = {TEST_RESULT: test_result(claim.evidence), CLAUSE_RESULTS: clause_results(claim)}
    return make_bundle(claim.evidence.record.content, target_of(claim), predicates, signer)


def countersign(
    files: Files, checked: Checked, signer: CryptoSigner, verifier: str, when: datetime.datetime
) -> dict[str, bytes]:
    """Return the files with a certifier's summary. Raises CannotCertify for a bundle that is not genuine."""
    if not checked.is_genuine or checked.claim is None:
        reasons = "\n".join(f"it is not genuine: {objection}" for objection in checked.objections)
        raise CannotCertify(reasons, checked.exit_status)
    summary = verification_summary(verifier, checked.claim, when, checked.envelopes)
    return add_statement(files, VERIFICATION_SUMMARY, summary, signer)


def write_bundle(files: Files, path: Path) -> None:
    """Write a zip file where the path ends in `.zip`, a folder elsewhere. Raises UnreadableBundle."""
    write = write_zip if path.suffix == ".zip" else write_folder
    write(files, path)


def new_nonce() -> int:
    """Return a number that nobody could foresee, and that no run has had as its seed."""
    return secrets.randbits(NONCE_BITS) | 1 << (NONCE_BITS - 1)


# the commands


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the commands `certify`, `countersign` and `nonce`."""
    command = commands.add_parser(
        "certify",
        help="sign a recorded run",
        description="Sign the record of a whole run, so that others can check it without trusting its signer.",
        epilog=f"example: {program_here()} certify reports/run.jsonl --product my-mock --version 1.4.2 --key key.pem",
    )
    command.add_argument("record", type=Path, metavar="RECORD", help="the record of a run, such as reports/run.jsonl")
    command.add_argument("--product", required=True, type=_name, metavar="NAME", help="the product that was tested")
    command.add_argument("--version", required=True, type=_name, metavar="VERSION", help="its version")
    command.add_argument("--key", required=True, type=Path, metavar="PEM", help="the private key that signs")
    command.add_argument("--out", type=Path, metavar="PATH", help="a zip file, or a folder (default: NAME-VERSION.zip)")
    command.add_argument(
        "--valid-days", type=_days, default=VALID_DAYS, metavar="N", help="for how many days (default: %(default)s)"
    )
    command.add_argument("--image-digest", type=_digest, metavar="DIGEST", help="sha256:… of its image or build")
    _add_certifier(command, is_required=False)
    command.set_defaults(run=_certify)
    command = commands.add_parser(
        "countersign",
        help="check a bundle, and add a certifier's statement that it is sound",
        description="Check a bundle as `verify` does, and add the statement of a certifier that it is sound.",
        epilog=f"example: {program_here()} countersign certificate.zip --key key.pub.pem --out countersigned.zip "
        "--certifier-key certifier.pem --certifier https://certifier.example",
    )
    command.add_argument("bundle", type=Path, metavar="BUNDLE", help="a zip file, or a folder")
    command.add_argument("--key", required=True, type=Path, metavar="PEM", help="the public key of its signer")
    command.add_argument("--out", required=True, type=Path, metavar="PATH", help="where the countersigned bundle goes")
    _add_certifier(command, is_required=True)
    command.set_defaults(run=_countersign)
    command = commands.add_parser(
        "nonce",
        help="make up a number to give a vendor as the seed of a run",
        description="Make up a number to give a vendor as the seed of a run, so that nothing can be recorded in "
        "advance.",
        epilog=f"example: {program_here()} nonce",
    )
    command.set_defaults(run=lambda _: print(new_nonce()))


def _add_certifier(command: argparse.ArgumentParser, *, is_required: bool) -> None:
    command.add_argument(
        "--certifier-key", required=is_required, type=Path, metavar="PEM", help="the certifier's private key"
    )
    command.add_argument("--certifier", required=is_required, type=_uri, metavar="URI", help="a URI of the certifier")


def _certify(options: argparse.Namespace) -> int:
    try:
        if (options.certifier_key is None) != (options.certifier is None):
            raise CannotCertify("--certifier-key and --certifier go together")
        signer = private_key(options.key)
        certifier = private_key(options.certifier_key) if options.certifier_key else None
        product = Product(options.product, options.version, options.image_digest or "")
        record = Record.at(options.record)
        files, checked = certify(record, product, signer, options.valid_days)
        if certifier is not None:
            files = countersign(files, checked, certifier, options.certifier, datetime.datetime.now(datetime.UTC))
        path = options.out or Path(f"{product.name}-{product.version}.zip")
        write_bundle(files, path)
    except (UnusableKey, CannotCertify, UnreadableBundle, BrokenRecord, CannotPlan) as error:
        _print_lines(error)
        return ExitStatus.WRONG_USAGE
    print(f"{path}: {product.name} {product.version}, signed with the key {signer.public_key.keyid[:16]}…")
    if not checked.conforms:
        status = int(ExitStatus.NOT_CONFORMING)
        print(f"the certificate {_describe_result(checked, product)}: `verify` ends with {status}")
    if record.header["target"]["base_url"] == REFERENCE:
        print(f"warning: the run was of the embedded reference, not of {product.name}: give --base-url or --target")
    return ExitStatus.CONFORMS


def _describe_result(checked: Checked, product: Product) -> str:
    """Return what a certificate says of a product that it does not show to conform."""
    if checked.shortfall:
        return f"does not show that {product.name} conforms, since {checked.shortfall}"
    return f"says that {product.name} does not conform"


def _countersign(options: argparse.Namespace) -> int:
    when = datetime.datetime.now(datetime.UTC)
    try:
        key, certifier = public_key(options.key), private_key(options.certifier_key)
        files = read_files(options.bundle)
        files = countersign(files, check(files, Demands(key, when)), certifier, options.certifier, when)
        write_bundle(files, options.out)
    except CannotCertify as error:
        _print_lines(error)
        return error.status
    except (UnusableKey, UnreadableBundle, UnsafeBundle, CannotPlan) as error:
        _print_lines(error)
        return ExitStatus.WRONG_USAGE
    print(f"{options.out}: countersigned as {options.certifier}")
    return ExitStatus.CONFORMS


def _print_lines(error: Exception) -> None:
    """Print what an error says, which may quote a bundle."""
    print(*map(one_line, str(error).splitlines()), sep="\n")


def _match(pattern: re.Pattern[str], text: str, problem: str) -> str:
    if not pattern.fullmatch(text):
        raise argparse.ArgumentTypeError(f"invalid {problem}")
    return text


def _name(text: str) -> str:
    return _match(NAME, text, f"name {text!r}: use only letters, digits, dots, dashes, plus and underscores")


def _digest(text: str) -> str:
    return _match(IMAGE_DIGEST, text, f"digest {text!r}: write sha256: and 64 hexadecimal digits in small letters")


def _uri(text: str) -> str:
    return _match(URI, text, f"URI {text!r}")


def _days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= LARGEST_VALID_DAYS:
        raise argparse.ArgumentTypeError(f"invalid number of days {text!r}: use 1 to {LARGEST_VALID_DAYS}")
    return int(text)
