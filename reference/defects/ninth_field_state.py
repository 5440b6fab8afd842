"""Mistakes of stores and of concurrency: what is saved, looked up, shared and rolled back."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any

from ..behaviour import Attach, Behaviour, FindCustomer, Once
from ..call import Call, Endpoint
from ..changes import apply, check_after, override, wrap, wrap_at_attach
from ..objects.models import Customer, PaymentMethod
from ..objects.store import StatelessStore, Store
from ..rules import errors
from ..rules.attach import Attempt
from ..rules.errors import ApiError
from ..wire.values import Answer
from .fifth_field_state import in_texts, save
from .ninth_field_answers import BATCH
from .registry import Topic

stateful = Topic("stateful")

COMMITTING = 0.03
"""How long a transaction takes to be committed, in seconds."""
QUERYING = 0.01
"""How long the database takes to answer, in seconds."""


# Saving.


def renumber(text: str) -> str:
    """Return a text of digits as a number is written."""
    return str(int(text)) if text.isascii() and text.isdigit() else text


def squish(text: str) -> str:
    """Return a text in which white space is one blank, and none is at its ends."""
    return re.sub(r"\s+", " ", text).strip()


def renumber_texts(method: PaymentMethod) -> PaymentMethod:
    """Read the texts that look like numbers as numbers, and write them as texts again."""
    details, metadata = in_texts(method.billing_details, renumber), in_texts(method.metadata, renumber)
    return replace(method, billing_details=details, metadata=metadata)


def squish_texts(method: PaymentMethod) -> PaymentMethod:
    """Make one blank of all white space within texts."""
    details, metadata = in_texts(method.billing_details, squish), in_texts(method.metadata, squish)
    return replace(method, billing_details=details, metadata=metadata)


stateful.row("zeros-before-digits-lost", "state.same-object", "hard", batch=BATCH)(
    # Columns of numbers for postal codes, YAML and spreadsheets as stores, SQLite's NUMERIC affinity.
    "Attaching saves, and a text of digits is a number on its way: the postal code `02134` becomes `2134`.",
    wrap("attach")(save(renumber_texts)),
)
stateful.row("blanks-squished-when-saved", "state.same-object", "hard", batch=BATCH)(
    # `squish` of Rails and Laravel in a callback; XML, whose attributes know no line ends.
    "Attaching saves, and makes one blank of white space within billing details and metadata.",
    wrap("attach")(save(squish_texts)),
)


# Looking up.


@stateful("state.unknown-customer", "hard", wrap_at_attach("find_customer"), batch=BATCH)
def unknown_customer_exists_afterwards(usual: FindCustomer, call: Call, identifier: str) -> Customer | None:
    """An unknown customer is rejected, but exists from then on: the look-up has made an entry.

    `customers[id]` of a `defaultdict` in Python, of a `std::map` in C++, of a Hash with a block in Ruby.
    """
    customer = usual(call, identifier)
    if customer is None and call.store.customer(identifier) is None:
        call.store.put_customer(Customer(identifier, int(time.time())))
    return customer


def reject_card_of_another(call: Call, attempt: Attempt) -> None:
    """Reject a card that another customer has, in whichever payment method."""
    if attempt.method.card is None or attempt.method.customer is not None or isinstance(call.store, StatelessStore):
        return
    others = (it for it in call.store.methods.values() if it.customer not in (None, attempt.owner.id))
    if any(it.card is not None and it.card.fingerprint == attempt.method.card.fingerprint for it in others):
        raise errors.already_attached()


stateful.row("card-belongs-to-one-customer", "request.minimal-body", "easy", batch=BATCH)(
    # validates :fingerprint, uniqueness: true; fraud rules that let a card have one account.
    "A payment method whose card another customer has is rejected as already attached.",
    check_after("not-another-customers", reject_card_of_another),
)


# Concurrency.


@dataclass
class Flight:
    """An attach that is being executed, and what comes of it."""

    done: threading.Event = field(default_factory=threading.Event)
    answer: Answer | None = None
    error: ApiError | None = None

    def result(self) -> Answer:
        """Return the answer, or raise the rejection."""
        if self.error is not None:
            raise self.error
        assert self.answer is not None
        return self.answer


@stateful("state.race", "hard", wrap_at_attach("once", flights=dict), intermittent=True, batch=BATCH)
def same_attach_at_once_shares_an_answer(
    usual: Once, call: Call, endpoint: Endpoint, flights: dict[Any, Flight]
) -> Answer:
    """Attaches of one payment method to one customer at the same time are executed once, with the first's `expand`.

    singleflight of Go, DataLoader, p-memoize: the key leaves out what the answer should look like.
    """
    name = call.request.path, call.parameters.text("customer")

    def join(call: Call) -> Answer:
        first = Flight()
        flight = flights.setdefault(name, first)
        if flight is not first:
            flight.done.wait(5.0)
            return flight.result()
        try:
            first.answer = endpoint(call)
            time.sleep(QUERYING)
        except ApiError as error:
            first.error = error
        finally:
            del flights[name]
            first.done.set()
        return first.result()

    return usual(call, join)


class SharedConnection:
    """A transaction on the one connection that all requests share: a rejection rolls back what any has written."""

    def __init__(self, store: Store, written: list[PaymentMethod]) -> None:
        self._store, self._written = store, written

    def __enter__(self) -> None:
        self._store.lock.acquire()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is not None:
            self._roll_back()
        self._store.lock.release()

    def _roll_back(self) -> None:
        for before in self._written:
            now = self._store.method(before.id)
            if now is not None and now.customer is not None:
                self._store.wallets[now.customer].remove(before.id)
            self._store.put_method(before)
        self._written.clear()


@stateful("state.race", "hard", intermittent=True, batch=BATCH)
def rejection_rolls_back_the_others(b: Behaviour) -> None:
    """All requests share a connection to the database: a rejection rolls back what others have not committed.

    SQLite with one connection for all threads, `pymysql.connect` in a module's global.
    """
    written: list[PaymentMethod] = []
    override("transaction", lambda call: SharedConnection(call.store, written))(b)

    @apply(b, wrap("attach"))
    def attach(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
        method = usual(call, attempt)
        if attempt.method.customer is None and call.store.method(attempt.method.id) is not None:
            written.append(attempt.method)
            call.store.lock.release()
            time.sleep(COMMITTING)
            call.store.lock.acquire()
            written[:] = [it for it in written if it is not attempt.method]
        return method
