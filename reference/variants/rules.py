"""Other ways to decide what the clauses leave open."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from urllib.parse import unquote_plus

from ..behaviour import Amend, Behaviour, Check, Finish
from ..call import RANDOM, Call
from ..changes import Change, apply, change, drop_check, override, override_check, wrap, wrap_check
from ..objects.models import Customer
from ..rules import errors, expansion
from ..rules.attach import Attempt
from ..rules.errors import ApiError, Rejection, already_attached, no_such
from ..wire.values import Json, Response
from .registry import STATEFUL, STRIPE, Variants

variant = Variants()


def amend(change: Callable[[Call, Rejection], Rejection]) -> Change:
    """Change rejections."""
    return wrap("amend")(lambda usual, call, rejection: change(call, usual(call, rejection)))


def ask_before(name: str, check: Callable[[Call, Attempt], None]) -> Change:
    """Make one more check before another."""

    @wrap_check(name)
    def both(usual: Check, call: Call, attempt: Attempt) -> None:
        check(call, attempt)
        usual(call, attempt)

    return both


variant.row("refusals-are-422", STATEFUL)(
    "Rejections are 422 in place of 400.",
    amend(lambda call, rejection: replace(rejection, status=422) if rejection.status == 400 else rejection),
)


def amend_rule(rule: str, change: Callable[[Rejection], Rejection]) -> Change:
    """Change the rejections of one rule."""
    return amend(lambda call, rejection: change(rejection) if rejection.rule == rule else rejection)


variant.row("unknown-customer-is-404", STATEFUL)(
    "An unknown customer is answered with 404.",
    amend_rule("no-such-customer", lambda rejection: replace(rejection, status=404)),
)
variant.row("conflict-is-409", STATEFUL)(
    "A payment method that another customer has is answered with 409.",
    amend_rule("already-attached", lambda rejection: replace(rejection, status=409)),
)
variant.row("detached-is-402", STRIPE, deviates=("stripe.detached-reattach-status",))(
    "A detached payment method is rejected with 402.",
    amend_rule("used-up", lambda rejection: replace(rejection, status=402)),
)


@change
def move_check(b: Behaviour, name: str, to: int) -> None:
    """Make a check at another place in the order."""
    names = [other for other in b.checks if other != name]
    names.insert(to, name)
    b.checks = {other: b.checks[other] for other in names}


@variant(STRIPE)
def customer_first(b: Behaviour) -> None:
    """The customer is looked up before the payment method."""
    move_check("payment-method", list(b.checks).index("customer"))(b)


variant.row("payment-method-first", STRIPE)(
    "The payment method is looked up before anything else.", move_check("payment-method", 0)
)


@variant(STRIPE)
def missing_before_lookup(b: Behaviour) -> None:
    """A missing customer is noticed before the payment method is looked up."""
    move_check("customer-given", list(b.checks).index("payment-method"))(b)


variant.row("missing-customer-named", STRIPE)(
    "A missing customer is rejected in the older words, and named in `param`.",
    amend_rule(
        "missing-customer",
        lambda rejection: replace(rejection, message="Missing required param: customer.", param="customer"),
    ),
)
variant.row("missing-customer-uncoded", STRIPE, deviates=("stripe.parameter-missing-code",))(
    "A missing customer has no code.", amend_rule("missing-customer", lambda rejection: replace(rejection, code=None))
)


@variant(STRIPE, partial(override_check, "customer-empty"))
def empty_customer_missing(call: Call, attempt: Attempt) -> None:
    """An empty customer counts as a missing one."""
    if attempt.customer_id == "":
        raise errors.missing_customer()


@variant(STRIPE, partial(override_check, "customer-empty"), deviates=("stripe.customer-empty",))
def empty_customer_unknown(call: Call, attempt: Attempt) -> None:
    """An empty customer counts as an unknown one, and is answered with 404."""
    if attempt.customer_id == "":
        raise errors.no_such("customer", "", "customer", 404)


@variant(STATEFUL, partial(ask_before, "not-another-customers"))
def same_customer_refused(call: Call, attempt: Attempt) -> None:
    """Attaching to the same customer again is rejected."""
    if attempt.method.customer is not None:
        raise errors.already_attached()


variant.row("detached-as-good-as-new", STATEFUL)(
    "A detached payment method can be attached again.", drop_check("not-detached")
)


@variant(STRIPE)
def unknown_subpaths_refused(b: Behaviour) -> None:
    """A segment below `customer` in an expansion path must exist too."""
    known = ("invoice_settings", "default_source", "test_clock", "metadata", "address")

    @apply(b, partial(ask_before, "payment-method"))
    def check(call: Call, attempt: Attempt) -> None:
        for path in attempt.expand:
            segments = path.split(".")
            if segments[0] == "customer" and segments[1:] and segments[1] not in known:
                raise errors.not_expandable(segments[1])


@variant(STRIPE, batch="unseen 1")
def path_id_first(b: Behaviour) -> None:
    """The payment method in the path is looked up before any parameter is."""
    first = "payment-method"
    b.checks = {first: b.checks[first]} | {name: check for name, check in b.checks.items() if name != first}


@variant(STRIPE, wrap_check("expand-paths"), deviates=("expand.many-entries",), batch="unseen 1")
def twenty_expansions_at_most(usual: Check, call: Call, attempt: Attempt) -> None:
    """More than twenty entries of `expand`, and the same one twice, are rejected with 400."""
    usual(call, attempt)
    if len(attempt.expand) > 20 or len(set(attempt.expand)) < len(attempt.expand):
        text = "You cannot expand more than 20 different properties."
        raise ApiError(Rejection("variant", 400, text, param="expand"))


@variant(STRIPE, batch="unseen 2")
def path_looked_up_first(b: Behaviour) -> None:
    """The payment method is looked up before anything else, and unknown parameters are noticed last."""
    order = ("payment-method", "customer-structure", "expand-structure")
    last = b.checks.pop("unknown-parameters")
    known = {name: b.checks.pop(name) for name in order}
    deeds = {name: b.checks.pop(name) for name in ("not-another-customers", "not-detached", "not-declined")}
    b.checks = known | b.checks | {"unknown-parameters": last} | deeds


@variant(STRIPE, partial(override, "delete_customer"), batch="unseen 2")
def methods_outlive_their_customer(call: Call, customer: Customer) -> None:
    """Deleting a customer leaves its payment methods as they are, with the customer's id."""
    call.store.put_customer(replace(customer, deleted=True, default_payment_method=None))


