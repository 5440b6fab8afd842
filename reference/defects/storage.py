"""Mistakes in storing an attachment, and in showing it elsewhere."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from ..behaviour import Attach, Behaviour, DeleteCustomer, Detach, ListMethods, Route, ShowMethod
from ..call import Call, Endpoint
from ..changes import Change, apply, check_first, counter, edit_success, expands, override, wrap
from ..objects.models import Customer, PaymentMethod
from ..objects.store import mark_attached
from ..rules.attach import Attempt
from ..wire.values import Answer, Json
from .registry import Topic

stateful = Topic("stateful")


def unstored(call: Call, attempt: Attempt) -> PaymentMethod:
    """Return the payment method as it would be after attaching, without attaching it."""
    return mark_attached(attempt.method, attempt.owner.id)


def store_unless(forgotten: Callable[[Call, Attempt], bool]) -> Change:
    """Forget to store in some cases."""

    @wrap("attach")
    def attach(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
        return (unstored if forgotten(call, attempt) else usual)(call, attempt)

    return attach


stateful.row("attach-not-stored", "state.persisted", "easy")(
    "The answer is right, but nothing is stored.", store_unless(lambda call, attempt: True)
)
stateful.row("expanded-attach-not-stored", "state.persisted", "hard")(
    "With `expand` the answer is right, but nothing is stored.",
    store_unless(lambda call, attempt: bool(attempt.expand)),
)


@stateful("state.persisted", "hard", intermittent=True)
def every_eighth_not_stored(b: Behaviour) -> None:
    """Every eighth attachment is answered rightly, and lost."""
    turn = counter(8)
    store_unless(lambda call, attempt: turn())(b)


def read_json(edit: Callable[[Call, Json], None]) -> Change:
    """Change the payment method as endpoints other than attach show it."""

    @wrap("payment_method_json")
    def shown(usual: ShowMethod, call: Call, method: PaymentMethod) -> Json:
        payload = usual(call, method)
        if not call.is_attach:
            edit(call, payload)
        return payload

    return shown


@stateful("state.persisted", "medium", read_json)
def retrieved_without_customer(call: Call, payload: Json) -> None:
    """The customer is not shown when the payment method is retrieved."""
    payload["customer"] = None


@stateful("state.persisted", "medium")
def retrieved_expanded(b: Behaviour) -> None:
    """The customer is shown as an object when the payment method is retrieved."""
    read_json(lambda call, payload: b.expand(call, payload, ["customer"]))(b)


@stateful("state.persisted", "hard")
def retrieved_as_answered(b: Behaviour) -> None:
    """After an expanded attach the payment method is retrieved with the whole customer."""
    expanded: set[str] = set()

    @apply(b, edit_success)
    def edit(call: Call, payload: Json) -> None:
        if isinstance(payload["customer"], dict):
            expanded.add(payload["id"])

    @apply(b, read_json)
    def again(call: Call, payload: Json) -> None:
        if payload["id"] in expanded:
            call.behaviour.expand(call, payload, ["customer"])


@stateful("state.persisted", "hard", wrap("attach", last=list[str]))
def stored_for_the_customer_before(usual: Attach, call: Call, attempt: Attempt, *, last: list[str]) -> PaymentMethod:
    """The answer is right, but what is stored is the customer of the request before."""
    own = attempt.owner.id
    other = call.store.live_customer(last[-1]) if last else None
    last[:] = [own]
    if other is None or attempt.method.customer is not None:
        return usual(call, attempt)
    call.store.attach(attempt.method, other.id)
    return unstored(call, attempt)


@stateful("state.persisted", "hard", also="state.second-customer state.race state.model", batch="unseen 1")
def retrieval_cached_from_before(b: Behaviour) -> None:
    """A payment method that was retrieved before it was attached is shown without its customer after, too."""
    seen: dict[str, str | None] = {}

    @apply(b, wrap("payment_method_json"))
    def shown(usual: ShowMethod, call: Call, method: PaymentMethod) -> Json:
        payload = usual(call, method)
        is_retrieval = call.request.method == "GET" and call.request.path.count("/") == 3
        if is_retrieval and call.request.path.startswith("/v1/payment_methods/"):
            payload["customer"] = seen.setdefault(method.id, method.customer)
        elif call.request.method == "POST" and not call.is_attach:
            seen.pop(method.id, None)
        return payload

    @apply(b, wrap("delete_customer"))
    def delete(usual_delete: DeleteCustomer, call: Call, customer: Customer) -> None:
        seen.clear()
        usual_delete(call, customer)


@stateful(
    "state.persisted",
    "hard",
    wrap("route", cache=dict),
    also="state.same-object state.only-this-one state.second-customer state.race state.model",
    batch="unseen 2",
)
def retrieval_cached_from_before_too(usual: Route, call: Call, *, cache: dict[str, Answer]) -> Endpoint:
    """Retrieving is cached and attaching does not clear it: what was retrieved before is shown ever after."""
    endpoint = usual(call)
    names = call.request.path.split("/")[2:]
    if names[0] != "payment_methods" or len(names) < 2 or call.is_attach:
        return endpoint
    if call.request.method != "GET" or len(names) > 2:
        cache.pop(names[1], None)
        return endpoint

    def cached(call: Call) -> Answer:
        if expands(call):
            return endpoint(call)
        if names[1] not in cache:
            answer = endpoint(call)
            if answer.payload["id"] != names[1]:
                return answer
            cache[names[1]] = answer
        return cache[names[1]]

    return cached


@stateful(
    "state.persisted",
    "easy",
    also="state.listed state.detach state.race state.model idempotency.replay stripe.test-tokens expand.nested-path",
    batch="unseen 4",
)
def committed_by_the_next_attach(b: Behaviour) -> None:
    """The transaction is committed when the next attach begins: until then nothing of it can be read."""
    open_one: list[tuple[PaymentMethod, str]] = []

    @apply(b, partial(check_first, "commit"))
    def commit(call: Call, attempt: Attempt) -> None:
        for method, customer in open_one:
            call.store.attach(method, customer)
        open_one.clear()

    @apply(b, partial(override, "attach"))
    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        open_one.append((attempt.method, attempt.owner.id))
        return mark_attached(attempt.method, attempt.owner.id)


def change_stored(change: Callable[[PaymentMethod], PaymentMethod]) -> Change:
    """Store the payment method with something changed."""

    @wrap("attach")
    def attach(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
        return call.store.put_method(change(usual(call, attempt)))

    return attach


stateful.row("metadata-lost", "state.same-object", "easy")(
    "The payment method loses its metadata.", change_stored(lambda method: replace(method, metadata={}))
)
stateful.row("metadata-marked", "state.same-object", "medium")(
    "The payment method's metadata get a key `attached`.",
    change_stored(lambda method: replace(method, metadata={**method.metadata, "attached": "true"})),
)
stateful.row("billing-details-lost", "state.same-object", "easy")(
    "The payment method loses its billing details.", change_stored(lambda method: replace(method, billing_details={}))
)


@stateful("state.same-object", "hard", change_stored)
def last_billing_detail_lost(method: PaymentMethod) -> PaymentMethod:
    """The payment method loses the last of its billing details."""
    kept = [item for item in method.billing_details.items() if item[1]][:-1]
    return replace(method, billing_details=dict(kept))


stateful.row("created-rounded", "state.same-object", "medium")(
    "`created` is rounded to the day.",
    change_stored(lambda method: replace(method, created=method.created // 86400 * 86400)),
)
stateful.row("redisplay-allowed", "state.same-object", "medium")(
    "`allow_redisplay` becomes `always`.", change_stored(lambda method: replace(method, allow_redisplay="always"))
)
stateful.row("expiry-renewed", "state.same-object", "hard")(
    "The card expires a year later than before.",
    change_stored(lambda method: replace(method, exp_year=method.exp_year + 1)),
)


@stateful("state.same-object", "medium", edit_success)
def answered_without_metadata(call: Call, payload: Json) -> None:
    """The answer shows no metadata, though they are kept."""
    payload["metadata"] = {}


@stateful("state.same-object", "hard", wrap("attach"))
def answered_right_kept_without_name(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
    """The answer is right, but the billing details are not kept."""
    method = usual(call, attempt)
    call.store.put_method(replace(method, billing_details={}))
    return method


@stateful("state.same-object", "hard", wrap("attach"), batch="unseen 1")
def redisplay_reset(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
    """Attaching sets `allow_redisplay` back to `unspecified`."""
    return call.store.put_method(replace(usual(call, attempt), allow_redisplay="unspecified"))


stateful.row("attaching-empties-the-metadata", "state.same-object", "easy", batch="unseen 2")(
    "Attaching saves the payment method without its metadata.",
    override("attach", lambda call, attempt: call.store.attach(replace(attempt.method, metadata={}), attempt.owner.id)),
)


@stateful("state.same-object", "medium", wrap("payment_method_json"), batch="unseen 3")
def fingerprint_of_the_owner(usual: ShowMethod, call: Call, method: PaymentMethod) -> Json:
    """The fingerprint is made of the card and its owner: attaching changes it."""
    payload = usual(call, method)
    if method.customer is not None and method.card is not None:
        owned = f"{method.customer} {method.card.fingerprint}"
        payload["card"]["fingerprint"] = hashlib.sha256(owned.encode()).hexdigest()[:16]
    return payload


@stateful("state.same-object", "hard", wrap("attach"), intermittent=True, batch="unseen 3")
def created_when_attached(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
    """Attaching writes a new row: `created` is the second in which that happened."""
    return call.store.put_method(replace(usual(call, attempt), created=int(time.time())))


TWO_HOURS = 7200


stateful.row("created-in-local-time", "state.same-object", "medium", batch="unseen 4")(
    "Attach shows `created` in the server's local time, two hours ahead of what a retrieval shows.",
    edit_success(lambda call, payload: payload.update(created=payload["created"] + TWO_HOURS)),
)


@stateful("state.same-object", "medium", wrap("attach"), also="response.billing-details")
def billing_email_filled_in(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
    """A payment method without an email takes on that of the customer to whom it is attached."""
    method = usual(call, attempt)
    email = attempt.owner.details.get("email")
    if email is None or method.billing_details.get("email") is not None:
        return method
    return call.store.put_method(replace(method, billing_details={**method.billing_details, "email": email}))


def change_when_attached_again(change: Callable[[PaymentMethod], PaymentMethod]) -> Change:
    """Change a payment method that is attached again to its customer."""

    @wrap("attach")
    def attach(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
        again = attempt.method.customer is not None
        method = usual(call, attempt)
        return call.store.put_method(change(method)) if again else method

    return attach


@stateful("state.same-object", "hard", batch="reading 2")
def again_clears_the_details(b: Behaviour) -> None:
    """Attaching again to the same customer loses the billing details."""
    nothing = {"name": None, "email": None}
    change_when_attached_again(lambda method: replace(method, billing_details={**method.billing_details, **nothing}))(b)


stateful.row("again-clears-the-metadata", "state.same-object", "hard", batch="reading 2")(
    "Attaching again to the same customer loses the metadata.",
    change_when_attached_again(lambda method: replace(method, metadata={})),
)
stateful.row("again-makes-it-younger", "state.same-object", "hard", batch="reading 2")(
    "Attaching again to the same customer sets `created` to the present.",
    change_when_attached_again(lambda method: replace(method, created=method.created + 1)),
)


def edit_lists(change: Callable[[Call, str, list[PaymentMethod]], list[PaymentMethod]]) -> Change:
    """Change what is listed for a customer."""
    return wrap("methods_of")(lambda usual, call, customer: change(call, customer, usual(call, customer)))


stateful.row("not-listed", "state.listed", "easy")(
    "The customer's list stays empty.", edit_lists(lambda call, customer, methods: [])
)
stateful.row("listed-twice", "state.listed", "medium")(
    "The customer's list holds the newest payment method twice.",
    edit_lists(lambda call, customer, methods: methods[:1] + methods),
)


@stateful("state.listed", "medium", edit_lists)
def listed_for_everybody(call: Call, customer: str, methods: list[PaymentMethod]) -> list[PaymentMethod]:
    """Every customer's list holds what all customers have."""
    return [one for one in reversed(call.store.methods.values()) if one.customer is not None]


