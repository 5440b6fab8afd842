"""A bundle as a value: four files, two of which are the subjects of every statement in a third."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from securesystemslib.signer import CryptoSigner

from conformance.commands.certificate.envelope import MalformedEnvelope, Signed, read_envelope, sign
from conformance.commands.certificate.files import Files
from conformance.commands.certificate.objections import Objection
from conformance.commands.certificate.statements import sha256_of, statement
from conformance.evidence.strict_json import read_json

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
    """The files of a bundle, and what stands in them."""

    files: Files
    signed: Sequence[Signed]
    target: Mapping[str, Any]

    @property
    def record(self) -> bytes:
        """The record, as it was written."""
        return self.files[RECORD]

    def of_type(self, predicate_type: str) -> tuple[Signed, ...]:
        """The statements with that type of predicate."""
        return tuple(signed for signed in self.signed if signed.predicate_type == predicate_type)


def bundled(
    record: bytes, target: Mapping[str, Any], predicates: Mapping[str, Mapping[str, Any]], signer: CryptoSigner
) -> dict[str, bytes]:
    """The files of a bundle: the record, and the `predicates` by their types, each signed about manifest and target."""
    files = {RECORD: record, TARGET: _json(target)}
    digests = {name: {"sha256": sha256_of(content), "bytes": len(content)} for name, content in files.items()}
    files[MANIFEST] = _json({"format": FORMAT, "files": digests})
    about = {name: files[name] for name in SUBJECTS}
    lines = [sign(statement(kind, predicate, about), signer) for kind, predicate in predicates.items()]
    return {CERTIFICATE: b"".join(line + b"\n" for line in lines), **files}


def countersigned(files: Files, predicate_type: str, predicate: Mapping[str, Any], signer: CryptoSigner) -> Files:
    """The files with one more statement about the same manifest and target."""
    about = {name: files[name] for name in SUBJECTS}
    line = sign(statement(predicate_type, predicate, about), signer)
    return {**files, CERTIFICATE: files[CERTIFICATE] + line + b"\n"}


def read_bundle(files: Files) -> tuple[Bundle | None, list[Objection]]:
    """The bundle in these files, and what is wrong with its manifest and its envelopes; None if it cannot be read."""
    missing = [name for name in NAMES if name not in files]
    if missing:
        return None, [Objection("missing-file", f"{name} is missing") for name in missing]
    objections = list(_against_manifest(files))
    target = read_json(files[TARGET])
    if not isinstance(target.value, dict) or target.problems:
        objections.append(Objection("target", f"{TARGET} is not one JSON object"))
    signed = []
    for number, line in enumerate(files[CERTIFICATE].splitlines(), start=1):
        try:
            signed.append(read_envelope(line))
        except MalformedEnvelope as error:
            objections.append(Objection("malformed", f"line {number} of {CERTIFICATE}: {error}"))
    if objections:
        return None, objections
    return Bundle(files, signed, target.value), []


def _against_manifest(files: Files) -> Iterator[Objection]:
    manifest = read_json(files[MANIFEST])
    if not isinstance(manifest.value, dict) or manifest.problems:
        yield Objection("manifest", f"{MANIFEST} is not one JSON object")
        return
    named = manifest.value.get("files")
    is_ours = set(manifest.value) == {"format", "files"} and manifest.value["format"] == FORMAT
    if not is_ours or not isinstance(named, dict):
        yield Objection("manifest", f"{MANIFEST} is of another format")
        return
    for name in sorted(set(named) - set(files)):
        yield Objection("missing-file", f"{name}, which the manifest names, is missing")
    for name in sorted(set(files) - set(named) - {MANIFEST, CERTIFICATE}):
        yield Objection("extra-file", f"the manifest does not name {name}")
    for name in sorted(({RECORD, TARGET} - set(named)) | (set(named) - {RECORD, TARGET})):
        yield Objection(
            "manifest", f"the manifest of a bundle names {RECORD} and {TARGET}, and {name} is the difference"
        )
    for name in sorted(set(named) & set(files)):
        if named[name] != {"sha256": sha256_of(files[name]), "bytes": len(files[name])}:
            yield Objection("manifest", f"{name} is not the file of the manifest: its SHA-256 or size is another")


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()
