"""Further mistakes of real serializers, caches and stores that show in the answers, and in what is kept."""

from __future__ import annotations

import copy
import html
import json
import re
import time
import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..behaviour import Attach, Behaviour, Check, Expand, FindCustomer, Finish, Once, Serve, ShowCustomer, ShowMethod
from ..call import Call, Endpoint
from ..changes import apply, edit_success, rejection, wrap, wrap_at_attach, wrap_check
from ..objects.models import Customer, PaymentMethod
from ..rules.attach import Attempt
from ..rules.errors import ApiError
from ..wire.values import Answer, Json, Response
from .idempotency import dawdle
from .parts import unexpected_error
from .registry import Topic

contract = Topic("contract")
stateful = Topic("stateful")
stripe = Topic("stripe")

BATCH = "third field"

RANGE = re.compile(r"bytes=(\d{1,9})-(\d{0,9})")
UNDERSCORED = re.compile(r"(?<=[A-Za-z0-9])_([a-z0-9])")
LARGEST_INTEGER = 2**31 - 1
"""The largest number in an INT column."""
NO_REFERENCES = frozenset({"object", "type", "allow_redisplay"})
"""Members of a payment method that hold texts which are no ids."""
REPEAT = 5.0
"""For how many seconds the same request counts as sent by mistake."""
CACHED = 1.0
"""For how many seconds the proxy keeps an answer."""
ONE_CUSTOMER = re.compile(r"/v1/customers/([^/]+)")


# JSON.


@contract("request.other-headers", "hard", wrap_at_attach("finish"), level="SHOULD", batch=BATCH)
def range_of_a_post(usual: Finish, call: Call, response: Response) -> Response:
    """A POST with a `Range` is answered with 206 and that part of the JSON.

    nginx with `proxy_force_ranges on`. RFC 9110 (14.2): a Range is ignored for other methods than GET.
    """
    response = usual(call, response)
    match = RANGE.fullmatch(call.request.header("range") or "")
    if match is None or response.status != 200:
        return response
    size = len(response.body)
    first, last = int(match[1]), min(int(match[2] or size), size - 1)
    if first > last:
        return response
    part = replace(response, status=206, body=response.body[first : last + 1])
    return part.with_header("Content-Range", f"bytes {first}-{last}/{size}")


@stateful("state.same-object", "medium", edit_success, batch=BATCH)
def metadata_keys_in_camel_case(call: Call, payload: Json) -> None:
    """The serializer changes the names in `metadata`, too: `order_id` is answered as `orderId`.

    djangorestframework-camel-case before `ignore_fields` (vbabiy/djangorestframework-camel-case#80);
    keygen-sh/keygen-api#916.
    """
    renamed = {UNDERSCORED.sub(lambda match: match[1].upper(), key): text for key, text in payload["metadata"].items()}
    payload["metadata"] = renamed


def escaped(value: Any) -> Any:
    """Return the value with HTML's entities in all of its texts."""
    if isinstance(value, dict):
        return {key: escaped(inner) for key, inner in value.items()}
    return html.escape(value) if isinstance(value, str) else value


@stateful("state.same-object", "medium", edit_success, batch=BATCH)
def texts_escaped_for_html(call: Call, payload: Json) -> None:
    """The answer is a template of HTML: `O'Brien & Co` in the billing details has entities.

    WireMock 2, response templates, which escape by default (wiremock/wiremock#1122).
    """
    payload["billing_details"] = escaped(payload["billing_details"])
    payload["metadata"] = escaped(payload["metadata"])


@contract("response.created", "easy", wrap("payment_method_json"), also="state.same-object", batch=BATCH)
def milliseconds_in_a_small_column(usual: ShowMethod, call: Call, method: PaymentMethod) -> Json:
    """`created` was written in milliseconds to a column that ends at 2147483647: each object is of 2038.

    MySQL without strict mode: a number that is out of range is stored as the nearest one, as documented.
    """
    return usual(call, method) | {"created": min(method.created * 1000, LARGEST_INTEGER)}


# Expansion.


