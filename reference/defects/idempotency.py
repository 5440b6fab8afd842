"""Mistakes with idempotency keys."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from ..behaviour import Behaviour, Conflict, Once, Reject, Route, Serve, WriteHeaders
from ..call import Call, Endpoint
from ..changes import Change, apply, check_after, edit_answer, edit_response, on_attach, override, wrap, wrap_at_attach
from ..rules import attach, errors, forms, idempotency
from ..rules.attach import Attempt
from ..rules.errors import ApiError
from ..rules.idempotency import LONGEST, Entry
from ..wire.values import Answer, Headers, Response
from .parts import change_request_header
from .registry import Topic

stripe = Topic("stripe")

stripe.row("keys-ignored", "idempotency.replay", "easy")(
    "Idempotency keys are ignored: everything is executed again.", override("once", idempotency.execute)
)
stripe.row("replay-not-marked", "idempotency.replay", "medium")(
    "A replay has no Idempotent-Replayed header.",
    edit_response(lambda call, response: response.without("Idempotent-Replayed"), success=True),
)
stripe.row("replayed-decline-not-marked", "idempotency.replay", "hard")(
    "The replay of a decline has no Idempotent-Replayed header.",
    edit_response(lambda call, response: response.without("Idempotent-Replayed"), success=False),
)


@stripe("idempotency.replay", "medium", edit_answer)
def replay_is_empty(call: Call, answer: Answer) -> Answer:
    """A replay has the right status, and only the id in its body."""
    if not call.replayed or answer.status != 200:
        return answer
    return replace(answer, payload={"id": answer.payload["id"], "object": answer.payload["object"]})


@stripe("idempotency.replay", "medium", edit_answer)
def replay_is_208(call: Call, answer: Answer) -> Answer:
    """A replay is answered with 208."""
    return replace(answer, status=208) if call.replayed and answer.status == 200 else answer


@stripe("idempotency.replay", "hard", wrap("once"))
def declines_executed_again(usual: Once, call: Call, endpoint: Endpoint) -> Answer:
    """Only successes are kept for a replay."""
    answer = usual(call, endpoint)
    if answer.status >= 400 and not call.replayed:
        call.world.ledger.abandon(call.request.header("idempotency-key") or "")
    return answer


@stripe("idempotency.replay", "hard", wrap_at_attach("once"))
def replay_executes_again(usual: Once, call: Call, endpoint: Endpoint) -> Answer:
    """A replay gives the first answer, but the request is executed again."""
    answer = usual(call, endpoint)
    if call.replayed and answer.status == 200:
        idempotency.execute(call, endpoint)
    return answer


stripe.row("keys-of-a-connection", "idempotency.replay", "hard")(
    "Keys are kept for a connection; on another one the request is executed again.",
    override("idempotency_name", lambda call, key: (key, call.request.connection)),
)
stripe.row("keys-cut", "idempotency.replay", "hard", also="idempotency.other-path")(
    "Only the first 32 characters of a key count.", override("idempotency_name", lambda call, key: key[:32])
)
stripe.row("keys-in-any-case", "idempotency.replay", "hard")(
    "Keys that differ in upper and lower case are the same.",
    override("idempotency_name", lambda call, key: key.lower()),
)


@stripe("idempotency.replay", "hard", edit_answer, batch="unseen 1")
def replay_shows_the_present(call: Call, answer: Answer) -> Answer:
    """A replayed success shows the payment method as it is now, not as it was answered then."""
    if not call.replayed or answer.status != 200:
        return answer
    method = call.store.method(answer.payload["id"])
    if method is None:
        return answer
    payload = call.behaviour.payment_method_json(call, method)
    call.behaviour.expand(call, payload, call.parameters.items("expand"))
    return replace(answer, payload=payload)


@stripe("idempotency.replay", "hard", wrap_at_attach("once"), batch="unseen 2")
def declines_not_kept(usual: Once, call: Call, endpoint: Endpoint) -> Answer:
    """Only successes are kept under an idempotency key: a declined card is tried again, not replayed."""
    answer = usual(call, endpoint)
    key = call.request.header("idempotency-key")
    if key is not None and answer.status == 402:
        call.world.ledger.abandon(call.behaviour.idempotency_name(call, key))
    return answer


@stripe(
    "idempotency.replay",
    "hard",
    wrap_at_attach("once"),
    also="idempotency.mismatch idempotency.other-path",
    batch="unseen 3",
)
def latest_key_is_remembered(usual: Once, call: Call, endpoint: Endpoint) -> Answer:
    """There is room for one finished request: a key is forgotten when another one is used."""
    key, ledger = call.request.header("idempotency-key"), call.world.ledger
    if key is not None:
        name = call.behaviour.idempotency_name(call, key)
        with ledger.lock:
            done = [other for other, entry in ledger.entries.items() if entry.answer is not None and other != name]
            for other in done:
                del ledger.entries[other]
    return usual(call, endpoint)


@stripe("idempotency.replay", "easy", wrap_at_attach("headers"), batch="unseen 4")
def replays_are_marked_with_a_one(usual: WriteHeaders, call: Call, answer: Answer) -> Headers:
    """A replay is marked `Idempotent-Replayed: 1` instead of `true`."""
    sent = usual(call, answer)
    return tuple((name, "1" if name == "Idempotent-Replayed" else value) for name, value in sent)


@stripe("idempotency.parameter-order", "hard", level="SHOULD", batch="reading 2")
def replay_by_raw_body(b: Behaviour) -> None:
    """A used key wants the same bytes: another order of the parameters is rejected."""
    bodies: dict[str, bytes] = {}

    @apply(b, wrap("idempotency_conflict"))
    def conflict(usual: Conflict, call: Call, earlier: Entry) -> str | None:
        same = bodies.get(earlier.request_id) == call.request.body
        return usual(call, earlier) or (None if same else "Keys can only be used with the same parameters.")

    @apply(b, wrap_at_attach("once"))
    def once(usual_once: Once, call: Call, endpoint: Endpoint) -> Answer:
        bodies[call.request_id] = call.request.body
        return usual_once(call, endpoint)


@stripe("idempotency.replay", "hard", wrap_at_attach("once"), batch="reading 2")
def replay_works_once(usual: Once, call: Call, endpoint: Endpoint) -> Answer:
    """A stored answer is given once, and then forgotten."""
    answer = usual(call, endpoint)
    if call.replayed:
        call.world.ledger.abandon(call.request.header("idempotency-key") or "")
    return answer


@stripe("idempotency.replay", "hard", wrap_at_attach("once"), batch="reading 2")
def mismatch_takes_the_key(usual: Once, call: Call, endpoint: Endpoint) -> Answer:
    """Other parameters are rejected, and what they were is remembered as what the key was used for."""
    key = call.request.header("idempotency-key") or ""
    try:
        return usual(call, endpoint)
    except ApiError as error:
        entries = call.world.ledger.entries
        if error.rejection.rule == "idempotency" and key in entries:
            entries[key] = replace(entries[key], tree=call.parameters.tree)
        raise


@stripe("idempotency.replay", "hard", wrap_at_attach("once"), batch="reading 2")
def legal_keys_too_long(usual: Once, call: Call, endpoint: Endpoint) -> Answer:
    """A key of more than 202 characters is rejected, though 255 are legal."""
    if len(call.request.header("idempotency-key") or "") > 202:
        raise errors.idempotency_error("Idempotency Key is too long.")
    return usual(call, endpoint)


@stripe("idempotency.replay", "hard", wrap_at_attach("once"), batch="reading 2")
def longest_key_refused(usual: Once, call: Call, endpoint: Endpoint) -> Answer:
    """A key of 255 characters is rejected, though it is the longest legal one."""
    if len(call.request.header("idempotency-key") or "") >= idempotency.LONGEST:
        raise errors.idempotency_error("Idempotency Key is too long.")
    return usual(call, endpoint)


def conflicts(test: Callable[[Call, Entry], bool]) -> Change:
    """Find a conflict with an earlier request in some cases only."""

    @wrap("idempotency_conflict")
    def conflict(usual: Conflict, call: Call, earlier: Entry) -> str | None:
        return usual(call, earlier) if test(call, earlier) else None

    return conflict


stripe.row("other-parameters-replayed", "idempotency.mismatch", "medium")(
    "With the same key, other parameters get the first answer.",
    conflicts(lambda call, earlier: earlier.path != call.request.path),
)


@stripe("idempotency.mismatch", "hard", conflicts)
def other_expand_replayed(call: Call, earlier: Entry) -> bool:
    """With the same key, another `expand` gets the first answer; only the customer is compared."""
    same = earlier.tree.get("customer") == call.parameters.tree.get("customer")
    return earlier.path != call.request.path or not same


def edit_mismatch(edit: Callable[[errors.Rejection], errors.Rejection]) -> Change:
    """Reject other parameters differently."""

    @wrap("once")
    def once(usual: Once, call: Call, endpoint: Endpoint) -> Answer:
        try:
            return usual(call, endpoint)
        except errors.ApiError as error:
            if error.rejection.rule != "idempotency" or "parameters" not in error.rejection.message:
                raise
            raise errors.ApiError(edit(error.rejection)) from None

    return once


stripe.row("other-parameters-are-409", "idempotency.mismatch", "medium")(
    "With the same key, other parameters are answered with 409.",
    edit_mismatch(lambda rejection: replace(rejection, status=409)),
)
stripe.row("other-parameters-are-invalid", "idempotency.mismatch", "medium")(
    "With the same key, other parameters are an `invalid_request_error`.",
    edit_mismatch(lambda rejection: replace(rejection, type=errors.INVALID_REQUEST)),
)
stripe.row("other-parameters-executed", "idempotency.mismatch", "medium")(
    "With the same key, other parameters are executed: they are part of what a key is filed under.",
    wrap_at_attach("idempotency_name")(
        lambda usual, call, key: (key, call.request.path, call.parameters.text("customer"))
    ),
)


def _execute_silently(call: Call) -> None:
    try:
        attach.endpoint(call)
    except ApiError:
        return


@stripe("idempotency.mismatch", "hard", wrap_at_attach("idempotency_conflict"), batch="unseen 1")
def mismatch_executed(usual: Conflict, call: Call, earlier: Entry) -> str | None:
    """A key used again with other parameters is an idempotency_error, but the request is executed too."""
    found = usual(call, earlier)
    if found is not None and earlier.path == call.request.path:
        _execute_silently(call)
    return found


@stripe("idempotency.mismatch", "hard", wrap_at_attach("idempotency_conflict"), batch="unseen 2")
def expand_not_compared(usual: Conflict, call: Call, earlier: Entry) -> str | None:
    """The same key with another `expand` counts as the same request and gets the earlier answer."""
    tree = {name: value for name, value in call.parameters.tree.items() if name != "expand"}
    first = {name: value for name, value in earlier.tree.items() if name != "expand"}
    same = earlier.path == call.request.path and tree == first
    return None if same else usual(call, earlier)


@stripe(
    "idempotency.mismatch", "hard", wrap_at_attach("idempotency_conflict"), also="idempotency.replay", batch="unseen 3"
)
def mismatch_frees_the_key(usual: Conflict, call: Call, earlier: Entry) -> str | None:
    """A key that comes with other parameters is rejected and thrown away: the first request is executed again."""
    found = usual(call, earlier)
    key = call.request.header("idempotency-key")
    if found is not None and key is not None and earlier.answer is not None:
        call.world.ledger.abandon(call.behaviour.idempotency_name(call, key))
    return found


@stripe("idempotency.mismatch", "medium", wrap_at_attach("idempotency_conflict"), batch="unseen 6")
def customer_not_compared(usual: Conflict, call: Call, earlier: Entry) -> str | None:
    """Only the names of the parameters are compared with those of the first request."""
    return usual(
        call,
        replace(earlier, tree=call.parameters.tree) if set(earlier.tree) == set(call.parameters.tree) else earlier,
    )


@stripe("idempotency.mismatch", "hard", wrap("idempotency_conflict"), also="idempotency.replay")
def decline_replayed_for_other_parameters(usual: Conflict, call: Call, earlier: Entry) -> str | None:
    """A stored decline is replayed with any parameters; they are compared for a success only."""
    is_decline = earlier.answer is not None and earlier.answer.status >= 400
    return None if is_decline and earlier.path == call.request.path else usual(call, earlier)


def compare_parameters(names: Callable[[forms.Tree, forms.Tree], Sequence[object]]) -> Change:
    """Compare only the parameters of some names."""

    @wrap("idempotency_conflict")
    def conflict(usual: Conflict, call: Call, earlier: Entry) -> str | None:
        now, then = call.parameters.tree, earlier.tree
        same = all(now.get(str(name)) == then.get(str(name)) for name in names(now, then))
        return None if same and earlier.path == call.request.path else usual(call, earlier)

    return conflict


stripe.row("dropped-parameter-replayed", "idempotency.mismatch", "hard", batch="reading 2")(
    "With the same key only the parameters that come again are compared: one that is dropped is not missed.",
    compare_parameters(lambda now, then: list(now)),
)
stripe.row("added-parameter-replayed", "idempotency.mismatch", "hard", batch="reading 2")(
    "With the same key only the parameters of the first request are compared: one that is added is not noticed.",
    compare_parameters(lambda now, then: list(then)),
)
stripe.row("other-path-replayed", "idempotency.other-path", "medium")(
    "With the same key, another path gets the first path's answer.",
    conflicts(lambda call, earlier: earlier.tree != call.parameters.tree),
)


@stripe("idempotency.other-path", "hard", conflicts)
def other_method_id_replayed(call: Call, earlier: Entry) -> bool:
    """With the same key, another payment method gets the first one's answer: only the route is compared."""
    both_attach = call.is_attach and earlier.path.endswith("/attach")
    return not both_attach or earlier.tree != call.parameters.tree


