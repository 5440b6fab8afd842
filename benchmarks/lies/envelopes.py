"""Tricks with the envelopes around the statements, with the signatures, and with the JSON of the other files."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner

from benchmarks.forging import SIGNER, honest
from benchmarks.lies.registry import Lie, Lies
from conformance.commands.certificate.bundle import CERTIFICATE, MANIFEST, RECORD, TARGET
from conformance.commands.certificate.envelope import PAYLOAD_TYPE
from conformance.commands.certificate.files import Files
from conformance.verdict.record import Record

LIES = Lies()

STRANGER = CryptoSigner.generate_ecdsa()
Object = dict[str, Any]


def _envelopes(change: Callable[[list[Object]], list[Object]]) -> Lie:
    """Return a lie in the envelopes of a bundle."""

    def altered(record: Record) -> Files:
        files = honest(record)
        changed = change([json.loads(line) for line in files[CERTIFICATE].splitlines()])
        lines = (json.dumps(envelope).encode() + b"\n" for envelope in changed)
        return {**files, CERTIFICATE: b"".join(lines)}

    return altered


def _each(change: Callable[[Object], Object]) -> Lie:
    return _envelopes(lambda envelopes: [change(envelope) for envelope in envelopes])


def _payload(envelope: Object) -> bytes:
    return base64.b64decode(envelope["payload"])


def signed(payload: bytes, signer: CryptoSigner = SIGNER, payload_type: str = PAYLOAD_TYPE) -> Object:
    """Return an envelope around exactly these bytes."""
    envelope = Envelope(payload, payload_type, {})
    envelope.sign(signer)
    return dict(envelope.to_dict())


def _payloads(change: Callable[[bytes], bytes]) -> Lie:
    """Return a lie in the bytes of the statements, signed after it was altered."""
    return _each(lambda envelope: signed(change(_payload(envelope))))


def _statements(change: Callable[[Object], object]) -> Lie:
    def changed(payload: bytes) -> bytes:
        statement = json.loads(payload)
        change(statement)
        return json.dumps(statement).encode()

    return _payloads(changed)


def _sign_bare(envelope: Object) -> Object:
    """Return the envelope with a signature of its payload alone, without its type."""
    key_id = envelope["signatures"][0]["keyid"]
    made = SIGNER.sign(_payload(envelope))
    return {
        **envelope,
        "signatures": [{"keyid": key_id, "sig": base64.b64encode(bytes.fromhex(made.signature)).decode()}],
    }


def _by_a_stranger(envelope: Object, key_id: str) -> Object:
    made = signed(_payload(envelope), STRANGER)
    return {**made, "signatures": [{**made["signatures"][0], "keyid": key_id}]}


def _with_payload_of(envelopes: list[Object]) -> list[Object]:
    first, second = envelopes
    return [{**first, "payload": second["payload"]}, {**second, "payload": first["payload"]}]


def _url_safe(envelope: Object) -> Object:
    return {**envelope, "payload": base64.urlsafe_b64encode(_payload(envelope) + b" ?>").decode()}


LIES.enter(
    {
        "statements signed without their type": _each(_sign_bare),
        "statements signed as another type": _each(
            lambda envelope: {**signed(_payload(envelope), payload_type="text/plain"), "payloadType": PAYLOAD_TYPE}
        ),
        "statements said to be of another type": _each(
            lambda envelope: signed(_payload(envelope), payload_type="application/json")
        ),
        "statements with each other's signatures": _envelopes(_with_payload_of),
        "statements signed by a stranger with the signer's key id": _each(
            lambda envelope: _by_a_stranger(envelope, SIGNER.public_key.keyid)
        ),
        "statements without signatures": _each(lambda envelope: {**envelope, "signatures": []}),
        "statements with an empty signature": _each(
            lambda envelope: {**envelope, "signatures": [{"keyid": "", "sig": ""}]}
        ),
        "statements with a signature twice": _each(
            lambda envelope: {**envelope, "signatures": envelope["signatures"] * 2}
        ),
        "statements with a payload in another base64": _each(_url_safe),
        "statements with a payload more": _each(lambda envelope: {**envelope, "payload2": envelope["payload"]}),
        "statements in UTF-16": _payloads(lambda payload: payload.decode().encode("utf-16")),
        "statements with a mark of byte order": _payloads(lambda payload: b"\xef\xbb\xbf" + payload),
        "statements with a second predicate": _payloads(lambda payload: payload[:-1] + b',"predicate":{}}'),
        "statements with a second type of predicate": _payloads(
            lambda payload: payload[:-1] + b',"predicateType":"https://example.com"}'
        ),
        "statements that go on behind their end": _payloads(lambda payload: payload + b"{}"),
        "statements nested without end": _payloads(
            lambda payload: payload[:-1] + b',"more":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
        ),
        "statements with a number that is none": _payloads(lambda payload: payload[:-1] + b',"more":NaN}'),
        "statements about nothing": _statements(lambda statement: statement.update(subject=[])),
        "statements about the manifest alone": _statements(
            lambda statement: statement.update(subject=statement["subject"][:1])
        ),
        "statements about the record, too": _statements(
            lambda statement: statement["subject"].append({"name": RECORD, "digest": {"sha256": "0" * 64}})
        ),
        "statements about subjects by another digest": _statements(
            lambda statement: [one.update(digest={"sha1": "0" * 40}) for one in statement["subject"]]
        ),
        "statements about digests in capitals": _statements(
            lambda statement: [
                one.update(digest={"sha256": one["digest"]["sha256"].upper()}) for one in statement["subject"]
            ]
        ),
        "statements of an older kind": _statements(
            lambda statement: statement.update(_type="https://in-toto.io/Statement/v0.1")
        ),
        "statements of a predicate with a slash more": _statements(
            lambda statement: statement.update(predicateType=statement["predicateType"] + "/")
        ),
        "statements that are no object": _payloads(lambda payload: b"[" + payload + b"]"),
    }
)


def _file(name: str, change: Callable[[bytes], bytes]) -> Lie:
    """Return a lie in a file, with statements about it as it then is."""

    def altered(record: Record) -> Files:
        files = dict(honest(record))
        old = files[name]
        files[name] = change(old)
        if name != MANIFEST:
            files[MANIFEST] = _with_digest(files[MANIFEST], old, files[name])
        lines = []
        for line in files[CERTIFICATE].splitlines():
            statement = json.loads(_payload(json.loads(line)))
            for subject in statement["subject"]:
                subject["digest"] = {"sha256": hashlib.sha256(files[subject["name"]]).hexdigest()}
            lines.append(json.dumps(signed(json.dumps(statement).encode())).encode() + b"\n")
        return {**files, CERTIFICATE: b"".join(lines)}

    return altered


def _with_digest(manifest: bytes, old: bytes, new: bytes) -> bytes:
    manifest = manifest.replace(hashlib.sha256(old).hexdigest().encode(), hashlib.sha256(new).hexdigest().encode())
    return manifest.replace(b'"bytes": %d' % len(old), b'"bytes": %d' % len(new))


def _last_brace(more: bytes) -> Callable[[bytes], bytes]:
    return lambda text: text.rstrip()[:-1].rstrip() + b"," + more + b"}\n"


LIES.enter(
    {
        "a manifest with its files twice": _file(MANIFEST, _last_brace(b'"files":{}')),
        "a manifest of a format that is true": _file(
            MANIFEST, lambda text: text.replace(b'"format": 1', b'"format": true')
        ),
        "a manifest with sizes in floating point": _file(
            MANIFEST, lambda text: text.replace(b"\n  }", b".0\n  }").replace(b'".0', b'"')
        ),
        "a manifest with a member more": _file(MANIFEST, _last_brace(b'"approved":true')),
        "a manifest nested without end": _file(MANIFEST, _last_brace(b'"more":' + b"[" * 100_000 + b"]" * 100_000)),
        "a manifest that is empty": _file(MANIFEST, lambda _: b""),
        "a target with its product twice": _file(TARGET, _last_brace(b'"product":{"name":"another","version":"1"}')),
        "a target with a member more": _file(TARGET, _last_brace(b'"verdict":"conforms"')),
        "a target with a number that is none": _file(TARGET, _last_brace(b'"more":NaN')),
        "a target that is a list": _file(TARGET, lambda text: b"[" + text + b"]"),
        "a target that is not UTF-8": _file(TARGET, lambda text: text.replace(b'"mock"', b'"m\xffck"')),
        "a target with a digest that is false": _file(
            TARGET, lambda text: text.replace(b'"imageDigest": null', b'"imageDigest": false')
        ),
        "a target with a digest of zero": _file(
            TARGET, lambda text: text.replace(b'"imageDigest": null', b'"imageDigest": 0')
        ),
    }
)


@LIES.lie
def certificate_with_lines_of_another_system(record: Record) -> Files:
    """The lines of the certificate end as on another system, with an empty line between them."""
    files = honest(record)
    return {**files, CERTIFICATE: files[CERTIFICATE].replace(b"\n", b"\r\n\r\n")}


@LIES.lie
def certificate_of_another_bundle(record: Record) -> Files:
    """The certificate was signed for the same record under statements that are honest, and the target is another."""
    files = honest(record)
    return {**files, TARGET: files[TARGET].replace(b'"mock"', b'"other"')}
