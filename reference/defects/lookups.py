"""Mistakes with ids that name nothing, deleted customers, and detaching."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from ..behaviour import Amend, Attach, Behaviour, Check, Detach, FindCustomer, FindMethod
from ..call import Call
from ..changes import Change, apply, check_after, expands, override, skip_check, wrap, wrap_at_attach, wrap_check
from ..objects import cards
from ..objects.cards import CARDS
from ..objects.models import Customer, PaymentMethod
from ..objects.store import new_card
from ..rules.attach import Attempt
from ..rules.errors import Rejection
from .parts import instead_of_attaching
from .registry import Topic

stateful = Topic("stateful")


@stateful("state.unknown-payment-method", "easy", wrap("find_payment_method"))
def unknown_method_created(usual: FindMethod, call: Call, identifier: str) -> PaymentMethod | None:
    """An unknown payment method is created on the spot."""
    return usual(call, identifier) or new_card(CARDS["visa"], identifier)


def find_method_like(alike: Callable[[str, str], bool]) -> Change:
    """Find payment methods whose ids only resemble the one sent."""

    @wrap("find_payment_method")
    def find(usual: FindMethod, call: Call, identifier: str) -> PaymentMethod | None:
        exact = usual(call, identifier)
        near = [known for known in call.store.methods if alike(known, identifier)]
        return exact or (call.store.method(near[0]) if near else None)

    return find


stateful.row("method-in-any-case", "state.unknown-payment-method", "medium")(
    "Payment methods are found without regard to upper and lower case.",
    find_method_like(lambda known, sent: known.lower() == sent.lower()),
)
stateful.row("junk-after-method-ignored", "state.unknown-payment-method", "hard")(
    "Characters after a known id in the path are ignored.", find_method_like(lambda known, sent: sent.startswith(known))
)


@stateful("state.unknown-payment-method", "medium", wrap_at_attach("find_payment_method"), batch="unseen 1")
def format_suffix_stripped(usual: FindMethod, call: Call, identifier: str) -> PaymentMethod | None:
    """The router takes `.json` behind the id for a format: `pm_….json` attaches `pm_…`."""
    return usual(call, identifier.removesuffix(".json"))


LIKELY = re.compile(r"pm_[A-Za-z0-9]{8,}", re.ASCII)


@stateful(
    "state.unknown-payment-method",
    "easy",
    wrap("find_payment_method"),
    also="stripe.resource-missing-payment-method",
    batch="unseen 2",
)
def payment_methods_made_up(usual: FindMethod, call: Call, identifier: str) -> PaymentMethod | None:
    """A payment method that is not there is made up on the spot if its id looks like one."""
    found = usual(call, identifier)
    if found is None and LIKELY.fullmatch(identifier):
        return new_card(cards.CARDS["visa"], identifier)
    return found


stateful.row(
    "matrix-parameters-cut",
    "state.unknown-payment-method",
    "hard",
    also="stripe.resource-missing-payment-method response.id",
    batch="unseen 3",
)(
    "A segment of the path ends at a semicolon: `pm_1;x` finds `pm_1`.",
    wrap("find_payment_method")(lambda usual, call, identifier: usual(call, identifier.partition(";")[0])),
)
INHERITED = ("constructor", "toString", "hasOwnProperty", "__proto__")
"""What a look-up in an object of JavaScript finds, though nobody has put it there."""


@stateful("state.unknown-payment-method", "hard", wrap("find_payment_method"), batch="reading 1")
def inherited_name_is_a_payment_method(usual: FindMethod, call: Call, name: str) -> PaymentMethod | None:
    """Payment methods are looked up in a plain object, which inherits a `constructor`."""
    return new_card(cards.CARDS["visa"], name) if name in INHERITED else usual(call, name)


@stateful("state.unknown-payment-method", "hard", wrap("find_payment_method"), batch="reading 1")
def customer_in_the_path_attached(usual: FindMethod, call: Call, name: str) -> PaymentMethod | None:
    """All objects are in one store and found by their ids, so that a customer can be attached to itself."""
    is_customer = name.startswith("cus_") and call.store.live_customer(name) is not None
    return new_card(cards.CARDS["visa"], name) if is_customer else usual(call, name)


@stateful(
    "state.unknown-payment-method",
    "medium",
    wrap("find_payment_method"),
    also="stripe.card-declined",
    batch="reading 1",
)
def any_shared_token_is_a_visa(usual: FindMethod, call: Call, name: str) -> PaymentMethod | None:
    """Any id that begins with `pm_card_` and names no other card is taken for a Visa that succeeds."""
    found = usual(call, name)
    if found is None and name.startswith("pm_card_"):
        return new_card(cards.CARDS["visa"], call.behaviour.new_id("pm_"))
    return found


def find_customer_else(other: Callable[[Call, str], Customer | None]) -> Change:
    """Find some customer for ids that name none."""
    return wrap("find_customer")(lambda usual, call, identifier: usual(call, identifier) or other(call, identifier))


@stateful("state.unknown-customer", "easy", find_customer_else, also="state.deleted-customer request.value-exact")
def unknown_customer_created(call: Call, identifier: str) -> Customer | None:
    """An unknown customer is created on the spot, if its id begins with `cus_`."""
    if not identifier.startswith("cus_") or identifier in call.store.customers:
        return None
    return call.store.put_customer(Customer(identifier, 1_700_000_000))


def newest(call: Call) -> Customer | None:
    """Return the customer created last."""
    customers = call.store.all_customers()
    return customers[0] if customers else None


@stateful("state.unknown-customer", "medium")
def empty_customer_is_the_newest(b: Behaviour) -> None:
    """An empty id is taken for the newest customer's."""
    skip_check("customer-empty", lambda call, attempt: True)(b)
    find_customer_else(lambda call, identifier: None if identifier else newest(call))(b)


