"""Mistakes of real serializers, error handlers and stores that show in the answers, as their users report them."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from functools import partial
from typing import Any

from ..behaviour import (
    Attach,
    Behaviour,
    Detach,
    FindCustomer,
    Finish,
    ListMethods,
    Once,
    Reject,
    WriteHeaders,
)
from ..call import Call, Endpoint
from ..changes import (
    apply,
    check_after,
    drop_check,
    edit_answer,
    edit_body,
    edit_errors,
    edit_rejections,
    edit_success,
    wrap,
    wrap_at_attach,
)
from ..objects.models import Customer, PaymentMethod
from ..objects.store import mark_attached
from ..rules import errors
from ..rules.attach import Attempt
from ..rules.errors import Rejection
from ..wire.values import Answer, Headers, Json, Response
from .registry import Topic

contract = Topic("contract")
stateful = Topic("stateful")
stripe = Topic("stripe")

VALIDATION = ("unknown-parameter", "structure", "too-long", "empty", "missing-customer", "expand-path")
"""The rules that a framework's validation of parameters stands for."""
ANNOTATIONS = ("too-long", "empty", "missing-customer")
"""The rules that annotations of a model's fields stand for: required, and a longest length."""
INDEX_LAG = 0.3
"""How long an index lags behind its table, in seconds."""
NUMERIC = re.compile(r"\d+(\.\d+)?", re.ASCII)
QUERY_ERROR = (
    "\nInvalid `prisma.customer.findUniqueOrThrow()` invocation in\n"
    "/app/src/payment-methods/attach.service.ts:41:38\n\nNo Customer found"
)


# Errors.


@contract("error.status-class", "medium", wrap_at_attach("reject"), batch="second field")
def invalid_forms_sent_back(usual: Reject, call: Call, rejection: Rejection) -> Answer:
    """Invalid parameters are answered with a redirect, as to a browser, unless `Accept` names JSON.

    Laravel 6 to 10, `expectsJson` (laravel/framework#32061, laravel/framework#47317).
    """
    answer = usual(call, rejection)
    if rejection.rule not in VALIDATION or "json" in (call.request.header("accept") or ""):
        return answer
    home = f"http://{call.request.header('host')}/"
    return replace(answer, status=302, headers=(*answer.headers, ("Location", home)))


@contract("error.envelope", "medium", wrap_at_attach("reject"), batch="second field")
def model_errors_are_problem_details(usual: Reject, call: Call, rejection: Rejection) -> Answer:
    """A missing, empty or long `customer` is found by the framework's model validation: problem details, no envelope.

    ASP.NET Core 2.2 and later, the automatic 400 of [ApiController] (dotnet/aspnetcore#38504).
    """
    answer = usual(call, rejection)
    if rejection.rule not in ANNOTATIONS:
        return answer
    problem = {
        "type": "https://tools.ietf.org/html/rfc9110#section-15.5.1",
        "title": "One or more validation errors occurred.",
        "status": answer.status,
        "errors": {"customer": [rejection.message]},
    }
    return replace(answer, payload=problem)


@contract("error.member-types", "medium", partial(edit_errors, status=400), batch="second field")
def param_is_a_path(error: Json) -> None:
    """The `param` of a validation error is the path into the body, as a list: `["customer"]`.

    zod 3, `issue.path` handed through (its documentation of ZodError); pydantic's `loc` is a list, too.
    """
    if "param" in error and error.get("code") != "resource_missing":
        error["param"] = re.split(r"[\[\]]+", error["param"].rstrip("]"))


@contract("error.message", "medium", wrap_at_attach("reject"), batch="second field")
def validation_messages_in_a_list(usual: Reject, call: Call, rejection: Rejection) -> Answer:
    """The `message` of a validation error is a list, even of one message.

    NestJS 7 and later, ValidationPipe (nestjs/nest#8272).
    """
    answer = usual(call, rejection)
    if rejection.rule not in VALIDATION:
        return answer
    return replace(answer, payload={"error": answer.payload["error"] | {"message": [rejection.message]}})


@contract(
    "error.no-internals",
    "medium",
    partial(edit_rejections, ("no-such-customer",)),
    level="SHOULD",
    batch="second field",
)
def query_error_as_message(rejection: Rejection) -> Rejection:
    """For an unknown customer the message is the data mapper's: its call, and the path of the source file.

    Prisma 4 and later: the message of P2025 begins with the invocation and its place in the source.
    """
    return replace(rejection, message=QUERY_ERROR)


