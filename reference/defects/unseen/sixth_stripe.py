"""Seeded defects: codes, keys, tokens and headers."""

from __future__ import annotations

from dataclasses import replace

from ... import idempotency
from ...behaviour import Behaviour
from ...call import Call, Endpoint
from ...errors import ApiError
from ...idempotency import Entry
from ...objects import PaymentMethod
from ...values import Answer, Headers
from ..registry import Chapter
from ..tools import edit_refusals, on_attach, skip_check

seed = Chapter("stripe", "stripe")


@seed("stripe.parameter-unknown", "medium")
def last_unknown_named(b: Behaviour) -> None:
    """Of several unknown parameters the last one is the error's param."""
    edit_refusals(b, ["unknown-parameter"], lambda r: replace(r, param=r.message.split(": ")[1].split(", ")[-1]))


@seed("stripe.resource-missing-payment-method", "medium")
def param_is_id(b: Behaviour) -> None:
    """The param of an unknown payment method is `id`."""
    edit_refusals(b, ["no-such-paymentmethod"], lambda refusal: replace(refusal, param="id"))


@seed("stripe.detached-reattach", "medium")
def detachment_forgotten(b: Behaviour) -> None:
    """A detached payment method can be attached again."""
    skip_check(b, "not-detached", lambda call, attempt: True)


@seed("stripe.test-tokens", "medium")
def one_visa_for_all(b: Behaviour) -> None:
    """The shared test token becomes one payment method, which each attach takes to another customer."""
    made: dict[str, str] = {}
    usual = b.find_payment_method

    def find(call: Call, identifier: str) -> PaymentMethod | None:
        method = usual(call, identifier)
        if method is None or not identifier.startswith("pm_card_"):
            return method
        return replace(method, id=made.setdefault(identifier, method.id))

    b.find_payment_method = find


@seed("expand.nested-path", "hard")
def one_level_only(b: Behaviour) -> None:
    """A nested path is expanded in its first segment only."""
    usual = b.expand
    b.expand = on_attach(usual, lambda call, payload, items: usual(call, payload, [i.split(".")[0] for i in items]))


@seed("auth.malformed", "medium")
def any_scheme(b: Behaviour) -> None:
    """The key is taken from behind any scheme, `Token` for one."""
    usual = b.authenticate

    def authenticate(call: Call) -> None:
        sent = call.request.header("authorization") or ""
        scheme, _, key = sent.partition(" ")
        if scheme.lower() != "basic" and b.known_key(call, key.strip()):
            call.authenticated = True
            return
        usual(call)

    b.authenticate = on_attach(usual, authenticate)


@seed("auth.unknown-key", "easy")
def prefix_of_a_key(b: Behaviour) -> None:
    """Any key that begins with sk_test_ is the account's."""
    usual = b.known_key
    b.known_key = on_attach(usual, lambda call, key: key.startswith("sk_test_") or usual(call, key))


@seed("auth.schemes", "easy")
def bearer_only(b: Behaviour) -> None:
    """The key is not read from Basic credentials."""
    usual = b.authenticate

    def authenticate(call: Call) -> None:
        if (call.request.header("authorization") or "").lower().startswith("basic"):
            call.request = replace(call.request, headers=())
        usual(call)

    b.authenticate = on_attach(usual, authenticate)


@seed("idempotency.mismatch", "medium")
def customer_not_compared(b: Behaviour) -> None:
    """Only the names of the parameters are compared with those of the first request."""
    usual = b.idempotency_conflict

    def conflict(call: Call, earlier: Entry) -> str | None:
        return usual(
            call,
            replace(earlier, tree=call.parameters.tree) if set(earlier.tree) == set(call.parameters.tree) else earlier,
        )

    b.idempotency_conflict = on_attach(usual, conflict)


@seed("idempotency.other-path", "medium")
def path_not_compared(b: Behaviour) -> None:
    """A key brings its answer on the attach URL of another payment method too."""
    usual = b.idempotency_conflict

    def conflict(call: Call, earlier: Entry) -> str | None:
        return usual(call, replace(earlier, path=call.request.path))

    b.idempotency_conflict = on_attach(usual, conflict)


@seed("idempotency.validation-not-stored", "medium")
def every_refusal_kept(b: Behaviour) -> None:
    """The refusal of a missing `customer` is kept under its key, which cannot be used again."""

    def once(call: Call, endpoint: Endpoint) -> Answer:
        def kept(inner: Call) -> Answer:
            try:
                return endpoint(inner)
            except ApiError as error:
                if error.refusal.rule != "missing-customer":
                    raise
                raise ApiError(replace(error.refusal, executed=True)) from None

        return idempotency.once(call, kept)

    b.once = on_attach(b.once, once)


@seed("header.request-id", "medium")
def errors_without_request_id(b: Behaviour) -> None:
    """A refusal has no `Request-Id`."""
    usual = b.headers

    def headers(call: Call, answer: Answer) -> Headers:
        return tuple(item for item in usual(call, answer) if item[0] != "Request-Id" or answer.status < 400)

    b.headers = on_attach(usual, headers)


@seed("header.version", "medium")
def account_version_named(b: Behaviour) -> None:
    """The answer names the date of the version that was asked for, without its name behind the dot."""
    usual = b.headers

    def headers(call: Call, answer: Answer) -> Headers:
        shown = usual(call, answer)
        return tuple((name, value.partition(".")[0] if name == "Stripe-Version" else value) for name, value in shown)

    b.headers = on_attach(usual, headers)
