"""Mistakes in rejecting unknown parameters."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from ..behaviour import Behaviour, Build, Check
from ..call import Call
from ..changes import Change, edit_rejections, expands, override_check, skip_check, tolerate, wrap_at_attach, wrap_check
from ..rules import errors, forms
from ..rules.attach import Attempt
from ..rules.checks import KNOWN
from ..rules.errors import ApiError, Rejection, unknown_parameters
from ..rules.forms import Form, Pair
from .parts import reject_with
from .registry import Topic

contract = Topic("contract")
stripe = Topic("stripe")

contract.row("unknown-ignored", "body.unknown-parameter", "easy")(
    "Unknown parameters are ignored.", tolerate(lambda call, name: True)
)
contract.row("unknown-ignored-after-first", "body.unknown-parameter", "medium")(
    "Only the first parameter is looked at.", tolerate(lambda call, name: next(iter(call.parameters.tree)) != name)
)
contract.row("unknown-ignored-before-last", "body.unknown-parameter", "medium")(
    "Only the last parameter is looked at.", tolerate(lambda call, name: list(call.parameters.tree)[-1] != name)
)
contract.row("unknown-ignored-when-empty", "body.unknown-parameter", "medium")(
    "Unknown parameters with empty values are ignored.", tolerate(lambda call, name: call.parameters.tree[name] == "")
)
contract.row("unknown-ignored-with-expand", "body.unknown-parameter", "hard")(
    "Unknown parameters are ignored where `expand` is there.", tolerate(lambda call, name: expands(call))
)
contract.row("several-unknown-ignored", "body.unknown-parameter", "hard")(
    "Unknown parameters are rejected only where there is exactly one.",
    tolerate(lambda call, name: len(set(call.parameters.tree) - {"customer", "expand"}) > 1),
)


@contract("body.unknown-parameter", "hard")
def unknown_refused_once(b: Behaviour) -> None:
    """The same unknown parameter is rejected the first time and ignored from then on."""
    seen: dict[str, str] = {}
    tolerate(lambda call, name: seen.setdefault(name, call.request_id) != call.request_id)(b)


contract.row("underscored-ignored", "body.unknown-parameter", "hard")(
    "Parameters whose names begin with an underscore are ignored as internal.",
    tolerate(lambda call, name: name.startswith("_")),
)
contract.row("metadata-tolerated", "body.unknown-parameter", "medium")(
    "`metadata` is tolerated, as it is on every other endpoint.", tolerate(lambda call, name: name == "metadata")
)
contract.row("own-fields-tolerated", "body.unknown-parameter", "hard")(
    "The payment method's own fields are tolerated: `id`, `type`, `object`, `created`.",
    tolerate(lambda call, name: name in ("id", "type", "object", "created")),
)
contract.row("names-in-any-case", "body.unknown-parameter", "medium")(
    "`Customer` and `CUSTOMER` pass for `customer`.",
    tolerate(lambda call, name: name.lower() in ("customer", "expand")),
)
contract.row("names-by-beginning", "body.unknown-parameter", "medium")(
    "Names that begin with `customer` pass: `customers`, `customer_id`.",
    tolerate(lambda call, name: name.startswith("customer")),
)
contract.row("long-names-ignored", "body.unknown-parameter", "hard")(
    "Names of more than 64 characters are ignored.", tolerate(lambda call, name: len(name) > 64)
)
contract.row("unknown-after-ten-pairs-ignored", "body.unknown-parameter", "hard")(
    "Only the first ten pairs of a form are looked at for unknown names.",
    tolerate(lambda call, name: name not in [one.partition("[")[0] for one, _ in call.parameters.pairs[:10]]),
)
contract.row("missing-comma", "body.unknown-parameter", "hard", batch="unseen 1")(
    "A comma is missing in the list of parameters: any piece of `customerexpand` passes for a known one.",
    tolerate(lambda call, name: name in "customerexpand"),
)
contract.row("white-space-around-names", "body.unknown-parameter", "medium", batch="unseen 1")(
    "Names are stripped of white space: `customer%20`, `+customer`, `expand[]%0A` are taken for known ones.",
    wrap_at_attach("read_name")(lambda usual, call, name: usual(call, name.strip(" \t\r\n"))),
)


@contract("body.unknown-parameter", "easy", also="stripe.parameter-unknown", batch="unseen 2")
def parameters_of_update_accepted(b: Behaviour) -> None:
    """The list of known parameters is shared with the update endpoint: `metadata` and others are ignored."""
    shared = ("metadata", "billing_details", "allow_redisplay", "card")
    tolerate(lambda call, name: name in shared)(b)


@contract(
    "body.unknown-parameter",
    "hard",
    wrap_check("unknown-parameters", seen=set),
    also="body.unknown-parameter-nested robustness.same-request-same-answer stripe.parameter-unknown",
    batch="unseen 2",
)
def checked_names_remembered_too_early(
    usual: Check, call: Call, attempt: Attempt, *, seen: set[frozenset[str]]
) -> None:
    """A set of names that was checked once is not checked again, though it was rejected the first time."""
    names = frozenset(name for name, _ in call.parameters.pairs)
    if names not in seen:
        seen.add(names)
        usual(call, attempt)


IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


contract.row("names-with-signs-ignored", "body.unknown-parameter", "medium", batch="unseen 3")(
    "Names are found by a pattern for identifiers: `x-y`, `1` and `ü` are not seen.",
    tolerate(lambda call, name: name != "" and not IDENTIFIER.fullmatch(name)),
)
FALSY = frozenset({"0", "false", "null", "no", "off"})


contract.row("falsy-extras-ignored", "body.unknown-parameter", "medium", batch="unseen 3")(
    "An unknown parameter counts only where its value says yes: `0`, `false` and `null` pass.",
    tolerate(lambda call, name: call.parameters.text(name) in FALSY),
)


@contract("body.unknown-parameter", "hard", tolerate, batch="unseen 3")
def doubled_extras_ignored(call: Call, name: str) -> bool:
    """Values are collected by name, and only single ones are looked at: an unknown one sent twice passes."""
    return sum(sent == name for sent, _ in call.parameters.pairs) > 1


@contract("body.unknown-parameter", "hard", partial(skip_check, "unknown-parameters"), batch="unseen 3")
def attached_ones_answered_unchecked(call: Call, attempt: Attempt) -> bool:
    """If the customer has it already, nothing is left to do: unknown parameters are not looked for."""
    method = call.store.method(attempt.payment_method_id)
    owner = None if method is None else method.customer
    return owner is not None and owner == call.parameters.text("customer")


contract.row("names-known-by-their-beginning", "body.unknown-parameter", "easy", batch="unseen 4")(
    "The names are checked by a pattern without an end: `customers` and `customer_id` pass, unused.",
    tolerate(lambda call, name: name.startswith(("customer", "expand"))),
)
OF_EVERY_OBJECT = frozenset(
    (
        "__proto__",
        "constructor",
        "hasOwnProperty",
        "isPrototypeOf",
        "propertyIsEnumerable",
        "toLocaleString",
        "toString",
        "valueOf",
    )
)


contract.row("names-that-every-object-has-pass", "body.unknown-parameter", "hard", batch="unseen 4")(
    "`name in allowed` is asked of an object that inherits: `constructor` and `toString` pass, unused.",
    tolerate(lambda call, name: name in OF_EVERY_OBJECT),
)
contract.row("customer-id-is-an-alias", "body.unknown-parameter", "medium", batch="reading 1")(
    "`customer_id` is tolerated, since it once was the name of `customer`.",
    tolerate(lambda call, name: name == "customer_id"),
)
contract.row("whatever-begins-with-expand-passes", "body.unknown-parameter", "medium", batch="reading 1")(
    "`expand[…]` is known by how it begins, so that `expands` passes too, and is not used.",
    tolerate(lambda call, name: name.startswith("expand")),
)
contract.row("unknown-nested-ignored", "body.unknown-parameter-nested", "easy")(
    "Unknown hashes and arrays are ignored; only strings are looked at.",
    tolerate(lambda call, name: isinstance(call.parameters.tree[name], dict)),
)
contract.row("unknown-array-ignored", "body.unknown-parameter-nested", "medium")(
    "Unknown arrays `foo[]` are ignored.",
    tolerate(lambda call, name: any(isinstance(key, int) for key in call.parameters.hash(name))),
)
contract.row("unknown-hash-ignored", "body.unknown-parameter-nested", "medium")(
    "Unknown hashes `foo[bar]` are ignored.",
    tolerate(lambda call, name: any(str(key).isalpha() for key in call.parameters.hash(name))),
)
contract.row("unknown-deep-ignored", "body.unknown-parameter-nested", "hard")(
    "Unknown hashes within arrays, `foo[0][bar]`, are ignored.",
    tolerate(lambda call, name: any(isinstance(item, dict) for item in call.parameters.hash(name).values())),
)
contract.row("hashes-beside-expand-ignored", "body.unknown-parameter-nested", "medium", batch="unseen 1")(
    "With `expand`, all brackets are thought to belong to it: unknown hashes and arrays pass.",
    tolerate(lambda call, name: expands(call) and isinstance(call.parameters.tree.get(name), dict)),
)


@contract("body.unknown-parameter-nested", "medium", partial(override_check, "unknown-parameters"), batch="unseen 2")
def deeply_nested_names_skipped(call: Call, attempt: Attempt) -> None:
    """The pattern for names knows one pair of brackets; `foo[0][bar]=1` does not match and is skipped."""
    paths = [call.behaviour.read_name(call, sent) for sent, _ in call.parameters.pairs]
    names = dict.fromkeys(path[0] for path in paths if len(path) < 3 and path[0] not in KNOWN)
    if names:
        raise unknown_parameters(list(names))


DEPTH = 2


@contract("body.unknown-parameter-nested", "medium", wrap_at_attach("build"), also="expand.structure", batch="unseen 4")
def deeper_parameters_dropped(usual: Build, call: Call, pairs: Sequence[Pair]) -> Form:
    """The parser reads one pair of brackets: a parameter with two of them is dropped without a word."""
    return usual(call, [pair for pair in pairs if len(forms.read_name(call, pair[0])) <= DEPTH])


@contract("body.unknown-parameter-nested", "hard", wrap_at_attach("build"), batch="mutants")
def hash_beside_the_customer_is_passed_over(usual: Build, call: Call, pairs: Sequence[Pair]) -> Form:
    """Where `customer` is found by its name, nothing looks for `customer[id]` beside it."""
    if any(name == "customer" for name, _ in pairs):
        pairs = [pair for pair in pairs if not pair[0].startswith("customer[")]
    return usual(call, pairs)


UNKNOWN = "unknown-parameter"


stripe.row("unknown-parameter-without-code", "stripe.parameter-unknown", "medium")(
    "An unknown parameter has no code.", reject_with(UNKNOWN, code=None)
)
stripe.row("unknown-parameter-is-422", "stripe.parameter-unknown", "easy")(
    "An unknown parameter is answered with 422.", reject_with(UNKNOWN, status=422)
)
stripe.row("unknown-parameter-without-param", "stripe.parameter-unknown", "medium")(
    "For an unknown parameter there is no `param`.", reject_with(UNKNOWN, param=None)
)


def blame(choose: Callable[[list[str]], str]) -> Change:
    """Choose which of several unknown parameters `param` names."""

    def check(call: Call, attempt: Attempt) -> None:
        names = [str(name) for name in call.parameters.tree if name not in ("customer", "expand")]
        if names:
            raise errors.ApiError(replace(errors.unknown_parameters(names).rejection, param=choose(names)))

    return override_check("unknown-parameters", check)


stripe.row("last-unknown-parameter-named", "stripe.parameter-unknown", "hard")(
    "`param` is the last of several unknown parameters.", blame(lambda names: names[-1])
)
stripe.row("unknown-parameters-sorted", "stripe.parameter-unknown", "hard")(
    "`param` is the alphabetically first of several unknown parameters.", blame(min)
)
stripe.row("all-unknown-parameters-named", "stripe.parameter-unknown", "hard")(
    "`param` lists all of several unknown parameters, with commas.", blame(", ".join)
)


@stripe("stripe.parameter-unknown", "medium", partial(override_check, "unknown-parameters"), batch="unseen 1")
def unknown_names_sorted(call: Call, attempt: Attempt) -> None:
    """`param` names the alphabetically first of several unknown parameters, not the first one sent."""
    names = sorted(str(name) for name in call.parameters.tree if name not in KNOWN)
    if names:
        raise unknown_parameters(names)


@stripe("stripe.parameter-unknown", "medium", partial(override_check, "unknown-parameters"), batch="unseen 2")
def unknown_names_in_alphabetical_order(call: Call, attempt: Attempt) -> None:
    """Unknown names are kept in a sorted set: `param` is the first by the alphabet, not the first sent."""
    names = sorted(str(name) for name in call.parameters.tree if name not in KNOWN)
    if names:
        raise unknown_parameters(names)


NAME_COLUMN = 32


stripe.row("names-cut-in-param", "stripe.parameter-unknown", "medium", batch="unseen 3")(
    "`param` holds the first 32 characters of the unknown parameter's name.",
    edit_rejections(
        ["unknown-parameter"], lambda rejection: replace(rejection, param=(rejection.param or "")[:NAME_COLUMN])
    ),
)


@stripe("stripe.parameter-unknown", "hard", wrap_check("unknown-parameters"), batch="reading 1")
def unknown_hash_has_no_code(usual: Check, call: Call, attempt: Attempt) -> None:
    """A hash that is an unknown parameter is rejected for its structure, without a code."""
    unknown: Any = [value for name, value in call.parameters.tree.items() if name not in ("customer", "expand")]
    if unknown and all(isinstance(value, dict) for value in unknown):
        raise ApiError(Rejection("structure", 400, "Invalid request."))
    usual(call, attempt)
