"""Mistakes in what is kept: rows that are saved, copied, shared, cached, deleted and listed."""

from __future__ import annotations

import time
from dataclasses import replace

from ..behaviour import (
    Attach,
    Behaviour,
    Check,
    DeleteCustomer,
    Detach,
    FindCustomer,
    ListMethods,
    ShowMethod,
)
from ..call import Call
from ..changes import apply, wrap, wrap_check
from ..objects.cards import Card
from ..objects.models import Customer, PaymentMethod
from ..rules import errors
from ..rules.attach import Attempt
from ..wire.values import Json
from .fifth_field_state import method_retrieved
from .registry import Topic
from .seventh_field_handlers import BATCH

stateful = Topic("stateful")
stripe = Topic("stripe")

JOB_DELAY = 0.2
"""After how many seconds a job is done."""


# Detaching and deleting.


@stateful("state.detach", "medium", wrap("detach"), batch=BATCH)
def detaching_deletes_the_row(usual: Detach, call: Call, method: PaymentMethod) -> PaymentMethod:
    """A detached payment method is deleted: retrieving it is 404.

    Fakes in tests: `delete paymentMethods[id]`; soft deletes with a default scope (paranoia, SoftDeletes of Laravel).
    """
    detached = usual(call, method)
    call.store.methods.pop(method.id, None)
    return detached


@stripe("stripe.detached-reattach-status", "easy", wrap_check("not-detached"), level="SHOULD", batch=BATCH)
def detached_ones_are_not_found(usual: Check, call: Call, attempt: Attempt) -> None:
    """Attaching a detached payment method is 404: attach looks for active ones only.

    Default scopes and managers: `PaymentMethod.active.find(id)`, acts_as_paranoid.
    """
    if attempt.method.detached:
        raise errors.no_such("PaymentMethod", attempt.payment_method_id, "payment_method", 404)


@stateful("state.detach", "hard", batch=BATCH)
def detaching_evicts_nothing(b: Behaviour) -> None:
    """A retrieval is cached until the next attach or update: after a detach it still shows the customer.

    Spring's @Cacheable with an @CacheEvict forgotten, Django's cache without a signal for one of the writes.
    """
    cached: dict[str, PaymentMethod] = {}

    @apply(b, wrap("payment_method_json"))
    def payment_method_json(usual: ShowMethod, call: Call, method: PaymentMethod) -> Json:
        if method_retrieved(call) is not None:
            return usual(call, cached.setdefault(method.id, method))
        if call.request.method == "POST" and not call.request.path.endswith("/detach"):
            cached.pop(method.id, None)
        return usual(call, method)

    @apply(b, wrap("delete_customer"))
    def delete_customer(usual: DeleteCustomer, call: Call, customer: Customer) -> None:
        for method in call.store.methods_of(customer.id):
            cached.pop(method.id, None)
        usual(call, customer)


