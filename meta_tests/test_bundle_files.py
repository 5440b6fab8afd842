"""Bundles as files: what a folder or a zip file may hold, keys in PEM files, and envelopes that others can check."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import stat
import subprocess
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from securesystemslib.signer import CryptoSigner

from conformance.commands.certificate import files
from conformance.commands.certificate.envelope import (
    PAYLOAD_TYPE,
    STATEMENT_TYPE,
    MalformedEnvelope,
    read_envelope,
    sign,
)
from conformance.commands.certificate.files import UnreadableBundle, UnsafeBundle, read_files, write_folder, write_zip
from conformance.commands.certificate.keys import UnusableKey, private_key, public_key

FILES = {"manifest.json": b"{}", "run.jsonl": b"one\n" * 1000}
STATEMENT: dict[str, Any] = {
    "_type": STATEMENT_TYPE,
    "subject": [{"name": "target.json", "digest": {"sha256": "0" * 64}}],
    "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
    "predicate": {"result": "PASSED", "configuration": []},
}

UNPROTECTED = NoEncryption()
PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


def write_keys(
    folder: Path, key: PrivateKey, protection: KeySerializationEncryption = UNPROTECTED
) -> tuple[Path, Path]:
    private, public = folder / "key.pem", folder / "key.pub.pem"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection))
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return private, public


KEYS: dict[str, Callable[[], PrivateKey]] = {
    "P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
}


@pytest.mark.parametrize("kind", KEYS)
def test_what_is_signed_is_verified_with_its_own_key_alone(kind: str, tmp_path: Path) -> None:
    private, public = write_keys(tmp_path, KEYS[kind]())
    signed = read_envelope(sign(STATEMENT, private_key(private)))
    assert signed.statement == STATEMENT
    assert signed.is_signed_by(public_key(public))
    assert not signed.is_signed_by(CryptoSigner.generate_ecdsa().public_key)
    assert not signed.is_signed_by(CryptoSigner.generate_ed25519().public_key)


@pytest.mark.parametrize("kind", KEYS)
def test_openssl_verifies_our_signature(kind: str, tmp_path: Path) -> None:
    """The pre-authentication encoding is written out here by hand, so that our code is not checked by itself."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed: our signatures were NOT checked by another tool")
    private, public = write_keys(tmp_path, KEYS[kind]())
    data = json.loads(sign(STATEMENT, private_key(private)))
    payload = base64.b64decode(data["payload"])
    encoded = f"DSSEv1 {len(PAYLOAD_TYPE)} {PAYLOAD_TYPE} {len(payload)} ".encode() + payload
    (tmp_path / "signature").write_bytes(base64.b64decode(data["signatures"][0]["sig"]))

    def verifies(message: bytes) -> bool:
        (tmp_path / "message").write_bytes(message)
        named = [openssl, "pkeyutl", "-verify", "-pubin", "-inkey", str(public), "-rawin"]
        named += ["-digest", "sha256"] if kind == "P-256" else []
        named += ["-in", str(tmp_path / "message"), "-sigfile", str(tmp_path / "signature")]
        return subprocess.run(named, capture_output=True, check=False).returncode == 0

    assert verifies(encoded)
    assert not verifies(encoded.replace(b"PASSED", b"FAILED"))


def damaged(**changes: Any) -> bytes:
    data = json.loads(sign(STATEMENT, CryptoSigner.generate_ecdsa()))
    return json.dumps({**data, **changes}).encode()


def stated(**changes: Any) -> bytes:
    return sign({**STATEMENT, **changes}, CryptoSigner.generate_ecdsa())


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"", "not one JSON object"),
        (b"[]", "not one JSON object"),
        (b'{"payload": "", "payload": ""}', "stands twice"),
        (damaged(more=1), "envelope .*more"),
        (damaged(payloadType="text/plain"), "at /payloadType"),
        (damaged(payload="e30"), "at /payload"),
        (damaged(payload="e31="), "at /payload"),
        (damaged(payload=7), "at /payload"),
        (damaged(signatures=[]), "at /signatures"),
        (damaged(signatures=[{"keyid": "a", "sig": "AAAA"}, {"keyid": "a", "sig": "AAAA"}]), "same key id"),
        (stated(_type="https://in-toto.io/Statement/v0.1"), "at /_type"),
        (stated(subject=[{"name": "a", "digest": {"sha1": ""}}]), "at /subject/0/digest"),
        (stated(subject=STATEMENT["subject"] * 2), "names a subject twice"),
        (stated(predicate=None), "at /predicate"),
        (stated(more=1), "statement .*more"),
    ],
)
def test_malformed_envelopes_are_named(line: bytes, said: str) -> None:
    with pytest.raises(MalformedEnvelope, match=said):
        read_envelope(line)


