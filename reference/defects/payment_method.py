"""Mistakes in the payment method that a success shows."""

from __future__ import annotations

import json
import re
import time

from ..behaviour import Attached, Behaviour, Check
from ..call import Call, token
from ..changes import apply, edit_success, remembering, wrap, wrap_check
from ..objects.models import PaymentMethod
from ..rules.attach import Attempt
from ..rules.errors import ApiError
from ..wire.values import Answer, Json
from .parts import drop_field, set_field
from .registry import Topic

contract = Topic("contract")
stripe = Topic("stripe")

contract.row("object-misnamed", "response.object", "easy")(
    "`object` is `paymentMethod`.", set_field("object", lambda old: "paymentMethod")
)


@contract("response.object", "easy", edit_success)
def object_is_the_customers(call: Call, payload: Json) -> Json | None:
    """The body is the customer instead of the payment method."""
    identifier = payload["customer"]
    customer = call.store.customer(identifier) if isinstance(identifier, str) else None
    return None if customer is None else call.behaviour.customer_json(call, customer)


contract.row("object-in-data", "response.object", "easy")(
    "The payment method is wrapped in a member `data`.", edit_success(lambda call, payload: {"data": payload})
)
contract.row("object-in-list", "response.object", "medium")(
    "The body is an array that holds the payment method.", edit_success(lambda call, payload: [payload])
)
contract.row("encoded-twice", "response.object", "medium")(
    "The body is a JSON string that contains JSON.", edit_success(lambda call, payload: json.dumps(payload))
)
contract.row("wrapped-in-data", "response.object", "medium")(
    "A success wraps the payment method in `data`, as many JSON APIs do.",
    edit_success(lambda call, payload: {"data": payload}),
)
contract.row("wrapped-in-payment-method", "response.object", "medium")(
    "A success wraps the payment method in `payment_method`, with a word about its own success.",
    edit_success(lambda call, payload: {"success": True, "payment_method": payload}),
)
contract.row("id-of-the-attachment", "response.id", "medium")(
    "`id` is a new id, of the attachment.", set_field("id", lambda old: token("pm_", 24))
)
contract.row("id-without-prefix", "response.id", "medium")(
    "`id` lacks its prefix.", set_field("id", lambda old: str(old).removeprefix("pm_"))
)


@contract("response.id", "hard", remembering(edit_success, last=list))
def id_of_the_request_before(call: Call, payload: Json, *, last: list[str]) -> None:
    """`id` is that of the payment method attached before."""
    own = payload["id"]
    payload["id"] = last[-1] if last else own
    last[:] = [own]


@contract(
    "response.id",
    "medium",
    wrap("attached"),
    also="state.same-object state.race state.model stripe.test-tokens idempotency.replay",
    batch="unseen 3",
)
def same_card_answered_with_the_earlier(usual: Attached, call: Call, attempt: Attempt, method: PaymentMethod) -> Answer:
    """If the customer has the same card already, the answer shows the payment method that was there first."""
    earlier = [other for other in call.store.methods_of(attempt.owner.id) if other.card == method.card]
    return usual(call, attempt, earlier[-1] if earlier else method)


contract.row("id-is-a-link", "response.id", "easy", also="state.same-object stripe.test-tokens", batch="unseen 4")(
    "`id` is the path of the payment method, so that clients can follow it.",
    edit_success(lambda call, payload: payload.update(id=f"/v1/payment_methods/{payload['id']}")),
)


@contract("response.id", "hard", wrap("attached"), also="state.same-object state.race", batch="unseen 5")
def first_method_is_shown(usual: Attached, call: Call, attempt: Attempt, method: PaymentMethod) -> Answer:
    """The answer shows the customer's first payment method, not the one just attached, if there are several."""
    owned = call.store.methods_of(attempt.owner.id)
    return usual(call, attempt, owned[-1] if owned else method)


contract.row("customer-stays-null", "response.customer", "easy")(
    "`customer` is null in the answer, which was written before the attachment.",
    set_field("customer", lambda old: None),
)
contract.row("customer-left-out", "response.customer", "easy")(
    "`customer` is missing from the answer.", drop_field("customer")
)


@contract("response.customer", "hard", remembering(edit_success, last=list))
def customer_of_the_request_before(call: Call, payload: Json, *, last: list[str]) -> None:
    """`customer` is that of the request before, out of a variable that is shared."""
    own = payload["customer"]
    if isinstance(own, str):
        payload["customer"] = last[-1] if last else own
        last[:] = [own]