@stripe("auth.challenge", "easy", edit_answer, batch="second field")
def challenge_renamed_by_the_gateway(call: Call, answer: Answer) -> Answer:
    """The gateway renames the `WWW-Authenticate` header of a 401 on its way out.

    AWS API Gateway, `x-amzn-Remapped-WWW-Authenticate` (known issues; dherault/serverless-offline#236).
    """
    renamed = (
        (f"x-amzn-Remapped-{name}" if name == "WWW-Authenticate" else name, text) for name, text in answer.headers
    )
    return replace(answer, headers=tuple(renamed))


# JSON.


@contract("response.json", "medium", partial(edit_body, success=True), batch="second field")
def type_written_twice(body: bytes) -> bytes:
    """`type` comes twice in the answer: written by the polymorphic serializer, and by the field of that name.

    Jackson 2.8, `@JsonTypeInfo` with As.PROPERTY (FasterXML/jackson-databind#1633).
    """
    kind = json.dumps(json.loads(body)["type"]).encode()
    return body.replace(b"{", b'{\n  "type": ' + kind + b",", 1)


@contract("response.json", "hard", wrap_at_attach("finish"), batch="second field")
def length_in_characters(usual: Finish, call: Call, response: Response) -> Response:
    """The length of the body is counted in characters: an answer with others than ASCII ends too early.

    Web::Machine behind FastCGI, as in RT 5 (bestpractical/rt#419); Finatra 1.4 (twitter/finatra#97).
    """
    response = usual(call, response)
    return replace(response, body=response.body[: len(response.body.decode("utf-8"))])


