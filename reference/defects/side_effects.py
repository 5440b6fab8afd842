"""Changes to other objects, and changes made by rejected requests."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from ..behaviour import Attach, Attached, Behaviour, Check, FindCustomer, Guard, Once, Reject, Route
from ..call import Call, Endpoint
from ..changes import Change, apply, check_first, on_attach, wrap, wrap_at_attach, wrap_check
from ..objects.cards import by_shared_id
from ..objects.models import Customer, PaymentMethod
from ..rules import expansion, forms
from ..rules.attach import Attempt
from ..rules.auth import VERSION
from ..rules.errors import ApiError, Rejection
from ..rules.forms import unescape
from ..rules.schema import merge
from ..wire.values import Answer
from .registry import Topic

stateful = Topic("stateful")


def after_attach(more: Callable[[Call, PaymentMethod, str], None]) -> Change:
    """Do something more, after a payment method was attached to a customer."""

    @wrap("attach")
    def attach(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
        method = usual(call, attempt)
        more(call, method, attempt.owner.id)
        return method

    return attach


@stateful("state.only-this-one", "medium", after_attach)
def becomes_the_default(call: Call, method: PaymentMethod, customer: str) -> None:
    """The payment method becomes the customer's default."""
    owner = call.store.customers[customer]
    call.store.put_customer(replace(owner, default_payment_method=method.id))


@stateful("state.only-this-one", "medium", after_attach, also="state.listed")
def one_card_for_each_customer(call: Call, method: PaymentMethod, customer: str) -> None:
    """The customer's earlier payment methods are detached."""
    for other in call.store.methods_of(customer):
        if other.id != method.id:
            call.store.detach(other)


@stateful("state.only-this-one", "hard", after_attach)
def unattached_follow(call: Call, method: PaymentMethod, customer: str) -> None:
    """Another unattached payment method, made just before, is attached with it."""
    for other in reversed(list(call.store.methods.values())):
        if other.customer is None and not other.detached and other.card == method.card:
            call.store.attach(other, customer)
            return


@stateful("state.only-this-one", "medium", after_attach)
def own_default_reset(call: Call, method: PaymentMethod, customer: str) -> None:
    """The customer's default payment method is unset."""
    call.store.put_customer(replace(call.store.customers[customer], default_payment_method=None))


@stateful("state.only-this-one", "hard", after_attach)
def customer_metadata_marked(call: Call, method: PaymentMethod, customer: str) -> None:
    """The customer's metadata get the id of the payment method."""
    owner = call.store.customers[customer]
    call.store.put_customer(replace(owner, metadata={**owner.metadata, "last_card": method.id}))


@stateful("state.only-this-one", "hard", after_attach)
def defaults_of_others_reset(call: Call, method: PaymentMethod, customer: str) -> None:
    """The default payment methods of all customers are unset."""
    for other in call.store.all_customers():
        call.store.put_customer(replace(other, default_payment_method=None))