stateful.row("list-lacks-the-newest", "state.listed", "hard")(
    "The customer's list lacks what was attached last, until something else is.",
    edit_lists(lambda call, customer, methods: methods[1:]),
)


def attached_elsewhere(call: Call, customer: str) -> list[PaymentMethod]:
    """Return the payment methods of other customers, newest first."""
    methods = reversed(call.store.methods.values())
    return [one for one in methods if one.customer not in (None, customer)]


@stateful("state.listed", "hard", edit_lists)
def newest_customer_lists_another(call: Call, customer: str, methods: list[PaymentMethod]) -> list[PaymentMethod]:
    """The list of the newest customer also holds what was attached to somebody else last."""
    newest = [one.id for one in call.store.all_customers()[:1]]
    return methods + attached_elsewhere(call, customer)[:1] if customer in newest else methods


@stateful("state.listed", "hard", also="state.listed")
def list_remembered(b: Behaviour) -> None:
    """A customer's list is remembered from the first time it was asked for until something is detached."""
    remembered: dict[str, list[PaymentMethod]] = {}

    @apply(b, wrap("methods_of"))
    def methods_of(usual: ListMethods, call: Call, customer: str) -> list[PaymentMethod]:
        return remembered.setdefault(customer, usual(call, customer))

    @apply(b, wrap("detach"))
    def detach(usual_detach: Detach, call: Call, method: PaymentMethod) -> PaymentMethod:
        remembered.clear()
        return usual_detach(call, method)