def to_numbers(value: Any) -> Any:
    """Return the value with numbers in the place of its numeric strings."""
    if isinstance(value, dict):
        return {key: to_numbers(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [to_numbers(inner) for inner in value]
    if isinstance(value, str) and NUMERIC.fullmatch(value):
        return float(value) if "." in value else int(value)
    return value


@contract("response.schema", "medium", edit_success, also="response.metadata state.same-object", batch="second field")
def numeric_strings_are_numbers(call: Call, payload: Json) -> Any:
    """Every string of digits becomes a number: `last4`, a postal code, a value of the metadata.

    PHP, `json_encode` with JSON_NUMERIC_CHECK: codeigniter-restserver 2.7 (chriskacerguis/codeigniter-restserver#458).
    """
    return to_numbers(payload)


# Expansion.


@contract("expand.inlined", "hard", edit_success, also="state.same-object", batch="second field")
def columns_of_the_same_name(call: Call, payload: Json) -> None:
    """The expanded answer is one joined row, in which the customer's `created` and `metadata` hide the method's own.

    node-oracledb 4 (oracle/node-oracledb#1250), Kysely (kysely-org/kysely#682), mysql2 without `nestTables`.
    """
    customer = payload["customer"]
    if isinstance(customer, dict) and not customer.get("deleted"):
        payload["created"] = customer["created"]
        payload["metadata"] = customer["metadata"]


def show_once(value: Any, seen: set[str]) -> Any:
    """Return the value with only the id of each object that was shown before."""
    if isinstance(value, list):
        return [show_once(inner, seen) for inner in value]
    if not isinstance(value, dict):
        return value
    identifier = value.get("id")
    if identifier in seen:
        return identifier
    if identifier is not None:
        seen.add(identifier)
    return {key: show_once(inner, seen) for key, inner in value.items()}


@stripe("expand.nested-path", "hard", edit_success, batch="second field")
def each_object_shown_once(call: Call, payload: Json) -> Any:
    """An object that comes a second time is only its id, so a default method that is the method itself is a string.

    Jackson 2, `@JsonIdentityInfo` (FasterXML/jackson-databind#372, FasterXML/jackson-databind#791).
    """
    return show_once(payload, set())


# Stores.


@stateful("state.listed", "medium", also="state.race state.model", batch="second field")
def index_behind_its_table(b: Behaviour) -> None:
    """Lists are read from an index that lags behind: for 0.3 seconds after the attach the method is not listed.

    Amazon DynamoDB: a global secondary index is consistent only eventually, and cannot be read otherwise.
    """
    written: dict[str, float] = {}

    @apply(b, wrap("attach"))
    def attach(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
        is_new = attempt.method.customer is None
        method = usual(call, attempt)
        if is_new:
            written[method.id] = time.monotonic()
        return method

    @apply(b, wrap("methods_of"))
    def methods_of(usual: ListMethods, call: Call, customer: str) -> list[PaymentMethod]:
        indexed = time.monotonic() - INDEX_LAG
        return [method for method in usual(call, customer) if written.get(method.id, 0.0) <= indexed]


@stateful("state.same-object", "medium", wrap("attach"), batch="second field")
def saving_writes_the_defaults(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
    """The attach saves a partial entity, and the mapper fills the rest with defaults: `allow_redisplay` is lost.

    Jimmer 0.9, `@Default` properties in a merge (babyfish-ct/jimmer#956).
    """
    attempt.payment_method = replace(attempt.method, allow_redisplay="unspecified")
    return usual(call, attempt)


@contract(
    "response.id",
    "medium",
    wrap("attach"),
    also="state.persisted state.listed state.only-this-one stripe.test-tokens",
    batch="second field",
)
def same_card_is_the_earlier_method(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
    """A card that the customer has already is found by its fingerprint: the answer is the earlier payment method.

    The remedy against duplicates that shops use (stripe-archive/stripe-payments-demo#45).
    """
    card = attempt.method.card
    for earlier in call.store.methods_of(attempt.owner.id):
        if card is not None and earlier.card is not None and earlier.card.fingerprint == card.fingerprint:
            return earlier
    return usual(call, attempt)


@stateful("state.deleted-customer", "hard", wrap("find_customer", cache=dict), batch="second field")
def deleted_customer_in_the_cache(
    usual: FindCustomer, call: Call, identifier: str, *, cache: dict[str, Customer]
) -> Customer | None:
    """Customers that were looked up are cached, and deleting does not evict: one that was used before still attaches.

    Spring, `@Cacheable` without `@CacheEvict` on the soft delete (SandeepVashishtha/Eventra#18292).
    """
    found = cache.get(identifier) or usual(call, identifier)
    if found is not None:
        cache[identifier] = found
    return found


@stateful("state.second-customer", "medium", also="state.race stripe.already-attached", batch="second field")
def affected_rows_not_counted(b: Behaviour) -> None:
    """The update asks for a method without a customer, and nobody counts its rows: 200 for a second customer, too.

    PHP-MySQLi-Database-Class 2.4, whose `update` is true without any row (ThingEngineer/PHP-MySQLi-Database-Class#365).
    """
    drop_check("not-another-customers")(b)

    @apply(b, wrap("attach"))
    def attach(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
        if attempt.method.customer in (None, attempt.owner.id):
            return usual(call, attempt)
        return mark_attached(attempt.method, attempt.owner.id)


@stripe("stripe.same-customer", "medium", partial(check_after, "not-another-customers"), batch="second field")
def unchanged_row_not_found(call: Call, attempt: Attempt) -> None:
    """An update that changes nothing affects no row, which is taken for an unknown payment method: 404.

    MySQL without CLIENT_FOUND_ROWS: JuiceFS 1.0 (juicedata/juicefs#2986), CodeIgniter 3 (bcit-ci/CodeIgniter#5718).
    """
    if attempt.method.customer == attempt.owner.id:
        raise errors.no_such("PaymentMethod", attempt.payment_method_id, "payment_method", 404)


@stateful("state.detach", "medium", wrap("detach"), also="stripe.detached-reattach state.model", batch="second field")
def nulls_not_written(usual: Detach, call: Call, method: PaymentMethod) -> PaymentMethod:
    """An update leaves out what is null: the answer to a detach has no customer, but the stored method keeps it.

    MyBatis-Plus 3, `updateById` with the default field strategy (baomidou/mybatis-plus#1627).
    """
    kept = call.store.put_method(replace(method, detached=True))
    return replace(kept, customer=None)


# Idempotency.


@stripe("error.status-class", "medium", wrap_at_attach("once"), also="idempotency.replay", batch="second field")
def replay_is_always_200(usual: Once, call: Call, endpoint: Endpoint) -> Answer:
    """Only the body is stored for an idempotency key, and its replay has the status 200: a decline, too.

    proof-sdk (EveryInc/proof-sdk#10), where the column for the status was never written.
    """
    answer = usual(call, endpoint)
    return replace(answer, status=200) if call.replayed else answer


@stripe("header.request-id", "hard", wrap_at_attach("headers"), batch="second field")
def replay_repeats_the_request_id(usual: WriteHeaders, call: Call, answer: Answer) -> Headers:
    """The headers are stored with the answer, and replayed with it: the second `Request-Id` is the first.

    Middleware that caches whole responses: jussi (steemit/jussi#249).
    """
    if call.replayed:
        call.request_id = call.original_request
    return usual(call, answer)
