"""Sequences of operations as values, on two payment methods and two customers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hypothesis import strategies as st

Name = Literal["create", "attach", "detach", "retrieve", "list", "delete"]

METHODS = (1, 2)
CUSTOMERS = (1, 2)
LONGEST = 6
"""The most operations of a generated sequence."""


@dataclass(frozen=True)
class Operation:
    """One operation on the payment method and the customer of these numbers; 0 where it has none.

    `create` makes a new payment method in the place of an older one.
    """

    name: Name
    method: int = 0
    customer: int = 0
    expanded: bool = False

    def __str__(self) -> str:
        method, customer = f"method {self.method}", f"customer {self.customer}"
        match self.name:
            case "attach":
                return f"attach {method} to {customer}{', expanded' if self.expanded else ''}"
            case "list":
                return f"list what {customer} has"
            case "delete":
                return f"delete {customer}"
            case _:
                return f"{self.name} {method}"


def attach(method: int, customer: int, *, expanded: bool = False) -> Operation:
    """Return an attach of the method to the customer."""
    return Operation("attach", method, customer, expanded)


def detach(method: int) -> Operation:
    """Return a detach of the method."""
    return Operation("detach", method)


def create(method: int) -> Operation:
    """Return the creation of a new method in this place."""
    return Operation("create", method)


def retrieve(method: int) -> Operation:
    """Return a retrieval of the method."""
    return Operation("retrieve", method)


def listed(customer: int) -> Operation:
    """Return a listing of the customer's methods."""
    return Operation("list", customer=customer)


def delete(customer: int) -> Operation:
    """Return a deletion of the customer."""
    return Operation("delete", customer=customer)


TOUR: Sequence[Operation] = (
    listed(1),
    attach(1, 1),
    listed(1),
    attach(1, 2),
    attach(1, 3),
    delete(3),
    retrieve(1),
    detach(1),
    attach(2, 1, expanded=True),
    retrieve(1),
    create(1),
    attach(1, 1),
    detach(1),
    listed(1),
    create(1),
    attach(1, 1),
    detach(2),
    retrieve(1),
    create(2),
    attach(2, 2),
    delete(1),
    attach(1, 2),
    attach(2, 1),
    listed(2),
)
"""Every operation, each after the operations that it might disturb."""


def operations() -> st.SearchStrategy[Operation]:
    """Generate one operation, an attach as often as all the others together."""
    method, customer = st.sampled_from(METHODS), st.sampled_from(CUSTOMERS)
    attaches = st.builds(lambda m, c, expanded: attach(m, c, expanded=expanded), method, customer, st.booleans())
    others = st.one_of(
        method.map(retrieve), customer.map(listed), method.map(detach), customer.map(delete), method.map(create)
    )
    return st.one_of(attaches, others)


def sequences() -> st.SearchStrategy[tuple[Operation, ...]]:
    """Generate sequences of three to six operations."""
    return st.lists(operations(), min_size=3, max_size=LONGEST).map(tuple)
