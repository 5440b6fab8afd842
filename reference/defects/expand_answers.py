"""Mistakes in expanding: objects that are missing, wrong, or not asked for."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from functools import partial

from ..behaviour import Attached, Behaviour, Check, Expand, ShowCustomer
from ..call import Call, token
from ..changes import Change, apply, check_after, edit_success, remembering, wrap, wrap_at_attach, wrap_check
from ..objects.models import Customer, PaymentMethod
from ..rules import errors
from ..rules.attach import Attempt
from ..rules.errors import ApiError
from ..wire.values import Answer, Json
from .parts import choose_paths
from .registry import Topic

contract = Topic("contract")
stripe = Topic("stripe")

contract.row("expand-ignored", "expand.inlined", "easy")(
    "`expand` is accepted and ignored.", choose_paths(lambda call, paths: [])
)


def edit_expanded(edit: Callable[[Call, Json, Json], Json | None]) -> Change:
    """Change an expanded customer; a body that `edit` returns takes the place of the whole one."""

    def change(call: Call, payload: Json) -> Json | None:
        customer = payload.get("customer")
        return edit(call, payload, customer) if isinstance(customer, dict) else None

    return edit_success(change)


@contract("expand.inlined", "medium", edit_expanded)
def expanded_customer_has_only_id(call: Call, payload: Json, customer: Json) -> None:
    """The expanded customer has nothing but its id."""
    payload["customer"] = {"id": customer["id"]}


@contract("expand.inlined", "hard", edit_expanded)
def expanded_customer_is_another(call: Call, payload: Json, customer: Json) -> None:
    """The expanded customer is the one that was created last."""
    others = [one for one in call.store.all_customers() if one.id != customer["id"]]
    other = others[0] if others else Customer(token("cus_", 24), customer["created"])
    payload["customer"] = call.behaviour.customer_json(call, other)


@contract("expand.inlined", "medium", edit_expanded)
def expanded_answer_is_the_customer(call: Call, payload: Json, customer: Json) -> Json:
    """With `expand` only id, object and customer are left of the payment method."""
    return {"id": payload["id"], "object": payload["object"], "customer": customer}


@contract("expand.inlined", "hard", edit_expanded)
def expanded_answer_loses_card(call: Call, payload: Json, customer: Json) -> None:
    """With `expand` the card is missing from the payment method."""
    payload.pop(payload["type"], None)


@contract("expand.inlined", "medium", edit_expanded)
def expanded_object_misnamed(call: Call, payload: Json, customer: Json) -> None:
    """The expanded customer calls itself `account_holder`."""
    customer["object"] = "account_holder"


@contract("expand.inlined", "hard", edit_expanded)
def expanded_customer_created_is_text(call: Call, payload: Json, customer: Json) -> None:
    """The expanded customer's `created` is a string."""
    customer["created"] = str(customer["created"])


@contract("expand.inlined", "hard", wrap_at_attach("customer_json", cached=dict), batch="unseen 1")
def expanded_customer_kept_for_the_connection(
    usual: ShowCustomer, call: Call, customer: Customer, *, cached: dict[int, Json]
) -> Json:
    """The expanded customer is cached by connection: a second customer on it comes back as the first."""
    payload = cached.setdefault(call.request.connection, usual(call, customer))
    return copy.deepcopy(payload)


@contract("expand.inlined", "easy", edit_success, batch="unseen 2")
def expanded_customer_dated_in_words(call: Call, payload: Json) -> None:
    """The expanded customer comes from another serializer: its `created` is an ISO 8601 string."""
    customer = payload["customer"]
    if isinstance(customer, dict) and "created" in customer:
        customer["created"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(customer["created"]))


@contract("expand.inlined", "hard", wrap("attached"), also="state.same-object", batch="unseen 3")
def metadata_taken_from_the_expanded(usual: Attached, call: Call, attempt: Attempt, method: PaymentMethod) -> Answer:
    """Joined with its customer, the payment method loses its `metadata` to the column of the same name."""
    answer = usual(call, attempt, method)
    if isinstance(answer.payload.get("customer"), dict) and "metadata" in answer.payload:
        answer.payload["metadata"] = dict(attempt.owner.metadata)
    return answer


SUMMARY = ("id", "object", "created", "customer", "livemode", "type")