stateful.row("bare-prefix-is-the-newest", "state.unknown-customer", "hard")(
    "`cus_` without anything behind it is taken for the newest customer's id.",
    find_customer_else(lambda call, identifier: newest(call) if identifier == "cus_" else None),
)


@stateful("state.unknown-customer", "hard", find_customer_else)
def abbreviated_customer_found(call: Call, identifier: str) -> Customer | None:
    """The first 8 to 20 characters of an id are enough to find a customer."""
    if not 8 <= len(identifier) <= 20:
        return None
    return next((one for one in call.store.all_customers() if one.id.startswith(identifier)), None)


@stateful("state.unknown-customer", "hard", also="request.value-exact body.customer-length-limit-exact")
def unknown_customer_ignored(b: Behaviour) -> None:
    """An unknown customer is answered with success and a null customer."""

    @apply(b, find_customer_else)
    def nobody(call: Call, identifier: str) -> Customer | None:
        return None if identifier in call.store.customers else Customer("", 0)

    instead_of_attaching(
        lambda attempt: not attempt.owner.id, lambda call, attempt: replace(attempt.method, customer=None)
    )(b)


@stateful("state.unknown-customer", "hard", batch="unseen 1")
def looked_up_into_being(b: Behaviour) -> None:
    """Retrieving an unknown customer is a 404 but leaves an entry: from then on one can attach to it."""
    asked: set[str] = set()

    @apply(b, wrap("amend"))
    def amend(usual: Amend, call: Call, rejection: Rejection) -> Rejection:
        if rejection.rule == "no-such-customer" and call.request.method == "GET" and call.arguments:
            asked.add(call.arguments[0])
        return usual(call, rejection)

    @apply(b, wrap("find_customer"))
    def find(usual_find: FindCustomer, call: Call, identifier: str) -> Customer | None:
        if identifier in asked and call.store.customer(identifier) is None:
            return Customer(identifier, int(time.time()))
        return usual_find(call, identifier)


