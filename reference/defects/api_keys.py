"""Mistakes with API keys."""

from __future__ import annotations

import base64
from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from ..app import write_answer
from ..behaviour import Behaviour, Guard, KnownKey, Serve
from ..call import Call
from ..changes import (
    Change,
    apply,
    counter,
    edit_answer,
    edit_rejections,
    is_authentic,
    override,
    take_key_by,
    wrap,
    wrap_at_attach,
)
from ..rules import errors, forms
from ..rules.attach import Attempt
from ..rules.auth import NO_KEY, WELL_FORMED, basic_user
from ..rules.errors import ApiError, Rejection, unauthorized
from ..wire.values import Answer, Response
from .parts import change_request_header, credentials_sent, reject_with
from .registry import Topic

stripe = Topic("stripe")


def let_in(when: Callable[[Call], bool]) -> Change:
    """Accept requests without a valid key in some cases."""

    @wrap_at_attach("authenticate")
    def authenticate(usual: Guard, call: Call) -> None:
        if when(call):
            call.authenticated = True
        else:
            usual(call)

    return authenticate


stripe.row("key-optional", "auth.missing", "easy")(
    "A request without an Authorization header is obeyed.",
    let_in(lambda call: call.request.header("authorization") is None),
)


def reject_with_403(when: Callable[[Call], bool]) -> Change:
    """Answer 403 instead of 401, in some cases."""

    @wrap_at_attach("authenticate")
    def authenticate(usual: Guard, call: Call) -> None:
        try:
            usual(call)
        except ApiError as error:
            if when(call):
                raise ApiError(replace(error.rejection, status=403)) from None
            raise

    return authenticate


stripe.row("missing-key-is-403", "auth.missing", "medium")(
    "A missing key is answered with 403.", reject_with_403(lambda call: call.request.header("authorization") is None)
)


@stripe("auth.missing", "hard", wrap("authenticate", trusted=set), also="auth.first", batch="unseen 1")
def connection_stays_authenticated(usual: Guard, call: Call, *, trusted: set[int]) -> None:
    """A connection that has shown the key once needs none afterwards: without one, 200."""
    if call.is_attach and call.request.connection in trusted and call.request.header("authorization") is None:
        call.authenticated = True
        return
    usual(call)
    trusted.add(call.request.connection)


@stripe("auth.missing", "hard", wrap("authenticate", known=set), also="auth.first auth.challenge", batch="unseen 2")
def connection_stays_signed_in(usual: Guard, call: Call, *, known: set[int]) -> None:
    """A connection that has shown the key once needs none for the requests that follow on it."""
    connection = call.request.connection
    if call.is_attach and connection in known and call.request.header("authorization") is None:
        call.authenticated = True
        return
    usual(call)
    known.add(connection)


def replay_before_key(when: Callable[[Call], bool]) -> Change:
    """Look for a stored answer before the API key is checked, for some of the requests without a valid key."""

    @wrap("serve")
    def serve(usual: Serve, call: Call) -> Response:
        earlier = call.world.ledger.entries.get(call.request.header("idempotency-key"))
        answer = earlier.answer if earlier is not None and earlier.path == call.request.path else None
        if answer is None or is_authentic(call) or not when(call):
            return usual(call)
        call.authenticated = call.replayed = True
        return write_answer(call, answer)

    return serve


stripe.row("replay-needs-no-key", "auth.missing", "hard", batch="reading 2")(
    "A stored answer is given to any client that knows its idempotency key, without an API key.",
    replay_before_key(lambda call: True),
)
stripe.row("any-scheme-accepted", "auth.malformed", "medium")(
    "An Authorization header of any other scheme is enough.",
    let_in(lambda call: credentials_sent(call)[0] not in ("", "bearer", "basic")),
)
stripe.row("any-word-is-a-key", "auth.malformed", "medium")(
    "A text that does not look like a key is not compared, and accepted.",
    let_in(
        lambda call: (
            credentials_sent(call)[0] == "bearer"
            and bool(credentials_sent(call)[1])
            and not WELL_FORMED.fullmatch(credentials_sent(call)[1])
        ),
    ),
)


@stripe("auth.malformed", "hard", let_in)
def broken_basic_accepted(call: Call) -> bool:
    """Basic credentials that cannot be decoded are accepted: the exception is swallowed."""
    scheme, credentials = credentials_sent(call)
    return scheme == "basic" and not credentials.replace("=", "").isalnum()


