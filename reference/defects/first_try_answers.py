"""Mistakes of real software behind the form: stores and transactions, keys, error handlers, serializers, compression.

Each docstring names the software, its versions, and the issue or advisory that reports the mistake.
"""

from __future__ import annotations

import gzip
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from ..behaviour import (
    Amend,
    Attach,
    Behaviour,
    Dump,
    FindCustomer,
    FindMethod,
    Finish,
    Guard,
    Once,
    Serve,
    Transaction,
)
from ..call import Call, Endpoint
from ..changes import (
    Change,
    apply,
    customers_sent,
    edit_rejections,
    edit_success,
    on_attach,
    wrap,
    wrap_at_attach,
)
from ..objects.models import Customer, PaymentMethod
from ..rules import auth, errors
from ..rules.attach import Attempt
from ..rules.errors import Rejection
from ..rules.idempotency import LONGEST, execute
from ..wire.values import Answer, Json, Response
from .first_try_requests import BATCH
from .parts import unexpected_error
from .registry import Topic

contract = Topic("contract")
stateful = Topic("stateful")
stripe = Topic("stripe")


def answer_rejections(
    *rules: str, when: Callable[[Call], bool] = lambda call: True
) -> Callable[[Callable[[Call, Response], Response]], Change]:
    """Return a decorator for a function that changes the response to a rejection by one of these rules."""

    def decorate(edit: Callable[[Call, Response], Response]) -> Change:
        def change(b: Behaviour) -> None:
            rejected: set[str] = set()

            @apply(b, wrap("amend"))
            def amend(usual: Amend, call: Call, rejection: Rejection) -> Rejection:
                if call.is_attach and rejection.rule in rules and when(call):
                    rejected.add(call.request_id)
                return usual(call, rejection)

            @apply(b, wrap("finish"))
            def finish(usual: Finish, call: Call, response: Response) -> Response:
                response = usual(call, response)
                if call.request_id not in rejected:
                    return response
                rejected.discard(call.request_id)
                return edit(call, response)

        return change

    return decorate


# Collations: two texts that a database takes for the same.


@stateful("request.value-exact-whitespace", "hard", wrap_at_attach("find_payment_method"), level="SHOULD", batch=BATCH)
def trailing_blanks_are_padding(usual: FindMethod, call: Call, identifier: str) -> PaymentMethod | None:
    """Blanks behind the id in the path count as padding: `pm_…%20` attaches `pm_…`.

    MySQL 5 to 8, collation utf8mb4_bin, which is PAD SPACE: cerbos/query-plan-adapters issue 436.
    """
    return usual(call, identifier.rstrip(" "))


IGNORABLE = re.compile("[\0-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")


@contract("request.value-exact", "medium", wrap_at_attach("find_customer"), batch=BATCH)
def ignorable_characters_do_not_count(usual: FindCustomer, call: Call, identifier: str) -> Customer | None:
    """Characters without weight, NUL and soft hyphen among them, do not count when the customer is looked up.

    MySQL 8, collation utf8mb4_0900_as_cs: cerbos/query-plan-adapters issue 474.
    """
    return usual(call, IGNORABLE.sub("", identifier))


# Transactions.


@stateful(
    "error.status-class",
    "medium",
    wrap_at_attach("transaction", running=Counter, guard=threading.Lock),
    intermittent=True,
    also="state.race robustness.same-request-same-answer",
    batch=BATCH,
)
@contextmanager
def conflicting_transactions_crash(
    usual: Transaction, call: Call, *, running: Counter[str], guard: threading.Lock
) -> Iterator[None]:
    """Attaching to a customer while another attach to it runs is a 500: it is not retried.

    PostgreSQL, REPEATABLE READ or stricter, error 40001: five-bells-ledger issue 388, InvenTree issue 3160.
    """
    customer = call.parameters.text("customer") or ""
    with guard:
        conflicts = running[customer] > 0
        running[customer] += 1
    try:
        time.sleep(0.01)
        if conflicts:
            raise unexpected_error()
        with usual(call):
            yield
    finally:
        with guard:
            running[customer] -= 1


@contract("robustness.still-serving", "medium", wrap_at_attach("transaction", aborted=list), batch=BATCH)
@contextmanager
def aborted_transaction_stays_in_the_pool(usual: Transaction, call: Call, *, aborted: list[Call]) -> Iterator[None]:
    """A NUL makes a statement fail; its connection goes back to the pool without a rollback: the next attach is a 500.

    node-postgres 0.8 and later: node-postgres issue 154, psycopg2 issue 1789.
    """
    if aborted:
        aborted.clear()
        raise unexpected_error()
    if any("\0" in text for text in [*customers_sent(call), *call.arguments]):
        aborted.append(call)
    with usual(call):
        yield


# Lists and stored values.


