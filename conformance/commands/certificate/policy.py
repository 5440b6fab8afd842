"""The demands on a run that is certified: whole, with the standard budget, and with a result for every clause."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator

from conformance.commands.certificate.objections import Objection
from conformance.commands.certificate.statements import LEVELS, Evidence, Product, Validity
from conformance.evidence.episode import Outcome
from conformance.evidence.strict_json import count_values
from conformance.plugin.versions import versions
from conformance.scenes.budgets import BUDGETS
from conformance.transport.client import Address, TargetError
from conformance.verdict.record import REFERENCE, Record
from conformance.verdict.recording import SUITE_NAME
from conformance.verdict.shapes import exchanges_in
from conformance.verdict.trial import FIRST
from contracts import load_catalogue, published_contract
from contracts.catalogue import PROFILES

LARGEST_VALID_DAYS = 3650
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
"""What a package URL holds unescaped."""
IMAGE_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

MOST_VALUES = 5_000_000
"""How many JSON values the answers of a record may have together: each takes some hundred bytes of memory."""
FIRST_YEAR, LAST_YEAR = 2000, 2199
"""The years between which a certificate can be valid."""

STANDARD = "standard"
"""The least budget of a certified run."""


def check_kind(record: Record) -> Iterator[Objection]:
    """Yield what keeps this suite from checking the record: another version, other clauses, or an exploration."""
    header = record.header
    for code, what, theirs, mine in (
        ("suite", "version of the suite", header["suite"]["version"], versions()[SUITE_NAME]),
        ("contract", "digest of the contract", header["contract"], published_contract().digest),
        ("catalogue", "digest of the catalogue", header["catalogue"], load_catalogue().digest),
    ):
        if theirs != mine:
            yield Objection(code, f"the {what} is {theirs} in the record, and {mine} here")
    if header["target"]["provision"] is None and record.footer["diagnosis"] is None:
        yield Objection(
            "record", "the header does not say how the target gave fixtures, nor the footer why it could not"
        )
    if "explore" in header["options"]:
        minutes = header["options"]["explore"]
        yield Objection("exploration", f"it is of an exploration of {minutes:g} minutes, and no such run certifies")


def check_size(record: Record) -> Iterator[Objection]:
    """Yield the objection to answers with more values than can be read, before any of them is."""
    if sum(count_values(exchange.body or b"") for exchange in exchanges_in(record.trials)) > MOST_VALUES:
        yield Objection("too-large", f"its answers hold more than {MOST_VALUES:,} values")


def check_parts(record: Record) -> Iterator[Objection]:
    """Yield the trials that do not begin with the episode that is to be judged, as every trial of a run does."""
    for trial in record.trials:
        if trial.episodes and trial.episodes[0].part != FIRST:
            yield Objection("episodes", f"{trial.episodes[0].episode.id} repeats an episode that is not there")


def remarks(record: Record) -> Iterator[str]:
    """Yield what is no reason to refuse a record, and may explain why its plan cannot be drawn again."""
    if record.header["suite"]["edited"]:
        yield f"note:     the suite's files were not those of its commit {record.header['suite']['commit']}"
    mine, theirs = versions(), record.header["versions"]
    other = [
        f"{name} {theirs[name]} (here {mine[name]})" for name in mine if theirs.get(name, mine[name]) != mine[name]
    ]
    if other:
        yield f"note:     it was made with {', '.join(other)}"


def check_policy(evidence: Evidence, profile: str = PROFILES[0], level: str = "must") -> Iterator[Objection]:
    """Yield why a run certifies nothing, or less than `profile` and `level` demand."""
    run, record, levels = evidence.run, evidence.record, list(LEVELS)
    settings = run.settings
    if PROFILES.index(settings.profile) < PROFILES.index(profile):
        yield Objection("profile", f"it is for the profile {settings.profile}, and {profile} is demanded")
    if levels.index(settings.level) < levels.index(level):
        yield Objection("level", f"it was judged at the level {settings.level}, and {level} is demanded")
    if BUDGETS[settings.budget].drawn < BUDGETS[STANDARD].drawn:
        yield Objection("budget", f"the budget was {settings.budget}, and {STANDARD} is the least")
    if settings.dry_run:
        yield Objection("selection", "it is a dry run against the embedded reference, not of a product")
    if not record.header["selection"]["whole"]:
        yield Objection("selection", f"only a part was run: {record.header['selection']['arguments']}")
    for result in evidence.required:
        if result.is_left_out:
            yield Objection("selection", f"no request was sent for {result.clause.slug}")
    if record.header["workers"] != 1:
        text = f"{record.header['workers']} workers ran it, each with a plan of its own: run it again without `-n`"
        yield Objection("workers", text)
    if settings.concurrency != 1:
        text = f"{settings.concurrency} tests ran at the same time: run it again with `--concurrency 1`"
        yield Objection("workers", text)
    if record.header["options"]["expectations"] or record.header["expectations"]:
        yield Objection("expectations", "failures were expected")
    yield from _find_gaps(evidence)


def check_product(product: Product, validity: Validity, base_url: str) -> Iterator[Objection]:
    """Yield what no certificate may say of a product: a name that misleads, or a validity that is none."""
    for what, text in (("name", product.name), ("version", product.version)):
        if not isinstance(text, str) or not NAME.fullmatch(text):
            yield Objection("product", f"the {what} of the product is not 1 to 100 letters, digits and . _ + -")
    if product.image_digest and not IMAGE_DIGEST.fullmatch(product.image_digest):
        yield Objection("product", "the digest of the image is not sha256: and 64 hexadecimal digits")
    if validity.ends - validity.begins > datetime.timedelta(days=LARGEST_VALID_DAYS):
        yield Objection("product", f"it would be valid for more than {LARGEST_VALID_DAYS} days")
    if not FIRST_YEAR <= validity.begins.year <= validity.ends.year <= LAST_YEAR:
        yield Objection("product", f"it would be valid in other years than {FIRST_YEAR} to {LAST_YEAR}")
    if base_url == REFERENCE and product.name != SUITE_NAME:
        yield Objection("product", f"the run was against the {base_url}, which is no other product than {SUITE_NAME}")
    if base_url != REFERENCE and not _is_base_url(base_url):
        yield Objection("record", f"the run was against {base_url}, which is no base URL as the suite writes it")


def _is_base_url(text: str) -> bool:
    try:
        return Address.of(text).url == text
    except TargetError:
        return False


def _find_gaps(evidence: Evidence) -> Iterator[Objection]:
    run = evidence.run
    if run.diagnosis or run.interrupted or run.bound or run.stopped:
        why = run.diagnosis or run.bound or run.stopped or "it was interrupted"
        yield Objection("inconclusive", f"the run was not finished: {why}")
    for error in run.errors:
        yield Objection("inconclusive", f"the suite itself failed: {error.where}: {error.what}")
    for result in evidence.required:
        if result.outcome in (Outcome.INCONCLUSIVE, Outcome.ERROR):
            yield Objection("inconclusive", f"{result.clause.slug} is {result.outcome}: {result.reason}")