contract.row("customer-in-lower-case", "response.customer", "medium")(
    "`customer` is in lower case.", set_field("customer", lambda old: old.lower() if isinstance(old, str) else old)
)


@contract("response.customer", "hard", also="state.refusal-changes-nothing", batch="unseen 3")
def first_attempt_is_shown(b: Behaviour) -> None:
    """The customer sent first for a payment method is kept: after a rejection, that one is shown."""
    first: dict[str, str] = {}

    @apply(b, wrap_check("customer"))
    def check(usual: Check, call: Call, attempt: Attempt) -> None:
        try:
            usual(call, attempt)
        except ApiError:
            first.setdefault(attempt.payment_method_id, attempt.customer_id or "")
            raise

    @apply(b, wrap("attached"))
    def show(attached: Attached, call: Call, attempt: Attempt, method: PaymentMethod) -> Answer:
        answer = attached(call, attempt, method)
        kept = first.pop(attempt.payment_method_id, None)
        if kept is not None and isinstance(answer.payload["customer"], str):
            answer.payload["customer"] = kept
        return answer


contract.row("customer-is-null", "response.customer", "easy")(
    "A success shows the customer as null, however it is asked for.",
    edit_success(lambda call, payload: payload.update(customer=None)),
)


@contract("response.customer", "easy", edit_success)
def customer_is_absent(call: Call, payload: Json) -> None:
    """A success has no member `customer`, however it is asked for."""
    payload.pop("customer", None)


@contract("response.customer", "medium", edit_success)
def customer_is_the_newest(call: Call, payload: Json) -> None:
    """A success shows the id of the customer that was created last."""
    if isinstance(payload.get("customer"), str):
        payload["customer"] = call.store.all_customers()[0].id


contract.row("created-in-milliseconds", "response.created", "medium")(
    "`created` counts milliseconds.", set_field("created", lambda old: old * 1000)
)
contract.row("created-is-text", "response.created", "easy")(
    "`created` is a string of digits.", set_field("created", str)
)
contract.row("created-is-a-date", "response.created", "medium")(
    "`created` is an ISO date.", set_field("created", lambda old: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(old)))
)
contract.row("created-next-year", "response.created", "hard")(
    "`created` lies a year ahead, where the card expires.", set_field("created", lambda old: old + 365 * 86400)
)
contract.row("created-with-fraction", "response.created", "hard")(
    "`created` has a fraction.", set_field("created", lambda old: old + 0.25)
)
contract.row("livemode-true", "response.livemode", "easy")(
    "`livemode` is true for a test key.", set_field("livemode", lambda old: True)
)
contract.row("livemode-is-a-number", "response.livemode", "hard")(
    "`livemode` is 0.", set_field("livemode", lambda old: 0)
)
contract.row("livemode-is-a-zero", "response.livemode", "medium", also="response.schema", batch="unseen 4")(
    "`livemode` comes from a database without truth values: it is 0.",
    edit_success(lambda call, payload: payload.update(livemode=0)),
)
contract.row("metadata-with-numbers", "response.metadata", "medium")(
    "A value in `metadata` is a number.", set_field("metadata", lambda old: {**old, "attempts": 1})
)
contract.row("metadata-is-a-list", "response.metadata", "medium")(
    "`metadata` is an empty array, as some languages write an empty hash.", set_field("metadata", lambda old: [])
)
contract.row("metadata-with-hash", "response.metadata", "hard")(
    "A value in `metadata` is a hash.", set_field("metadata", lambda old: {**old, "origin": {"channel": "api"}})
)


@contract("response.metadata", "medium", edit_success, also="state.same-object", batch="unseen 1")
def metadata_digits_become_numbers(call: Call, payload: Json) -> None:
    """Values of metadata that look like integers come back as numbers."""
    metadata = payload["metadata"]
    for key, value in metadata.items():
        if re.fullmatch(r"-?\d{1,15}", value, re.ASCII):
            metadata[key] = int(value)


@contract("response.metadata", "easy", edit_success, also="response.schema state.same-object", batch="unseen 2")
def empty_metadata_is_an_array(call: Call, payload: Json) -> None:
    """Empty metadata is shown as `[]`, as PHP does with an empty array."""
    if payload["metadata"] == {}:
        payload["metadata"] = []


@stripe("response.livemode", "hard", edit_success)
def live_unless_a_test_key_is_seen(call: Call, payload: Json) -> None:
    """`livemode` is false only where the header itself shows a test key: true for one that came by Basic."""
    payload["livemode"] = "sk_test_" not in (call.request.header("authorization") or "")
