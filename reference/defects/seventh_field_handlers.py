"""Mistakes of a handler's own code: what it looks up, checks and counts, and how it says that something is wrong."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import Any

from ..behaviour import Attach, Behaviour, Check, FindCustomer, FindMethod, NewId, Present, ShowCustomer, ShowMethod
from ..call import Call
from ..changes import Change, apply, check_after, rejection, wrap, wrap_at_attach, wrap_check
from ..objects.models import Customer, PaymentMethod
from ..rules import errors
from ..rules.attach import Attempt
from ..rules.errors import ApiError, Rejection
from ..wire.values import Answer, Json
from .parts import unexpected_error
from .registry import Topic

contract = Topic("contract")
stateful = Topic("stateful")
stripe = Topic("stripe")

BATCH = "seventh field, inner layers"

CUSTOMER_ID = re.compile(r"cus_\w+", re.ASCII)
BEHIND = 0.05
"""How far the replica is behind, in seconds."""
FAILURES = 5
"""After how many consecutive failures a circuit breaker opens: pybreaker's default."""
OPEN_FOR = 2.0
"""For how many seconds it lets nothing through then."""
ENGLISH = re.compile(r"\s*(?:en|\*|$)", re.IGNORECASE)


# Looking things up.


@contract("request.minimal-body", "hard", intermittent=True, batch=BATCH)
def new_customers_are_not_on_the_replica(b: Behaviour) -> None:
    """A customer is not found in the first moment after its creation: attach reads from a replica.

    Django's database routers, Rails' `connected_to(role: :reading)`, read preferences of MongoDB.
    """
    born: dict[str, float] = {}

    @apply(b, wrap("new_id"))
    def new_id(usual: NewId, prefix: str) -> str:
        identifier = usual(prefix)
        born[identifier] = time.monotonic()
        return identifier

    @apply(b, wrap("find_customer"))
    def find_customer(usual: FindCustomer, call: Call, identifier: str) -> Customer | None:
        is_new = time.monotonic() - born.get(identifier, 0.0) < BEHIND
        return None if is_new else usual(call, identifier)


@stripe("auth.schemes", "medium", batch=BATCH)
def accounts_by_the_authorization_header(b: Behaviour) -> None:
    """Objects are kept by the Authorization header as it came: by Basic, nothing is found that Bearer made.

    Fakes in tests: `const account = accounts[req.headers.authorization]`.
    """
    accounts: dict[str, str | None] = {}

    def own(call: Call, identifier: str) -> None:
        if call.request.method == "POST" and not call.is_attach:
            accounts.setdefault(identifier, call.request.header("authorization"))

    def is_own(call: Call, identifier: str) -> bool:
        header = call.request.header("authorization")
        return accounts.get(identifier, header) == header

    @apply(b, wrap("payment_method_json"))
    def payment_method_json(usual: ShowMethod, call: Call, method: PaymentMethod) -> Json:
        own(call, method.id)
        return usual(call, method)

    @apply(b, wrap("customer_json"))
    def customer_json(usual: ShowCustomer, call: Call, customer: Customer) -> Json:
        own(call, customer.id)
        return usual(call, customer)

    @apply(b, wrap("find_payment_method"))
    def find_payment_method(usual: FindMethod, call: Call, identifier: str) -> PaymentMethod | None:
        return usual(call, identifier) if is_own(call, identifier) else None

    @apply(b, wrap("find_customer"))
    def find_customer(usual: FindCustomer, call: Call, identifier: str) -> Customer | None:
        return usual(call, identifier) if is_own(call, identifier) else None


# Checks.


@stripe("stripe.resource-missing-customer", "medium", wrap_check("customer"), batch=BATCH)
def ids_without_the_prefix_are_invalid(usual: Check, call: Call, attempt: Attempt) -> None:
    """A customer whose id does not begin with `cus_` is 400 parameter_invalid, not resource_missing.

    Validators of ids in front of the look-up: Pydantic's `pattern`, class-validator's @Matches.
    """
    identifier = attempt.customer_id or ""
    if not identifier.startswith("cus_"):
        raise rejection(400, "This is no id of a customer.", "parameter_invalid", "customer")
    usual(call, attempt)


