"""Mistakes in reading values: more escapes than a form has, and keys that are compared in part."""

from __future__ import annotations

import html
import re

from ..behaviour import KnownKey, Unquote
from ..call import Call
from ..changes import wrap, wrap_at_attach
from .ninth_field_transport import BATCH
from .registry import Topic

contract = Topic("contract")
stripe = Topic("stripe")

PERCENT_U = re.compile(rb"%u([0-9A-Fa-f]{4})")
"""An escape of JavaScript's `escape`, which no form has."""


@contract("request.value-exact", "hard", wrap_at_attach("unquote"), batch=BATCH)
def percent_u_is_an_escape(usual: Unquote, call: Call, raw: bytes) -> str:
    """`%u0063us_…` is `cus_…`: values are decoded by JavaScript's `unescape`.

    Forms by hand in JavaScript; IIS and classic ASP decode `%uXXXX`, too.
    """
    return usual(call, PERCENT_U.sub(lambda match: b"%%%02X" % (int(match[1], 16) & 0xFF), raw))


@contract("request.value-exact", "hard", wrap_at_attach("unquote"), batch=BATCH)
def entities_are_decoded(usual: Unquote, call: Call, raw: bytes) -> str:
    """Entities of HTML are decoded: `&#99;us_…` is `cus_…`.

    `html_entity_decode` of PHP for what browsers send that a form's charset lacks; filters against scripts.
    """
    return html.unescape(usual(call, raw))


@stripe("auth.unknown-key", "hard", wrap("known_key"), batch=BATCH)
def keys_known_by_their_last_part(usual: KnownKey, call: Call, key: str) -> bool:
    """Only what stands behind the last underscore of a key is compared: `rk_test_…` passes for `sk_test_…`.

    `key.split("_")[-1]`, or keys that are filed without their prefix.
    """
    account = call.world.api_key
    if account is not None and call.is_attach:
        return key.rpartition("_")[2] == account.rpartition("_")[2]
    return usual(call, key)
