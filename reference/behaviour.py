"""The server's behaviour as named steps.

Every step is an attribute which can be replaced or wrapped; a seeded defect or a conforming variant is a
function that does so to one of them. `app.conforming` gives the behaviour that follows every clause.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .http import Limits

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from .attach import Attempt
    from .call import Call, Endpoint
    from .errors import Refusal
    from .forms import Form, Pair
    from .objects import Customer, PaymentMethod
    from .store import Store
    from .values import Answer, Headers, Json, Response

    Check = Callable[[Call, Attempt], None]


@dataclass
class Behaviour:
    """One attribute a step, in the order in which a request meets them."""

    # The whole of it: from a request to what goes over the wire.
    serve: Callable[[Call], Response]
    # Who asks, in which version, and for what.
    authenticate: Callable[[Call], None]
    known_key: Callable[[Call, str], bool]
    check_version: Callable[[Call], None]
    route: Callable[[Call], Endpoint]
    # Decoding the form.
    media_type: Callable[[Call], None]
    split: Callable[[Call, bytes], Sequence[tuple[bytes, bytes]]]
    unquote: Callable[[Call, bytes], str]
    read_name: Callable[[Call, str], tuple[str, ...]]
    build: Callable[[Call, Sequence[Pair]], Form]
    # Executing a POST once for each idempotency key.
    once: Callable[[Call, Endpoint], Answer]
    idempotency_name: Callable[[Call, str], Hashable]
    idempotency_conflict: Callable[[Call, Any], str | None]
    # Attaching: the checks by name, in the order in which they are made, then the deed.
    checks: dict[str, Check]
    measure: Callable[[Call, str], int]
    transaction: Callable[[Call], AbstractContextManager[Any]]
    find_payment_method: Callable[[Call, str], PaymentMethod | None]
    find_customer: Callable[[Call, str], Customer | None]
    attach: Callable[[Call, Attempt], PaymentMethod]
    attached: Callable[[Call, Attempt, PaymentMethod], Answer]
    # The other deeds.
    detach: Callable[[Call, PaymentMethod], PaymentMethod]
    delete_customer: Callable[[Call, Customer], None]
    methods_of: Callable[[Call, str], list[PaymentMethod]]
    # Making new ids, and what is there from the start.
    new_id: Callable[[str], str]
    furnish: Callable[[Store], None]
    # Saying it.
    payment_method_json: Callable[[Call, PaymentMethod], Json]
    customer_json: Callable[[Call, Customer], Json]
    expand: Callable[[Call, Json, Sequence[str]], None]
    amend: Callable[[Call, Refusal], Refusal]
    refuse: Callable[[Call, Refusal], Answer]
    present: Callable[[Call, Answer], Answer]
    dump: Callable[[Call, Any], bytes]
    headers: Callable[[Call, Answer], Headers]
    finish: Callable[[Call, Response], Response]
    # Numbers and tables.
    limit: int = 5000
    expand_limit: int = 5000
    expand_levels: int = 4
    path_prefix: str = ""
    idle: float = 120.0
    """For how many seconds a connection may be idle before the server closes it."""
    limits: Limits = field(default_factory=Limits)