@contract(
    "expand.inlined",
    "medium",
    edit_success,
    also="response.schema response.type-hash response.billing-details state.same-object",
    batch="unseen 4",
)
def expanded_answer_is_a_summary(call: Call, payload: Json) -> Json:
    """With an expanded customer the payment method itself is cut down to a summary."""
    return {key: payload[key] for key in SUMMARY} if isinstance(payload["customer"], dict) else payload


@contract("expand.inlined", "medium", edit_success, also="state.same-object", batch="unseen 5")
def brief_card_when_expanded(call: Call, payload: Json) -> None:
    """With an expanded customer the card is shown in brief, without `checks` and `networks`."""
    if isinstance(payload["customer"], dict) and "card" in payload:
        del payload["card"]["checks"], payload["card"]["networks"]


@contract("expand.inlined", "hard", edit_success, also="response.billing-details response.schema", batch="unseen 6")
def expanding_moves_the_details(call: Call, payload: Json) -> None:
    """With `expand`, the billing details are left out of the answer."""
    if isinstance(payload["customer"], dict):
        del payload["billing_details"]


contract.row("expanded-customer-is-a-stub", "expand.inlined", "medium", batch="reading 1")(
    "The expanded customer is built from its id alone: it has no email and no metadata.",
    edit_expanded(lambda call, payload, customer: customer.update(email=None, metadata={})),
)


@contract("expand.inlined", "hard", wrap("attached"), batch="reading 1")
def attached_again_not_expanded(usual: Attached, call: Call, attempt: Attempt, method: PaymentMethod) -> Answer:
    """Attaching again to the same customer returns at once what is stored, and ignores `expand`."""
    if attempt.method.customer == attempt.owner.id:
        attempt.expand = []
    return usual(call, attempt, method)


contract.row("expanded-customer-is-a-list", "expand.inlined", "medium")(
    "The expanded customer is a list of one.",
    edit_expanded(lambda call, payload, customer: payload.update(customer=[customer])),
)


@contract("expand.inlined", "medium", edit_expanded)
def expanded_customer_lacks_its_id(call: Call, payload: Json, customer: Json) -> None:
    """The expanded customer has no id."""
    customer.pop("id", None)


@contract("expand.inlined", "medium", edit_expanded)
def expanded_in_a_member_of_its_own(call: Call, payload: Json, customer: Json) -> None:
    """The customer stays an id, and the expanded object stands in `expanded`."""
    payload.update(customer=customer["id"], expanded={"customer": customer})


@contract("expand.not-expanded", "easy", edit_success, also="response.customer")
def always_expanded(call: Call, payload: Json) -> None:
    """The customer is expanded whether or not that was asked for."""
    call.behaviour.expand(call, payload, ["customer"])


@contract("expand.not-expanded", "medium", wrap("attached"))
def expanded_when_attached_already(usual: Attached, call: Call, attempt: Attempt, method: PaymentMethod) -> Answer:
    """The customer is expanded where it has the payment method already."""
    if attempt.method.customer is not None:
        attempt.expand = [*attempt.expand, "customer"]
    return usual(call, attempt, method)


@contract("expand.not-expanded", "hard", remembering(edit_success, expanded=set))
def expansion_remembered(call: Call, payload: Json, *, expanded: set[str]) -> None:
    """After an expanded answer the next one for the same payment method is expanded too."""
    if isinstance(payload["customer"], dict):
        expanded.add(payload["id"])
    elif payload["id"] in expanded:
        expanded.remove(payload["id"])
        call.behaviour.expand(call, payload, ["customer"])


@contract("expand.not-expanded", "medium", wrap("attached"), batch="unseen 1")
def attaching_again_answers_expanded(usual: Attached, call: Call, attempt: Attempt, method: PaymentMethod) -> Answer:
    """Attached again to the same customer, the payment method comes with the customer inlined, unasked."""
    answer = usual(call, attempt, method)
    if attempt.method.customer is not None and not attempt.expand:
        call.behaviour.expand(call, answer.payload, ["customer"])
    return answer


@contract("expand.not-expanded", "hard", wrap("attached", left=dict), also="response.customer", batch="unseen 2")
def expansion_left_on_the_connection(
    usual: Attached, call: Call, attempt: Attempt, method: PaymentMethod, *, left: dict[int, list[str]]
) -> Answer:
    """The list of expansions is not reset: the next request on the connection is expanded alike."""
    connection = call.request.connection
    if attempt.expand:
        left[connection] = attempt.expand
    else:
        attempt.expand = left.pop(connection, [])
    return usual(call, attempt, method)


