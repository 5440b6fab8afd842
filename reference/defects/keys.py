"""Mistakes in who may ask: API keys, and other methods."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .. import errors, forms
from ..attach import Attempt
from ..auth import WELL_FORMED
from ..behaviour import Behaviour
from ..call import Call
from ..errors import ApiError
from ..values import Json
from .registry import Chapter
from .tools import counter, edit_refusals, edit_success, on_attach

seed = Chapter("keys", "stripe")


def sent(call: Call) -> tuple[str, str]:
    """The scheme, in lower case, and the credentials of the Authorization header."""
    scheme, _, credentials = (call.request.header("authorization") or "").partition(" ")
    return scheme.lower(), credentials.strip()


def let_in(b: Behaviour, when: Callable[[Call], bool]) -> None:
    """Do not ask for a key, in some cases."""
    usual = b.authenticate

    def authenticate(call: Call) -> None:
        if when(call):
            call.authenticated = True
        else:
            usual(call)

    b.authenticate = on_attach(usual, authenticate)


def keep_out(b: Behaviour, when: Callable[[Call], bool]) -> None:
    """Do not take the key, in some cases, wherever it is shown."""
    usual = b.authenticate

    def authenticate(call: Call) -> None:
        if when(call):
            raise errors.unauthorized("This way of authentication is not supported.")
        usual(call)

    b.authenticate = authenticate


@seed("auth.missing", "easy")
def key_optional(b: Behaviour) -> None:
    """A request without an Authorization header is obeyed."""
    let_in(b, lambda call: call.request.header("authorization") is None)


@seed("auth.missing", "medium")
def missing_key_is_403(b: Behaviour) -> None:
    """A missing key is answered with 403."""
    refuse_with_403(b, lambda call: call.request.header("authorization") is None)


def refuse_with_403(b: Behaviour, when: Callable[[Call], bool]) -> None:
    """Answer 403 instead of 401, in some cases."""
    usual = b.authenticate

    def authenticate(call: Call) -> None:
        try:
            usual(call)
        except ApiError as error:
            if when(call):
                raise ApiError(replace(error.refusal, status=403)) from None
            raise

    b.authenticate = on_attach(usual, authenticate)


@seed("auth.malformed", "medium")
def any_scheme_accepted(b: Behaviour) -> None:
    """An Authorization header of any other scheme is enough."""
    let_in(b, lambda call: sent(call)[0] not in ("", "bearer", "basic"))


@seed("auth.malformed", "medium")
def any_word_is_a_key(b: Behaviour) -> None:
    """What does not look like a key is not compared, and accepted."""
    let_in(
        b,
        lambda call: sent(call)[0] == "bearer" and bool(sent(call)[1]) and not WELL_FORMED.fullmatch(sent(call)[1]),
    )


@seed("auth.malformed", "hard")
def broken_basic_accepted(b: Behaviour) -> None:
    """Basic credentials that cannot be decoded are accepted: the exception is swallowed."""

    def broken(call: Call) -> bool:
        scheme, credentials = sent(call)
        return scheme == "basic" and not credentials.replace("=", "").isalnum()

    let_in(b, broken)


@seed("auth.empty", "medium")
def empty_key_accepted(b: Behaviour) -> None:
    """`Bearer` with nothing behind it is accepted."""
    let_in(b, lambda call: sent(call) == ("bearer", ""))


@seed("auth.empty", "hard")
def empty_user_accepted(b: Behaviour) -> None:
    """Basic credentials with an empty user, or none at all, are accepted."""
    let_in(b, lambda call: sent(call) in (("basic", "Og=="), ("basic", "")))


@seed("auth.unknown-key", "easy")
def every_key_accepted(b: Behaviour) -> None:
    """Every well-formed key is the account's."""
    b.known_key = lambda call, key: WELL_FORMED.fullmatch(key) is not None


@seed("auth.unknown-key", "medium")
def unknown_key_is_403(b: Behaviour) -> None:
    """An unknown key is answered with 403."""
    refuse_with_403(b, lambda call: sent(call)[0] == "bearer" and WELL_FORMED.fullmatch(sent(call)[1]) is not None)


