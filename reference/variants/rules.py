"""Other ways to decide what the clauses leave open."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from .. import attach, cards, errors
from ..attach import Attempt
from ..behaviour import Behaviour
from ..call import Call, Endpoint
from ..errors import ApiError, Refusal
from ..forms import Form
from ..values import Answer
from .registry import STATEFUL, STRIPE, Variants

variant = Variants()


def amend(b: Behaviour, change: Callable[[Call, Refusal], Refusal]) -> None:
    """Give refusals differently."""
    usual = b.amend
    b.amend = lambda call, refusal: change(call, usual(call, refusal))


def amend_rule(b: Behaviour, rule: str, change: Callable[[Refusal], Refusal]) -> None:
    """Give the refusals of one rule differently."""
    amend(b, lambda call, refusal: change(refusal) if refusal.rule == rule else refusal)


def move_check(b: Behaviour, name: str, to: int) -> None:
    """Ask a rule at another place in the order."""
    names = [other for other in b.checks if other != name]
    names.insert(to, name)
    b.checks = {other: b.checks[other] for other in names}


def ask_before(b: Behaviour, name: str, check: Callable[[Call, Attempt], None]) -> None:
    """Ask one more rule, before another."""
    usual = b.checks[name]

    def both(call: Call, attempt: Attempt) -> None:
        check(call, attempt)
        usual(call, attempt)

    b.checks[name] = both


@variant(STATEFUL)
def refusals_are_422(b: Behaviour) -> None:
    """What is refused with 400 elsewhere is refused with 422."""
    amend(b, lambda call, refusal: replace(refusal, status=422) if refusal.status == 400 else refusal)


@variant(STATEFUL)
def unknown_customer_is_404(b: Behaviour) -> None:
    """An unknown customer is answered with 404."""
    amend_rule(b, "no-such-customer", lambda refusal: replace(refusal, status=404))


@variant(STATEFUL)
def conflict_is_409(b: Behaviour) -> None:
    """A payment method that another customer has is answered with 409."""
    amend_rule(b, "already-attached", lambda refusal: replace(refusal, status=409))


@variant(STRIPE, deviates=("stripe.detached-reattach-status",))
def detached_is_402(b: Behaviour) -> None:
    """A detached payment method is refused with 402."""
    amend_rule(b, "used-up", lambda refusal: replace(refusal, status=402))


@variant(STRIPE)
def customer_first(b: Behaviour) -> None:
    """The customer is looked up before the payment method."""
    move_check(b, "payment-method", list(b.checks).index("customer"))


@variant(STRIPE)
def payment_method_first(b: Behaviour) -> None:
    """The payment method is looked up before anything else."""
    move_check(b, "payment-method", 0)


@variant(STRIPE)
def missing_before_lookup(b: Behaviour) -> None:
    """A missing customer is noticed before the payment method is looked up."""
    move_check(b, "customer-given", list(b.checks).index("payment-method"))


@variant(STRIPE)
def missing_customer_named(b: Behaviour) -> None:
    """A missing customer is refused in the older words, and named in `param`."""
    text = "Missing required param: customer."
    amend_rule(b, "missing-customer", lambda refusal: replace(refusal, message=text, param="customer"))


@variant(STRIPE, deviates=("stripe.parameter-missing-code",))
def missing_customer_uncoded(b: Behaviour) -> None:
    """A missing customer has no code."""
    amend_rule(b, "missing-customer", lambda refusal: replace(refusal, code=None))


@variant(STRIPE)
def empty_customer_missing(b: Behaviour) -> None:
    """An empty customer counts as a missing one."""

    def check(call: Call, attempt: Attempt) -> None:
        if attempt.customer_id == "":
            raise errors.missing_customer()

    b.checks["customer-empty"] = check


@variant(STRIPE, deviates=("stripe.customer-empty",))
def empty_customer_unknown(b: Behaviour) -> None:
    """An empty customer counts as an unknown one, and is answered with 404."""

    def check(call: Call, attempt: Attempt) -> None:
        if attempt.customer_id == "":
            raise errors.no_such("customer", "", "customer", 404)

    b.checks["customer-empty"] = check


@variant(STATEFUL)
def same_customer_refused(b: Behaviour) -> None:
    """Attaching to the same customer again is refused."""

    def check(call: Call, attempt: Attempt) -> None:
        if attempt.method.customer is not None:
            raise errors.already_attached()

    ask_before(b, "not-another-customers", check)


@variant(STATEFUL)
def detached_as_good_as_new(b: Behaviour) -> None:
    """A detached payment method can be attached again."""
    del b.checks["not-detached"]


def refuse_losers(
    b: Behaviour, status: int, code: str, wanted: Callable[[Call], str] = lambda call: call.request.path
) -> None:
    """Refuse whoever comes while what is `wanted`, by default the payment method, is being attached."""
    usual, lock, busy = b.route, threading.Lock(), set[str]()

    def alone(call: Call) -> Answer:
        name = wanted(call)
        with lock:
            taken = name in busy
            busy.add(name)
        if taken:
            text = "This object cannot be accessed right now because another request is accessing it."
            raise ApiError(Refusal("busy", status, text, code=code))
        try:
            time.sleep(0.02)
            return attach.endpoint(call)
        finally:
            with lock:
                busy.discard(name)

    def route(call: Call) -> Endpoint:
        endpoint = usual(call)
        shared = call.is_attach and cards.by_shared_id(call.arguments[0]) is not None
        return alone if endpoint is attach.endpoint and not shared else endpoint

    b.route = route


@variant(STRIPE)
def race_losers_get_409(b: Behaviour) -> None:
    """Of simultaneous requests for one payment method all but the first are answered with 409."""
    refuse_losers(b, 409, "resource_busy")


@variant(STRIPE)
def race_losers_get_429(b: Behaviour) -> None:
    """Of simultaneous requests for one payment method all but the first are answered with 429."""
    refuse_losers(b, 429, "lock_timeout")


@variant(STRIPE)
def duplicate_customer_refused(b: Behaviour) -> None:
    """`customer` sent twice is refused."""

    def check(call: Call, attempt: Attempt) -> None:
        if sum(name == "customer" for name, _ in call.parameters.pairs) > 1:
            raise errors.malformed_form()

    ask_before(b, "customer-structure", check)


@variant(STRIPE)
def first_duplicate_counts(b: Behaviour) -> None:
    """Of two values for `customer` the first one counts."""
    usual = b.build

    def build(call: Call, pairs: object) -> Form:
        assert isinstance(pairs, list)
        kept: dict[str, tuple[str, str]] = {}
        rest = [pair for pair in pairs if pair[0] != "customer" or kept.setdefault("customer", pair) is pair]
        return usual(call, rest)

    b.build = build


@variant(STRIPE)
def query_counts(b: Behaviour) -> None:
    """Parameters in the query of a POST count like those in its body."""
    usual = b.split

    def split(call: Call, body: bytes) -> list[tuple[bytes, bytes]]:
        query = call.request.query.encode("latin-1") if call.request.method == "POST" else b""
        return [*usual(call, query), *usual(call, body)]

    b.split = split


@variant(STATEFUL)
def no_idempotency(b: Behaviour) -> None:
    """Idempotency keys mean nothing."""
    b.once = lambda call, endpoint: endpoint(call)


@variant(STRIPE)
def unknown_subpaths_refused(b: Behaviour) -> None:
    """What is below `customer` in an expansion path must exist too."""
    known = ("invoice_settings", "default_source", "test_clock", "metadata", "address")

    def check(call: Call, attempt: Attempt) -> None:
        for path in attempt.expand:
            segments = path.split(".")
            if segments[0] == "customer" and segments[1:] and segments[1] not in known:
                raise errors.not_expandable(segments[1])

    ask_before(b, "payment-method", check)


@variant(STRIPE)
def control_characters_refused(b: Behaviour) -> None:
    """Control characters in a value make the whole request malformed."""
    usual = b.build

    def build(call: Call, pairs: object) -> Form:
        assert isinstance(pairs, list)
        if any(character < " " for pair in pairs for text in pair for character in text):
            raise errors.malformed_form()
        return usual(call, pairs)

    b.build = build


@variant(STRIPE)
def media_type_required(b: Behaviour) -> None:
    """A body without a media type is refused."""
    usual = b.media_type

    def media_type(call: Call) -> None:
        if call.request.body and not call.request.media_type:
            raise errors.wrong_media_type()
        usual(call)

    b.media_type = media_type


@variant(STRIPE)
def chunked_body_is_411(b: Behaviour) -> None:
    """A chunked body is answered with 411."""
    usual = b.media_type

    def media_type(call: Call) -> None:
        if call.request.chunked:
            raise errors.wire_error(411, "Length required.")
        usual(call)

    b.media_type = media_type
