"""DSSE envelopes around in-toto statements: one JSON object a line, signed over its pre-authentication encoding."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import CryptoSigner, Signature, SSlibKey

from conformance.evidence.strict_json import read_json

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"


class MalformedEnvelope(ValueError):
    """A line is no DSSE envelope around an in-toto statement; the message says why."""


@dataclass(frozen=True)
class Signed:
    """One line of `certificate.intoto.jsonl`: its bytes, the envelope, and the statement that it holds."""

    line: bytes
    envelope: Envelope
    statement: Mapping[str, Any]

    @property
    def predicate_type(self) -> str:
        """The URI of the predicate's type."""
        return str(self.statement["predicateType"])

    @property
    def predicate(self) -> Mapping[str, Any]:
        """What is stated."""
        predicate: Mapping[str, Any] = self.statement["predicate"]
        return predicate

    @property
    def subjects(self) -> Mapping[str, str]:
        """The SHA-256 of each subject by its name."""
        return {subject["name"]: subject["digest"]["sha256"] for subject in self.statement["subject"]}

    def is_signed_by(self, key: SSlibKey) -> bool:
        """Whether one of the signatures is that of `key`, whatever key ids the envelope claims."""
        return any(
            _verifies(key, signature.signature, self.envelope.pae()) for signature in self.envelope.signatures.values()
        )


def sign(statement: Mapping[str, Any], signer: CryptoSigner) -> bytes:
    """The line for a statement, signed."""
    payload = json.dumps(statement, ensure_ascii=False, separators=(",", ":")).encode()
    envelope = Envelope(payload, PAYLOAD_TYPE, {})
    envelope.sign(signer)
    return json.dumps(envelope.to_dict(), separators=(",", ":")).encode()


def read_envelope(line: bytes) -> Signed:
    """The envelope in a line, none of whose signatures has been checked yet. Raises MalformedEnvelope."""
    data = _json_object(line, "the line")
    if set(data) != {"payload", "payloadType", "signatures"}:
        raise MalformedEnvelope("it has other members than payload, payloadType and signatures")
    if data["payloadType"] != PAYLOAD_TYPE:
        raise MalformedEnvelope(f"its payload type is {data['payloadType']!r}, not {PAYLOAD_TYPE}")
    payload = _bytes(data["payload"], "payload")
    return Signed(line, Envelope(payload, PAYLOAD_TYPE, _signatures(data["signatures"])), _statement(payload))


def _signatures(data: Any) -> dict[str, Signature]:
    if not isinstance(data, list) or not data:
        raise MalformedEnvelope("it has no signature")
    found: dict[str, Signature] = {}
    for place, one in enumerate(data):
        if not isinstance(one, dict) or not isinstance(one.get("keyid", ""), str):
            raise MalformedEnvelope("a signature is no object with a key id")
        keyid = one.get("keyid", f"unnamed {place}")
        if keyid in found:
            raise MalformedEnvelope(f"two signatures have the key id {keyid!r}")
        found[keyid] = Signature(keyid, _bytes(one.get("sig"), "sig").hex())
    return found


def _statement(payload: bytes) -> Mapping[str, Any]:
    statement = _json_object(payload, "the payload")
    if statement.get("_type") != STATEMENT_TYPE:
        raise MalformedEnvelope(f"its statement's type is {statement.get('_type')!r}, not {STATEMENT_TYPE}")
    if set(statement) != {"_type", "subject", "predicateType", "predicate"}:
        raise MalformedEnvelope("its statement has other members than _type, subject, predicateType and predicate")
    if not isinstance(statement["predicateType"], str) or not isinstance(statement["predicate"], dict):
        raise MalformedEnvelope("its statement has no predicate")
    if not isinstance(statement["subject"], list) or not all(map(_is_subject, statement["subject"])):
        raise MalformedEnvelope("its statement has a subject without name and SHA-256")
    names = [subject["name"] for subject in statement["subject"]]
    if len(set(names)) < len(names):
        raise MalformedEnvelope("its statement names a subject twice")
    return statement


def _is_subject(subject: Any) -> bool:
    if not isinstance(subject, dict) or not isinstance(subject.get("name"), str):
        return False
    digest = subject.get("digest")
    return isinstance(digest, dict) and isinstance(digest.get("sha256"), str)


def _json_object(data: bytes, what: str) -> dict[str, Any]:
    text = read_json(data)
    if not isinstance(text.value, dict) or text.problems:
        raise MalformedEnvelope(f"{what} is not one JSON object: {(*text.problems, 'it is something else')[0]}")
    return text.value


def _bytes(text: Any, what: str) -> bytes:
    if not isinstance(text, str):
        raise MalformedEnvelope(f"{what} is no text")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise MalformedEnvelope(f"{what} is not base64") from None
    if base64.b64encode(data).decode() != text:
        raise MalformedEnvelope(f"{what} is not base64 in its one form")
    return data


def _verifies(key: SSlibKey, signature: str, data: bytes) -> bool:
    try:
        key.verify_signature(Signature(key.keyid, signature), data)
    except UnverifiedSignatureError:
        return False
    return True
