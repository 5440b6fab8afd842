"""Other ways to show the same objects."""

from __future__ import annotations

import itertools
import re
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from email.utils import formatdate
from functools import partial
from typing import Any

from ..behaviour import Behaviour, Dump, Finish, Present, ShowCustomer, ShowMethod
from ..call import RANDOM, Call
from ..changes import Change, apply, change, override, wrap
from ..objects.models import Customer, PaymentMethod
from ..wire.values import Answer, Json, Response
from .registry import STATEFUL, STRIPE, Variants

variant = Variants()


def edit_errors(edit: Callable[[Json], Json]) -> Change:
    """Show errors differently, on every endpoint."""

    @wrap("present")
    def present(usual: Present, call: Call, answer: Answer) -> Answer:
        answer = usual(call, answer)
        failed = answer.status >= 400 and "error" in answer.payload
        return replace(answer, payload=edit(answer.payload)) if failed else answer

    return present


variant.row("bare-errors", STATEFUL)(
    "Errors have a type and a message, and nothing else.",
    edit_errors(lambda body: {"error": {key: body["error"][key] for key in ("message", "type")}}),
)


NULLABLE = ("charge", "code", "decline_code", "doc_url", "param", "payment_intent", "request_log_url")
variant.row("errors-with-nulls", STRIPE, deviates=("error.null-members",), batch="alarms 6")(
    "The members of an error that do not apply are null, as the documentation of errors has them.",
    edit_errors(lambda body: {"error": {**dict.fromkeys(NULLABLE), **body["error"]}}),
)


@variant(STRIPE)
def talkative_errors(b: Behaviour) -> None:
    """Errors have more members of all kinds, and so have the bodies that hold them."""
    more = {"charge": "ch_1", "hints": ["one", 2], "payment_method": {"object": "payment_method"}}
    edit_errors(lambda body: {"status": "failed", "error": {**more, **body["error"]}, "trace": [None, 1.5]})(b)


def grown(value: Any) -> Any:
    """Return the value with one more key in every object but metadata."""
    if isinstance(value, list):
        return [grown(item) for item in value]
    if not isinstance(value, dict):
        return value
    inner = {key: item if key == "metadata" else grown(item) for key, item in value.items()}
    return inner | {"x_preview": {"enabled": True, "weights": [1, 0.5, None], "note": "\u00fc\u4f60\U0001f600"}}


@variant(STRIPE, wrap("present"))
def extra_keys(usual: Present, call: Call, answer: Answer) -> Answer:
    """Every object has a key that the schema does not name."""
    answer = usual(call, answer)
    return replace(answer, payload=grown(answer.payload))


def edit_methods(edit: Callable[[Json], Any]) -> Change:
    """Show payment methods differently, on every endpoint."""

    @wrap("payment_method_json")
    def shown(usual: ShowMethod, call: Call, method: PaymentMethod) -> Json:
        payload = usual(call, method)
        edit(payload)
        return payload

    return shown


@variant(STRIPE, edit_methods, batch="alarms 13")
def members_of_lists(payload: Json) -> None:
    """Payment methods have members that are called like those of a list: `data`, `has_more` and `url`."""
    payload.update(data=[{"id": "pm_1"}], has_more=False, url="/v1/payment_methods")


@variant(STRIPE, edit_methods)
def old_shape(payload: Json) -> None:
    """Payment methods have the keys of 2020 only."""
    for key in ("allow_redisplay", "customer_account", "shared_payment_granted_token"):
        payload.pop(key, None)
    payload["billing_details"].pop("tax_id", None)
    for key in ("display_brand", "regulated_status"):
        payload.get("card", {}).pop(key, None)


variant.row("no-metadata", STRIPE)(
    "Payment methods have no metadata, as for mobile clients.", edit_methods(lambda payload: payload.pop("metadata"))
)
variant.row("null-metadata", STRIPE)(
    "The metadata of payment methods are null.", edit_methods(lambda payload: payload.update(metadata=None))
)


@variant(STRIPE, edit_methods)
def nothing_optional(payload: Json) -> None:
    """Members of a card that may be null or absent are one or the other."""
    card = payload.get("card", {})
    for key in ("checks", "networks", "three_d_secure_usage", "country", "fingerprint"):
        if key in card:
            card[key] = None
    for key in ("display_brand", "generated_from", "wallet"):
        card.pop(key, None)


