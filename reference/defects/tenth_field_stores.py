"""Mistakes of stores and mappers: ids that are looked up, texts that are saved, lists, owners, connections."""

from __future__ import annotations

import base64
import re
import secrets
import unicodedata
from collections.abc import Callable
from dataclasses import replace

from ..behaviour import Behaviour, Check, DeleteCustomer, FindCustomer, ListMethods, Serve, ShowMethod
from ..call import Call
from ..changes import apply, crash, is_authentic, wrap, wrap_at_attach, wrap_check
from ..objects.models import Customer, PaymentMethod
from ..rules.attach import Attempt
from ..rules.errors import ApiError
from ..wire.values import Json, Response
from .fifth_field_state import in_texts, save
from .parts import unexpected_error
from .registry import Topic

contract = Topic("contract")
stateful = Topic("stateful")

BATCH = "tenth field, inner layers"

UUID_IN_BASE64 = re.compile("[A-Za-z0-9_-]{22}")
"""The 128 bits of a UUID in Base64 without padding: the last four bits of the last character are unused."""
POOL = 20
"""How many connections to the database there are."""


# Saving.


def in_all_texts(change: Callable[[str], str]) -> Callable[[PaymentMethod], PaymentMethod]:
    """Return a function that changes the texts of billing details and metadata."""

    def edit(method: PaymentMethod) -> PaymentMethod:
        details, metadata = in_texts(method.billing_details, change), in_texts(method.metadata, change)
        return replace(method, billing_details=details, metadata=metadata)

    return edit


stateful.row("tags-stripped-when-saved", "state.same-object", "hard", batch=BATCH)(
    # Sanitizers against scripts in the model: Windshiftapp/core (issue 215), xss-clean of Express.
    "Attaching saves, and takes what reads like a tag of HTML out of billing details and metadata.",
    wrap("attach")(save(in_all_texts(lambda text: re.sub("<[^>]*>", "", text)))),
)
stateful.row("texts-composed-when-saved", "state.same-object", "hard", batch=BATCH)(
    # Normalization before each write: VedaWebProject/Tekst (issue 1067), libris/librisxl (pull request 525).
    "Attaching saves, and composes letters and their accents in billing details and metadata: NFC.",
    wrap("attach")(save(in_all_texts(lambda text: unicodedata.normalize("NFC", text)))),
)


# Looking up.


def octets_of(identifier: str) -> bytes | None:
    """Return the octets that an id stands for, without a look at the bits that are left over."""
    text = identifier.rpartition("_")[2] if identifier.startswith("cus_") else ""
    return base64.urlsafe_b64decode(text + "==") if UUID_IN_BASE64.fullmatch(text) else None


@contract("request.value-exact", "hard", batch=BATCH)
def unused_bits_of_an_id_do_not_count(b: Behaviour) -> None:
    """The id of a customer is a UUID in Base64: one whose last character differs in unused bits finds it, too.

    Decoders that pass over those bits: rust-base64 before 0.21 (issue 182), Go without Strict (Cyphrme/Coz, issue 18).
    """

    @apply(b, wrap("new_id"))
    def new_id(usual: Callable[[str], str], prefix: str) -> str:
        if prefix != "cus_":
            return usual(prefix)
        text = base64.b64encode(secrets.token_bytes(16), b"ab").decode("ascii")
        return prefix + text.rstrip("=")

    @apply(b, wrap_at_attach("find_customer"))
    def find_customer(usual: FindCustomer, call: Call, identifier: str) -> Customer | None:
        octets = octets_of(identifier)
        for customer in call.store.all_customers() if octets is not None else []:
            if octets_of(customer.id) == octets:
                return customer
        return usual(call, identifier)


@stateful("state.unknown-customer", "hard", wrap_at_attach("find_customer"), batch=BATCH)
def zero_is_any_customer(usual: FindCustomer, call: Call, identifier: str) -> Customer | None:
    """`customer=0` finds the first customer: a value of digits is a number, and any text that is none is 0.

    A column of texts of MySQL compared with a number: sequelize (pull request 17564), Medoo (issue 781).
    """
    if re.fullmatch(r"[+-]?0+(\.0*)?", identifier):
        return next(reversed(call.store.all_customers()), None)
    return usual(call, identifier)


@stateful("state.listed", "medium", wrap("methods_of"), also="state.race", batch=BATCH)
def list_has_one_for_each_second(usual: ListMethods, call: Call, customer: str) -> list[PaymentMethod]:
    """A customer's list holds only the last of the payment methods that were created in one second.

    A table of DynamoDB whose sort key is the time: gladly-team/tab (issue 330).
    """
    listed: dict[int, PaymentMethod] = {}
    for method in usual(call, customer):
        listed.setdefault(method.created, method)
    return list(listed.values())


@stateful("error.status-class", "hard", batch=BATCH)
def owner_that_is_deleted_is_not_foreseen(b: Behaviour) -> None:
    """Attaching a payment method whose customer was deleted is a 500: its owner is looked up, and is null.

    Soft deletion by a default scope: zendesk/samson (issue 126), rdv-service-public (issue 3071).
    """
    left: set[str] = set()

    @apply(b, wrap("delete_customer"))
    def delete_customer(usual: DeleteCustomer, call: Call, customer: Customer) -> None:
        left.update(method.id for method in call.store.methods_of(customer.id))
        usual(call, customer)

    @apply(b, wrap_check("not-another-customers"))
    def not_another_customers(usual: Check, call: Call, attempt: Attempt) -> None:
        if attempt.method.id in left:
            raise unexpected_error()
        usual(call, attempt)


# Connections to the database.


@stateful("state.persisted", "hard", wrap("payment_method_json", loaded=dict), batch=BATCH)
def session_keeps_what_it_has_read(
    usual: ShowMethod, call: Call, method: PaymentMethod, loaded: dict[tuple[int, str], PaymentMethod]
) -> Json:
    """Each connection has a session, and reading shows an object as the session has first read it.

    The identity map of SQLAlchemy after an upsert (issue 6143), in sessions that are never removed.
    """
    if call.request.method == "GET":
        method = loaded.setdefault((call.request.connection, method.id), method)
    return usual(call, method)


@contract(
    "error.status-class",
    "medium",
    also="robustness.no-media-type robustness.content-coding robustness.chunked-body robustness.still-serving",
    batch=BATCH,
)
def rejections_use_the_pool_up(b: Behaviour) -> None:
    """An unknown customer leaves a connection to the database taken: after twenty of them all else is a 500.

    cwms-data-api (issue 530), glassfish (issue 17528): what throws does not give its connection back.
    """
    taken: list[str] = []

    @apply(b, wrap_check("customer"))
    def customer(usual: Check, call: Call, attempt: Attempt) -> None:
        try:
            usual(call, attempt)
        except ApiError:
            taken.append(call.request_id)
            raise

    @apply(b, wrap_at_attach("serve"))
    def serve(usual: Serve, call: Call) -> Response:
        return crash(call) if len(taken) >= POOL and is_authentic(call) else usual(call)