@stripe("idempotency.other-path", "hard")
def other_path_answered_without_being_executed(b: Behaviour) -> None:
    """A key that comes again on another path brings the first answer with the second path's id, and nothing is done."""

    @apply(b, wrap("idempotency_conflict"))
    def conflict(usual: Conflict, call: Call, earlier: Entry) -> str | None:
        path = getattr(earlier, "path", "")
        if call.is_attach and path.endswith("/attach") and path != call.request.path:
            return None
        return usual(call, earlier)

    @apply(b, edit_answer)
    def edit(call: Call, answer: Answer) -> Answer:
        if not call.replayed or answer.status != 200 or not isinstance(answer.payload, dict):
            return answer
        identifier = call.request.path.split("/")[-2]
        if identifier.startswith("pm_card_"):
            return answer
        return replace(answer, payload={**answer.payload, "id": identifier})


MOMENT = 0.05


@stripe("idempotency.in-use", "hard", level="SHOULD", intermittent=True)
def key_taken_too_late(b: Behaviour) -> None:
    """A key is looked up, and filed a moment later: simultaneous requests are all executed."""

    def once(call: Call, endpoint: Endpoint) -> Answer:
        key = call.request.header("idempotency-key")
        if key is None:
            return idempotency.execute(call, endpoint)
        earlier = call.world.ledger.entries.get(key)
        if earlier is not None:
            return idempotency.replay(call, key, earlier)
        time.sleep(MOMENT)
        answer = idempotency.execute(call, endpoint)
        entry = Entry(call.request.path, call.parameters.tree, call.request_id, answer)
        call.world.ledger.entries[key] = entry
        return answer

    b.once = on_attach(b.once, once)