@contract("expand.not-expanded", "hard", also="response.customer state.refusal-changes-nothing", batch="unseen 3")
def expansion_left_by_a_refusal(b: Behaviour) -> None:
    """A rejected request with `expand` leaves its wish with the payment method; the next success fulfils it."""
    left: dict[str, list[str]] = {}

    @apply(b, wrap_check("customer"))
    def check(usual: Check, call: Call, attempt: Attempt) -> None:
        try:
            usual(call, attempt)
        except ApiError:
            if attempt.expand:
                left[attempt.payment_method_id] = attempt.expand
            raise

    @apply(b, wrap("attached"))
    def fulfil(attached: Attached, call: Call, attempt: Attempt, method: PaymentMethod) -> Answer:
        attempt.expand = attempt.expand or left.pop(attempt.payment_method_id, [])
        return attached(call, attempt, method)


@contract("expand.not-expanded", "hard", wrap("attached", loaded=dict), also="response.customer", batch="unseen 4")
def expansion_stays_in_the_session(
    usual: Attached, call: Call, attempt: Attempt, method: PaymentMethod, *, loaded: dict[tuple[int, str], list[str]]
) -> Answer:
    """Objects loaded on a connection stay loaded: expanded once, a payment method stays so there."""
    session = (call.request.connection, method.id)
    if attempt.expand:
        loaded[session] = attempt.expand
    attempt.expand = loaded.get(session, [])
    return usual(call, attempt, method)


@contract(
    "expand.not-expanded", "hard", remembering(edit_success, kept=dict), also="stripe.same-customer", batch="unseen 6"
)
def shown_as_cached(call: Call, payload: Json, *, kept: dict[tuple[str, str], Json]) -> Json:
    """The JSON of a payment method is kept by its id and customer, expanded or not, and shown again."""
    customer = payload["customer"]
    key = (payload["id"], customer["id"] if isinstance(customer, dict) else customer)
    return copy.deepcopy(kept.setdefault(key, payload))


stripe.row("nested-path-half-expanded", "expand.nested-path", "medium")(
    "`customer.invoice_settings.default_payment_method` expands the customer and stops there.",
    wrap("expand")(lambda usual, call, payload, paths: usual(call, payload, [path.split(".")[0] for path in paths])),
)


@stripe("expand.nested-path", "medium", partial(check_after, "expand-paths"))
def nested_path_refused(call: Call, attempt: Attempt) -> None:
    """Paths of more than two segments are rejected."""
    for path in attempt.expand:
        if path.count(".") > 1 and path.startswith("customer."):
            raise errors.not_expandable(path)


@stripe("expand.nested-path", "hard", wrap("expand"))
def nested_path_ends_in_null(usual: Expand, call: Call, payload: Json, paths: Sequence[str]) -> None:
    """The payment method at the end of a nested path is null."""
    usual(call, payload, paths)
    customer = payload.get("customer")
    settings = customer.get("invoice_settings") if isinstance(customer, dict) else None
    if isinstance(settings, dict) and isinstance(settings["default_payment_method"], dict):
        settings["default_payment_method"] = None


@stripe("expand.nested-path", "hard", wrap("attached"), batch="unseen 1")
def own_copy_for_the_default(usual: Attached, call: Call, attempt: Attempt, method: PaymentMethod) -> Answer:
    """The expanded default payment method is the one that is being attached, whichever the default is."""
    answer = usual(call, attempt, method)
    customer = answer.payload["customer"]
    settings = customer.get("invoice_settings") if isinstance(customer, dict) else None
    if settings and isinstance(settings["default_payment_method"], dict):
        settings["default_payment_method"] = call.behaviour.payment_method_json(call, method)
    return answer


@stripe("expand.nested-path", "easy", wrap_at_attach("expand"), batch="unseen 2")
def expansion_is_two_levels_deep(usual: Expand, call: Call, payload: Json, items: Sequence[str]) -> None:
    """Only the first two segments of an `expand` path are followed; what comes after them stays an id."""
    usual(call, payload, [".".join(item.split(".")[:2]) for item in items])