@contract("request.minimal-body", "medium", batch=BATCH)
def pattern_remembers_its_place(b: Behaviour) -> None:
    """Every second good customer is rejected: a pattern with the flag `g` goes on where it ended.

    JavaScript: `const ID = /^cus_\\w+$/g`, and `ID.test(customer)`.
    """
    last_index = [0]

    def test(text: str) -> bool:
        fits = last_index[0] == 0 and CUSTOMER_ID.fullmatch(text) is not None
        last_index[0] = len(text) if fits else 0
        return fits

    @apply(b, wrap_check("customer"))
    def customer(usual: Check, call: Call, attempt: Attempt) -> None:
        if not test(attempt.customer_id or ""):
            raise errors.no_such("customer", attempt.customer_id or "", "customer", 400)
        usual(call, attempt)


def refuse_a_second_card(call: Call, attempt: Attempt) -> None:
    """Reject a card that the customer has by another payment method."""
    card = attempt.method.card
    for method in call.store.methods_of(attempt.owner.id):
        if card is not None and method.card == card and method.id != attempt.method.id:
            raise rejection(400, "The customer has this card already.")


contract.row("customer-has-a-card-once", "request.minimal-body", "medium", batch=BATCH)(
    # Braintree's `fail_on_duplicate_payment_method`; validates :fingerprint, uniqueness: { scope: :customer_id }.
    "A second payment method with a card that the customer has already is rejected with 400.",
    check_after("not-declined", refuse_a_second_card),
)


@stripe("stripe.parameter-missing", "easy", wrap_check("customer-given"), batch=BATCH)
def missing_key_is_a_missing_object(usual: Check, call: Call, attempt: Attempt) -> None:
    """Without `customer` the answer is 404, as for an unknown payment method: one `except KeyError` for both.

    Fakes over dicts: `try: method, customer = METHODS[id], CUSTOMERS[form["customer"]]`.
    """
    if attempt.customer_id is None:
        raise errors.no_such("PaymentMethod", attempt.payment_method_id, "payment_method", 404)


# Failures.


@contract("error.status-class", "medium", also="robustness.still-serving", batch=BATCH)
def breaker_counts_rejections(b: Behaviour) -> None:
    """After five consecutive rejections the next requests are 503: the circuit breaker counts them as failures.

    pybreaker without `exclude`, Resilience4j without `ignoreExceptions` (issue 568), opossum without `errorFilter`.
    """
    failures, opened = [0], [0.0]

    def refuse_while_open(call: Call, attempt: Attempt) -> None:
        if opened[0] and time.monotonic() - opened[0] < OPEN_FOR:
            raise ApiError(Rejection("seeded", 503, "The service is not available.", "api_error"))

    def counted(name: str) -> Change:
        @wrap_check(name)
        def check(usual: Check, call: Call, attempt: Attempt) -> None:
            try:
                usual(call, attempt)
            except ApiError:
                failures[0] += 1
                opened[0] = time.monotonic() if failures[0] >= FAILURES else 0.0
                raise

        return check

    @apply(b, wrap("attach"))
    def attach(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
        failures[0], opened[0] = 0, 0.0
        return usual(call, attempt)

    for name in ("payment-method", "customer", "not-another-customers", "not-detached", "not-declined"):
        counted(name)(b)
    check_after("expand-paths", refuse_while_open)(b)


@contract("error.message", "hard", wrap_at_attach("present"), batch=BATCH)
def message_has_no_translation(usual: Present, call: Call, answer: Answer) -> Answer:
    """The message is null for a language other than English: `messages[language][code]` has no such text.

    Catalogues of messages without a fallback: i18next without `fallbackLng`, rosetta, gettext's `fallback=True`.
    """
    answer = usual(call, answer)
    if answer.status < 400 or ENGLISH.match(call.request.header("accept-language") or ""):
        return answer
    return replace(answer, payload={"error": {**answer.payload["error"], "message": None}})


def ends_at_null(node: Any, path: str) -> bool:
    """Return whether a path ends at a member that is null."""
    names = path.split(".")
    for name in names[:-1]:
        node = node.get(name) if isinstance(node, dict) else None
    return isinstance(node, dict) and node.get(names[-1], "") is None


@stateful("error.status-class", "hard", wrap("attach"), batch=BATCH)
def expanding_null_crashes(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
    """A path that ends at null, as a default payment method that is not set, is a 500: it looks null up.

    `find_by!(id: nil)` of Rails, `Model.objects.get(pk=None)` of Django, `findOneOrFail` of TypeORM.
    """
    shown = call.behaviour.payment_method_json(call, attempt.method)
    shown["customer"] = call.behaviour.customer_json(call, attempt.owner)
    if any(ends_at_null(shown, path) for path in attempt.expand):
        raise unexpected_error()
    return usual(call, attempt)