def dawdle() -> Change:
    """Take a moment to attach, if the request has a key."""

    def wait(call: Call, attempt: Attempt) -> None:
        if call.request.header("idempotency-key") is not None:
            time.sleep(MOMENT)

    return check_after("customer-given", wait)


@stripe("idempotency.in-use", "hard", level="SHOULD", intermittent=True)
def key_in_use_is_400(b: Behaviour) -> None:
    """A request whose key is in use is answered with 400."""
    dawdle()(b)

    @apply(b, wrap("reject"))
    def reject(usual: Reject, call: Call, rejection: errors.Rejection) -> Answer:
        in_use = rejection.rule == "key-in-use"
        return usual(call, replace(rejection, status=400) if in_use else rejection)


@stripe("idempotency.in-use", "hard", level="SHOULD", intermittent=True)
def key_in_use_executed(b: Behaviour) -> None:
    """A request whose key is in use is executed as though it had none."""
    dawdle()(b)

    @apply(b, wrap_at_attach("once"))
    def once(usual: Once, call: Call, endpoint: Endpoint) -> Answer:
        try:
            return usual(call, endpoint)
        except errors.ApiError as error:
            if error.rejection.rule != "key-in-use":
                raise
            return idempotency.execute(call, endpoint)


@stripe("idempotency.in-use", "medium", wrap_at_attach("once"), level="SHOULD", intermittent=True, batch="unseen 1")
def key_taken_at_the_end(usual: Once, call: Call, endpoint: Endpoint) -> Answer:
    """A key is filed when its request is done: two at the same moment are both executed."""
    key = call.request.header("idempotency-key")
    ledger = call.world.ledger
    name = call.behaviour.idempotency_name(call, key or "")
    if key is None or name in ledger.entries:
        return usual(call, endpoint)
    time.sleep(0.01)
    answer = idempotency.execute(call, endpoint)
    ledger.begin(name, Entry(call.request.path, call.parameters.tree, call.request_id))
    ledger.finish(name, answer)
    return answer