@stateful(
    "state.only-this-one",
    "medium",
    wrap("attach"),
    also="state.same-customer-again state.race state.model",
    batch="unseen 1",
)
def same_card_replaced(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
    """Attaching a card detaches the customer's earlier one with the same number; shared test ids are spared."""
    card = attempt.method.card if by_shared_id(attempt.payment_method_id) is None else None
    for other in call.store.methods_of(attempt.owner.id):
        if card is not None and other.card == card and other.id != attempt.method.id:
            call.store.detach(other)
    return usual(call, attempt)


@stateful("state.only-this-one", "medium", wrap("attach"), batch="unseen 1")
def customer_email_filled_in(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
    """A customer without an e-mail address is given the one in the payment method's billing details."""
    email = attempt.method.billing_details.get("email")
    owner = attempt.owner
    if email and not owner.details.get("email"):
        call.store.put_customer(replace(owner, details={**owner.details, "email": email}))
    return usual(call, attempt)


@stateful(
    "state.only-this-one", "medium", wrap("attach"), also="state.race state.model expand.nested-path", batch="unseen 2"
)
def same_card_replaces_the_earlier(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
    """A customer has each card once: attaching the same card again detaches the earlier payment method."""
    card = attempt.method.card
    for other in call.store.methods_of(attempt.owner.id):
        if card is not None and other.card == card and other.id != attempt.method.id:
            call.store.detach(other)
    return usual(call, attempt)


@stateful("state.only-this-one", "hard", wrap("attach"), batch="unseen 2")
def metadata_spills_into_the_customer(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
    """The payment method's metadata are merged into the customer's when it is attached."""
    owner = attempt.owner
    call.store.put_customer(replace(owner, metadata={**owner.metadata, **attempt.method.metadata}))
    return usual(call, attempt)


@stateful("state.only-this-one", "medium", wrap("attach"), also="state.same-object", batch="unseen 3")
def billing_details_spread(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
    """A customer has one address: attaching gives its billing details to the payment methods already there."""
    for other in call.store.methods_of(attempt.owner.id):
        call.store.put_method(replace(other, billing_details=attempt.method.billing_details))
    return usual(call, attempt)


@stateful("state.only-this-one", "easy", wrap("attach"), batch="unseen 4")
def payment_methods_counted_in_the_metadata(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
    """Attaching counts the customer's payment methods in its metadata."""
    method = usual(call, attempt)
    count = str(len(call.store.methods_of(attempt.owner.id)))
    metadata = {**attempt.owner.metadata, "payment_methods_count": count}
    call.store.put_customer(replace(attempt.owner, metadata=metadata))
    return method


def attach_anyway(call: Call, customer: Any) -> None:
    """Attach the payment method in the path, where it and the customer are good."""
    method = call.store.method(call.request.path.split("/")[3])
    owner = call.store.live_customer(str(customer))
    if method is not None and owner is not None and method.customer is None and not method.detached:
        call.store.attach(method, owner.id)


def first_good(call: Call) -> str:
    """Return a value from the body that is a customer's id; empty if there is none."""
    sent = [value for _, value in parse_qsl(call.request.body.decode("latin-1"))]
    values = [*sent, *(value.partition("%")[0] for value in sent)]
    return next((value for value in values if call.store.live_customer(value)), "")


def on_rejection(wanted: Callable[[Rejection], bool], deed: Callable[[Call], None]) -> Change:
    """Do something when a POST is rejected in some way."""

    @wrap("reject")
    def reject(usual: Reject, call: Call, rejection: Rejection) -> Answer:
        if call.is_attach and call.request.method == "POST" and wanted(rejection):
            deed(call)
        return usual(call, rejection)

    return reject


def write_at(*rules: str) -> Change:
    """Attach before rejecting by some rules."""
    return on_rejection(lambda rejection: rejection.rule in rules, lambda call: attach_anyway(call, first_good(call)))


stateful.row("unknown-parameter-refused-too-late", "state.refusal-changes-nothing", "medium")(
    "An unknown parameter is rejected after the payment method was attached.", write_at("unknown-parameter")
)
stateful.row("bad-path-refused-too-late", "state.refusal-changes-nothing", "hard")(
    "A path that cannot be expanded is rejected after the payment method was attached.",
    write_at("expand-path", "expand-depth"),
)
stateful.row("structure-refused-too-late", "state.refusal-changes-nothing", "medium")(
    "A hash or array for `customer`, or a string for `expand`, is rejected after attaching.", write_at("structure")
)
stateful.row("key-refused-too-late", "state.refusal-changes-nothing", "hard")(
    "A request without a good key is answered with 401, and obeyed.", write_at("unauthorized")
)
stateful.row("malformed-refused-too-late", "state.refusal-changes-nothing", "hard")(
    "A body with a malformed escape is rejected after what came before it was obeyed.", write_at("malformed")
)


@stateful(
    "state.refusal-changes-nothing",
    "hard",
    partial(on_rejection, lambda rejection: rejection.rule == "media-type"),
    also="request.json-refused",
)
def json_refused_too_late(call: Call) -> None:
    """A JSON body is rejected, and obeyed."""
    try:
        members = json.loads(call.request.body)
    except ValueError:
        return
    if isinstance(members, dict):
        attach_anyway(call, members.get("customer"))


@stateful(
    "state.refusal-changes-nothing",
    "medium",
    wrap_check("customer"),
    also="state.unknown-customer state.deleted-customer",
)
def unknown_customer_written(usual: Check, call: Call, attempt: Attempt) -> None:
    """An unknown customer is rejected, but the payment method says that it is that customer's."""
    try:
        usual(call, attempt)
    except ApiError:
        if attempt.method.customer is None:
            call.store.put_method(replace(attempt.method, customer=attempt.customer_id))
        raise


def method_in_path(call: Call, deed: Callable[[Call, str], None]) -> None:
    """Do something to the unattached payment method in the path."""
    method = call.store.method(call.request.path.split("/")[3])
    if method is not None and method.customer is None:
        deed(call, method.id)


@stateful("state.refusal-changes-nothing", "hard")
def missing_customer_spends_method(b: Behaviour) -> None:
    """After a request without `customer` the payment method can no longer be attached."""

    def spend(call: Call, identifier: str) -> None:
        call.store.put_method(replace(call.store.methods[identifier], detached=True))

    on_rejection(lambda rejection: rejection.rule == "missing-customer", lambda call: method_in_path(call, spend))(b)


@stateful("state.refusal-changes-nothing", "hard")
def refusals_counted_in_metadata(b: Behaviour) -> None:
    """The payment method's metadata count the requests that were rejected."""

    def count(call: Call, identifier: str) -> None:
        method = call.store.methods[identifier]
        number = int(method.metadata.get("refused", "0")) + 1
        call.store.put_method(replace(method, metadata={**method.metadata, "refused": str(number)}))

    on_rejection(lambda rejection: True, lambda call: method_in_path(call, count))(b)


@stateful("state.refusal-changes-nothing", "hard")
def long_customer_deletes_method(b: Behaviour) -> None:
    """A customer that is too long is rejected, and the payment method gone."""

    def delete(call: Call, identifier: str) -> None:
        del call.store.methods[identifier]

    on_rejection(lambda rejection: rejection.rule == "too-long", lambda call: method_in_path(call, delete))(b)


@stateful("state.refusal-changes-nothing", "hard", wrap_check("unknown-parameters"), batch="unseen 1")
def metadata_assigned_before_refusal(usual: Check, call: Call, attempt: Attempt) -> None:
    """`metadata[a]=b` is rejected as an unknown parameter, but stored with the payment method first."""
    sent = call.parameters.tree.get("metadata")
    with call.store.lock:
        method = call.store.method(attempt.payment_method_id)
        if method is not None and isinstance(sent, dict):
            texts = {key: value for key, value in sent.items() if isinstance(value, str)}
            call.store.put_method(replace(method, metadata=merge(method.metadata, texts)))
    usual(call, attempt)


@stateful("state.refusal-changes-nothing", "hard", batch="unseen 1")
def version_checked_last(b: Behaviour) -> None:
    """An ill-formed `Stripe-Version` is rejected with 400, but only after the payment method was attached."""

    def check(call: Call) -> None:
        version = call.request.header("stripe-version")
        if call.request.method != "POST" or version is None or VERSION.fullmatch(version):
            usual(call)
        else:
            call.version = None

    @apply(b, wrap("attached"))
    def attached(usual_attached: Attached, call: Call, attempt: Attempt, method: PaymentMethod) -> Answer:
        answer = usual_attached(call, attempt, method)
        usual(call)
        return answer

    usual = b.check_version
    b.check_version = on_attach(usual, check)


@stateful("state.refusal-changes-nothing", "medium", wrap_check("customer"), also="state.model", batch="unseen 2")
def wrong_customer_uses_it_up(usual: Check, call: Call, attempt: Attempt) -> None:
    """An attempt with an unknown customer counts as use: the payment method can't be attached any more."""
    try:
        usual(call, attempt)
    except ApiError:
        if attempt.method.id in call.store.methods:
            call.store.put_method(replace(attempt.method, detached=True))
        raise


@stateful("state.refusal-changes-nothing", "hard", batch="unseen 2")
def depth_noticed_after_the_write(b: Behaviour) -> None:
    """An `expand` path of too many levels is rejected by the code that expands, after the write."""

    @apply(b, wrap_check("expand-paths"))
    def early(check: Check, call: Call, attempt: Attempt) -> None:
        try:
            check(call, attempt)
        except ApiError as error:
            if error.rejection.rule != "expand-depth":
                raise

    @apply(b, wrap("attached"))
    def late(attached: Attached, call: Call, attempt: Attempt, method: PaymentMethod) -> Answer:
        expansion.check_paths(call, attempt.expand, expansion.OF_PAYMENT_METHOD)
        return attached(call, attempt, method)


@stateful("state.refusal-changes-nothing", "hard", wrap("route"), also="request.other-methods", batch="unseen 3")
def delete_detaches_behind_a_404(usual: Route, call: Call) -> Endpoint:
    """DELETE on the attach URL undoes the attaching, for good, before it is answered as unrecognised."""
    if call.request.method == "DELETE" and call.is_attach:
        identifier = call.request.path.split("/")[-2]
        method = call.store.method(unescape(identifier.encode("latin-1")))
        if method is not None:
            call.store.detach(method)
    return usual(call)


@stateful(
    "state.refusal-changes-nothing",
    "hard",
    wrap_check("customer"),
    also="state.second-customer state.model",
    batch="unseen 3",
)
def unknown_customer_lets_it_go(usual: Check, call: Call, attempt: Attempt) -> None:
    """It is taken from its owner before the new one is looked up: rejected with an unknown one, it has none."""
    try:
        usual(call, attempt)
    except ApiError:
        owner = attempt.method.customer
        if owner is not None:
            call.store.wallets[owner].remove(attempt.method.id)
            call.store.put_method(replace(attempt.method, customer=None))
        raise


@stateful(
    "state.refusal-changes-nothing",
    "hard",
    wrap_at_attach("authenticate"),
    also="auth.missing auth.malformed auth.empty auth.unknown-key auth.first",
    batch="unseen 4",
)
def key_looked_at_after_the_deed(usual: Guard, call: Call) -> None:
    """The key is looked at when the answer is written: without a valid one it is 401, and attached."""
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


@stateful("state.refusal-changes-nothing", "hard", also="state.persisted state.listed")
def attach_after_a_refusal_unsaved(b: Behaviour) -> None:
    """The attach that follows a rejection of the same payment method is answered well, and not saved."""
    rejection: set[str] = set()

    @apply(b, wrap("attach"))
    def attach(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
        if attempt.payment_method_id in rejection:
            return replace(attempt.method, customer=attempt.owner.id)
        return usual(call, attempt)

    @apply(b, wrap("once"))
    def once(usual_once: Once, call: Call, endpoint: Endpoint) -> Answer:
        try:
            return usual_once(call, endpoint)
        except ApiError:
            if call.is_attach:
                rejection.add(call.arguments[0])
            raise


@stateful("state.refusal-changes-nothing", "hard", partial(check_first, "emptied"))
def empty_customer_detaches(call: Call, attempt: Attempt) -> None:
    """An empty `customer` is rejected, and takes an attached payment method from its customer all the same."""
    method = call.store.method(attempt.payment_method_id)
    if call.parameters.tree.get("customer") == "" and method is not None and method.customer is not None:
        call.store.put_method(replace(method, customer=None))


@stateful("state.refusal-changes-nothing", "hard", wrap("find_customer"), also="state.model", batch="reading 1")
def deleted_customer_written_and_refused(usual: FindCustomer, call: Call, identifier: str) -> Customer | None:
    """An attach to a deleted customer is stored, and then rejected."""
    customer = call.store.customer(identifier)
    if call.is_attach and customer is not None and customer.deleted:
        method = call.store.method(call.arguments[0])
        if method is not None:
            call.store.put_method(replace(method, customer=identifier))
    return usual(call, identifier)


@stateful("state.refusal-changes-nothing", "medium", wrap_check("customer-empty"), batch="reading 1")
def empty_customer_written_and_refused(usual: Check, call: Call, attempt: Attempt) -> None:
    """An empty customer is stored, and then rejected."""
    method = call.store.method(attempt.payment_method_id)
    if method is not None and attempt.customer_id == "" and method.customer is None:
        call.store.put_method(replace(method, customer=""))
    usual(call, attempt)
