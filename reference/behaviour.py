"""The server's behaviour as named steps.

Every step is an attribute that can be replaced or wrapped; a seeded defect or a conforming variant is a function that
does so. `app.conforming` returns the behaviour that follows every clause.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .wire.http import Limits

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from .call import Call, Endpoint
    from .objects.models import Customer, PaymentMethod
    from .objects.store import Store
    from .rules.attach import Attempt
    from .rules.errors import Rejection
    from .rules.forms import Form, Pair, RawPair
    from .rules.idempotency import Entry
    from .wire.values import Answer, Headers, Json, Response

# The types of the steps.
Serve = Callable[["Call"], "Response"]
Guard = Callable[["Call"], None]
KnownKey = Callable[["Call", str], bool]
Route = Callable[["Call"], "Endpoint"]
Split = Callable[["Call", bytes], "Sequence[RawPair]"]
Unquote = Callable[["Call", bytes], str]
ReadName = Callable[["Call", str], tuple[str, ...]]
Build = Callable[["Call", "Sequence[Pair]"], "Form"]
Once = Callable[["Call", "Endpoint"], "Answer"]
KeyName = Callable[["Call", str], "Hashable"]
Conflict = Callable[["Call", "Entry"], "str | None"]
Check = Callable[["Call", "Attempt"], None]
Measure = Callable[["Call", str], int]
Transaction = Callable[["Call"], AbstractContextManager[Any]]
FindMethod = Callable[["Call", str], "PaymentMethod | None"]
FindCustomer = Callable[["Call", str], "Customer | None"]
Attach = Callable[["Call", "Attempt"], "PaymentMethod"]
Attached = Callable[["Call", "Attempt", "PaymentMethod"], "Answer"]
Detach = Callable[["Call", "PaymentMethod"], "PaymentMethod"]
DeleteCustomer = Callable[["Call", "Customer"], None]
ListMethods = Callable[["Call", str], "list[PaymentMethod]"]
NewId = Callable[[str], str]
Furnish = Callable[["Store"], None]
ShowMethod = Callable[["Call", "PaymentMethod"], "Json"]
ShowCustomer = Callable[["Call", "Customer"], "Json"]
Expand = Callable[["Call", "Json", "Sequence[str]"], None]
Amend = Callable[["Call", "Rejection"], "Rejection"]
Reject = Callable[["Call", "Rejection"], "Answer"]
Present = Callable[["Call", "Answer"], "Answer"]
Dump = Callable[["Call", Any], bytes]
WriteHeaders = Callable[["Call", "Answer"], "Headers"]
Finish = Callable[["Call", "Response"], "Response"]


@dataclass
class Behaviour:
    """One attribute for each step, in the order in which a request meets them."""

    # The whole of it: from a request to what goes over the wire.
    serve: Serve
    # Who asks, in which version, and for what.
    authenticate: Guard
    known_key: KnownKey
    check_version: Guard
    route: Route
    # Decoding the form.
    media_type: Guard
    split: Split
    unquote: Unquote
    read_name: ReadName
    build: Build
    # Executing a POST once for each idempotency key.
    once: Once
    idempotency_name: KeyName
    idempotency_conflict: Conflict
    # Attaching: the checks by name, in the order in which they are made, then the deed.
    checks: dict[str, Check]
    measure: Measure
    transaction: Transaction
    find_payment_method: FindMethod
    find_customer: FindCustomer
    attach: Attach
    attached: Attached
    # The other deeds.
    detach: Detach
    delete_customer: DeleteCustomer
    methods_of: ListMethods
    # Making new ids, and what is there from the start.
    new_id: NewId
    furnish: Furnish
    # Saying it.
    payment_method_json: ShowMethod
    customer_json: ShowCustomer
    expand: Expand
    amend: Amend
    reject: Reject
    present: Present
    dump: Dump
    headers: WriteHeaders
    finish: Finish
    # Numbers and tables.
    limit: int = 5000
    expand_limit: int = 5000
    expand_levels: int = 4
    path_prefix: str = ""
    idle: float = 120.0
    """For how many seconds a connection may be idle before the server closes it."""
    limits: Limits = field(default_factory=Limits)