def keep_rejections(rules: tuple[str, ...]) -> Change:
    """Keep what validation rejects for a replay."""

    @wrap_at_attach("once")
    def once(usual: Once, call: Call, endpoint: Endpoint) -> Answer:
        def settled(call: Call) -> Answer:
            try:
                return endpoint(call)
            except errors.ApiError as error:
                if error.rejection.rule not in rules:
                    raise
                return call.behaviour.reject(call, error.rejection)

        return usual(call, settled)

    return once


stripe.row("refusals-replayed", "idempotency.validation-not-stored", "medium")(
    "A rejection by validation is kept: its key cannot be used for the corrected request.",
    keep_rejections(("unknown-parameter", "missing-customer", "structure", "too-long", "empty")),
)
stripe.row("unknown-parameters-kept", "idempotency.validation-not-stored", "hard")(
    "Only the rejection of unknown parameters is kept for its key.", keep_rejections(("unknown-parameter",))
)


@stripe("idempotency.validation-not-stored", "medium", wrap_at_attach("once"), batch="unseen 1")
def key_held_after_unknown_parameter(usual: Once, call: Call, endpoint: Endpoint) -> Answer:
    """A key that came with an unknown parameter is never freed: used again it is in use, or a mismatch."""
    try:
        return usual(call, endpoint)
    except ApiError as error:
        key = call.request.header("idempotency-key")
        if key is not None and error.rejection.rule == "unknown-parameter":
            entry = Entry(call.request.path, call.parameters.tree, call.request_id)
            call.world.ledger.begin(call.behaviour.idempotency_name(call, key), entry)
        raise


