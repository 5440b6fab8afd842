"""What is remembered, for how long, and in which order things happen to it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from ... import forms
from ...attach import Attempt
from ...behaviour import Behaviour
from ...call import Call
from ...errors import ApiError
from ...objects import Customer, PaymentMethod
from ...store import checked
from ..registry import Chapter
from ..tools import check_after, check_first, edit_success, on_attach

seed = Chapter("state", "stateful")

TWO_HOURS = 7200
MOMENT = 0.03


@seed("state.only-this-one", "easy")
def payment_methods_counted_in_the_metadata(b: Behaviour) -> None:
    """Attaching counts the customer's payment methods in its metadata."""
    usual = b.attach

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        method = usual(call, attempt)
        count = str(len(call.store.methods_of(attempt.owner.id)))
        metadata = {**attempt.owner.metadata, "payment_methods_count": count}
        call.store.put_customer(replace(attempt.owner, metadata=metadata))
        return method

    b.attach = attach


@seed(
    "state.persisted",
    "easy",
    also=(
        "state.listed",
        "state.detach",
        "state.race",
        "state.model",
        "idempotency.replay",
        "stripe.test-tokens",
        "expand.nested-path",
    ),
)
def committed_by_the_next_attach(b: Behaviour) -> None:
    """The transaction is committed when the next attach begins: until then nothing of it can be read."""
    open_one: list[tuple[PaymentMethod, str]] = []

    def commit(call: Call, attempt: Attempt) -> None:
        for method, customer in open_one:
            call.store.attach(method, customer)
        open_one.clear()

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        open_one.append((attempt.method, attempt.owner.id))
        return checked(attempt.method, attempt.owner.id)

    check_first(b, "commit", commit)
    b.attach = attach


@seed("state.second-customer", "easy", also=("state.refusal-changes-nothing", "state.race", "state.model"))
def quarrel_leaves_it_with_nobody(b: Behaviour) -> None:
    """The refusal of a second customer clears the payment method's customer: it stays with neither."""
    usual = b.checks["not-another-customers"]

    def check(call: Call, attempt: Attempt) -> None:
        try:
            usual(call, attempt)
        except ApiError:
            wallet = call.store.wallets.get(attempt.method.customer or "", [])
            if attempt.method.id in wallet:
                wallet.remove(attempt.method.id)
            call.store.put_method(replace(attempt.method, customer=None))
            raise

    b.checks["not-another-customers"] = check


@seed("state.same-object", "medium")
def created_in_local_time(b: Behaviour) -> None:
    """Attach shows `created` in the server's local time, two hours ahead of what a retrieval shows."""
    edit_success(b, lambda call, payload: payload.update(created=payload["created"] + TWO_HOURS))


@seed(
    "state.same-customer-again",
    "medium",
    also=("state.refusal-changes-nothing", "state.model", "stripe.same-customer"),
)
def attaching_again_detaches_first(b: Behaviour) -> None:
    """To its own customer it is detached and attached anew, which a detached one can't be: it is lost."""

    def let_go(call: Call, attempt: Attempt) -> None:
        if attempt.method.customer == attempt.owner.id:
            attempt.payment_method = call.store.detach(attempt.method)

    check_after(b, "customer", let_go)


@seed(
    "state.listed",
    "medium",
    also=(
        "state.same-customer-again",
        "state.second-customer",
        "state.only-this-one",
        "state.detach",
        "state.race",
        "state.model",
        "idempotency.replay",
    ),
)
def list_cached_when_first_read(b: Behaviour) -> None:
    """A customer's list is cached when it is first read; detaching clears the cache, attaching does not."""
    methods_of, detach = b.methods_of, b.detach
    cache: dict[str, list[str]] = {}

    def cached(call: Call, customer: str) -> list[PaymentMethod]:
        if customer not in cache:
            cache[customer] = [method.id for method in methods_of(call, customer)]
        found = (call.store.method(identifier) for identifier in cache[customer])
        return [method for method in found if method is not None]

    def clearing(call: Call, method: PaymentMethod) -> PaymentMethod:
        cache.clear()
        return detach(call, method)

    b.methods_of, b.detach = cached, clearing


@seed("state.deleted-customer", "medium", also=("stripe.resource-missing-customer", "state.model"))
def deleted_customers_stay_in_the_cache(b: Behaviour) -> None:
    """Customers found once are cached for attaching, and stay known after they have been deleted."""
    usual = b.find_customer
    cache: dict[str, Customer] = {}

    def find(call: Call, identifier: str) -> Customer | None:
        found = usual(call, identifier) or cache.get(identifier)
        if found is not None:
            cache[identifier] = found
        return found

    b.find_customer = find


@seed("state.model", "hard", also=("state.listed", "state.only-this-one", "state.detach"))
def list_rebuilt_from_the_attachments(b: Behaviour) -> None:
    """Attaching rebuilds the customer's list from all attachments so far: detached ones are back in it."""
    usual = b.attach
    history: dict[str, list[str]] = {}

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        method = usual(call, attempt)
        events = history.setdefault(attempt.owner.id, [])
        wallet = call.store.wallets.get(attempt.owner.id, [])
        wallet[:0] = [identifier for identifier in dict.fromkeys(events) if identifier not in wallet]
        events.append(method.id)
        return method

    b.attach = attach


@seed(
    "state.refusal-changes-nothing",
    "hard",
    also=("auth.missing", "auth.malformed", "auth.empty", "auth.unknown-key", "auth.first"),
)
def key_looked_at_after_the_deed(b: Behaviour) -> None:
    """The key is looked at when the answer is written: without a valid one it is 401, and attached."""
    usual = b.authenticate

    def authenticate(call: Call) -> None:
        try:
            usual(call)
        except ApiError:
            if call.request.method == "POST":
                asked = Call(call.world, call.request)
                with suppress(ApiError):
                    endpoint = call.behaviour.route(asked)
                    asked.form = forms.decode(asked)
                    endpoint(asked)
            raise

    b.authenticate = on_attach(usual, authenticate)
