"""Requests without a valid key: each has a whole Authorization header that holds nothing of the real key."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

from strategies.attempt import Attempt, Credentials, Invalid
from strategies.refusals import NO_PAYMENT_METHOD
from strategies.valid import MINIMAL

NO_KEY: Credentials = "none"
BEYOND_IDEMPOTENCY_KEYS = 300
"""More characters than an idempotency key has."""
PUBLISHABLE = "Bearer pk_test_"
NOT_UTF_8: Credentials = "Basic " + base64.b64encode(b"\xff\xfe:").decode()
"""Basic credentials whose user name is not text."""


def letters(name: str, count: int = 24) -> str:
    """Return `count` letters and digits (64 at most) that look random, the same for the same `name` in every run."""
    return hashlib.sha256(f"conformance {name}".encode()).hexdigest()[:count]


def basic(user: str, password: str = "") -> Credentials:
    """Return Basic credentials with this user name, and no password by default."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def unknown_key(number: int = 0) -> Credentials:
    """Return a well-formed secret key that no account has."""
    return "Bearer sk_test_" + letters(f"unknown key {number}")


def unauthenticated(attempt: Attempt, credentials: Credentials, why: str) -> Attempt:
    """Return the attempt with these credentials instead of the key."""
    return attempt.but(
        kind="invalid", invalid=Invalid("Authorization", why), credentials=credentials, label=f"with {why}"
    )


def _minimal(credentials: Credentials, why: str) -> Attempt:
    return unauthenticated(MINIMAL, credentials, why)


WITHOUT_KEY = _minimal(NO_KEY, "no Authorization header")
"""A good request that presents no key."""

IN_ANOTHER_SCHEME = _minimal("key in another scheme", "the key in a scheme that is none of the two")
"""A good request that presents the key in a scheme that is not one of the two for keys."""

BY_BEARER = MINIMAL.but(credentials="bearer", label="with the key as Bearer token")
BY_BASIC = MINIMAL.but(credentials="basic", label="with the key as Basic user name")


def malformed() -> Sequence[Attempt]:
    """Return good requests whose Authorization header holds no secret key."""
    word = letters("no key")
    return (
        _minimal(f"Bearer {word}", "a Bearer token of random letters"),
        IN_ANOTHER_SCHEME,
        _minimal("Basic é%", "Basic credentials that are not base64"),
        _minimal(NOT_UTF_8, "Basic credentials that are not UTF-8"),
        _minimal(f"Bearer {word}é", "a Bearer token beyond ASCII"),
        _minimal(PUBLISHABLE + letters("publishable"), "a publishable key"),
        _minimal("key as password", "the key as Basic password, behind another user name"),
    )


def inexact() -> Sequence[Attempt]:
    """Return good requests that show the key in almost the form of a scheme."""
    return (
        _minimal("key and a word", "the key and another word behind it"),
        _minimal("key without a scheme", "the key without a scheme"),
        _minimal("key without a colon", "the key alone in Basic credentials, without a colon"),
        _minimal("key with a sign in it", "the key in Basic credentials with a sign that is not of Base64"),
    )


def empty() -> Sequence[Attempt]:
    """Return good requests with an empty key, in either scheme."""
    return (_minimal("Bearer ", "an empty Bearer token"), _minimal(basic(""), "an empty Basic user name"))


def unknown_keys() -> Sequence[Attempt]:
    """Return good requests with well-formed keys that no account has, a different key in each.

    The second is the account's but for its prefix: a server may compare only what stands behind that.
    """
    by_basic = _minimal(
        basic("sk_live_" + letters("unknown key 3"), "with:colon"),
        "an unknown live key as Basic user name, and a password with a colon",
    )
    of_another_kind = _minimal("key of another kind", "the key with the prefix of another kind")
    return (_minimal(unknown_key(), "an unknown key"), of_another_kind, by_basic)


def resembling_keys() -> Sequence[Attempt]:
    """Return good requests with almost the key: junk behind it, one character less, letters in another case.

    The last is in Basic credentials: a server may compare keys in one scheme, and only look at their form in the other.
    """
    return (
        _minimal("key and junk", "the key and junk behind it"),
        _minimal("key cut short", "the key without its last character"),
        _minimal("key in another case", "the key with its last letters in the other case, as Basic user name"),
    )


def otherwise_wrong() -> Sequence[Attempt]:
    """Return requests that are invalid for other reasons; a test removes their key.

    The first one is invalid in its path and its headers: whichever a server looks at before the key, it shows.
    """
    return (
        NO_PAYMENT_METHOD.but(
            headers=(("Stripe-Version", "not-a-version"), ("Idempotency-Key", "k" * BEYOND_IDEMPOTENCY_KEYS))
        ),
        MINIMAL.but(method="GET", pairs=None),
        Attempt(
            payload="foo=1",
            kind="invalid",
            invalid=Invalid("foo", "there is an unknown parameter, and no `customer`"),
        ),
    )
