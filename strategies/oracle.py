"""The oracle: the clauses that a form body breaks, by the contract alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from contracts import Contract
from strategies.wire import DecodedPair, Name, parse_name


@dataclass(frozen=True)
class Violation:
    """One way in which a body breaks the contract: the clause, the component, and the reason."""

    clause: str
    component: str
    why: str


def violations(pairs: Sequence[DecodedPair], contract: Contract) -> tuple[Violation, ...]:
    """Return every violation of the contract's body schema in `pairs`, in their order; empty for a valid body."""
    return tuple(dict.fromkeys(each_violation(pairs, contract)))


def each_violation(pairs: Sequence[DecodedPair], contract: Contract) -> Iterator[Violation]:
    """Yield the violations of the contract's body schema in `pairs` as they are found; some come more than once."""
    customers = sum(pair.name == b"customer" for pair in pairs)
    for pair in pairs:
        yield from _violations_of_pair(pair, contract, has_customer=customers > 0)
    if not any(parse_name(_text(pair.name)).root == "customer" for pair in pairs):
        yield Violation("body.customer-required", "customer", "`customer` is required and not there")
    if customers > 1:
        yield Violation("body.duplicate-customer", "customer", "`customer` is there more than once")


def _violations_of_pair(pair: DecodedPair, contract: Contract, *, has_customer: bool) -> Iterator[Violation]:
    written = _text(pair.name)
    name = parse_name(written)
    is_beside_customer = name.root == "customer" and bool(name.keys) and has_customer
    if name.root not in contract.parameters or is_beside_customer:
        has_brackets = bool(name.keys) or written.find("[") > 0
        clause = "body.unknown-parameter-nested" if has_brackets else "body.unknown-parameter"
        yield Violation(clause, written, "the contract has no such property")
    elif name.root == "customer":
        if name.keys:
            yield Violation("body.customer-structure", written, "`customer` is not a string")
        elif len(_text(pair.value)) > contract.customer_max_length:
            yield Violation("body.customer-max-length", written, "`customer` is too long")
    else:
        yield from _violations_of_expand(written, name, _text(pair.value), contract)


def _violations_of_expand(written: str, name: Name, value: str, contract: Contract) -> Iterator[Violation]:
    if not name.keys and not value:
        return  # client libraries write an empty array so
    if not name.keys:
        yield Violation("expand.structure", written, "`expand` is a string, not an array")
    elif len(name.keys) > 1:
        yield Violation("expand.structure", written, "an entry of `expand` is not a string")
    elif name.keys[0] and not (name.keys[0].isascii() and name.keys[0].isdecimal()):
        yield Violation("expand.named-index", written, "`expand` is a hash, not an array")
    elif len(value) > contract.expand_item_max_length:
        yield Violation("expand.item-max-length", written, "an entry of `expand` is too long")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