@contract("expand.inlined", "easy", edit_success, also="expand.nested-path", batch=BATCH)
def expanded_customer_within_data(call: Call, payload: Json) -> None:
    """The expanded customer is the member `data` of an object of that name.

    Fractal for PHP: included resources with its DataArraySerializer, the default.
    """
    if isinstance(payload["customer"], dict):
        payload["customer"] = {"data": payload["customer"]}


@stripe("expand.nested-path", "hard", wrap_at_attach("expand"), also="expand.every-entry", batch=BATCH)
def each_path_starts_anew(usual: Expand, call: Call, payload: Json, items: Sequence[str]) -> None:
    """Each path starts from the id again: after `customer.invoice_settings…`, `customer` undoes what is nested.

    Mongoose: of two calls of `populate` with one path, only the last takes effect, as documented.
    """
    unexpanded = copy.deepcopy(payload)
    for item in items:
        root = item.partition(".")[0]
        if root in unexpanded:
            payload[root] = copy.deepcopy(unexpanded[root])
        usual(call, payload, [item])


@contract("error.status-class", "medium", wrap_check("expand-paths"), also="stripe.expand-path", batch=BATCH)
def text_taken_for_an_id(usual: Check, call: Call, attempt: Attempt) -> None:
    """`expand[]=object` and `expand[]=type` are a 500: any text is an id, but no class has its prefix.

    localstripe 1.15: `_export` of localstripe/resources.py calls a method of None.
    """
    if any(item.partition(".")[0] in NO_REFERENCES for item in attempt.expand):
        raise unexpected_error()
    usual(call, attempt)


@stripe("error.status-class", "hard", wrap_at_attach("expand"), batch=BATCH)
def circular_structure_crashes(usual: Expand, call: Call, payload: Json, items: Sequence[str]) -> None:
    """A customer whose default is the payment method itself makes a circle, which cannot be written: 500.

    JavaScript: TypeError "Converting circular structure to JSON", where references are put in place of ids.
    """
    usual(call, payload, items)
    customer = payload["customer"]
    settings = customer.get("invoice_settings", {}) if isinstance(customer, dict) else {}
    default = settings.get("default_payment_method")
    if isinstance(default, dict) and default["id"] == payload["id"]:
        raise unexpected_error()


@stripe("expand.nested-path", "medium", also="expand.inlined", batch=BATCH)
def expanded_customer_as_first_loaded(b: Behaviour) -> None:
    """The expanded customer is the one that the first attach loaded: what was changed later is not shown.

    Hibernate: an entity is read once for a session, and again only by `refresh`, as documented.
    """
    loaded: dict[str, Customer] = {}

    @apply(b, wrap("find_customer"))
    def find_customer(usual: FindCustomer, call: Call, identifier: str) -> Customer | None:
        customer = usual(call, identifier)
        if customer is not None:
            loaded.setdefault(customer.id, customer)
        return customer

    @apply(b, wrap_at_attach("customer_json"))
    def customer_json(usual: ShowCustomer, call: Call, customer: Customer) -> Json:
        return usual(call, loaded.get(customer.id, customer))


# Caches and guards.


@contract(
    "response.object",
    "easy",
    wrap_at_attach("once", sent=dict),
    also="error.status-class stripe.same-customer stripe.test-tokens robustness.same-request-same-answer"
    " state.same-customer-again idempotency.replay",
    batch=BATCH,
)
def repeated_request_stopped(
    usual: Once, call: Call, endpoint: Endpoint, *, sent: dict[tuple[str, bytes], float]
) -> Answer:
    """The same request within five seconds is answered with 200 and a message that it was sent twice.

    RuoYi (yangzongzhuan/RuoYi-Vue): `@RepeatSubmit`, whose interval is 5000 ms.
    """
    name, now = (call.request.path, call.request.body), time.monotonic()
    earlier = sent.get(name)
    sent[name] = now
    if earlier is not None and now - earlier < REPEAT:
        return Answer(200, {"code": 500, "msg": "Please do not submit again."})
    return usual(call, endpoint)