@variant(STRIPE, edit_methods)
def checks_unchanged(payload: Json) -> None:
    """Attaching does not look at the security code: its check stays `unchecked`."""
    if "card" in payload and payload["card"]["checks"]["cvc_check"] is not None:
        payload["card"]["checks"]["cvc_check"] = "unchecked"


@variant(STRIPE, edit_methods)
def radar_options_shown(payload: Json) -> None:
    """Payment methods have `radar_options`, and cards a wallet."""
    payload["radar_options"] = {}
    if "card" in payload:
        wallet = {"apple_pay": {"type": "apple_pay"}, "dynamic_last4": "6396", "type": "apple_pay"}
        payload["card"]["wallet"] = wallet


@variant(STRIPE)
def counted_ids(b: Behaviour) -> None:
    """Ids are short and counted up: `pm_00000001`."""
    numbers = itertools.count(1)
    b.new_id = lambda prefix: f"{prefix}{next(numbers):08}"


variant.row("uuid-ids", STRIPE)(
    "Ids are UUIDs behind the usual prefix.", override("new_id", lambda prefix: prefix + str(uuid.uuid4()))
)


@variant(STRIPE, batch="unseen 1")
def ids_of_digits(b: Behaviour) -> None:
    """Ids are counted up: the prefix and sixteen digits, without a single letter."""
    numbers = itertools.count(1_000_000_000_000_037, 37)
    b.new_id = lambda prefix: f"{prefix}{next(numbers)}"


@variant(STRIPE, edit_methods, batch="unseen 2")
def empty_metadata_left_out(payload: Json) -> None:
    """A payment method without metadata is shown without the member, everywhere."""
    if not payload["metadata"]:
        del payload["metadata"]


LONG_AGO = 915_148_800


@variant(STRIPE, batch="unseen 3")
def clock_stopped_long_ago(b: Behaviour) -> None:
    """Everything was created on the first of January 1999."""

    @apply(b, wrap("payment_method_json"))
    def method(method_json: ShowMethod, call: Call, shown: PaymentMethod) -> Json:
        return method_json(call, replace(shown, created=LONG_AGO))

    @apply(b, wrap("customer_json"))
    def customer(customer_json: ShowCustomer, call: Call, shown: Customer) -> Json:
        return customer_json(call, replace(shown, created=LONG_AGO))


SIGNS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_~"


variant.row("ids-with-signs", STRIPE, batch="unseen 3")(
    "Ids are long, and have hyphens, underscores and tildes in them, at their ends too.",
    override("new_id", lambda prefix: prefix + "".join(RANDOM.choices(SIGNS, k=60))),
)
BRIEF = ("id", "object", "created", "livemode", "metadata", "invoice_settings", "deleted")


@variant(STRIPE, wrap("customer_json"), batch="unseen 3")
def customers_told_briefly(usual: ShowCustomer, call: Call, customer: Customer) -> Json:
    """A customer shows only its id, its age, its metadata and its default payment method."""
    payload = {name: value for name, value in usual(call, customer).items() if name in BRIEF}
    if "invoice_settings" in payload:
        payload["invoice_settings"] = {"default_payment_method": customer.default_payment_method}
    return payload


variant.row("lists-begin-with-the-oldest", STRIPE, batch="unseen 3")(
    "A customer's payment methods are listed in the order in which they were attached.",
    wrap("methods_of")(lambda usual, call, customer: list(reversed(usual(call, customer)))),
)


@variant(STRIPE, wrap("customer_json"), batch="reading 1")
def expanded_customer_without_metadata(usual: ShowCustomer, call: Call, customer: Customer) -> Json:
    """An expanded customer is shown without its metadata, and with its email."""
    payload = usual(call, customer)
    if call.is_attach:
        del payload["metadata"]
    return payload


variant.row("created-has-a-fraction-of-zero", STRIPE, batch="reading 1")(
    "`created` is written with a fraction, which is zero: a whole number all the same.",
    edit_methods(lambda payload: payload.update(created=float(payload["created"]))),
)


ALARMS = "alarms 1"
MOMENTS = itertools.count(1)


@variant(STRIPE, wrap("dump"), batch=ALARMS)
def whole_numbers_with_exponents(usual: Dump, call: Call, payload: object) -> bytes:
    """Whole numbers are written with an exponent: `1764448800e0`, `12E+0`, which JSON and its schema allow."""
    text = usual(call, payload).decode()
    return re.sub(r'(?m)^(\s*"\w+": )(\d+)(,?)$', r"\1\2e0\3", text).encode()