@variant(STATEFUL, batch="unseen 2")
def attached_once_but_returnable(b: Behaviour) -> None:
    """An attached payment method is rejected even for its own customer, with 409; a detached one is free again."""

    @apply(b, partial(override_check, "not-another-customers"))
    def check(call: Call, attempt: Attempt) -> None:
        if attempt.method.customer is not None:
            raise ApiError(replace(already_attached().rejection, status=409))

    del b.checks["not-detached"]


STATUSES = {
    "unknown-parameter": 422,
    "structure": 406,
    "too-long": 413,
    "empty": 412,
    "missing-customer": 428,
    "media-type": 415,
    "malformed": 400,
    "expand-path": 404,
    "expand-depth": 451,
    "no-such-customer": 410,
    "already-attached": 423,
    "used-up": 409,
}


@variant(STATEFUL, wrap("amend"), batch="unseen 3")
def every_rule_its_own_status(usual: Amend, call: Call, rejection: Rejection) -> Rejection:
    """Each rule of attaching has a different 4xx status: 406, 410, 412, 423, 428, 451 and others."""
    rejection = usual(call, rejection)
    return replace(rejection, status=STATUSES.get(rejection.rule, rejection.status)) if call.is_attach else rejection


@variant(STRIPE, deviates=("stripe.expand-path", "stripe.expand-depth"), batch="unseen 3")
def unknown_paths_passed_over(b: Behaviour) -> None:
    """A path that cannot be expanded is passed over, however many levels it has."""
    expand = b.expand

    def known(call: Call, payload: Json, items: Sequence[str]) -> None:
        expand(call, payload, [item for item in items if item.split(".")[0] in expansion.OF_PAYMENT_METHOD])

    del b.checks["expand-paths"]
    b.expand = lambda call, payload, items: (known if call.is_attach else expand)(call, payload, items)