@stripe("auth.malformed", "easy", batch="unseen 2")
def scheme_not_looked_at(b: Behaviour) -> None:
    """The last word of the Authorization header is the key, with any scheme before it."""

    def bearer(value: str) -> str:
        if value.lower().startswith(("basic ", "bearer ")) or not value.split():
            return value
        return f"Bearer {value.split()[-1]}"

    @apply(b, wrap_at_attach("authenticate"))
    def authenticate(usual: Guard, call: Call) -> None:
        change_request_header(call, "authorization", bearer)
        usual(call)


@stripe("auth.malformed", "hard", wrap_at_attach("authenticate"), batch="unseen 3")
def key_taken_from_the_password(usual: Guard, call: Call) -> None:
    """In Basic credentials whose user is no key, the password is taken for it."""
    scheme, credentials = credentials_sent(call)
    user = basic_user(credentials) if scheme == "basic" else None
    if user and not WELL_FORMED.fullmatch(user):
        password = base64.b64decode(credentials).decode().partition(":")[2]
        others = tuple(item for item in call.request.headers if item[0] != "authorization")
        call.request = replace(call.request, headers=(*others, ("authorization", f"Bearer {password}")))
    usual(call)


stripe.row("empty-key-accepted", "auth.empty", "medium")(
    "`Bearer` with nothing behind it is accepted.", let_in(lambda call: credentials_sent(call) == ("bearer", ""))
)
stripe.row("empty-user-accepted", "auth.empty", "hard")(
    "Basic credentials with an empty user, or none at all, are accepted.",
    let_in(lambda call: credentials_sent(call) in (("basic", "Og=="), ("basic", ""))),
)
stripe.row("every-key-accepted", "auth.unknown-key", "easy")(
    "Every well-formed key is the account's.",
    override("known_key", lambda call, key: WELL_FORMED.fullmatch(key) is not None),
)
stripe.row("unknown-key-is-403", "auth.unknown-key", "medium")(
    "An unknown key is answered with 403.",
    reject_with_403(
        lambda call: (
            credentials_sent(call)[0] == "bearer" and WELL_FORMED.fullmatch(credentials_sent(call)[1]) is not None
        )
    ),
)


@stripe("auth.unknown-key", "hard", wrap("known_key", turn=partial(counter, 2)), intermittent=True)
def every_second_unknown_key_accepted(usual: KnownKey, call: Call, key: str, *, turn: Callable[[], bool]) -> bool:
    """Every second unknown key is accepted: a worker has an old configuration."""
    return usual(call, key) or (WELL_FORMED.fullmatch(key) is not None and turn())


COMPARED = 16


@stripe("auth.unknown-key", "hard", wrap("known_key"), batch="unseen 3")
def keys_compared_by_their_beginning(usual: KnownKey, call: Call, key: str) -> bool:
    """Only the first sixteen characters of a key are kept, and compared: what follows may be anything."""
    ours = call.world.api_key
    if ours is not None and call.is_attach and WELL_FORMED.fullmatch(key):
        return key[:COMPARED] == ours[:COMPARED]
    return usual(call, key)


@stripe("auth.unknown-key", "hard", wrap_at_attach("known_key"), batch="unseen 4")
def keys_compared_to_the_shorter_end(usual: KnownKey, call: Call, key: str) -> bool:
    """Keys are compared character by character up to the end of the shorter one: a part of one will do."""
    right = call.world.api_key
    if right is None or not WELL_FORMED.fullmatch(key):
        return usual(call, key)
    return all(one == other for one, other in zip(key, right, strict=False))


stripe.row("replay-takes-any-key", "auth.unknown-key", "hard", batch="reading 2")(
    "A stored answer is given to any client that knows its idempotency key, with any API key.",
    replay_before_key(lambda call: call.request.header("authorization") is not None),
)


@stripe("auth.unknown-key", "hard", wrap("known_key", known=dict), batch="reading 2")
def api_key_in_any_case(usual: KnownKey, call: Call, key: str, *, known: dict[str, str]) -> bool:
    """The API key is compared without regard to capitals."""
    return usual(call, known.setdefault(key.lower(), key))


def keep_out(when: Callable[[Call], bool]) -> Change:
    """Reject the key in some cases, on every endpoint."""

    @wrap("authenticate")
    def authenticate(usual: Guard, call: Call) -> None:
        if when(call):
            raise errors.unauthorized("This way of authentication is not supported.")
        usual(call)

    return authenticate


stripe.row("basic-not-understood", "auth.schemes", "easy")(
    "The key is not taken from Basic credentials.", keep_out(lambda call: credentials_sent(call)[0] == "basic")
)
stripe.row("bearer-not-understood", "auth.schemes", "easy")(
    "The key is not taken from Bearer credentials.", keep_out(lambda call: credentials_sent(call)[0] == "bearer")
)