def test_key_files_that_cannot_be_used_are_said_in_one_line(tmp_path: Path) -> None:
    private, public = write_keys(tmp_path, KEYS["P-256"]())
    for name, content in {"empty": b"", "text": b"no key", "large": b"x" * 70_000}.items():
        (tmp_path / name).write_bytes(content)
    others: dict[str, PrivateKey] = {
        "rsa": rsa.generate_private_key(65537, 2048),
        "p384": ec.generate_private_key(ec.SECP384R1()),
    }
    for name, key in others.items():
        (tmp_path / name).mkdir()
        write_keys(tmp_path / name, key)
    (tmp_path / "encrypted").mkdir()
    encrypted, _ = write_keys(tmp_path / "encrypted", KEYS["P-256"](), BestAvailableEncryption(b"secret"))
    unusable = [
        (private_key, public, "holds a public key"),
        (public_key, private, "holds a private key"),
        (private_key, encrypted, "is encrypted"),
        (private_key, tmp_path, "is a folder"),
        (private_key, tmp_path / "nowhere", "cannot be read: No such file"),
        (private_key, tmp_path / "empty", "is empty"),
        (private_key, tmp_path / "text", "no private key in PEM form"),
        (public_key, tmp_path / "text", "no public key in PEM form"),
        (private_key, tmp_path / "large", "too large"),
        (private_key, tmp_path / "rsa" / "key.pem", "no key on P-256"),
        (public_key, tmp_path / "rsa" / "key.pub.pem", "no key on P-256"),
        (private_key, tmp_path / "p384" / "key.pem", "no key on P-256"),
        (public_key, tmp_path / "p384" / "key.pub.pem", "no key on P-256"),
    ]
    for load, path, said in unusable:
        with pytest.raises(UnusableKey, match=said) as raised:
            load(path)
        assert "\n" not in str(raised.value)
        assert "BEGIN" not in str(raised.value)


def test_a_bundle_is_read_from_a_folder_or_a_zip_file_of_it_alike(tmp_path: Path) -> None:
    write_folder(FILES, tmp_path / "folder")
    write_zip(FILES, tmp_path / "a.zip")
    write_zip(FILES, tmp_path / "b.zip")
    assert read_files(tmp_path / "folder") == FILES == read_files(tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_a_bundle_is_read_from_a_pipe(tmp_path: Path) -> None:
    write_zip(FILES, tmp_path / "a.zip")
    os.mkfifo(tmp_path / "pipe")
    with ThreadPoolExecutor() as pool:
        pool.submit((tmp_path / "pipe").write_bytes, (tmp_path / "a.zip").read_bytes())
        assert read_files(tmp_path / "pipe") == FILES


def test_nothing_is_written_over(tmp_path: Path) -> None:
    write_folder(FILES, tmp_path / "folder")
    write_zip(FILES, tmp_path / "a.zip")
    for write, there in ((write_folder, tmp_path / "folder"), (write_zip, tmp_path / "a.zip")):
        with pytest.raises(UnreadableBundle):
            write({"manifest.json": b"other"}, there)
        assert read_files(there) == FILES


def test_what_other_tools_pack_is_read(tmp_path: Path) -> None:
    write_folder(FILES, tmp_path / "folder")
    shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path / "folder")
    if zip_tool := shutil.which("zip"):
        subprocess.run(
            [zip_tool, "-q", "-j", "zip.zip", *(f"folder/{name}" for name in FILES)], cwd=tmp_path, check=True
        )
        assert read_files(tmp_path / "zip.zip") == FILES
    with zipfile.ZipFile(tmp_path / "packed.zip") as archive:
        assert read_files(tmp_path / "packed.zip") == FILES, archive.namelist()


def packed(*entries: tuple[str | zipfile.ZipInfo, bytes], comment: bytes = b"") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
        archive.comment = comment
    return file.getvalue()


def entry(name: str, mode: int = stat.S_IFREG, method: int = zipfile.ZIP_STORED) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr, info.compress_type = (mode | 0o644) << 16, method
    return info


