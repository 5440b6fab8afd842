"""The description of a conforming variant, and the way to enter one in the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from ..changes import Change, How, as_it_is

F = TypeVar("F", bound=Callable[..., Any])

CONTRACT = ("contract",)
STATEFUL = ("contract", "stateful")
STRIPE = ("contract", "stateful", "stripe")


@dataclass(frozen=True, slots=True)
class Variant:
    """Another way to conform, and the profiles that it conforms to.

    `deviates` names the clauses of level SHOULD, within those profiles, that it does not follow; `customers` and
    `payment_methods` are ids that exist from the start, where none can be created. `batch` is that of `Defect`.
    """

    name: str
    profiles: tuple[str, ...]
    description: str
    apply: Change
    deviates: tuple[str, ...] = ()
    customers: tuple[str, ...] = ()
    payment_methods: tuple[str, ...] = ()
    batch: str = ""


class Variants:
    """The variants of a module.

    As a decorator, it enters a function by its name, with its docstring as the description; `row` enters a change.
    """

    def __init__(self) -> None:
        self.variants: list[Variant] = []

    def __call__(self, profiles: tuple[str, ...], how: How = as_it_is, **facts: Any) -> Callable[[F], F]:
        """Return a decorator that enters one variant; `how` makes a change of the decorated function."""

        def enter(function: F) -> F:
            name = function.__name__.replace("_", "-")
            description = (function.__doc__ or "").strip().splitlines()[0]
            self.row(name, profiles, **facts)(description, how(function))
            return function

        return enter

    def row(self, name: str, profiles: tuple[str, ...], **facts: Any) -> Callable[[str, Change], None]:
        """Return a function that enters one variant, by its description and its change."""

        def enter(description: str, change: Change) -> None:
            self.variants.append(Variant(name, profiles, description, change, **facts))

        return enter


def catalogue(groups: Iterable[Variants]) -> dict[str, Variant]:
    """Return the variants of all groups by name."""
    by_name: dict[str, Variant] = {}
    for group in groups:
        for variant in group.variants:
            if variant.name in by_name:
                raise ValueError(f"two variants named {variant.name}")
            by_name[variant.name] = variant
    return by_name
