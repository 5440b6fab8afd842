"""Key files: a private key signs, a public one is pinned by the checker. ECDSA on P-256, or Ed25519."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from securesystemslib.signer import CryptoSigner, SSlibKey

from conformance.verdict.misuse import Misuse

LONGEST_KEY_FILE = 64 * 1024
"""The most bytes of a file that is read as a key."""

HOW_TO_MAKE_ONE = "make one with openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem"
HOW_TO_GET_THE_PUBLIC_ONE = "get it with openssl pkey -in key.pem -pubout -out key.pub.pem"


class UnusableKey(Misuse):
    """A key file cannot be used. The message says in one line what is wrong, and what to do."""


def private_key(path: Path) -> CryptoSigner:
    """Return the signer for the private key in a PEM file. Raises UnusableKey."""
    content = _read(path)
    if b"PUBLIC KEY" in content:
        raise UnusableKey(f"{path} holds a public key: signing takes the private one")
    if b"ENCRYPTED" in content:
        raise UnusableKey(f"{path} is encrypted: give it decrypted (openssl pkey -in {path.name} -out …)")
    key = _load(path, lambda: load_pem_private_key(content, None), f"private key in PEM form: {HOW_TO_MAKE_ONE}")
    return CryptoSigner(key)


def public_key(path: Path) -> SSlibKey:
    """Return the public key in a PEM file. Raises UnusableKey."""
    content = _read(path)
    if b"PRIVATE KEY" in content:
        raise UnusableKey(f"{path} holds a private key: checking takes the public one ({HOW_TO_GET_THE_PUBLIC_ONE})")
    key = _load(path, lambda: load_pem_public_key(content), f"public key in PEM form: {HOW_TO_GET_THE_PUBLIC_ONE}")
    return SSlibKey.from_crypto(key)


def _load(path: Path, load: Callable[[], Any], wanted: str) -> Any:
    try:
        key = load()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UnusableKey(f"{path} holds no {wanted}") from None
    is_elliptic = isinstance(key, EllipticCurvePrivateKey | EllipticCurvePublicKey)
    on_p256 = is_elliptic and isinstance(key.curve, SECP256R1)
    if not on_p256 and not isinstance(key, Ed25519PrivateKey | Ed25519PublicKey):
        raise UnusableKey(f"{path} is no key on P-256 and none for Ed25519: {HOW_TO_MAKE_ONE}")
    return key


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(LONGEST_KEY_FILE + 1)
    except IsADirectoryError:
        raise UnusableKey(f"{path} is a folder, not a key file") from None
    except OSError as error:
        raise UnusableKey(f"{path} cannot be read: {error.strerror}") from None
    if not content:
        raise UnusableKey(f"{path} is empty")
    if len(content) > LONGEST_KEY_FILE:
        raise UnusableKey(f"{path} is too large for a key file")
    return content
