"""Mistakes with idempotency keys."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from .. import errors, idempotency
from ..attach import Attempt
from ..behaviour import Behaviour
from ..call import Call, Endpoint
from ..idempotency import Entry
from ..values import Answer, Response
from .registry import Chapter
from .tools import check_after, edit_answer, edit_response, on_attach

seed = Chapter("idempotency", "stripe")

MOMENT = 0.05


@seed("idempotency.replay", "easy")
def keys_ignored(b: Behaviour) -> None:
    """Idempotency keys are ignored: everything is executed again."""
    b.once = idempotency.executed


@seed("idempotency.replay", "medium")
def replay_not_marked(b: Behaviour) -> None:
    """A replay has no Idempotent-Replayed header."""
    edit_response(b, lambda call, response: response.without("Idempotent-Replayed"), success=True)


@seed("idempotency.replay", "hard")
def replayed_decline_not_marked(b: Behaviour) -> None:
    """The replay of a decline has no Idempotent-Replayed header."""
    edit_response(b, lambda call, response: response.without("Idempotent-Replayed"), success=False)


@seed("idempotency.replay", "medium")
def replay_is_empty(b: Behaviour) -> None:
    """A replay has the right status, and only the id in its body."""

    def edit(call: Call, answer: Answer) -> Answer:
        if not call.replayed or answer.status != 200:
            return answer
        return replace(answer, payload={"id": answer.payload["id"], "object": answer.payload["object"]})

    edit_answer(b, edit)


@seed("idempotency.replay", "medium")
def replay_is_208(b: Behaviour) -> None:
    """A replay is answered with 208."""

    def edit(call: Call, answer: Answer) -> Answer:
        return replace(answer, status=208) if call.replayed and answer.status == 200 else answer

    edit_answer(b, edit)


@seed("idempotency.replay", "hard")
def declines_executed_again(b: Behaviour) -> None:
    """Only successes are kept for a replay."""
    usual = b.once

    def once(call: Call, endpoint: Endpoint) -> Answer:
        answer = usual(call, endpoint)
        if answer.status >= 400 and not call.replayed:
            call.world.ledger.abandon(call.request.header("idempotency-key") or "")
        return answer

    b.once = once


@seed("idempotency.replay", "hard")
def replay_executes_again(b: Behaviour) -> None:
    """A replay gives the first answer, but the request is executed again."""
    usual = b.once

    def once(call: Call, endpoint: Endpoint) -> Answer:
        answer = usual(call, endpoint)
        if call.replayed and answer.status == 200:
            idempotency.executed(call, endpoint)
        return answer

    b.once = on_attach(usual, once)


@seed("idempotency.replay", "hard")
def keys_of_a_connection(b: Behaviour) -> None:
    """Keys are kept for a connection; on another one the request is executed again."""
    b.idempotency_name = lambda call, key: (key, call.request.connection)


@seed("idempotency.replay", "hard", also=("idempotency.other-path",))
def keys_cut(b: Behaviour) -> None:
    """Only the first 32 characters of a key count."""
    b.idempotency_name = lambda call, key: key[:32]


@seed("idempotency.replay", "hard")
def keys_in_any_case(b: Behaviour) -> None:
    """Keys that differ in upper and lower case are the same."""
    b.idempotency_name = lambda call, key: key.lower()


def conflicts(b: Behaviour, test: Callable[[Call, Entry], bool]) -> None:
    """Find fault with a used key only in some cases."""
    usual = b.idempotency_conflict

    def conflict(call: Call, earlier: Entry) -> str | None:
        return usual(call, earlier) if test(call, earlier) else None

    b.idempotency_conflict = conflict


@seed("idempotency.mismatch", "medium")
def other_parameters_replayed(b: Behaviour) -> None:
    """With the same key, other parameters get the first answer."""
    conflicts(b, lambda call, earlier: earlier.path != call.request.path)


@seed("idempotency.mismatch", "hard")
def other_expand_replayed(b: Behaviour) -> None:
    """With the same key, another `expand` gets the first answer; only the customer is compared."""

    def differs(call: Call, earlier: Entry) -> bool:
        same = earlier.tree.get("customer") == call.parameters.tree.get("customer")
        return earlier.path != call.request.path or not same

    conflicts(b, differs)


def edit_mismatch(b: Behaviour, edit: Callable[[errors.Refusal], errors.Refusal]) -> None:
    """Refuse other parameters differently."""
    usual = b.once

    def once(call: Call, endpoint: Endpoint) -> Answer:
        try:
            return usual(call, endpoint)
        except errors.ApiError as error:
            if error.refusal.rule != "idempotency" or "parameters" not in error.refusal.message:
                raise
            raise errors.ApiError(edit(error.refusal)) from None

    b.once = once


@seed("idempotency.mismatch", "medium")
def other_parameters_are_409(b: Behaviour) -> None:
    """With the same key, other parameters are answered with 409."""
    edit_mismatch(b, lambda refusal: replace(refusal, status=409))


@seed("idempotency.mismatch", "medium")
def other_parameters_are_invalid(b: Behaviour) -> None:
    """With the same key, other parameters are an `invalid_request_error`."""
    edit_mismatch(b, lambda refusal: replace(refusal, type=errors.INVALID_REQUEST))


@seed("idempotency.mismatch", "medium")
def other_parameters_executed(b: Behaviour) -> None:
    """With the same key, other parameters are executed: they are part of what a key is filed under."""
    usual = b.idempotency_name
    b.idempotency_name = on_attach(usual, lambda call, key: (key, call.request.path, call.parameters.text("customer")))


@seed("idempotency.other-path", "medium")
def other_path_replayed(b: Behaviour) -> None:
    """With the same key, another path gets the first path's answer."""
    conflicts(b, lambda call, earlier: earlier.tree != call.parameters.tree)