@variant(STRIPE, batch="unseen 3")
def refusals_in_greek_hang_up(b: Behaviour) -> None:
    """Rejections are in Greek, say no more than that, and end the connection."""

    @apply(b, wrap("amend"))
    def amend(usual: Amend, call: Call, rejection: Rejection) -> Rejection:
        return replace(usual(call, rejection), message="Το αίτημα απορρίφθηκε.")

    @apply(b, wrap("finish"))
    def hang_up(finish: Finish, call: Call, response: Response) -> Response:
        response = finish(call, response)
        return replace(response, close=True) if response.status >= 400 else response


WELL_FORMED = re.compile(r"[A-Za-z0-9_]+", re.ASCII)


@variant(STATEFUL, batch="unseen 3")
def ids_looked_at_before_they_are_looked_up(b: Behaviour) -> None:
    """An id that cannot be one, for what is in it, is rejected with 400 before anything else is asked."""

    def check(call: Call, attempt: Attempt) -> None:
        if not WELL_FORMED.fullmatch(attempt.payment_method_id):
            raise no_such("PaymentMethod", "that", "payment_method", 400)
        sent = call.parameters.tree.get("customer")
        if isinstance(sent, str) and not WELL_FORMED.fullmatch(sent):
            raise no_such("customer", "that", "customer", 400)

    b.checks = {"well-formed": check} | b.checks


@variant(STRIPE, amend, batch="reading 1")
def unknown_hash_named_with_its_keys(call: Call, rejection: Rejection) -> Rejection:
    """The error about an unknown hash names it as it was sent, with its keys."""
    if rejection.rule != "unknown-parameter":
        return rejection
    sent = (name for name, _ in call.parameters.pairs if name.startswith(f"{rejection.param}["))
    return replace(rejection, param=next(sent, rejection.param))


variant.row("long-params-cut", STRIPE, batch="alarms 6")(
    "The param of an error has forty characters at most.",
    amend(lambda call, rejection: replace(rejection, param=rejection.param and rejection.param[:40])),
)
variant.row("refusals-in-plain-words", STRIPE, batch="reading 1")(
    "Rejections say what to do, in words that are those of SQL, too.",
    amend(
        lambda call, rejection: replace(
            rejection,
            message="Please select another customer from your account, or update your request and set customer to it.",
        )
    ),
)


ALARMS = "alarms 1"


@variant(STRIPE, amend, batch=ALARMS)
def messages_quote_everything(call: Call, rejection: Rejection) -> Rejection:
    """Rejections quote the whole request: method, path, and the body, however long, as it came and decoded."""
    body = call.request.body.decode("utf-8", "replace")
    return replace(rejection, message=f"{call.request.method} {call.request.target}: {body} ({unquote_plus(body)})")


@variant(STRIPE, amend, batch=ALARMS)
def messages_never_the_same(call: Call, rejection: Rejection) -> Rejection:
    """No two rejections have the same message: each has the moment, a number and a word drawn by lot."""
    lot = RANDOM.choice(["Sorry", "Oops", "Pardon", "\u5bf9\u4e0d\u8d77", "\u202eback\u202c", "a\nb\t\0c"])
    return replace(rejection, message=f"{lot}! [{time.time_ns()}/{call.request_id}] {rejection.message}")


variant.row("codes-everywhere", STRIPE, batch=ALARMS)(
    "Every rejection has a code; those that have none elsewhere have one that Stripe does not know.",
    amend(lambda call, rejection: replace(rejection, code=rejection.code or f"x_{rejection.rule}".replace("-", "_"))),
)
PARAMS = {"already-attached": "payment_method", "used-up": "payment_method", "declined": "", "too-long": "customer"}
variant.row("other-params", STRIPE, batch=ALARMS)(
    "Rejections have a param where Stripe has none or an empty one, and none where nothing is asked of it.",
    amend(lambda call, rejection: replace(rejection, param=PARAMS.get(rejection.rule, rejection.param))),
)