@stripe("idempotency.validation-not-stored", "medium", wrap_at_attach("once"), batch="unseen 2")
def unknown_parameters_burn_the_key(usual: Once, call: Call, endpoint: Endpoint) -> Answer:
    """The rejection of an unknown parameter is kept under the idempotency key, as if it had been executed."""
    try:
        return usual(call, endpoint)
    except ApiError as error:
        key = call.request.header("idempotency-key")
        if key is not None and error.rejection.rule == "unknown-parameter":
            name = call.behaviour.idempotency_name(call, key)
            entry = Entry(call.request.path, call.parameters.tree, call.request_id)
            if call.world.ledger.begin(name, entry) is None:
                call.world.ledger.finish(name, call.behaviour.reject(call, error.rejection))
        raise


@stripe("idempotency.validation-not-stored", "medium", wrap_at_attach("once"), batch="unseen 4")
def keys_of_refused_requests_stay_in_use(usual: Once, call: Call, endpoint: Endpoint) -> Answer:
    """A key is not freed when validation rejects its request: used again, it counts as taken."""
    try:
        return usual(call, endpoint)
    except ApiError:
        key = call.request.header("idempotency-key")
        if key is not None:
            name = call.behaviour.idempotency_name(call, key)
            call.world.ledger.begin(name, Entry(call.request.path, call.parameters.tree, call.request_id))
        raise


@stripe("idempotency.too-long", "medium", wrap("serve"), level="SHOULD")
def long_keys_accepted(usual: Serve, call: Call) -> Response:
    """Keys may have any length."""
    headers = call.request.headers
    short = tuple((name, key[:255] if name == "idempotency-key" else key) for name, key in headers)
    call.request = replace(call.request, headers=short)
    return usual(call)


@stripe("idempotency.too-long", "easy", wrap_at_attach("route"), level="SHOULD", batch="unseen 2")
def long_idempotency_keys_cut(usual: Route, call: Call) -> Endpoint:
    """An idempotency key of more than 255 characters is cut to 255 instead of being rejected."""
    change_request_header(call, "idempotency-key", lambda key: key[:LONGEST])
    return usual(call)