@stateful("state.listed", "medium", also="state.model state.race", batch=BATCH)
def list_comes_from_a_search_index(b: Behaviour) -> None:
    """A customer's list comes from a search index that is refreshed once a second: what is newer is not on it.

    Elasticsearch, index.refresh_interval of one second: elasticsearch-js issue 231.
    """
    attached_at: dict[str, float] = {}

    @apply(b, wrap("attach"))
    def attach(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
        method = usual(call, attempt)
        attached_at.setdefault(method.id, time.monotonic())
        return method

    @apply(b, wrap("methods_of"))
    def methods_of(usual: Callable[[Call, str], list[PaymentMethod]], call: Call, customer: str) -> list[PaymentMethod]:
        refreshed = float(int(time.monotonic()))
        return [method for method in usual(call, customer) if attached_at.get(method.id, 0.0) < refreshed]


@stateful("state.only-this-one", "hard", wrap_at_attach("attach", last=dict), also="state.persisted", batch=BATCH)
def stored_id_points_into_the_buffer(
    usual: Attach, call: Call, attempt: Attempt, *, last: dict[int, str]
) -> PaymentMethod:
    """The stored customer points into the connection's buffer: the next attach on that connection overwrites it.

    Fiber 1 and 2 without Immutable, on fasthttp: fiber issues 185 and 426, boilerplate issue 52.
    """
    method = usual(call, attempt)
    earlier = call.store.method(last.get(call.request.connection, method.id))
    if earlier is not None and earlier.id != method.id and earlier.customer is not None:
        overwritten = attempt.owner.id[: len(earlier.customer)] + earlier.customer[len(attempt.owner.id) :]
        call.store.put_method(replace(earlier, customer=overwritten))
    last[call.request.connection] = method.id
    return method


# Writing JSON.


@contract("response.json", "medium", batch=BATCH)
def emoji_in_surrogates(b: Behaviour) -> None:
    """Characters beyond the basic plane are written as two surrogates of three octets each, which is no UTF-8.

    CESU-8 of Oracle's character set UTF8 and of JNI: rjb issue 68 (before 1.6.0), utfcpp issue 6.
    """

    def written(usual: Dump, call: Call, payload: Any) -> bytes:
        units = usual(call, payload).decode("utf-8").encode("utf-16-be")
        pairs = (units[at : at + 2].decode("utf-16-be", "surrogatepass") for at in range(0, len(units), 2))
        return "".join(pairs).encode("utf-8", "surrogatepass")

    b.dump = on_attach(b.dump, partial(written, b.dump))


def without_zeros(value: Any) -> Any:
    """Return the value without the members that are false, zero, empty or null."""
    if isinstance(value, list):
        return [without_zeros(item) for item in value]
    if isinstance(value, dict):
        return {key: without_zeros(item) for key, item in value.items() if item}
    return value


@contract(
    "response.livemode",
    "easy",
    edit_success,
    also="response.schema response.type-hash state.same-object expand.inlined",
    batch=BATCH,
)
def zero_values_left_out(call: Call, payload: Json) -> Json:
    """A member with its type's zero value is left out of a success: `livemode` is absent, not false.

    grpc-gateway 1, EmitDefaults: grpc-gateway issue 233.
    """
    kept: Json = without_zeros(payload)
    return kept


def arrays_as_objects(value: Any) -> Any:
    """Return the value with an empty object in place of each empty array."""
    if isinstance(value, list):
        return [arrays_as_objects(item) for item in value] if value else {}
    if isinstance(value, dict):
        return {key: arrays_as_objects(item) for key, item in value.items()}
    return value


@contract("expand.inlined", "hard", edit_success, batch=BATCH)
def empty_arrays_become_objects(call: Call, payload: Json) -> Json:
    """Empty arrays come out of the gateway as empty objects: `preferred_locales` of the expanded customer.

    Kong up to 1.2, response-transformer with lua-cjson: kong issues 1208 and 3166.
    """
    changed: Json = arrays_as_objects(payload)
    return changed


@stateful("state.same-object", "medium", edit_success, batch=BATCH)
def null_strings_become_empty(call: Call, payload: Json) -> None:
    """Strings that are null are answered as empty strings, while a retrieval shows null.

    fast-json-stringify up to 1.11, in a response schema of Fastify: its issues 130 and 152.
    """
    details = payload.get("billing_details", {})
    checks = payload.get("card", {}).get("checks", {})
    for strings in (details, details.get("address", {}), checks):
        strings.update({key: "" for key, value in strings.items() if value is None})


# Error handlers.

VALIDATION = ("unknown-parameter", "structure", "too-long", "empty", "missing-customer")
REDIRECT = b'<!DOCTYPE html>\n<html><head><meta http-equiv="refresh" content="0;url=\'/\'" /></head></html>\n'


@contract(
    "error.status-class",
    "easy",
    answer_rejections(*VALIDATION, when=lambda call: "json" not in (call.request.header("accept") or "")),
    also="error.envelope request.accept",
    batch=BATCH,
)
def validation_redirects_back(call: Call, response: Response) -> Response:
    """A request whose `Accept` does not name JSON and that fails validation is redirected with 302 to the page before.

    Laravel 5 to 10: framework issues 13311 and 32061, firefly-iii issue 1699.
    """
    response = response.with_header("Content-Type", "text/html; charset=utf-8").with_header("Location", "/")
    return replace(response, status=302, body=REDIRECT)


WARNING = (
    b'<br />\n<b>Warning</b>:  Undefined array key "customer" in <b>/var/www/html/api/attach.php</b>'
    b" on line <b>31</b><br />\n"
)


@contract(
    "error.envelope",
    "easy",
    answer_rejections("missing-customer"),
    also="error.no-internals response.json",
    batch=BATCH,
)
def warning_stands_before_the_json(call: Call, response: Response) -> Response:
    """Without `customer`, a warning of the interpreter in HTML stands before the JSON.

    PHP 8 with display_errors: dolibarr issue 37445, OpenML issue 861.
    """
    return replace(response, body=WARNING + response.body)


INVOCATION = """Invalid `prisma.customer.findUnique()` invocation in
/app/src/routes/attach.ts:41:38

  38 router.post('/v1/payment_methods/:id/attach', async (req, res) => {
  39   try {
  40     const { customer } = req.body
→ 41     const found = await prisma.customer.findUnique({ where: { id: customer } })

Argument `id`: Invalid value provided. Expected String, provided Object."""


@contract("error.no-internals", "medium", partial(edit_rejections, ["structure"]), level="SHOULD", batch=BATCH)
def message_of_the_mapper_is_passed_on(rejection: Rejection) -> Rejection:
    """A hash for a string is rejected with the message of the object mapper: its source, with path and line.

    Prisma 2 to 7: prisma/web pull request 8034, on the tutorial whose example shows it.
    """
    return replace(rejection, message=INVOCATION)


@stripe("error.envelope", "easy", answer_rejections("unauthorized"), batch=BATCH)
def gateway_rejects_in_its_own_words(call: Call, response: Response) -> Response:
    """A 401 comes from the gateway in its own format: `{"message": …}`, without `error` around it.

    Kong 0 to 3, key-auth: kong issue 1422.
    """
    missing = call.request.header("authorization") is None
    message = "No API key found in request" if missing else "Invalid authentication credentials"
    return replace(response, body=json.dumps({"message": message}).encode())


# Compression.


@contract("response.json", "medium", wrap_at_attach("finish"), batch=BATCH)
def length_before_compression(usual: Finish, call: Call, response: Response) -> Response:
    """A body of 1 KiB and more is compressed where `Accept-Encoding` allows it, and keeps its former Content-Length.

    compression 1.0.0 for Express: expressjs/compression issue 6; golang/go issue 14975.
    """
    response = usual(call, response)
    allowed = re.split(r"[\s,;]+", (call.request.header("accept-encoding") or "").lower())
    if "gzip" not in allowed or len(response.body) < 1024:
        return response
    packed = replace(response, body=gzip.compress(response.body), declared_length=len(response.body), close=True)
    return packed.with_header("Content-Encoding", "gzip").with_header("Vary", "Accept-Encoding")


# API keys.


@stripe("auth.scheme-capitals", "hard", wrap_at_attach("authenticate"), level="SHOULD", batch=BATCH)
def bearer_needs_a_capital(usual: Guard, call: Call) -> None:
    """The scheme is compared as it is written: `bearer` and `BEARER` are rejected, only `Bearer` is known.

    Laravel 5 to 11.33, bearerToken: framework pull request 53627, passport issue 171.
    """
    scheme = (call.request.header("authorization") or "").partition(" ")[0]
    if scheme.lower() == "bearer" and scheme != "Bearer":
        raise errors.unauthorized(auth.NO_KEY)
    usual(call)


# Idempotency.


@stripe("idempotency.replay", "hard", wrap("once"), batch=BATCH)
def long_keys_do_not_fit_the_cache(usual: Once, call: Call, endpoint: Endpoint) -> Answer:
    """An idempotency key of more than 238 characters is not kept, and its request is executed again.

    memcached, whose keys have at most 250 bytes, a prefix included; PHP's Memcached::set just returns false.
    """
    key = call.request.header("idempotency-key") or ""
    return execute(call, endpoint) if len(f"idempotency:{key}") > 250 else usual(call, endpoint)


@stripe("response.media-type", "medium", answer_rejections("idempotency", "key-in-use"), batch=BATCH)
def mismatch_has_no_media_type(call: Call, response: Response) -> Response:
    """The rejection of an idempotency key that was used before has no Content-Type.

    one_and_done 0.1.2 for Plug: its pull request 4, and its change log of 0.1.3.
    """
    return response.without("Content-Type")


@stripe(
    "state.refusal-changes-nothing", "medium", wrap("serve"), also="idempotency.too-long state.persisted", batch=BATCH
)
def too_long_key_does_not_halt(usual: Serve, call: Call) -> Response:
    """An idempotency key of more than 255 characters is rejected, but the request goes on and attaches.

    one_and_done 0.1.2 to 0.1.5 for Plug: its pull request 8, and its change log of 0.1.6.
    """
    rejected = usual(call)
    key = call.request.header("idempotency-key") or ""
    if call.is_attach and len(key) > LONGEST:
        others = tuple(header for header in call.request.headers if header[0] != "idempotency-key")
        usual(Call(call.world, replace(call.request, headers=others)))
    return rejected
