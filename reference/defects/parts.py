"""The parts that defects of several topics are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import unquote_to_bytes

from ..behaviour import Check, Guard, Serve, Split
from ..call import Call
from ..changes import Change, check_after, edit_rejections, edit_success, wrap, wrap_at_attach, wrap_check
from ..objects.models import PaymentMethod
from ..rules import errors
from ..rules.attach import Attempt
from ..rules.errors import ApiError, Rejection
from ..rules.forms import FORM, RawPair
from ..wire.values import DROPPED, Json, Request, Response

FORM_ROOM = 64 * 1024
"""The longest body that some of these servers read, in bytes."""


def id_in_path(call: Call) -> str:
    """Return the id in the path, as sent."""
    return call.request.path.removeprefix("/v1/payment_methods/").removesuffix("/attach")


def decoded_body(call: Call) -> bytes:
    """Return the body with its escapes decoded."""
    return unquote_to_bytes(call.request.body)


def is_utf8(data: bytes) -> bool:
    """Return whether the bytes are UTF-8."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def credentials_sent(call: Call) -> tuple[str, str]:
    """Return the scheme, in lower case, and the credentials of the Authorization header."""
    scheme, _, credentials = (call.request.header("authorization") or "").partition(" ")
    return scheme.lower(), credentials.strip()


def change_request(change: Callable[[Request], Request]) -> Change:
    """Change an attach request before it is served."""

    @wrap("serve")
    def serve(usual: Serve, call: Call) -> Response:
        call.request = change(call.request) if call.is_attach else call.request
        return usual(call)

    return serve


def change_request_header(call: Call, name: str, change: Callable[[str], str]) -> None:
    """Change the values of one header of the request before it is looked at."""
    sent = call.request.headers
    changed = tuple((key, change(value) if key == name else value) for key, value in sent)
    call.request = replace(call.request, headers=changed)


def rewrite_split(rewrite: Callable[[bytes, bytes], RawPair]) -> Change:
    """Change the raw pairs of an attach request before they are decoded."""
    return wrap_at_attach("split")(lambda usual, call, body: [rewrite(*pair) for pair in usual(call, body)])


def rewrite_pairs(change: Callable[[Call, RawPair], RawPair | None]) -> Change:
    """Change the pairs of an attach request before they are decoded; None drops one."""

    @wrap_at_attach("split")
    def split(usual: Split, call: Call, body: bytes) -> Sequence[RawPair]:
        changed = (change(call, pair) for pair in usual(call, body))
        return [pair for pair in changed if pair is not None]

    return split


def demand_media_type(*, with_charset: bool) -> Change:
    """Reject forms whose media type names a charset, or those whose media type does not."""

    @wrap("media_type")
    def media_type(usual: Guard, call: Call) -> None:
        usual(call)
        has_charset = "charset" in (call.request.header("content-type") or "").lower()
        if call.request.media_type == FORM and call.request.body and has_charset is not with_charset:
            raise errors.wrong_media_type()

    return media_type


def reject_bodies_with(wrong: bytes) -> Change:
    """Reject forms that have some spelling of brackets in their names."""

    @wrap("media_type")
    def media_type(usual: Guard, call: Call) -> None:
        usual(call)
        names = (pair.partition(b"=")[0].lower() for pair in call.request.body.split(b"&"))
        if any(wrong in name for name in names):
            raise errors.malformed_form()

    return media_type


def choose_paths(choose: Callable[[Call, list[str]], list[str]]) -> Change:
    """Honour only some of the paths, after all of them have been checked."""

    def forget(call: Call, attempt: Attempt) -> None:
        attempt.expand = choose(call, attempt.expand)

    return check_after("expand-paths", forget)


def instead_of_attaching(when: Callable[[Attempt], bool], deed: Callable[[Call, Attempt], PaymentMethod]) -> Change:
    """Do something else in some cases."""
    return wrap("attach")(lambda usual, call, attempt: (deed if when(attempt) else usual)(call, attempt))


def move(call: Call, method: PaymentMethod, customer: str) -> PaymentMethod:
    """Take the payment method from its owner and give it to another."""
    if method.customer is not None:
        wallet = call.store.wallets.get(method.customer, [])
        if method.id in wallet:
            wallet.remove(method.id)
    return call.store.attach(method, customer)


def set_field(key: str, value: Callable[[Any], Any]) -> Change:
    """Change one member of the body."""

    def edit(call: Call, payload: Json) -> None:
        payload[key] = value(payload.get(key))

    return edit_success(edit)


def drop_field(key: str) -> Change:
    """Leave one member of the body out."""

    def edit(call: Call, payload: Json) -> None:
        payload.pop(key, None)

    return edit_success(edit)


def reject_with(*rules: str, **members: Any) -> Change:
    """Reject by some rules with another status, type, code or param."""
    return edit_rejections(rules, lambda rejection: replace(rejection, **members))


def unexpected_error() -> ApiError:
    """Return the error that answers an exception."""
    return ApiError(Rejection("crash", 500, "An unexpected error occurred.", type="api_error"))


def crash_where_rejected(check: str, when: Callable[[Attempt], bool] = lambda attempt: True) -> Change:
    """Have a check crash instead of rejecting an attempt, where `when` holds of it."""

    @wrap_check(check)
    def crash(usual: Check, call: Call, attempt: Attempt) -> None:
        try:
            usual(call, attempt)
        except ApiError as error:
            raise unexpected_error() if when(attempt) else error from None

    return crash


def hang_up(call: Call) -> Response:
    """Close the connection without an answer."""
    return DROPPED