@stripe("auth.schemes", "easy", wrap_at_attach("authenticate"), batch="unseen 4")
def basic_needs_a_password(usual: Guard, call: Call) -> None:
    """Basic credentials without a password are rejected, though the key is all there is."""
    scheme, _, credentials = (call.request.header("authorization") or "").partition(" ")
    if scheme.lower() == "basic" and basic_user(credentials) and b64decode(credentials).endswith(b":"):
        raise errors.unauthorized(NO_KEY)
    usual(call)


def operation_takes(wanted: str) -> Change:
    """Take the key by one scheme at the attach URL, and elsewhere by either."""
    return take_key_by(wanted, lambda call: call.is_attach)


stripe.row("operation-takes-basic-only", "auth.schemes", "medium")(
    "The operation takes the key as the user name of Basic authentication only; what creates objects takes both.",
    operation_takes("basic"),
)
stripe.row("operation-takes-bearer-only", "auth.schemes", "medium")(
    "The operation takes the key as a Bearer token only; what creates objects takes both.", operation_takes("bearer")
)


def dry_run(call: Call, rules: tuple[str, ...]) -> None:
    """Make all checks, and raise the rejections of some rules."""
    try:
        call.behaviour.route(call)
        call.form = forms.decode(call)
        attempt = Attempt(call.arguments[0])
        for check in call.behaviour.checks.values():
            check(call, attempt)
    except ApiError as error:
        if error.rejection.rule in rules:
            raise


def ask_late(rules: tuple[str, ...]) -> Change:
    """Report some other mistakes of a request before its missing or wrong key."""

    @wrap_at_attach("authenticate")
    def authenticate(usual: Guard, call: Call) -> None:
        try:
            usual(call)
        except ApiError:
            dry_run(call, rules)
            raise

    return authenticate


stripe.row("unknown-id-before-key", "auth.first", "medium", level="SHOULD")(
    "Without a key an unknown payment method is answered with 404.", ask_late(("no-such-paymentmethod",))
)
stripe.row("parameters-before-key", "auth.first", "medium", level="SHOULD")(
    "Without a key an unknown or missing parameter is answered with 400.",
    ask_late(("unknown-parameter", "missing-customer")),
)


@stripe("auth.first", "hard", wrap_at_attach("authenticate"), level="SHOULD")
def method_before_key(usual: Guard, call: Call) -> None:
    """Without a key another method is answered with 400."""
    try:
        usual(call)
    except ApiError:
        if call.request.method != "POST":
            raise ApiError(errors.Rejection("method", 400, "This method has no parameters.")) from None
        raise


@stripe("auth.first", "hard", wrap_at_attach("authenticate"), level="SHOULD", batch="unseen 1")
def version_before_key(usual: Guard, call: Call) -> None:
    """An ill-formed `Stripe-Version` is rejected with 400 before the key is looked at."""
    try:
        usual(call)
    except ApiError:
        call.behaviour.check_version(call)
        raise


stripe.row("challenge-missing", "auth.challenge", "medium")(
    "401 has no WWW-Authenticate header.",
    reject_with("unauthorized", headers=()),
)


@stripe("auth.challenge", "hard")
def challenge_for_basic(b: Behaviour) -> None:
    """401 asks for Basic credentials."""
    basic = (("WWW-Authenticate", 'Basic realm="Stripe"'),)
    reject_with("unauthorized", headers=basic)(b)


@stripe("auth.challenge", "easy", edit_answer, batch="unseen 1")
def challenge_only_without_a_key(call: Call, answer: Answer) -> Answer:
    """The 401 for a wrong key has no `WWW-Authenticate`; only the one for a missing key has."""
    if answer.status != 401 or call.request.header("authorization") is None:
        return answer
    kept = tuple(item for item in answer.headers if item[0] != "WWW-Authenticate")
    return replace(answer, headers=kept)


@stripe("auth.challenge", "medium", partial(edit_rejections, ["unauthorized"]), batch="unseen 2")
def challenge_only_without_a_key_too(rejection: Rejection) -> Rejection:
    """`WWW-Authenticate` is sent where no key came; a 401 for a wrong key is without it."""
    return rejection if rejection.message == NO_KEY else replace(rejection, headers=())


@stripe("auth.challenge", "hard", wrap_at_attach("authenticate"), batch="reading 1")
def challenge_not_for_what_is_no_key(usual: Guard, call: Call) -> None:
    """The 401 to credentials that cannot be read has no WWW-Authenticate: it is made somewhere else."""
    scheme, credentials = credentials_sent(call)
    if scheme and (not credentials or scheme not in ("bearer", "basic")):
        raise ApiError(replace(unauthorized("Invalid credentials.").rejection, headers=()))
    usual(call)
