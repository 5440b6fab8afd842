"""A bundle as a value: four files, two of which are the subjects of every statement in a third."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from securesystemslib.signer import CryptoSigner

from conformance.commands.certificate.envelope import MalformedEnvelope, Signed, read_envelope, sign
from conformance.commands.certificate.files import Files
from conformance.commands.certificate.objections import Objection, Refused, refuse_for
from conformance.commands.certificate.statements import sha256_of, statement
from conformance.evidence.strict_json import exact_form, read_json

CERTIFICATE, RECORD, MANIFEST, TARGET = NAMES = (
    "certificate.intoto.jsonl",
    "run.jsonl",
    "manifest.json",
    "target.json",
)
SUBJECTS = (MANIFEST, TARGET)
FORMAT = 1


@dataclass(frozen=True)
class Bundle:
    """The files of a bundle, and the content of two of them."""

    files: Files
    signed: Sequence[Signed]
    target: Mapping[str, Any]

    def of_type(self, predicate_type: str) -> tuple[Signed, ...]:
        """Return the statements with that type of predicate."""
        return tuple(signed for signed in self.signed if signed.predicate_type == predicate_type)


def make_bundle(
    record: bytes, target: Mapping[str, Any], predicates: Mapping[str, Mapping[str, Any]], signer: CryptoSigner
) -> dict[str, bytes]:
    """Return the files of a bundle: the record, and the `predicates` by their types, each in a signed statement."""
    files = {RECORD: record, TARGET: _as_json(target)}
    files |= {MANIFEST: _as_json(_manifest_of(files)), CERTIFICATE: b""}
    for predicate_type, predicate in predicates.items():
        files = add_statement(files, predicate_type, predicate, signer)
    return files


def add_statement(
    files: Files, predicate_type: str, predicate: Mapping[str, Any], signer: CryptoSigner
) -> dict[str, bytes]:
    """Return the files with one more statement about the manifest and the target."""
    about = {name: files[name] for name in SUBJECTS}
    line = sign(statement(predicate_type, predicate, about), signer)
    return {**files, CERTIFICATE: files[CERTIFICATE] + line + b"\n"}


def read_bundle(files: Files) -> Bundle:
    """Return the bundle in these files. Raises Refused for one whose files, manifest or envelopes are not in order."""
    missing, extra = set(NAMES) - set(files), set(files) - set(NAMES)
    refuse_for(Objection("missing-file", f"{name} is missing") for name in sorted(missing))
    refuse_for(Objection("extra-file", f"no bundle has a file {name}") for name in sorted(extra))
    refuse_for(_check_manifest(files))
    return Bundle(files, _read_statements(files[CERTIFICATE]), _read_object(files, TARGET, "target"))


def _check_manifest(files: Files) -> Iterator[Objection]:
    found, wanted = _read_object(files, MANIFEST, "manifest"), _manifest_of(files)
    named = found.get("files")
    if (
        found.keys() != wanted.keys()
        or exact_form(found["format"]) != exact_form(FORMAT)
        or not isinstance(named, dict)
    ):
        yield Objection("manifest", f"{MANIFEST} is of another format")
    elif named.keys() != wanted["files"].keys():
        yield Objection("manifest", f"{MANIFEST} names other files than {RECORD} and {TARGET}")
    for name, digest in wanted["files"].items():
        if isinstance(named, dict) and exact_form(named.get(name)) != exact_form(digest):
            yield Objection("manifest", f"{name} is not the file in the manifest: its SHA-256 or size differs")


def _manifest_of(files: Files) -> dict[str, Any]:
    digests = {name: {"sha256": sha256_of(files[name]), "bytes": len(files[name])} for name in (RECORD, TARGET)}
    return {"format": FORMAT, "files": digests}


def _read_statements(content: bytes) -> list[Signed]:
    signed, objections = [], []
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            signed.append(read_envelope(line))
        except MalformedEnvelope as error:
            objections.append(Objection("malformed", f"line {number} of {CERTIFICATE}: {error}"))
    refuse_for(objections)
    return signed


def _read_object(files: Files, name: str, code: str) -> Mapping[str, Any]:
    """Return the JSON object in a file. Raises Refused."""
    text = read_json(files[name])
    if isinstance(text.value, dict) and not text.problems:
        return text.value
    raise Refused([Objection(code, f"{name} is not one JSON object")])


def _as_json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()
