"""Servers that understand one spelling of a request everywhere, in the operation and in what creates objects for it."""

from __future__ import annotations

from .. import errors
from ..behaviour import Behaviour
from ..call import Call
from ..forms import FORM
from .registry import Chapter

seed = Chapter("spelling", "contract")


def refuse_bodies_with(b: Behaviour, wrong: bytes) -> None:
    """Refuse forms in whose names brackets are written in a certain way."""
    usual = b.media_type

    def media_type(call: Call) -> None:
        usual(call)
        names = (pair.partition(b"=")[0].lower() for pair in call.request.body.split(b"&"))
        if any(wrong in name for name in names):
            raise errors.malformed_form()

    b.media_type = media_type


@seed("request.equivalent-encodings", "medium")
def raw_brackets_only(b: Behaviour) -> None:
    """A form whose names have percent-encoded brackets is refused by every endpoint."""
    refuse_bodies_with(b, b"%5b")


@seed("expand.accepted", "medium", also=("request.equivalent-encodings",))
def encoded_brackets_only(b: Behaviour) -> None:
    """A form whose names have raw brackets, as the official libraries send them, is refused by every endpoint."""
    refuse_bodies_with(b, b"[")


def demand_media_type(b: Behaviour, *, with_charset: bool) -> None:
    """Refuse forms whose media type names a charset, or those whose media type names none."""
    usual = b.media_type

    def media_type(call: Call) -> None:
        usual(call)
        has_charset = "charset" in (call.request.header("content-type") or "").lower()
        if call.request.media_type == FORM and call.request.body and has_charset is not with_charset:
            raise errors.wrong_media_type()

    b.media_type = media_type


@seed("request.minimal-body", "medium")
def charset_demanded(b: Behaviour) -> None:
    """A form is refused by every endpoint unless its media type names the charset."""
    demand_media_type(b, with_charset=True)


@seed("request.charset-parameter", "medium")
def charset_refused(b: Behaviour) -> None:
    """A form is refused by every endpoint if its media type names the charset."""
    demand_media_type(b, with_charset=False)


authentication = Chapter("spelling", "stripe")


def operation_takes(b: Behaviour, wanted: str) -> None:
    """Take the key by one scheme at the attach URL; elsewhere by either."""
    usual = b.authenticate

    def authenticate(call: Call) -> None:
        usual(call)
        scheme = (call.request.header("authorization") or "").partition(" ")[0].lower()
        if call.is_attach and scheme != wanted:
            call.authenticated = False
            raise errors.unauthorized(f"Use {wanted}.")

    b.authenticate = authenticate


@authentication("auth.schemes", "medium")
def operation_takes_basic_only(b: Behaviour) -> None:
    """The operation takes the key as the user name of Basic authentication only; what creates objects takes both."""
    operation_takes(b, "basic")


@authentication("auth.schemes", "medium")
def operation_takes_bearer_only(b: Behaviour) -> None:
    """The operation takes the key as a Bearer token only; what creates objects takes both."""
    operation_takes(b, "bearer")