@stateful(
    "state.unknown-customer",
    "easy",
    wrap("find_customer"),
    also="request.value-exact state.deleted-customer stripe.resource-missing-customer",
    batch="unseen 2",
)
def customer_looked_up_for_expansion_only(usual: FindCustomer, call: Call, identifier: str) -> Customer | None:
    """The customer is looked up only where it is to be expanded; otherwise any id will do."""
    found = usual(call, identifier)
    return found if found or expands(call) else Customer(identifier, int(time.time()))


@stateful(
    "state.unknown-customer",
    "hard",
    wrap("find_customer"),
    also="request.value-exact stripe.resource-missing-customer",
    batch="unseen 3",
)
def customer_found_through_what_it_has(usual: FindCustomer, call: Call, identifier: str) -> Customer | None:
    """Any id leads to a customer: that of an attached payment method stands for its owner."""
    found = usual(call, identifier)
    method = call.store.methods.get(identifier)
    if found is None and method is not None and method.customer is not None:
        return usual(call, method.customer)
    return found


stateful.row("inherited-name-is-a-customer", "state.unknown-customer", "hard", batch="reading 1")(
    "Customers are looked up in a plain object, which inherits a `constructor`.",
    wrap("find_customer")(lambda usual, call, name: Customer(name, 0) if name in INHERITED else usual(call, name)),
)


def find_deleted(call: Call, identifier: str) -> Customer | None:
    """Return the customer of that id, even if it is deleted."""
    return call.store.customer(identifier)


stateful.row("deleted-customer-accepted", "state.deleted-customer", "medium")(
    "A deleted customer is as good as any.", find_customer_else(find_deleted)
)


@stateful("state.deleted-customer", "hard", find_customer_else)
def deleted_customer_revived(call: Call, identifier: str) -> Customer | None:
    """Attaching to a deleted customer revives it."""
    customer = call.store.customer(identifier)
    return None if customer is None else call.store.put_customer(replace(customer, deleted=False))


stateful.row("deleted-customer-accepted-with-expand", "state.deleted-customer", "hard")(
    "A deleted customer is accepted where `expand` is there.",
    find_customer_else(lambda call, identifier: find_deleted(call, identifier) if expands(call) else None),
)


@stateful("state.deleted-customer", "medium", also="stripe.resource-missing-customer state.model", batch="unseen 1")
def existence_remembered(b: Behaviour) -> None:
    """That a customer exists is cached by its first attach: deleted later, it still takes payment methods."""
    existing: dict[str, Customer] = {}

    @apply(b, wrap_at_attach("find_customer"))
    def find(usual: FindCustomer, call: Call, identifier: str) -> Customer | None:
        return existing.get(identifier) or usual(call, identifier)

    @apply(b, partial(check_after, "not-declined"))
    def remember(call: Call, attempt: Attempt) -> None:
        existing[attempt.owner.id] = attempt.owner


