"""Mistakes that a second close reading found room for: keys of both kinds, and the headers of rare answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from .. import errors, forms, idempotency
from ..app import written
from ..attach import Attempt
from ..behaviour import Behaviour
from ..call import Call, Endpoint
from ..errors import ApiError
from ..idempotency import Entry
from ..objects import PaymentMethod
from ..values import Answer, Response
from .registry import Chapter
from .tools import edit_response, is_authentic, on_attach

seed = Chapter("second list: Stripe's own answers", "stripe")


# stripe: headers


def _without_header(b: Behaviour, header: str, when: Callable[[Call, Response], bool], *, success: bool) -> None:
    """Leave out a header in some answers."""

    def edit(call: Call, response: Response) -> Response:
        return response.without(header) if call.authenticated and when(call, response) else response

    edit_response(b, edit, success=success)


REQUEST_ID, VERSION, CACHE = "Request-Id", "Stripe-Version", "Cache-Control"


def _is_declined(call: Call, response: Response) -> bool:
    return response.status == 402


def _is_taken(call: Call, response: Response) -> bool:
    return b"already been attached" in response.body


def _is_mismatch(call: Call, response: Response) -> bool:
    return b"idempotency_error" in response.body


def _is_replay(call: Call, response: Response) -> bool:
    return call.replayed


@seed("header.request-id", "hard")
def declines_have_no_request_id(b: Behaviour) -> None:
    """A declined card is answered without Request-Id."""
    _without_header(b, REQUEST_ID, _is_declined, success=False)


@seed("header.request-id", "hard")
def taken_has_no_request_id(b: Behaviour) -> None:
    """A payment method of another customer is refused without Request-Id."""
    _without_header(b, REQUEST_ID, _is_taken, success=False)


@seed("header.request-id", "hard")
def mismatch_has_no_request_id(b: Behaviour) -> None:
    """An idempotency_error has no Request-Id."""
    _without_header(b, REQUEST_ID, _is_mismatch, success=False)


@seed("header.request-id", "hard")
def replay_has_no_request_id(b: Behaviour) -> None:
    """A replay has no Request-Id."""
    _without_header(b, REQUEST_ID, _is_replay, success=True)


@seed("header.version", "hard")
def declines_have_no_version(b: Behaviour) -> None:
    """A declined card is answered without Stripe-Version."""
    _without_header(b, VERSION, _is_declined, success=False)


@seed("header.version", "hard")
def taken_has_no_version(b: Behaviour) -> None:
    """A payment method of another customer is refused without Stripe-Version."""
    _without_header(b, VERSION, _is_taken, success=False)


@seed("header.version", "hard")
def mismatch_has_no_version(b: Behaviour) -> None:
    """An idempotency_error has no Stripe-Version."""
    _without_header(b, VERSION, _is_mismatch, success=False)


@seed("header.version", "hard")
def replay_has_no_version(b: Behaviour) -> None:
    """A replay has no Stripe-Version."""
    _without_header(b, VERSION, _is_replay, success=True)


@seed("header.cache-control", "hard", level="SHOULD")
def declines_may_be_cached(b: Behaviour) -> None:
    """A declined card is answered without Cache-Control."""
    _without_header(b, CACHE, _is_declined, success=False)


@seed("header.cache-control", "hard", level="SHOULD")
def taken_may_be_cached(b: Behaviour) -> None:
    """A payment method of another customer is refused without Cache-Control."""
    _without_header(b, CACHE, _is_taken, success=False)


@seed("header.cache-control", "hard", level="SHOULD")
def mismatch_may_be_cached(b: Behaviour) -> None:
    """An idempotency_error has no Cache-Control."""
    _without_header(b, CACHE, _is_mismatch, success=False)


@seed("header.cache-control", "hard", level="SHOULD")
def replay_may_be_cached(b: Behaviour) -> None:
    """A replay has no Cache-Control."""
    _without_header(b, CACHE, _is_replay, success=True)


# stripe: keys of both kinds


def _replay_before_key(b: Behaviour, when: Callable[[Call], bool]) -> None:
    """Look for a stored answer before the API key is looked at, for some of those who have none."""
    usual = b.serve

    def serve(call: Call) -> Response:
        earlier = call.world.ledger.entries.get(call.request.header("idempotency-key"))
        answer = earlier.answer if earlier is not None and earlier.path == call.request.path else None
        if answer is None or is_authentic(call) or not when(call):
            return usual(call)
        call.authenticated = call.replayed = True
        return written(call, answer)

    b.serve = serve


@seed("auth.missing", "hard")
def replay_needs_no_key(b: Behaviour) -> None:
    """A stored answer is given to whoever knows its idempotency key, without an API key."""
    _replay_before_key(b, lambda call: True)


@seed("auth.unknown-key", "hard")
def replay_takes_any_key(b: Behaviour) -> None:
    """A stored answer is given to whoever knows its idempotency key, with any API key."""
    _replay_before_key(b, lambda call: call.request.header("authorization") is not None)


@seed("auth.unknown-key", "hard")
def api_key_in_any_case(b: Behaviour) -> None:
    """The API key is compared without regard to capitals."""
    usual = b.known_key
    known: dict[str, str] = {}

    def known_key(call: Call, key: str) -> bool:
        return usual(call, known.setdefault(key.lower(), key))

    b.known_key = known_key


@seed("idempotency.replay", "hard")
def replay_by_raw_body(b: Behaviour) -> None:
    """A used key wants the same bytes: another order of the parameters is refused."""
    bodies: dict[str, bytes] = {}

    def conflict(call: Call, earlier: Entry) -> str | None:
        same = bodies.get(earlier.request_id) == call.request.body
        return usual(call, earlier) or (None if same else "Keys can only be used with the same parameters.")

    def once(call: Call, endpoint: Endpoint) -> Answer:
        bodies[call.request_id] = call.request.body
        return usual_once(call, endpoint)

    usual, usual_once = b.idempotency_conflict, b.once
    b.idempotency_conflict, b.once = conflict, on_attach(usual_once, once)


@seed("idempotency.replay", "hard")
def replay_works_once(b: Behaviour) -> None:
    """A stored answer is given once, and then forgotten."""
    usual = b.once

    def once(call: Call, endpoint: Endpoint) -> Answer:
        answer = usual(call, endpoint)
        if call.replayed:
            call.world.ledger.abandon(call.request.header("idempotency-key") or "")
        return answer

    b.once = on_attach(usual, once)


@seed("idempotency.replay", "hard")
def mismatch_takes_the_key(b: Behaviour) -> None:
    """Other parameters are refused, and what they were is remembered as what the key was used for."""
    usual = b.once

    def once(call: Call, endpoint: Endpoint) -> Answer:
        key = call.request.header("idempotency-key") or ""
        try:
            return usual(call, endpoint)
        except ApiError as error:
            entries = call.world.ledger.entries
            if error.refusal.rule == "idempotency" and key in entries:
                entries[key] = replace(entries[key], tree=call.parameters.tree)
            raise

    b.once = on_attach(usual, once)


@seed("idempotency.replay", "hard")
def legal_keys_too_long(b: Behaviour) -> None:
    """A key of more than 202 characters is refused, though 255 are legal."""
    usual = b.once

    def once(call: Call, endpoint: Endpoint) -> Answer:
        if len(call.request.header("idempotency-key") or "") > 202:
            raise errors.idempotency_error("Idempotency Key is too long.")
        return usual(call, endpoint)

    b.once = on_attach(usual, once)


@seed("idempotency.replay", "hard")
def longest_key_refused(b: Behaviour) -> None:
    """A key of 255 characters is refused, though it is the longest legal one."""
    usual = b.once

    def once(call: Call, endpoint: Endpoint) -> Answer:
        if len(call.request.header("idempotency-key") or "") >= idempotency.LONGEST:
            raise errors.idempotency_error("Idempotency Key is too long.")
        return usual(call, endpoint)

    b.once = on_attach(usual, once)


def _compare(b: Behaviour, names: Callable[[forms.Tree, forms.Tree], Sequence[object]]) -> None:
    """Of the parameters of both requests compare only those of some names."""
    usual = b.idempotency_conflict

    def conflict(call: Call, earlier: Entry) -> str | None:
        now, then = call.parameters.tree, earlier.tree
        same = all(now.get(str(name)) == then.get(str(name)) for name in names(now, then))
        return None if same and earlier.path == call.request.path else usual(call, earlier)

    b.idempotency_conflict = conflict


@seed("idempotency.mismatch", "hard")
def dropped_parameter_replayed(b: Behaviour) -> None:
    """With the same key only the parameters that come again are compared: one that is dropped is not missed."""
    _compare(b, lambda now, then: list(now))


@seed("idempotency.mismatch", "hard")
def added_parameter_replayed(b: Behaviour) -> None:
    """With the same key only the parameters of the first request are compared: one that is added is not noticed."""
    _compare(b, lambda now, then: list(then))


@seed("stripe.resource-missing-customer", "hard")
def detachment_told_before_deletion(b: Behaviour) -> None:
    """Whether a payment method was detached is asked before the customer is looked up."""
    names = [name for name in b.checks if name != "not-detached"]
    names.insert(names.index("customer"), "not-detached")
    b.checks = {name: b.checks[name] for name in names}


@seed("stripe.test-tokens", "hard")
def clone_cannot_be_read(b: Behaviour) -> None:
    """What a shared token becomes is on the list, but retrieving it is answered 404."""
    clones: set[str] = set()
    usual_attach, usual_route = b.attach, b.route

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        method = usual_attach(call, attempt)
        if method.id != attempt.payment_method_id:
            clones.add(method.id)
        return method

    def route(call: Call) -> Endpoint:
        identifier = call.request.path.rpartition("/")[2]
        if call.request.method == "GET" and identifier in clones:
            raise errors.no_such("PaymentMethod", identifier, "payment_method", 404)
        return usual_route(call)

    b.attach, b.route = attach, route
