"""Mistakes that a second close reading found room for: spellings, lists, replays, and headers of rare answers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace

from .. import errors, forms, idempotency, routes
from ..app import written
from ..attach import Attempt
from ..behaviour import Behaviour
from ..call import Call, Endpoint
from ..errors import ApiError
from ..idempotency import Entry
from ..objects import PaymentMethod
from ..values import Answer, Request, Response
from .registry import Chapter
from .tools import edit_response, is_authentic, on_attach, refused

spelling = Chapter("second list: spellings", "contract")
stateful = Chapter("second list: objects", "stateful")
seed = Chapter("second list: Stripe's own answers", "stripe")

SEEDS = (spelling, stateful, seed)


# contract


def _split_more(b: Behaviour, respell: Callable[[bytes], bytes]) -> None:
    """Split the body after it was written in another way."""
    usual = b.split
    b.split = on_attach(usual, lambda call, raw: usual(call, respell(raw)))


@spelling("request.value-exact", "hard", stateless=True)
def semicolon_parts_pairs(b: Behaviour) -> None:
    """A semicolon parts two pairs like an ampersand."""
    _split_more(b, lambda raw: raw.replace(b";", b"&"))


@spelling("request.value-exact", "hard", stateless=True)
def value_cut_at_semicolon(b: Behaviour) -> None:
    """A value ends at a semicolon."""
    _split_more(b, lambda raw: re.sub(rb"(=[^&;]*);[^&]*", rb"\1", raw))


@spelling("request.value-exact", "hard", stateless=True)
def value_cut_at_escaped_semicolon(b: Behaviour) -> None:
    """A value is cut at a semicolon once it is decoded."""
    _edit_values(b, lambda text: text.partition(";")[0])


def _edit_values(b: Behaviour, edit: Callable[[str], str]) -> None:
    """Decode names and values, and then change them."""
    usual = b.unquote
    b.unquote = on_attach(usual, lambda call, raw: edit(usual(call, raw)))


@spelling("request.value-exact-unicode", "hard", level="SHOULD", stateless=True)
def values_composed(b: Behaviour) -> None:
    """Values are normalised to NFC: what was sent decomposed comes back composed."""
    _edit_values(b, lambda text: unicodedata.normalize("NFC", text))


@spelling("request.value-exact-unicode", "hard", level="SHOULD", stateless=True)
def values_decomposed(b: Behaviour) -> None:
    """Values are normalised to NFD: what was sent composed comes back decomposed."""
    _edit_values(b, lambda text: unicodedata.normalize("NFD", text))


@spelling("request.value-exact-unicode", "medium", level="SHOULD", stateless=True)
def values_in_compatible_forms(b: Behaviour) -> None:
    """Values are normalised to NFKC: full-width letters come back as ordinary ones."""
    _edit_values(b, lambda text: unicodedata.normalize("NFKC", text))


def _read_request(b: Behaviour, change: Callable[[Request], Request]) -> None:
    """Take an attach for another request."""
    usual = b.serve

    def serve(call: Call) -> Response:
        call.request = change(call.request) if call.is_attach else call.request
        return usual(call)

    b.serve = serve


@spelling("request.media-type-capitals", "medium", level="SHOULD")
def media_type_in_lower_case_only(b: Behaviour) -> None:
    """A media type that is not in lower case is refused."""
    usual = b.media_type

    def media_type(call: Call) -> None:
        sent = (call.request.header("content-type") or "").partition(";")[0].strip()
        if sent != sent.lower():
            raise refused(400, "Invalid request: check the Content-Type.")
        usual(call)

    b.media_type = on_attach(usual, media_type)


@spelling("request.media-type-capitals", "hard", level="SHOULD")
def other_capitals_are_no_form(b: Behaviour) -> None:
    """A body whose media type is not in lower case is not read, as if it were empty."""

    def change(request: Request) -> Request:
        sent = (request.header("content-type") or "").partition(";")[0]
        return request if sent == sent.lower() else replace(request, body=b"")

    _read_request(b, change)


@spelling("request.chunked-body", "medium", level="SHOULD")
def chunked_body_is_empty(b: Behaviour) -> None:
    """A body without a Content-Length is read as empty."""
    _read_request(b, lambda request: replace(request, body=b"") if request.chunked else request)


@spelling("request.chunked-body", "medium", level="SHOULD", stateless=True)
def first_chunk_is_all(b: Behaviour) -> None:
    """Only the beginning of a chunked body is read."""
    _read_request(b, lambda request: replace(request, body=request.body[:20]) if request.chunked else request)


@spelling("request.chunked-body", "hard", level="SHOULD")
def chunked_body_is_refused(b: Behaviour) -> None:
    """A chunked body is refused with 400."""
    usual = b.media_type

    def media_type(call: Call) -> None:
        if call.request.chunked:
            raise refused(400, "Chunked bodies are not supported.")
        usual(call)

    b.media_type = on_attach(usual, media_type)


def _raw_segment(call: Call) -> Endpoint:
    """Route an attach by its path as it was sent."""
    segment = call.request.path.removeprefix("/v1/payment_methods/").removesuffix("/attach")
    endpoint = routes.route(call)
    call.arguments = (segment,) if call.is_attach and call.request.method == "POST" else call.arguments
    return endpoint


@spelling("request.path-encoding", "medium", level="SHOULD")
def path_left_encoded(b: Behaviour) -> None:
    """The id in the path is looked up as it was sent, with its escapes."""
    b.route = _raw_segment


@spelling("request.path-encoding", "hard", level="SHOULD", stateless=True)
def path_shown_encoded(b: Behaviour) -> None:
    """The id in the path is shown as it was sent, with its escapes."""
    b.route = _raw_segment


@spelling("request.path-encoding", "hard", level="SHOULD")
def underscore_left_encoded(b: Behaviour) -> None:
    """Of the escapes in the path that of an underscore is not undone."""

    def change(request: Request) -> Request:
        return replace(request, target=re.sub("%5[Ff]", "%255F", request.target))

    _read_request(b, change)


# stateful


@stateful("state.listed", "hard")
def other_list_is_empty(b: Behaviour) -> None:
    """The list below the customer does not know what was attached; only the one with a filter does."""
    _forget_in_list(b, lambda call: call.request.path.startswith("/v1/customers/"))


@stateful("state.listed", "hard")
def filtered_list_is_empty(b: Behaviour) -> None:
    """The list with a filter does not know what was attached; only the one below the customer does."""
    _forget_in_list(b, lambda call: call.request.path == "/v1/payment_methods")


def _forget_in_list(b: Behaviour, when: Callable[[Call], bool]) -> None:
    usual = b.methods_of
    b.methods_of = lambda call, customer: [] if when(call) else usual(call, customer)


@stateful("state.second-customer", "hard")
def refused_taker_empties_the_list(b: Behaviour) -> None:
    """A second customer is refused, and the payment method is off the first one's list from then on."""
    usual = b.checks["not-another-customers"]

    def check(call: Call, attempt: Attempt) -> None:
        try:
            usual(call, attempt)
        except ApiError:
            wallet = call.store.wallets.get(attempt.method.customer or "", [])
            if attempt.method.id in wallet:
                wallet.remove(attempt.method.id)
            raise

    b.checks["not-another-customers"] = check