@stateful("state.listed", "hard", wrap("methods_of", empty=set), also="state.model", batch="unseen 1")
def empty_list_remembered(usual: ListMethods, call: Call, customer: str, *, empty: set[str]) -> list[PaymentMethod]:
    """A customer whose list was asked for while it was empty has an empty list for good."""
    methods = [] if customer in empty else usual(call, customer)
    if not methods:
        empty.add(customer)
    return methods


stateful.row(
    "list-is-one-behind",
    "state.listed",
    "easy",
    also="state.same-customer-again state.only-this-one state.second-customer state.detach state.race "
    "state.model idempotency.replay",
    batch="unseen 2",
)(
    "The customer's list is one behind: what was attached last is not in it.",
    wrap("methods_of")(lambda usual, call, customer: usual(call, customer)[1:]),
)
LONGEST_LIST = 8


@stateful(
    "state.listed",
    "medium",
    wrap("attach"),
    also="state.only-this-one state.race state.model state.same-customer-again idempotency.replay",
    batch="unseen 3",
)
def list_holds_the_last_eight(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
    """The customer's list is a ring: the ninth payment method pushes the first one off it."""
    attached = usual(call, attempt)
    del call.store.wallets.get(attempt.owner.id, [])[:-LONGEST_LIST]
    return attached


@stateful(
    "state.listed",
    "medium",
    also="state.same-customer-again state.second-customer state.only-this-one state.detach state.race "
    "state.model idempotency.replay",
    batch="unseen 4",
)
def list_cached_when_first_read(b: Behaviour) -> None:
    """A customer's list is cached when it is first read; detaching clears the cache, attaching does not."""
    cache: dict[str, list[str]] = {}

    @apply(b, wrap("methods_of"))
    def cached(methods_of: ListMethods, call: Call, customer: str) -> list[PaymentMethod]:
        if customer not in cache:
            cache[customer] = [method.id for method in methods_of(call, customer)]
        found = (call.store.method(identifier) for identifier in cache[customer])
        return [method for method in found if method is not None]

    @apply(b, wrap("detach"))
    def clearing(detach: Detach, call: Call, method: PaymentMethod) -> PaymentMethod:
        cache.clear()
        return detach(call, method)


stateful.row(
    "wallet-of-one", "state.listed", "medium", also="state.only-this-one state.model state.race", batch="unseen 6"
)(
    "The list of a customer holds only the payment method that was attached last.",
    wrap("methods_of")(lambda usual, call, customer: usual(call, customer)[:1]),
)
stateful.row("every-entry-listed-twice", "state.listed", "medium")(
    "A list shows each of its entries twice.",
    wrap("methods_of")(lambda usual, call, customer: [one for one in usual(call, customer) for _ in range(2)]),
)


def empty_lists(when: Callable[[Call], bool]) -> Change:
    """Show empty lists in some cases."""
    return wrap("methods_of")(lambda usual, call, customer: [] if when(call) else usual(call, customer))


stateful.row("other-list-is-empty", "state.listed", "hard", batch="reading 2")(
    "The list below the customer does not know what was attached; only the one with a filter does.",
    empty_lists(lambda call: call.request.path.startswith("/v1/customers/")),
)
stateful.row("filtered-list-is-empty", "state.listed", "hard", batch="reading 2")(
    "The list with a filter does not know what was attached; only the one below the customer does.",
    empty_lists(lambda call: call.request.path == "/v1/payment_methods"),
)
