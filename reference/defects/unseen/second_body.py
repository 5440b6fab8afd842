"""The body's rules: which parameters there are, which must be there, how long they may be."""

from __future__ import annotations

from ...app import written
from ...attach import Attempt
from ...behaviour import Behaviour
from ...call import Call
from ...errors import too_long, unknown_parameters
from ...rules import KNOWN
from ...values import Answer, Response
from ..registry import Chapter
from ..tools import check_after, interrupt, tolerate

seed = Chapter("body", "contract")


@seed("body.customer-required", "easy", also=("stripe.parameter-missing",))
def empty_body_is_no_change(b: Behaviour) -> None:
    """A POST without any body is answered at once with 200 and the payment method as it is."""

    def identifier(call: Call) -> str:
        return call.request.path.split("/")[3]

    def empty(call: Call) -> bool:
        request = call.request
        return request.method == "POST" and not request.body and identifier(call) in call.store.methods

    def unchanged(call: Call) -> Response:
        call.authenticated = True
        method = call.store.methods[identifier(call)]
        return written(call, Answer(200, call.behaviour.payment_method_json(call, method)))

    interrupt(b, empty, unchanged)


@seed("body.customer-required", "hard", also=("stripe.parameter-missing",))
def customer_left_over_from_before(b: Behaviour) -> None:
    """A connection's form object is reused: without `customer` that of an earlier request is taken."""
    left: dict[int, str] = {}

    def reuse(call: Call, attempt: Attempt) -> None:
        connection = call.request.connection
        if attempt.customer_id is None:
            attempt.customer_id = left.get(connection)
        elif attempt.customer_id:
            left[connection] = attempt.customer_id

    check_after(b, "customer-structure", reuse)


@seed("body.customer-structure", "easy", also=("stripe.wrong-structure",))
def array_coerced_to_text(b: Behaviour) -> None:
    """An array is turned into a string as in JavaScript, so `customer[]=ID` and `customer[0]=ID` are ID."""
    usual = b.checks["customer-structure"]

    def check(call: Call, attempt: Attempt) -> None:
        value = call.parameters.tree.get("customer")
        if isinstance(value, dict) and value and all(str(key).isdigit() for key in value):
            attempt.customer_id = ",".join(str(item) for item in value.values())
        else:
            usual(call, attempt)

    b.checks["customer-structure"] = check


@seed("body.customer-max-length", "hard", stateless=True)
def only_ascii_is_counted(b: Behaviour) -> None:
    """The length of `customer` is taken after dropping what is not ASCII: 5001 such characters pass."""

    def check(call: Call, attempt: Attempt) -> None:
        value, limit = attempt.customer_id or "", call.behaviour.limit
        if len(value.encode("ascii", "ignore")) > limit:
            raise too_long("customer", value, limit)

    b.checks["customer-length"] = check


@seed("body.customer-length-limit-exact", "easy", stateless=True, also=("body.length-in-characters",))
def name_counts_towards_the_limit(b: Behaviour) -> None:
    """The limit of 5000 is applied to `customer=` and the value together."""

    def check(call: Call, attempt: Attempt) -> None:
        value, limit = attempt.customer_id or "", call.behaviour.limit
        if len(f"customer={value}") > limit:
            raise too_long("customer", value, limit)

    b.checks["customer-length"] = check


@seed("body.unknown-parameter", "easy", also=("stripe.parameter-unknown",))
def parameters_of_update_accepted(b: Behaviour) -> None:
    """The list of known parameters is shared with the update endpoint: `metadata` and others are ignored."""
    shared = ("metadata", "billing_details", "allow_redisplay", "card")
    tolerate(b, lambda call, name: name in shared)


@seed(
    "body.unknown-parameter",
    "hard",
    also=("body.unknown-parameter-nested", "robustness.same-request-same-answer", "stripe.parameter-unknown"),
)
def checked_names_remembered_too_early(b: Behaviour) -> None:
    """A set of names that was checked once is not checked again, though it was refused the first time."""
    usual = b.checks["unknown-parameters"]
    seen: set[frozenset[str]] = set()

    def check(call: Call, attempt: Attempt) -> None:
        names = frozenset(name for name, _ in call.parameters.pairs)
        if names not in seen:
            seen.add(names)
            usual(call, attempt)

    b.checks["unknown-parameters"] = check


@seed("body.unknown-parameter-nested", "medium")
def deeply_nested_names_skipped(b: Behaviour) -> None:
    """The pattern for names knows one pair of brackets; `foo[0][bar]=1` does not match and is skipped."""

    def check(call: Call, attempt: Attempt) -> None:
        paths = [call.behaviour.read_name(call, sent) for sent, _ in call.parameters.pairs]
        names = dict.fromkeys(path[0] for path in paths if len(path) < 3 and path[0] not in KNOWN)
        if names:
            raise unknown_parameters(list(names))

    b.checks["unknown-parameters"] = check