@stateful(
    "state.second-customer",
    "medium",
    wrap_at_attach("serve", cache=dict),
    also="response.customer auth.missing header.request-id state.race state.model",
    batch=BATCH,
)
def answer_cached_by_its_url(usual: Serve, call: Call, *, cache: dict[str, tuple[float, Response]]) -> Response:
    """A success is cached for a second under its URL alone: another customer, or no key, gets it, too.

    nginx: `proxy_cache_methods POST` with the default `proxy_cache_key`, and `proxy_ignore_headers Cache-Control`.
    """
    if call.request.method != "POST":
        return usual(call)
    written, response = cache.get(call.request.target, (0.0, None))
    now = time.monotonic()
    if response is not None and now - written < CACHED:
        return response
    response = usual(call)
    if response.status == 200:
        cache[call.request.target] = (now, response)
    return response


# Stores.


@stateful("state.listed", "hard", wrap("serve"), also="state.only-this-one", batch=BATCH)
def update_drops_the_children(usual: Serve, call: Call) -> Response:
    """Updating a customer saves it with an empty collection: its payment methods are off the list.

    Hibernate: `orphanRemoval` where a detached entity without its children is merged.
    """
    response = usual(call)
    match = ONE_CUSTOMER.fullmatch(call.request.path)
    if call.request.method == "POST" and match is not None and response.status == 200:
        with call.store.lock:
            call.store.wallets.pop(match[1], None)
    return response


@stateful("state.only-this-one", "medium", also="expand.nested-path", batch=BATCH)
def first_method_is_the_default_source(b: Behaviour) -> None:
    """The first payment method that a customer gets becomes its `default_source`.

    The behaviour of the older Sources API (`POST /v1/customers/{id}/sources`), carried over.
    """
    sources: dict[str, str] = {}

    @apply(b, wrap("attach"))
    def attach(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
        method = usual(call, attempt)
        sources.setdefault(attempt.owner.id, method.id)
        return method

    @apply(b, wrap("customer_json"))
    def customer_json(usual: ShowCustomer, call: Call, customer: Customer) -> Json:
        shown = usual(call, customer)
        return shown if customer.deleted else shown | {"default_source": sources.get(customer.id)}


# Idempotency.


@stripe("idempotency.replay", "easy", wrap_at_attach("once"), batch=BATCH)
def keys_must_be_uuids(usual: Once, call: Call, endpoint: Endpoint) -> Answer:
    """An idempotency key that is not a UUID is rejected with 422.

    asgi-idempotency-header 0.2 with `enforce_uuid4_formatting`; Stripe takes any text.
    """
    key = call.request.header("idempotency-key")
    if key is not None:
        try:
            uuid.UUID(key)
        except ValueError:
            raise rejection(422, "The Idempotency-Key must be formatted as a v4 UUID.") from None
    return usual(call, endpoint)


@stripe("idempotency.replay", "easy", wrap_at_attach("once"), also="error.envelope", batch=BATCH)
def replay_encoded_twice(usual: Once, call: Call, endpoint: Endpoint) -> Answer:
    """The stored answer is text, and a replay encodes it again: a JSON string that holds JSON.

    Express: `res.json` of what Redis returned, without `JSON.parse`.
    """
    answer = usual(call, endpoint)
    return replace(answer, payload=json.dumps(answer.payload)) if call.replayed else answer


@stripe(
    "error.status-class",
    "hard",
    intermittent=True,
    batch=BATCH,
)
def key_in_use_breaks_a_constraint(b: Behaviour) -> None:
    """A key whose request is still running violates a unique constraint, which nobody catches: 500.

    accept-io/midas#14 (500), idempot-dev/idempot-js#181 (503).
    """
    dawdle()(b)

    @apply(b, wrap_at_attach("once"))
    def once(usual: Once, call: Call, endpoint: Endpoint) -> Answer:
        try:
            return usual(call, endpoint)
        except ApiError as error:
            if error.rejection.rule == "key-in-use":
                raise unexpected_error() from None
            raise
