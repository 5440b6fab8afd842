"""Rejections: the answer when a rule is broken, with the messages, codes and statuses that Stripe uses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..wire.values import Headers, Json

INVALID_REQUEST = "invalid_request_error"
NO_DOC_URL = frozenset({"property_expansion_max_depth"})
SHOWN_NAMES = 50


@dataclass(frozen=True, slots=True)
class Rejection:
    """The reason of an error answer. `rule` names the rule for readers of the code; it is not sent."""

    rule: str
    status: int
    message: str
    type: str = INVALID_REQUEST
    code: str | None = None
    param: str | None = None
    members: tuple[tuple[str, str], ...] = ()
    headers: Headers = ()
    executed: bool = False
    logged: bool = True


class ApiError(Exception):
    """A broken rule, which becomes an error answer."""

    def __init__(self, rejection: Rejection) -> None:
        super().__init__(rejection.rule)
        self.rejection = rejection


def rejection_json(rejection: Rejection, request_id: str) -> Json:
    """Return the envelope of a rejection: its keys in alphabetical order, without the absent ones."""
    members: Json = dict(rejection.members)
    members["message"] = rejection.message
    members["type"] = rejection.type
    if rejection.code is not None:
        members["code"] = rejection.code
        if rejection.code not in NO_DOC_URL:
            members["doc_url"] = f"https://stripe.com/docs/error-codes/{rejection.code.replace('_', '-')}"
    if rejection.param is not None:
        members["param"] = rejection.param
    if rejection.logged:
        logs = "https://dashboard.stripe.com/acct_1Reference/test/workbench/logs?object="
        members["request_log_url"] = logs + request_id
    return {"error": {key: members[key] for key in sorted(members)}}


def shorten(text: str) -> str:
    """Return a long value as a message quotes it."""
    return text if len(text) <= 998 else f"{text[:490]}...(truncated)...{text[-490:]}"


def unauthorized(message: str) -> ApiError:
    """Return the rejection of a request without a key, or with one that is not the account's."""
    challenge = (("WWW-Authenticate", 'Bearer realm="Stripe"'),)
    return ApiError(Rejection("unauthorized", 401, message, headers=challenge, logged=False))


def bad_version(version: str) -> ApiError:
    """Return the rejection of a `Stripe-Version` that is not a version."""
    return ApiError(Rejection("bad-version", 400, f"Invalid Stripe API version: {version}", logged=False))


def unrecognized_url(method: str, path: str) -> ApiError:
    """Return the rejection of a path, or a method on a path, that the API does not have."""
    text = f"Unrecognized request URL ({method}: {shorten(path)})."
    if path.endswith("/") or "//" in path:
        text += (
            " If you are trying to list objects, remove the trailing slash. If you are trying to retrieve an"
            " object, make sure you passed a valid (non-empty) identifier in your code."
        )
    text += " Please see https://stripe.com/docs or we can help at https://support.stripe.com/."
    return ApiError(Rejection("unrecognized-url", 404, text, logged=False))


def wrong_media_type() -> ApiError:
    """Return the rejection of a body that is not a form."""
    text = (
        "Invalid request (check that your POST content type is application/x-www-form-urlencoded). If you"
        " have any questions, we can help at https://support.stripe.com/."
    )
    return ApiError(Rejection("media-type", 400, text))


def malformed_form() -> ApiError:
    """Return the rejection of a body, query or path that cannot be decoded."""
    text = (
        "Invalid request (check your POST parameters): For assistance, contact support at"
        " https://support.stripe.com/contact/."
    )
    return ApiError(Rejection("malformed", 400, text))


def invalid_utf8() -> ApiError:
    """Return the rejection of percent-encoded octets that are not UTF-8."""
    return ApiError(Rejection("malformed", 400, "Invalid UTF-8 characters found in POST body."))


def wire_error(status: int, message: str) -> ApiError:
    """Return the rejection of a request that breaks HTTP itself, or is too large."""
    return ApiError(Rejection("wire", status, message, logged=False))


def unknown_parameters(names: Sequence[str]) -> ApiError:
    """Return the rejection of one or several parameters that the endpoint does not have."""
    shown = ", ".join(shorten(name) for name in names[:SHOWN_NAMES])
    plural = "s" if len(names) > 1 else ""
    text = f"Received unknown parameter{plural}: {shown}"
    return ApiError(Rejection("unknown-parameter", 400, text, code="parameter_unknown", param=shorten(names[0])))