GOOD = packed((entry("manifest.json"), b"{}"), ("run.jsonl", FILES["run.jsonl"]))


def with_flag(data: bytes, flag: int) -> bytes:
    """The zip file with a flag set in the central directory's first entry."""
    place = data.index(b"PK\x01\x02") + 8
    return data[:place] + bytes([data[place] | flag]) + data[place + 1 :]


def smaller_than_it_is(data: bytes) -> bytes:
    """The zip file with the unpacked size of its first entry said to be 1, here and there."""
    local, central = 22, data.index(b"PK\x01\x02") + 24
    for place in (local, central):
        data = data[:place] + (1).to_bytes(4, "little") + data[place + 4 :]
    return data


TRICKS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "an absolute path": ("absolute-path", lambda: packed(("/etc/passwd", b""))),
    "a drive": ("absolute-path", lambda: packed(("C:\\run.jsonl", b""))),
    "a path that leads out": ("path-traversal", lambda: packed(("../run.jsonl", b""))),
    "a path that leads out, with backslashes": ("path-traversal", lambda: packed((entry("a\\..\\..\\run.jsonl"), b""))),
    "a folder": ("odd-name", lambda: packed(("folder/", b""))),
    "a NUL in the name": ("odd-name", lambda: GOOD.replace(b"run.jsonl", b"run\x00jsonl")),
    "a name twice": (
        "duplicate-name",
        lambda: packed(("run.jsonl", b"a"), ("run.jsonx", b"b")).replace(b"jsonx", b"jsonl"),
    ),
    "a name twice but for its case": ("duplicate-name", lambda: packed(("run.jsonl", b"a"), ("Run.jsonl", b"b"))),
    "a symbolic link": ("symlink", lambda: packed((entry("run.jsonl", stat.S_IFLNK), b"/etc/passwd"))),
    "a device": ("no-file", lambda: packed((entry("run.jsonl", stat.S_IFCHR), b""))),
    "many files": ("too-many-files", lambda: packed(*((f"file{number}", b"") for number in range(17)))),
    "a bomb": ("too-large", lambda: packed(("run.jsonl", b"\0" * (files.MOST_BYTES + 1)))),
    "a bomb that says it is small": ("damaged", lambda: smaller_than_it_is(packed(("run.jsonl", b"\0" * 10_000_000)))),
    "an encrypted file": ("encrypted", lambda: with_flag(GOOD, 1)),
    "a method of packing that few know": (
        "damaged",
        lambda: packed((entry("run.jsonl", method=zipfile.ZIP_LZMA), b"")),
    ),
    "a cut": ("damaged", lambda: GOOD[: len(GOOD) // 2]),
    "a byte changed": ("damaged", lambda: GOOD.replace(b"{}", b"[]")),
    "data before it": ("hidden-data", lambda: b"#!/bin/sh\n" + GOOD),
    "data after it": ("hidden-data", lambda: GOOD + b"\0" * 1000),
    "a comment": ("hidden-data", lambda: packed(*FILES.items(), comment=b"more")),
    "no zip file at all": ("damaged", lambda: b"certificate"),
}


@pytest.mark.parametrize("trick", TRICKS)
def test_tricks_with_zip_files_are_refused_by_name(trick: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_BYTES", 1_000_000)
    code, make = TRICKS[trick]
    path = tmp_path / "bundle.zip"
    path.write_bytes(make())
    with pytest.raises(UnsafeBundle) as raised:
        read_files(path)
    assert raised.value.code == code, str(raised.value)
    assert list(tmp_path.iterdir()) == [path]


def test_tricks_with_folders_are_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_BYTES", 1000)
    tricks: dict[str, Callable[[Path], object]] = {
        "symlink": lambda folder: (folder / "run.jsonl").symlink_to("/etc/passwd"),
        "no-file": lambda folder: (folder / "folder").mkdir(),
        "odd-name": lambda folder: (folder / ".hidden").touch(),
        "too-large": lambda folder: (folder / "run.jsonl").write_bytes(b"x" * 1001),
        "too-many-files": lambda folder: [(folder / f"file{number}").write_bytes(b"") for number in range(17)],
    }
    for code, do in tricks.items():
        folder = tmp_path / code
        folder.mkdir()
        do(folder)
        with pytest.raises(UnsafeBundle) as raised:
            read_files(folder)
        assert raised.value.code == code
    with pytest.raises(UnreadableBundle, match="No such file"):
        read_files(tmp_path / "nowhere")