@variant(STRIPE, wrap("dump"), batch=ALARMS)
def numbers_beyond_a_double(usual: Dump, call: Call, payload: object) -> bytes:
    """Every object has numbers that no double holds: of 400 digits, `1e400`, `-0` and `1E-400`."""
    text = usual(call, payload).decode()
    numbers = f'"x_large": {"9" * 400}, "x_huge": 1e400, "x_zero": -0, "x_tiny": [-0.0, 1E-400]'
    return text.replace("{", "{" + numbers + ",", 1).encode()


def nested(depth: int) -> Any:
    """Return a value of that many arrays and objects within another."""
    value: Any = "\0\u2028\u202e\U0001f600\x7f"
    for level in range(depth):
        value = [value, {}] if level % 2 else {"": value, "__proto__": [], "a.b[c]": None}
    return value


@variant(STRIPE, wrap("present"), batch=ALARMS)
def odd_members(usual: Present, call: Call, answer: Answer) -> Answer:
    """Bodies have a member of sixty levels, with empty and odd names, and characters that have to be escaped."""
    answer = usual(call, answer)
    return replace(answer, payload={"\x01\ufeff": nested(60), **answer.payload, "": None})


@variant(STRIPE, wrap("present"), batch=ALARMS)
def notices_in_successes(usual: Present, call: Call, answer: Answer) -> Answer:
    """Successes have members that speak of errors and of none: `errors`, `last_error`, `code`, `message`, `status`."""
    answer = usual(call, answer)
    if answer.status >= 400:
        return answer
    more: Json = {"errors": [], "last_error": None, "code": "ok", "message": "", "status": "succeeded", "success": True}
    return replace(answer, payload={**answer.payload, **more, "data_error": {"type": "none"}})


@variant(STRIPE, edit_methods, batch=ALARMS)
def shown_with_the_moment(payload: Json) -> None:
    """A payment method is shown with the moment, a counter and a signature: no two answers are the same."""
    payload["shown"] = {"at": time.time_ns(), "turn": next(MOMENTS), "signature": str(uuid.uuid4())}


@variant(STRIPE, edit_methods, batch=ALARMS)
def members_named_by_ids(payload: Json) -> None:
    """A payment method is shown with hashes whose keys are URLs and ids of its own, at the top and within the card."""
    url = f"/v1/payment_methods/{payload['id']}"
    payload["links"] = {url: "GET", f"{url}/attach": "POST"}
    if "card" in payload:
        payload["card"]["history"] = {payload["id"]: {str(payload["created"]): "created"}}


@variant(STRIPE, wrap("customer_json"), batch=ALARMS)
def customers_with_their_lists(usual: ShowCustomer, call: Call, customer: Customer) -> Json:
    """Customers are shown with the lists of older versions, which are empty, and with the moment."""
    payload = usual(call, customer)
    if customer.deleted:
        return payload
    lists = {
        name: {"object": "list", "data": [], "has_more": False, "total_count": 0, "url": f"/v1/{name}"}
        for name in ("sources", "subscriptions", "tax_ids")
    }
    return payload | lists | {"shown_at": time.time_ns()}


@variant(STRIPE, batch=ALARMS)
def ids_of_one_number(b: Behaviour) -> None:
    """Ids are as short as can be: `cus_1`, `pm_2`, and so on; one cut short is often another one's."""
    numbers = itertools.count(1)
    b.new_id = lambda prefix: f"{prefix}{next(numbers)}"


variant.row("ids-of-two-hundred-characters", STRIPE, batch=ALARMS)(
    "Ids have two hundred characters, which differ at their end only.",
    override("new_id", lambda prefix: prefix + "a" * (180 - len(prefix)) + f"{RANDOM.getrandbits(80):020x}"),
)
variant.row("ids-with-dots-and-colons", STRIPE, batch=ALARMS)(
    "Ids have dots, colons, stars and hyphens in them, as URLs allow.",
    override("new_id", lambda prefix: f"{prefix}eu:1.{RANDOM.getrandbits(64):x}-*.b"),
)
variant.row("ids-without-a-prefix", STATEFUL, batch=ALARMS)(
    "Ids are UUIDs in capitals, and have no prefix.", override("new_id", lambda prefix: str(uuid.uuid4()).upper())
)