@stateful("state.deleted-customer", "hard", also="state.model stripe.resource-missing-customer", batch="unseen 2")
def customers_in_use_are_cached(b: Behaviour) -> None:
    """Customers that something was attached to are cached: they can be attached to after they are deleted."""
    cache: dict[str, Customer] = {}

    @apply(b, wrap("find_customer"))
    def find_cached(find: FindCustomer, call: Call, identifier: str) -> Customer | None:
        return cache.get(identifier) or find(call, identifier)

    @apply(b, wrap("attach"))
    def remember(attach: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
        cache[attempt.owner.id] = attempt.owner
        return attach(call, attempt)


@stateful(
    "state.deleted-customer",
    "medium",
    wrap("find_customer", cache=dict),
    also="stripe.resource-missing-customer state.model",
    batch="unseen 4",
)
def deleted_customers_stay_in_the_cache(
    usual: FindCustomer, call: Call, identifier: str, *, cache: dict[str, Customer]
) -> Customer | None:
    """Customers found once are cached for attaching, and stay known after they have been deleted."""
    found = usual(call, identifier) or cache.get(identifier)
    if found is not None:
        cache[identifier] = found
    return found


@stateful(
    "state.deleted-customer",
    "hard",
    wrap("find_customer"),
    also="stripe.resource-missing-customer state.model",
    batch="unseen 7",
)
def deleted_without_methods_found(usual: FindCustomer, call: Call, identifier: str) -> Customer | None:
    """A deleted customer that never had a payment method can still be attached to."""
    if identifier in call.store.wallets:
        return usual(call, identifier)
    return call.store.customer(identifier)


@stateful("state.deleted-customer", "hard", batch="reading 2")
def deleted_owner_takes_back(b: Behaviour) -> None:
    """The payment methods of a deleted customer can be attached to it again."""
    owners: dict[str, str] = {}

    @apply(b, wrap("attach"))
    def attach(usual_attach: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
        method = usual_attach(call, attempt)
        owners[method.id] = attempt.owner.id
        return method

    @apply(b, wrap_check("customer"))
    def check(usual_check: Check, call: Call, attempt: Attempt) -> None:
        identifier = attempt.customer_id or ""
        if owners.get(attempt.method.id) == identifier:
            attempt.customer = call.store.customer(identifier)
            return
        usual_check(call, attempt)

    @apply(b, wrap_check("not-detached"))
    def not_detached(usual_detached: Check, call: Call, attempt: Attempt) -> None:
        if not attempt.owner.deleted:
            usual_detached(call, attempt)


stateful.row("detach-not-stored", "state.detach", "easy")(
    "Detaching is answered rightly, but nothing is stored.",
    override("detach", lambda call, method: replace(method, customer=None)),
)


@stateful("state.detach", "medium", partial(override, "detach"))
def detached_still_listed(call: Call, method: PaymentMethod) -> PaymentMethod:
    """After detaching, the customer's list still holds the payment method."""
    return call.store.put_method(replace(method, customer=None, detached=True))


@stateful("state.detach", "medium", partial(override, "detach"))
def detached_keeps_customer(call: Call, method: PaymentMethod) -> PaymentMethod:
    """After detaching, the payment method is off the list but still names its customer."""
    detached = call.store.detach(method)
    call.store.put_method(replace(detached, customer=method.customer))
    return detached


@stateful("state.detach", "hard", wrap("detach"), also="state.model", batch="unseen 1")
def newest_taken_from_the_list(usual: Detach, call: Call, method: PaymentMethod) -> PaymentMethod:
    """Detaching takes the customer's newest payment method off the list, whichever was detached."""
    wallet = call.store.wallets.get(method.customer or "", [])
    others = wallet[:-1]
    detached = usual(call, method)
    wallet[:] = others
    return detached


@stateful("state.detach", "medium", wrap("detach"), also="state.model", batch="unseen 2")
def detaching_takes_the_newest_off_the_list(usual: Detach, call: Call, method: PaymentMethod) -> PaymentMethod:
    """Detaching pops the end of the customer's list, whichever payment method was detached."""
    wallet = call.store.wallets.get(method.customer or "", [])
    before = list(wallet)
    result = usual(call, method)
    wallet[:] = before[:-1]
    return result


@stateful("state.detach", "hard", also="state.model", batch="unseen 3")
def detaching_counts_down(b: Behaviour) -> None:
    """Attaching to the same customer again counts up, and detaching counts down: one of two leaves it attached."""
    times: Counter[str] = Counter()

    @apply(b, wrap("attach"))
    def count_up(attach: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
        times[attempt.method.id] += 1
        return attach(call, attempt)

    @apply(b, wrap("detach"))
    def count_down(detach: Detach, call: Call, method: PaymentMethod) -> PaymentMethod:
        times[method.id] -= 1
        return method if times[method.id] > 0 else detach(call, method)
