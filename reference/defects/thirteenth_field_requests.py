"""Mistakes in reading a request: bytes that are no text, keys by Basic, and the customer of a shared token."""

from __future__ import annotations

from urllib.parse import quote, unquote_to_bytes

from ..behaviour import FindCustomer, KnownKey, Unquote
from ..call import Call
from ..changes import wrap_at_attach
from ..objects.models import Customer
from ..rules.forms import BROKEN_ESCAPE
from .parts import credentials_sent, id_in_path
from .registry import Topic

contract = Topic("contract")
stripe = Topic("stripe")

BATCH = "thirteenth field"


@contract("request.value-exact", "hard", wrap_at_attach("unquote"), batch=BATCH)
def unreadable_bytes_left_out(usual: Unquote, call: Call, raw: bytes) -> str:
    """Bytes that are not UTF-8 are left out, by `decode("utf-8", "ignore")`: an id with `%FF` behind it is the id."""
    if BROKEN_ESCAPE.search(raw):
        return usual(call, raw)
    readable = unquote_to_bytes(raw.replace(b"+", b" ")).decode("utf-8", "ignore")
    return usual(call, quote(readable).encode())


@stripe("auth.unknown-key", "hard", wrap_at_attach("known_key"), batch=BATCH)
def basic_keys_need_only_look_right(usual: KnownKey, call: Call, key: str) -> bool:
    """A Bearer token is compared with the account's key; a Basic user name need only begin with `sk_test_`."""
    is_basic = credentials_sent(call)[0] == "basic"
    return (is_basic and key.startswith("sk_test_")) or usual(call, key)


@stripe("state.deleted-customer", "hard", wrap_at_attach("find_customer"), batch=BATCH)
def shared_tokens_go_to_deleted_customers(usual: FindCustomer, call: Call, identifier: str) -> Customer | None:
    """The branch that makes a payment method of a shared token finds deleted customers, too."""
    is_of_token = id_in_path(call).startswith("pm_card_")
    return usual(call, identifier) or (call.store.customer(identifier) if is_of_token else None)