@variant(STATEFUL, batch=ALARMS)
def ids_are_row_numbers(b: Behaviour) -> None:
    """Ids are the numbers of rows, each kind of object by itself: the first customer is `1`, as is the first card."""
    numbers: dict[str, Iterator[int]] = defaultdict(partial(itertools.count, 1))
    b.new_id = lambda prefix: str(next(numbers[prefix]))


@change
def shift_clock(b: Behaviour, seconds: int, *, is_dated: bool) -> None:
    """Let objects be created that many seconds off, and with `is_dated` the Date of answers, too."""

    @apply(b, wrap("payment_method_json"))
    def method(method_json: ShowMethod, call: Call, shown: PaymentMethod) -> Json:
        return method_json(call, replace(shown, created=shown.created + seconds))

    @apply(b, wrap("customer_json"))
    def customer(customer_json: ShowCustomer, call: Call, shown: Customer) -> Json:
        return customer_json(call, replace(shown, created=shown.created + seconds))

    if is_dated:

        @apply(b, wrap("finish"))
        def finish(usual: Finish, call: Call, response: Response) -> Response:
            moment = formatdate(time.time() + seconds, usegmt=True)
            return usual(call, response).with_header("Date", moment)


variant.row("created-this-evening", STRIPE, batch=ALARMS)(
    "Objects are created twenty hours from now: the time of day of another zone.",
    shift_clock(20 * 3600, is_dated=False),
)
variant.row("clock-years-ahead", STRIPE, batch=ALARMS)(
    "The server's clock is ten years ahead, in `created` and in Date.",
    shift_clock(10 * 366 * 86400, is_dated=True),
)
variant.row("clock-years-behind", STRIPE, batch=ALARMS)(
    "The server's clock is thirty years behind, in `created` and in Date.",
    shift_clock(-30 * 366 * 86400, is_dated=True),
)


@variant(STRIPE, batch=ALARMS)
def numbers_and_checks_of_other_things(b: Behaviour) -> None:
    """Errors and payment methods have a `number` that counts them, and the check of the code is under `cvc`."""
    edit_errors(lambda body: {"error": {**body["error"], "number": 1042}, "attempt": {"number": "17"}})(b)
    edit_methods(lambda shown: shown.update(version={"number": 3}, checks={"cvc": "unchecked", "number": True}))(b)


@variant(STRIPE, wrap("customer_json"), batch=ALARMS)
def customers_with_their_tax(usual: ShowCustomer, call: Call, customer: Customer) -> Json:
    """Customers are shown with their `tax`, whose location follows from the address of a payment method."""
    has_methods = bool(call.store.methods_of(customer.id))
    location = {"country": "US", "source": "payment_method", "state": "CA"} if has_methods else None
    status = "supported" if has_methods else "unrecognized_location"
    return usual(call, customer) | {"tax": {"automatic_tax": status, "ip_address": None, "location": location}}


@variant(STRIPE, batch="alarms 10")
def texts_tidied_when_customers_are_saved(b: Behaviour) -> None:
    """Creating a customer shows what was sent; later its email is in lower case, without blanks around any text."""

    @apply(b, wrap("customer_json"))
    def shown(usual: ShowCustomer, call: Call, customer: Customer) -> Json:
        details = {key: text.strip() for key, text in customer.details.items()}
        if "email" in details:
            details["email"] = details["email"].lower()
        is_creation = call.request.method == "POST" and call.request.path == "/v1/customers"
        return usual(call, customer if is_creation else replace(customer, details=details))


@variant(STRIPE, edit_methods, batch="alarms 10")
def metadata_with_the_id(payload: Json) -> None:
    """The metadata of payment methods have an entry of the server's own, which differs from one to the other."""
    payload["metadata"] = {**payload["metadata"], "_sandbox": payload["id"]}


@variant(STRIPE, wrap("present"), batch="alarms 10")
def nulls_left_out_when_expanded(usual: Present, call: Call, answer: Answer) -> Answer:
    """An answer with an expanded customer comes from another serializer, which leaves out what is null."""
    answer = usual(call, answer)
    is_expanded = call.is_attach and isinstance(answer.payload.get("customer"), dict)
    return replace(answer, payload=without_nulls(answer.payload)) if is_expanded else answer


def without_nulls(value: Any) -> Any:
    """Return the value without the members of its objects that are null."""
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: without_nulls(item) for key, item in value.items() if item is not None}