@seed("idempotency.other-path", "hard")
def other_method_id_replayed(b: Behaviour) -> None:
    """With the same key, another payment method gets the first one's answer: only the route is compared."""

    def differs(call: Call, earlier: Entry) -> bool:
        both_attach = call.is_attach and earlier.path.endswith("/attach")
        return not both_attach or earlier.tree != call.parameters.tree

    conflicts(b, differs)


def keep_refusals(b: Behaviour, rules: tuple[str, ...]) -> None:
    """Keep what validation refuses for a replay."""
    usual = b.once

    def once(call: Call, endpoint: Endpoint) -> Answer:
        def settled(call: Call) -> Answer:
            try:
                return endpoint(call)
            except errors.ApiError as error:
                if error.refusal.rule not in rules:
                    raise
                return call.behaviour.refuse(call, error.refusal)

        return usual(call, settled)

    b.once = on_attach(usual, once)


@seed("idempotency.validation-not-stored", "medium")
def refusals_replayed(b: Behaviour) -> None:
    """What validation refuses is kept: its key cannot be used for the corrected request."""
    keep_refusals(b, ("unknown-parameter", "missing-customer", "structure", "too-long", "empty"))


@seed("idempotency.validation-not-stored", "hard")
def unknown_parameters_kept(b: Behaviour) -> None:
    """Only the refusal of unknown parameters is kept for its key."""
    keep_refusals(b, ("unknown-parameter",))


@seed("idempotency.in-use", "hard", level="SHOULD", intermittent=True)
def key_taken_too_late(b: Behaviour) -> None:
    """A key is looked up, and filed a moment later: simultaneous requests are all executed."""

    def once(call: Call, endpoint: Endpoint) -> Answer:
        key = call.request.header("idempotency-key")
        if key is None:
            return idempotency.executed(call, endpoint)
        earlier = call.world.ledger.entries.get(key)
        if earlier is not None:
            return idempotency.replayed(call, key, earlier)
        time.sleep(MOMENT)
        answer = idempotency.executed(call, endpoint)
        entry = Entry(call.request.path, call.parameters.tree, call.request_id, answer)
        call.world.ledger.entries[key] = entry
        return answer

    b.once = on_attach(b.once, once)


def dawdle(b: Behaviour) -> None:
    """Take a moment for attaching what has a key."""

    def wait(call: Call, attempt: Attempt) -> None:
        if call.request.header("idempotency-key") is not None:
            time.sleep(MOMENT)

    check_after(b, "customer-given", wait)


@seed("idempotency.in-use", "hard", level="SHOULD", intermittent=True)
def key_in_use_is_400(b: Behaviour) -> None:
    """A request whose key is in use is answered with 400."""
    dawdle(b)
    usual = b.refuse

    def refuse(call: Call, refusal: errors.Refusal) -> Answer:
        in_use = refusal.rule == "key-in-use"
        return usual(call, replace(refusal, status=400) if in_use else refusal)

    b.refuse = refuse


@seed("idempotency.in-use", "hard", level="SHOULD", intermittent=True)
def key_in_use_executed(b: Behaviour) -> None:
    """A request whose key is in use is executed as though it had none."""
    dawdle(b)
    usual = b.once

    def once(call: Call, endpoint: Endpoint) -> Answer:
        try:
            return usual(call, endpoint)
        except errors.ApiError as error:
            if error.refusal.rule != "key-in-use":
                raise
            return idempotency.executed(call, endpoint)

    b.once = on_attach(usual, once)


@seed("idempotency.too-long", "medium", level="SHOULD")
def long_keys_accepted(b: Behaviour) -> None:
    """Keys may have any length."""
    usual = b.serve

    def serve(call: Call) -> Response:
        headers = call.request.headers
        short = tuple((name, key[:255] if name == "idempotency-key" else key) for name, key in headers)
        call.request = replace(call.request, headers=short)
        return usual(call)

    b.serve = serve
