"""Authentication by API key, Bearer or Basic; and the version of the API."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING

from . import errors

if TYPE_CHECKING:
    from ..call import Call

WELL_FORMED = re.compile(r"(?:sk|rk)_test_[A-Za-z0-9]{3,247}", re.ASCII)
VERSION = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?:\.[a-z]{1,32})?", re.ASCII)

NO_KEY = (
    "You did not provide an API key. You need to provide your API key in the Authorization header, using"
    " Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See"
    " https://stripe.com/docs/api#authentication for details, or we can help at https://support.stripe.com/."
)
PUBLISHABLE = (
    "This API call cannot be made with a publishable API key. Please use a secret API key. You can find a"
    " list of your API keys at https://dashboard.stripe.com/account/apikeys."
)


def authenticate(call: Call) -> None:
    """Reject a request that does not show the account's key."""
    key = sent_key(call)
    if not key:
        raise errors.unauthorized(NO_KEY)
    if key.startswith("pk_"):
        raise errors.unauthorized(PUBLISHABLE)
    if not call.behaviour.known_key(call, key):
        raise errors.unauthorized(f"Invalid API Key provided: {mask(key)}")
    call.authenticated = True


def sent_key(call: Call) -> str | None:
    """Return the key in the Authorization header; None without a readable one."""
    sent = [value for name, value in call.request.headers if name == "authorization"]
    if len(sent) != 1:
        return None
    scheme, _, credentials = sent[0].partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if scheme.lower() == "basic":
        return basic_user(credentials.strip())
    return None


def basic_user(credentials: str) -> str | None:
    """Return the user name in Basic credentials; None if they are broken."""
    try:
        decoded = base64.b64decode(credentials, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None
    user, colon, _ = decoded.partition(":")
    return user if colon else None


def known_key(call: Call, key: str) -> bool:
    """Return whether the key is well formed and the account's."""
    return WELL_FORMED.fullmatch(key) is not None and call.world.is_account_key(key)


def mask(key: str) -> str:
    """Return a key as it may be shown: never enough of it to be used."""
    if len(key) < 16:
        return "*" * len(key)
    start = key[:8] if key.startswith(("sk_test_", "rk_test_", "sk_live_", "rk_live_")) else ""
    return f"{start}{'*' * 12}{key[-4:]}"


def check_version(call: Call) -> None:
    """Take over the version that the request names; reject one that is ill formed."""
    version = call.request.header("stripe-version")
    if version is None:
        return
    if not VERSION.fullmatch(version):
        call.version = None
        raise errors.bad_version(version)
    call.version = version