@stateful("state.detach", "medium")
def detaching_evicts_no_list(b: Behaviour) -> None:
    """A customer's list is cached until something is attached: a detached payment method is still on it."""
    cached: dict[str, list[PaymentMethod]] = {}

    @apply(b, wrap("methods_of"))
    def methods_of(usual: ListMethods, call: Call, customer: str) -> list[PaymentMethod]:
        if customer not in cached:
            cached[customer] = usual(call, customer)
        return cached[customer]

    @apply(b, wrap("attach"))
    def attach(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
        cached.pop(attempt.owner.id, None)
        return usual(call, attempt)

    @apply(b, wrap("delete_customer"))
    def delete_customer(usual: DeleteCustomer, call: Call, customer: Customer) -> None:
        cached.pop(customer.id, None)
        usual(call, customer)


@stateful("state.deleted-customer", "medium", batch=BATCH)
def deletion_is_a_job(b: Behaviour) -> None:
    """A customer is deleted by a job, a fifth of a second later: until then it can be attached to.

    `destroy_later` and `perform_later` of Rails, Celery's `delay`, queues of Laravel.
    """
    doomed: dict[str, tuple[float, Customer]] = {}

    @apply(b, wrap("delete_customer"))
    def delete_customer(usual: DeleteCustomer, call: Call, customer: Customer) -> None:
        doomed[customer.id] = time.monotonic() + JOB_DELAY, customer
        usual(call, customer)

    @apply(b, wrap("find_customer"))
    def find_customer(usual: FindCustomer, call: Call, identifier: str) -> Customer | None:
        due, customer = doomed.get(identifier, (0.0, None))
        return customer if time.monotonic() < due else usual(call, identifier)


# Saving more than what was changed.


@stateful("state.only-this-one", "hard", batch=BATCH)
def checks_are_in_a_shared_template(b: Behaviour) -> None:
    """Attaching sets `cvc_check` of all payment methods with this card: a shallow copy shares its `checks`.

    Fixtures in Python and JavaScript: `dict(VISA)`, `{...VISA, id}`.
    """
    passed: set[Card] = set()

    @apply(b, wrap("payment_method_json"))
    def payment_method_json(usual: ShowMethod, call: Call, method: PaymentMethod) -> Json:
        is_shared = method.card in passed and method.cvc_check is not None
        return usual(call, replace(method, cvc_check="pass") if is_shared else method)

    @apply(b, wrap("attach"))
    def attach(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
        if attempt.method.card is not None:
            passed.add(attempt.method.card)
        return usual(call, attempt)


@stateful("state.only-this-one", "easy", wrap("attach"), batch=BATCH)
def first_method_becomes_the_default(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
    """The first payment method of a customer without a default becomes the default.

    A callback of many shops: `customer.default ||= method`, dj-stripe's `set_default=True`.
    """
    method = usual(call, attempt)
    owner = attempt.owner
    if owner.default_payment_method is None and len(call.store.methods_of(owner.id)) == 1:
        call.store.put_customer(replace(owner, default_payment_method=method.id))
    return method


@stateful("state.only-this-one", "hard", wrap("attach", loaded=dict), batch=BATCH)
def attaching_saves_the_cached_customer(
    usual: Attach, call: Call, attempt: Attempt, loaded: dict[str, Customer]
) -> PaymentMethod:
    """Attaching saves the customer as it was when it was first loaded: later updates of it are undone.

    Hibernate's merge of a detached entity, Mongoose's `customer.save()` of a cached document, JPA's cascade.
    """
    method = usual(call, attempt)
    call.store.put_customer(loaded.setdefault(attempt.owner.id, attempt.owner))
    return method


@stateful("state.only-this-one", "medium", wrap("attach"), batch=BATCH)
def customer_saved_without_its_description(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
    """Attaching saves the customer from a model that has no `description`, and so loses it.

    Mappers with a field forgotten: MapStruct's `unmappedTargetPolicy = IGNORE`, `Model.update(**schema.dump())`.
    """
    method = usual(call, attempt)
    owner = attempt.owner
    details = {name: value for name, value in owner.details.items() if name != "description"}
    call.store.put_customer(replace(owner, details=details))
    return method


# Lists.


@stateful("state.listed", "medium", wrap("methods_of"), batch=BATCH)
def list_joins_the_metadata(usual: ListMethods, call: Call, customer: str) -> list[PaymentMethod]:
    """A payment method is listed as many times as it has metadata: a join of two tables without DISTINCT.

    `joinedload` of SQLAlchemy without unique(), `JOIN FETCH` of Hibernate 5, filters across relations in Django.
    """
    return [method for method in usual(call, customer) for _ in range(max(1, len(method.metadata)))]


@stateful("state.listed", "medium", wrap("methods_of"), batch=BATCH)
def list_shows_each_card_once(usual: ListMethods, call: Call, customer: str) -> list[PaymentMethod]:
    """The customer's list shows each card once, though several payment methods have it.

    `uniq(&:fingerprint)`, lodash's uniqBy, DISTINCT ON, for the sake of the page that shows the list.
    """
    by_card: dict[Card | str, PaymentMethod] = {}
    for method in usual(call, customer):
        by_card.setdefault(method.card or method.id, method)
    return list(by_card.values())


@stateful("state.listed", "hard", wrap("methods_of"), batch=BATCH)
def pages_by_created(usual: ListMethods, call: Call, customer: str) -> list[PaymentMethod]:
    """The next page begins with what is older than the last entry: what is as old is on no page.

    Home-made cursors: `WHERE created < ?` without the id as the second key.
    """
    methods = usual(call, customer)
    cursor = next((method for method in methods if method.id == call.parameters.text("starting_after")), None)
    if cursor is None:
        return methods
    return [cursor, *(method for method in methods if method.created < cursor.created)]