def _attach_again(b: Behaviour, change: Callable[[PaymentMethod], PaymentMethod]) -> None:
    """Change what is attached a second time to the customer that has it."""
    usual = b.attach

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        again = attempt.method.customer is not None
        method = usual(call, attempt)
        return call.store.put_method(change(method)) if again else method

    b.attach = attach


@stateful("state.same-object", "hard")
def again_clears_the_details(b: Behaviour) -> None:
    """Attaching again to the same customer loses the billing details."""
    nothing = {"name": None, "email": None}
    _attach_again(b, lambda method: replace(method, billing_details={**method.billing_details, **nothing}))


@stateful("state.same-object", "hard")
def again_clears_the_metadata(b: Behaviour) -> None:
    """Attaching again to the same customer loses the metadata."""
    _attach_again(b, lambda method: replace(method, metadata={}))


@stateful("state.same-object", "hard")
def again_makes_it_younger(b: Behaviour) -> None:
    """Attaching again to the same customer sets `created` anew."""
    _attach_again(b, lambda method: replace(method, created=method.created + 1))


@stateful("state.deleted-customer", "hard")
def deleted_owner_takes_back(b: Behaviour) -> None:
    """What a deleted customer had can be attached to it again."""
    owners: dict[str, str] = {}
    usual_attach, usual_check = b.attach, b.checks["customer"]

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        method = usual_attach(call, attempt)
        owners[method.id] = attempt.owner.id
        return method

    def check(call: Call, attempt: Attempt) -> None:
        identifier = attempt.customer_id or ""
        if owners.get(attempt.method.id) == identifier:
            attempt.customer = call.store.customer(identifier)
            return
        usual_check(call, attempt)

    usual_detached = b.checks["not-detached"]

    def not_detached(call: Call, attempt: Attempt) -> None:
        if not attempt.owner.deleted:
            usual_detached(call, attempt)

    b.attach, b.checks["customer"], b.checks["not-detached"] = attach, check, not_detached


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


__all__ = ["SEEDS"]