@seed("auth.unknown-key", "hard", intermittent=True)
def every_second_unknown_key_accepted(b: Behaviour) -> None:
    """Every second unknown key is accepted: a worker has an old configuration."""
    usual, turn = b.known_key, counter(2)

    def known(call: Call, key: str) -> bool:
        return usual(call, key) or (WELL_FORMED.fullmatch(key) is not None and turn())

    b.known_key = known


@seed("auth.schemes", "easy")
def basic_not_understood(b: Behaviour) -> None:
    """The key is not taken from Basic credentials."""
    keep_out(b, lambda call: sent(call)[0] == "basic")


@seed("auth.schemes", "easy")
def bearer_not_understood(b: Behaviour) -> None:
    """The key is not taken from Bearer credentials."""
    keep_out(b, lambda call: sent(call)[0] == "bearer")


def ask_late(b: Behaviour, rules: tuple[str, ...]) -> None:
    """Answer some of what else is wrong with a request before asking for its key."""
    usual = b.authenticate

    def authenticate(call: Call) -> None:
        try:
            usual(call)
        except ApiError:
            dry_run(call, rules)
            raise

    b.authenticate = on_attach(usual, authenticate)


def dry_run(call: Call, rules: tuple[str, ...]) -> None:
    """Go through the rules; raise what some of them refuse."""
    try:
        call.behaviour.route(call)
        call.form = forms.decode(call)
        attempt = Attempt(call.arguments[0])
        for check in call.behaviour.checks.values():
            check(call, attempt)
    except ApiError as error:
        if error.refusal.rule in rules:
            raise


@seed("auth.first", "medium", level="SHOULD")
def unknown_id_before_key(b: Behaviour) -> None:
    """Without a key an unknown payment method is answered with 404."""
    ask_late(b, ("no-such-paymentmethod",))


@seed("auth.first", "medium", level="SHOULD")
def parameters_before_key(b: Behaviour) -> None:
    """Without a key an unknown or missing parameter is answered with 400."""
    ask_late(b, ("unknown-parameter", "missing-customer"))


@seed("auth.first", "hard", level="SHOULD")
def method_before_key(b: Behaviour) -> None:
    """Without a key another method is answered with 400."""
    usual = b.authenticate

    def authenticate(call: Call) -> None:
        try:
            usual(call)
        except ApiError:
            if call.request.method != "POST":
                raise ApiError(errors.Refusal("method", 400, "This method has no parameters.")) from None
            raise

    b.authenticate = on_attach(usual, authenticate)


@seed("auth.challenge", "medium")
def challenge_missing(b: Behaviour) -> None:
    """401 has no WWW-Authenticate header."""
    edit_refusals(b, ("unauthorized",), lambda refusal: replace(refusal, headers=()))


@seed("auth.challenge", "hard")
def challenge_for_basic(b: Behaviour) -> None:
    """401 asks for Basic credentials."""
    basic = (("WWW-Authenticate", 'Basic realm="Stripe"'),)
    edit_refusals(b, ("unauthorized",), lambda refusal: replace(refusal, headers=basic))


def other_method(b: Behaviour, status: int) -> None:
    """Answer other methods with another status."""

    def allowing(refusal: errors.Refusal) -> errors.Refusal:
        return replace(refusal, status=status, headers=(("Allow", "POST"),))

    edit_refusals(b, ("unrecognized-url",), allowing)


@seed("method.unrecognized", "medium", level="SHOULD")
def other_methods_are_405(b: Behaviour) -> None:
    """Another method is answered with 405."""
    other_method(b, 405)


@seed("method.unrecognized", "medium", level="SHOULD")
def other_methods_are_400(b: Behaviour) -> None:
    """Another method is answered with 400."""
    other_method(b, 400)


@seed("response.livemode", "hard")
def live_unless_a_test_key_is_seen(b: Behaviour) -> None:
    """`livemode` is false only where the header itself shows a test key: true for one that came by Basic."""

    def edit(call: Call, payload: Json) -> None:
        payload["livemode"] = "sk_test_" not in (call.request.header("authorization") or "")

    edit_success(b, edit)
