"""DSSE envelopes around in-toto statements: one JSON object a line, signed over its pre-authentication encoding."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema_rs
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import CryptoSigner, Signature, SSlibKey

from conformance.evidence.strict_json import read_json

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"

_BASE64 = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$"
"""Base64 in its one canonical form: the bits that the last digit does not need are 0."""


def _exactly(**members: Any) -> dict[str, Any]:
    """Return the schema of an object with these members and no others."""
    return {"type": "object", "required": list(members), "properties": members, "additionalProperties": False}


def _at_least(**members: Any) -> dict[str, Any]:
    """Return the schema of an object with these members and any others."""
    return {"type": "object", "required": list(members), "properties": members}


_TEXT = {"type": "string"}
_SIGNATURE = _at_least(sig={"type": "string", "pattern": _BASE64})
_SIGNATURE["properties"]["keyid"] = _TEXT
_ENVELOPE = jsonschema_rs.Draft202012Validator(
    _exactly(
        payload={"type": "string", "pattern": _BASE64},
        payloadType={"const": PAYLOAD_TYPE},
        signatures={"type": "array", "minItems": 1, "items": _SIGNATURE},
    )
)
_STATEMENT = jsonschema_rs.Draft202012Validator(
    _exactly(
        _type={"const": STATEMENT_TYPE},
        subject={"type": "array", "items": _at_least(name=_TEXT, digest=_at_least(sha256=_TEXT))},
        predicateType=_TEXT,
        predicate={"type": "object"},
    )
)


class MalformedEnvelope(ValueError):
    """A line is no DSSE envelope around an in-toto statement; the message says why."""


@dataclass(frozen=True)
class Signed:
    """One line of `certificate.intoto.jsonl`: its bytes, the envelope, and the statement in it."""

    line: bytes
    envelope: Envelope
    statement: Mapping[str, Any]

    @property
    def predicate_type(self) -> str:
        """Return the URI of the predicate's type."""
        return str(self.statement["predicateType"])

    @property
    def predicate(self) -> Mapping[str, Any]:
        """Return the statement's predicate."""
        predicate: Mapping[str, Any] = self.statement["predicate"]
        return predicate

    @property
    def subjects(self) -> Mapping[str, str]:
        """Return the SHA-256 of each subject by its name."""
        return {subject["name"]: subject["digest"]["sha256"] for subject in self.statement["subject"]}

    def is_signed_by(self, key: SSlibKey) -> bool:
        """Return whether one of the signatures is that of `key`, whichever key ids the envelope claims."""
        return any(_verifies(key, one.signature, self.envelope.pae()) for one in self.envelope.signatures.values())


def sign(statement: Mapping[str, Any], signer: CryptoSigner) -> bytes:
    """Return the line for a statement, signed."""
    payload = json.dumps(statement, ensure_ascii=False, separators=(",", ":")).encode()
    envelope = Envelope(payload, PAYLOAD_TYPE, {})
    envelope.sign(signer)
    return json.dumps(envelope.to_dict(), separators=(",", ":")).encode()


def read_envelope(line: bytes) -> Signed:
    """Return the envelope in a line, whose signatures are not checked yet. Raises MalformedEnvelope."""
    data = _read(line, _ENVELOPE, "the envelope")
    numbered = enumerate(data["signatures"])
    signatures = [(one.get("keyid", f"unnamed {n}"), base64.b64decode(one["sig"])) for n, one in numbered]
    by_key_id = {keyid: Signature(keyid, sig.hex()) for keyid, sig in signatures}
    if len(by_key_id) < len(signatures):
        raise MalformedEnvelope("two signatures of the envelope have the same key id")
    payload = base64.b64decode(data["payload"])
    statement = _read(payload, _STATEMENT, "the statement")
    signed = Signed(line, Envelope(payload, PAYLOAD_TYPE, by_key_id), statement)
    if len(signed.subjects) < len(statement["subject"]):
        raise MalformedEnvelope("the statement names a subject twice")
    return signed


def _read(data: bytes, schema: jsonschema_rs.Draft202012Validator, what: str) -> dict[str, Any]:
    """Return the one JSON object in `data`, if it fits the schema. Raises MalformedEnvelope."""
    text = read_json(data)
    if not isinstance(text.value, dict) or text.problems:
        raise MalformedEnvelope(f"{what} is not one JSON object: {(*text.problems, 'it is another value')[0]}")
    try:
        schema.validate(text.value)
    except jsonschema_rs.ValidationError as error:
        place = "/".join(map(str, error.instance_path))
        raise MalformedEnvelope(f"{what} is malformed at /{place}: {error.message[:200]}") from None
    except (ValueError, OverflowError) as error:
        raise MalformedEnvelope(f"{what} cannot be checked: {error}") from None
    return text.value


def _verifies(key: SSlibKey, signature: str, data: bytes) -> bool:
    try:
        key.verify_signature(Signature(key.keyid, signature), data)
    except UnverifiedSignatureError:
        return False
    return True
