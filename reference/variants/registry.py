"""What a conforming variant is, and how one is entered in the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..behaviour import Behaviour

Apply = Callable[[Behaviour], None]

CONTRACT = ("contract",)
STATEFUL = ("contract", "stateful")
STRIPE = ("contract", "stateful", "stripe")


@dataclass(frozen=True, slots=True)
class Variant:
    """Another way to conform, and the profiles that it conforms to.

    `deviates` names the clauses of level SHOULD, within those profiles, that it does not follow; `customers`
    and `payment_methods` are ids that are there from the start, where none can be created.
    """

    name: str
    profiles: tuple[str, ...]
    description: str
    apply: Apply
    deviates: tuple[str, ...] = ()
    customers: tuple[str, ...] = ()
    payment_methods: tuple[str, ...] = ()


class Variants:
    """Enters functions in the catalogue, under their names and with their docstrings as descriptions."""

    def __init__(self) -> None:
        self.variants: list[Variant] = []

    def __call__(
        self,
        profiles: tuple[str, ...],
        *,
        deviates: tuple[str, ...] = (),
        customers: tuple[str, ...] = (),
        payment_methods: tuple[str, ...] = (),
    ) -> Callable[[Apply], Apply]:
        """A decorator for one variant."""

        def enter(apply: Apply) -> Apply:
            name = apply.__name__.replace("_", "-")
            description = (apply.__doc__ or "").strip().splitlines()[0]
            given = (deviates, customers, payment_methods)
            self.variants.append(Variant(name, profiles, description, apply, *given))
            return apply

        return enter


def catalogue(groups: Iterable[Variants]) -> dict[str, Variant]:
    """The variants of all groups by name."""
    by_name: dict[str, Variant] = {}
    for group in groups:
        for variant in group.variants:
            if variant.name in by_name:
                raise ValueError(f"two variants named {variant.name}")
            by_name[variant.name] = variant
    return by_name