def invalid_string(param: str, value: Any) -> ApiError:
    """Return the rejection of a hash or an array in place of a string."""
    shown = shorten(json.dumps(value, ensure_ascii=False))
    return ApiError(Rejection("structure", 400, f"Invalid string: {shown}", param=param))


def invalid_array(param: str) -> ApiError:
    """Return the rejection of anything else in place of an array."""
    return ApiError(Rejection("structure", 400, "Invalid array", param=param))


def invalid_hash(param: str) -> ApiError:
    """Return the rejection of a string in place of a hash."""
    return ApiError(Rejection("structure", 400, "Invalid object", param=param))


def too_long(param: str, value: str, limit: int) -> ApiError:
    """Return the rejection of a string of more characters than the limit."""
    text = f"Invalid string: {value[:4]}...{value[-4:]}; must be at most {limit} characters"
    return ApiError(Rejection("too-long", 400, text, param=param))


def invalid_value(param: str, message: str) -> ApiError:
    """Return the rejection of a string that is none of the values allowed."""
    return ApiError(Rejection("invalid-value", 400, message, param=param))


def empty_parameter(param: str) -> ApiError:
    """Return the rejection of an empty string for a parameter that cannot be unset."""
    text = (
        f"You passed an empty string for '{param}'. We assume empty values are an attempt to unset a"
        f" parameter; however '{param}' cannot be unset. You should remove '{param}' from your request or"
        " supply a non-empty value."
    )
    return ApiError(Rejection("empty", 400, text, code="parameter_invalid_empty", param=param))


def missing_customer() -> ApiError:
    """Return the rejection of an attach request that names no customer."""
    text = "Must provide customer or customer_account."
    return ApiError(Rejection("missing-customer", 400, text, code="parameter_missing"))


def missing_parameter(param: str) -> ApiError:
    """Return the rejection of a request without a required parameter."""
    text = f"Missing required param: {param}."
    return ApiError(Rejection("missing-parameter", 400, text, code="parameter_missing", param=param))


def not_expandable(segment: str) -> ApiError:
    """Return the rejection of an expansion path whose first segment is not an expandable field."""
    return ApiError(Rejection("expand-path", 400, f"This property cannot be expanded ({shorten(segment)})."))


def too_deep(path: str, levels: int) -> ApiError:
    """Return the rejection of an expansion path of too many segments."""
    text = f"You cannot expand more than {levels} levels of a property. Property: {shorten(path)}"
    return ApiError(Rejection("expand-depth", 400, text, code="property_expansion_max_depth"))


def no_such(kind: str, identifier: str, param: str, status: int) -> ApiError:
    """Return the rejection of an id that names nothing: 404 in the path, 400 in a parameter."""
    text = f"No such {kind}: '{shorten(identifier)}'"
    rule = f"no-such-{kind.lower()}"
    return ApiError(Rejection(rule, status, text, code="resource_missing", param=param))


def already_attached() -> ApiError:
    """Return the rejection of a payment method that another customer has."""
    text = "The payment method you provided has already been attached to a customer."
    return ApiError(Rejection("already-attached", 400, text, executed=True))


def not_attached() -> ApiError:
    """Return the rejection of the detachment of a payment method that is not attached."""
    text = "The payment method you provided is not attached to a customer so detachment is impossible."
    return ApiError(Rejection("not-attached", 400, text, executed=True))


def used_up() -> ApiError:
    """Return the rejection of a payment method that was detached, which is final."""
    text = (
        "This PaymentMethod was previously used without being attached to a Customer or was detached from a"
        " Customer, and may not be used again."
    )
    return ApiError(Rejection("used-up", 400, text, executed=True))


def declined(decline_code: str, code: str, message: str, param: str) -> ApiError:
    """Return the rejection of a test card that exists to be declined."""
    members = (
        ("advice_code", "try_again_later"),
        ("decline_code", decline_code),
        ("network_decline_code", "01"),
    )
    return ApiError(Rejection("declined", 402, message, "card_error", code, param, members=members, executed=True))


def idempotency_error(message: str) -> ApiError:
    """Return the rejection of a key that was used for another request."""
    return ApiError(Rejection("idempotency", 400, message, "idempotency_error"))


def key_in_use(key: str) -> ApiError:
    """Return the rejection of a key whose first request is still running."""
    text = (
        "There is currently another in-progress request using this Idempotent Key (that probably means you"
        f" submitted twice, and the other request is still going through): {key}. Please try again later."
    )
    return ApiError(Rejection("key-in-use", 409, text, "idempotency_error", code="idempotency_key_in_use"))