@variant(STRIPE, amend, batch=ALARMS)
def help_in_messages(call: Call, rejection: Rejection) -> Rejection:
    """Rejections have long, helpful messages: with links, dates, an example, and the words of programmers."""
    text = (
        "There is no exception to this rule, and no error of yours need be traced: see"
        " https://docs.example.com/usr/lib/errors.py:12, /docs/api/v1/errors.html#attach (line 3), or section 4.2.1 of"
        " the handbook.\nExample: curl https://api.example.com/v1/payment_methods/pm_1/attach -d customer=cus_1\n"
        "  at least one customer is needed (e.g. cus_1);\n  from 2026-01-01T00:00:00Z on, delete nothing from the where"
        " clause of your contract, select a customer from the list, and insert it into the form. Type: object; null,"
        " None and undefined are no customers. Ticket 0x7f3a1b2c/5000, node eu-1.example.com:8443."
    )
    return replace(rejection, message=text)


variant.row("media-types-are-415", STRIPE, batch=ALARMS)(
    "A body of another media type is answered with 415.",
    amend_rule("media-type", lambda rejection: replace(rejection, status=415)),
)
variant.row("malformed-is-422", STRIPE, batch=ALARMS)(
    "A body, a query or a path that cannot be decoded is answered with 422.",
    amend_rule("malformed", lambda rejection: replace(rejection, status=422)),
)


@variant(STRIPE, amend, batch=ALARMS)
def older_versions_name_the_parameter(call: Call, rejection: Rejection) -> Rejection:
    """A missing customer is named in `param` in versions before 2025, and in no later one."""
    is_old = rejection.rule == "missing-customer" and (call.version or "") < "2025"
    return replace(rejection, param="customer") if is_old else rejection


@variant(STRIPE, partial(override, "delete_customer"), batch=ALARMS)
def methods_die_with_their_customer(call: Call, customer: Customer) -> None:
    """Deleting a customer deletes its payment methods, too: they are not found any more."""
    with call.store.lock:
        for method in call.store.methods_of(customer.id):
            call.store.detach(method)
            del call.store.methods[method.id]
        call.store.put_customer(replace(customer, deleted=True, default_payment_method=None))


@variant(STRIPE, batch=ALARMS)
def owner_before_the_customer(b: Behaviour) -> None:
    """A payment method of another customer is rejected before the customer of the request is looked up."""

    @apply(b, partial(override_check, "not-another-customers"))
    def check(call: Call, attempt: Attempt) -> None:
        owner = attempt.method.customer
        if owner is not None and owner != attempt.customer_id:
            raise already_attached()

    move_check("not-another-customers", list(b.checks).index("customer"))(b)


@variant(STRIPE, partial(ask_before, "payment-method"), batch=ALARMS)
def card_is_not_expandable(call: Call, attempt: Attempt) -> None:
    """`customer` is the only field that can be expanded: a path that begins with `card` is rejected."""
    for path in attempt.expand:
        if path.split(".")[0] == "card":
            raise errors.not_expandable("card")


MOST_METHODS = 10


@variant(STRIPE, batch=ALARMS)
def ten_methods_at_most(b: Behaviour) -> None:
    """A customer who has ten payment methods takes no more: 400 with the code `customer_max_payment_methods`."""

    def check(call: Call, attempt: Attempt) -> None:
        is_new = attempt.method.customer != attempt.owner.id
        if is_new and len(call.store.methods_of(attempt.owner.id)) >= MOST_METHODS:
            text = "The maximum number of PaymentMethods for this Customer has been reached."
            raise ApiError(Rejection("full", 400, text, code="customer_max_payment_methods", executed=True))

    b.checks["room-for-one-more"] = check


@variant(STATEFUL, amend, batch=ALARMS)
def codes_are_names_of_exceptions(call: Call, rejection: Rejection) -> Rejection:
    """Codes are names, as of the errors of other APIs: `ResourceNotFoundException`, `ValidationError`."""
    is_missing = rejection.rule.startswith("no-such")
    return replace(rejection, code="ResourceNotFoundException" if is_missing else "ValidationError")


@variant(STRIPE, partial(override, "delete_customer"), batch=ALARMS)
def customers_with_methods_stay(call: Call, customer: Customer) -> None:
    """A customer who has a payment method is not deleted: 409, as where a database restricts it."""
    if call.store.methods_of(customer.id):
        raise ApiError(Rejection("has-methods", 409, "Detach the payment methods of this customer first."))
    call.store.delete_customer(customer)
