"""Mistakes in reading `expand`: its form, its limits, its paths."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ..behaviour import Attached, Behaviour, Build, Check, Expand
from ..call import Call
from ..changes import (
    Change,
    apply,
    check_after,
    check_first,
    crash,
    drop_check,
    interrupt,
    override,
    override_check,
    rejection,
    skip_check,
    wrap,
    wrap_at_attach,
    wrap_check,
)
from ..objects.models import PaymentMethod
from ..rules import errors, expansion, forms
from ..rules.attach import Attempt
from ..rules.errors import ApiError, Rejection, too_deep, too_long, unknown_parameters
from ..rules.expansion import OF_PAYMENT_METHOD
from ..rules.forms import INDEX, Form, Pair
from ..wire.values import DROPPED, Answer, Json
from .parts import choose_paths, reject_bodies_with, reject_with
from .registry import Topic

contract = Topic("contract")
stripe = Topic("stripe")


def expand_names(call: Call) -> list[str]:
    """Return the names under which anything was sent for `expand`, as sent."""
    return [name for name, _ in call.parameters.pairs if name.partition("[")[0] == "expand"]


def reject_expand(when: Callable[[Call], bool]) -> Change:
    """Call `expand` unknown in some cases."""

    def reject(call: Call, attempt: Attempt) -> None:
        if expand_names(call) and when(call):
            raise unknown_parameters(expand_names(call)[:1])

    return check_after("unknown-parameters", reject)


contract.row("expand-unknown", "expand.accepted", "easy")(
    "`expand` is rejected as an unknown parameter.", reject_expand(lambda call: True)
)
contract.row("expand-only-with-index", "expand.accepted", "medium")(
    "`expand[]` is rejected; `expand[0]` is understood.", reject_expand(lambda call: "expand[]" in expand_names(call))
)
contract.row("encoded-brackets-only", "expand.accepted", "medium", also="request.equivalent-encodings")(
    "A form whose names have raw brackets, as the official libraries send them, is rejected by every endpoint.",
    reject_bodies_with(b"["),
)


@contract("expand.accepted", "easy", partial(check_after, "payment-method"), batch="unseen 4")
def expansion_asked_of_the_unattached(call: Call, attempt: Attempt) -> None:
    """`customer` is checked for expansion before attaching, while it is still null: rejected."""
    if attempt.method.customer is None and any(path.startswith("customer") for path in attempt.expand):
        raise errors.not_expandable("customer")


@contract("expand.accepted", "medium", partial(check_first, "empty-brackets"))
def empty_brackets_are_a_hash(call: Call, attempt: Attempt) -> None:
    """`expand[]` is read as a hash with an empty key, and rejected for its structure."""
    if "expand[]" in expand_names(call):
        raise rejection(400, "Invalid array", param="expand")


contract.row("expand-index-refused", "expand.indexed", "medium")(
    "`expand[0]` is rejected; only `expand[]` is understood.",
    reject_expand(lambda call: "expand[0]" in expand_names(call)),
)
contract.row("expand-index-ignored", "expand.indexed", "medium")(
    "`expand[0]` is accepted and ignored.",
    choose_paths(lambda call, paths: [] if "expand[0]" in expand_names(call) else paths),
)


@contract(
    "expand.indexed",
    "easy",
    partial(check_after, "expand-paths"),
    also="expand.inlined expand.every-entry",
    batch="unseen 4",
)
def items_counted_from_one(call: Call, attempt: Attempt) -> None:
    """The items are counted from one: `expand[0]` is passed over."""
    first = call.parameters.hash("expand").get("0")
    attempt.expand = [item for item in attempt.expand if item != first]


@contract("expand.indexed", "easy", partial(check_after, "expand-structure"), batch="unseen 5")
def indices_from_one(call: Call, attempt: Attempt) -> None:
    """Indices of `expand` are counted from one: the entry `expand[0]` is passed over."""
    first = call.parameters.hash("expand").get("0")
    if isinstance(first, str):
        attempt.expand = attempt.expand[1:]


@contract("expand.named-index", "medium", wrap_check("expand-structure"), level="SHOULD")
def named_expand_accepted(usual: Check, call: Call, attempt: Attempt) -> None:
    """`expand[foo]=customer` is accepted; only the values are looked at."""
    items = call.parameters.hash("expand")
    named = [key for key in items if isinstance(key, str) and not INDEX.fullmatch(key)]
    if named and all(isinstance(items[key], str) for key in items):
        attempt.expand = [items[key] for key in items]
    else:
        usual(call, attempt)


@contract("expand.structure", "easy", wrap_check("expand-structure"))
def scalar_expand_accepted(usual: Check, call: Call, attempt: Attempt) -> None:
    """`expand=customer` passes for a list of one."""
    scalar = call.parameters.text("expand")
    if scalar:
        attempt.expand = [scalar]
    else:
        usual(call, attempt)


@contract("expand.structure", "medium", wrap_check("expand-structure"))
def scalar_expand_ignored(usual: Check, call: Call, attempt: Attempt) -> None:
    """`expand=customer` is accepted and ignored."""
    if not call.parameters.text("expand"):
        usual(call, attempt)


@contract("expand.structure", "hard", wrap_check("expand-structure"))
def nested_expand_accepted(usual: Check, call: Call, attempt: Attempt) -> None:
    """`expand[0][a]=customer` is accepted; items that are no strings are skipped."""
    items = call.parameters.hash("expand")
    if items and all(isinstance(item, dict) for item in items.values()):
        attempt.expand = []
    else:
        usual(call, attempt)


@contract("expand.structure", "easy", wrap_check("expand-structure"), also="stripe.wrong-structure", batch="unseen 2")
def hashes_in_expand_ignored(usual: Check, call: Call, attempt: Attempt) -> None:
    """Items of `expand` that are no strings are filtered out: `expand[0][a]=b` does not matter."""
    value = call.parameters.tree.get("expand")
    if not isinstance(value, dict):
        return usual(call, attempt)
    strings = {key: item for key, item in value.items() if isinstance(item, str)}
    expansion.check_structure({"expand": strings})
    attempt.expand = call.parameters.items("expand")
    return None


@contract("expand.structure", "hard", wrap_check("expand-structure"), batch="unseen 3")
def later_items_not_checked(usual: Check, call: Call, attempt: Attempt) -> None:
    """Only the first item must be a string: a hash that comes after one is passed over."""
    sent = call.parameters.hash("expand")
    numbered = all(isinstance(key, int) or INDEX.fullmatch(key) for key in sent)
    if sent and numbered and isinstance(next(iter(sent.values())), str):
        attempt.expand = call.parameters.items("expand")
    else:
        usual(call, attempt)


@contract("expand.structure", "medium", partial(override_check, "expand-structure"), batch="unseen 4")
def nested_items_flattened(call: Call, attempt: Attempt) -> None:
    """`expand` is flattened before it is read: `expand[0][a]=customer` counts as `expand[0]=customer`."""
    tree = call.parameters.tree
    value = tree.get("expand")
    if isinstance(value, dict):
        flattened = {
            key: forms.flat(item)[0][1] if isinstance(item, dict) and item else item for key, item in value.items()
        }
        tree = {"expand": flattened}
    expansion.check_structure(tree)
    attempt.expand = forms.Form((), tree).items("expand")


contract.row("expand-length-not-limited", "expand.item-max-length", "medium")(
    "The items of `expand` may have any length; what is below `customer` is not looked at.", drop_check("expand-length")
)
contract.row("expand-limit-one-too-high", "expand.item-max-length", "hard")(
    "5001 characters are still accepted in an item of `expand`.", override("expand_limit", 5001)
)


@contract("expand.item-max-length", "hard", partial(override_check, "expand-length"))
def expand_cut_at_limit(call: Call, attempt: Attempt) -> None:
    """Items of `expand` that are too long are cut to 5000 characters and used."""
    attempt.expand = [path[: call.behaviour.expand_limit] for path in attempt.expand]


@contract("expand.item-max-length", "medium", partial(override_check, "expand-length"), batch="unseen 1")
def length_of_the_first_entry_only(call: Call, attempt: Attempt) -> None:
    """Only the first entry's length is checked: a second one of 5001 characters is accepted."""
    expansion.check_lengths(call, attempt.expand[:1])


@contract("expand.item-max-length", "medium", partial(override_check, "expand-length"), batch="unseen 2")
def expand_limit_for_each_segment(call: Call, attempt: Attempt) -> None:
    """The limit of an `expand` item is applied to what stands between the dots, never to the whole."""
    limit = call.behaviour.expand_limit
    for position, item in enumerate(attempt.expand):
        if any(len(segment) > limit for segment in item.split(".")):
            raise too_long(f"expand[{position}]", item, limit)


contract.row("expand-limit-one-too-low", "expand.item-length-limit-exact", "hard")(
    "5000 characters are rejected as too long in an item of `expand`.", override("expand_limit", 4999)
)


@contract(
    "expand.item-length-limit-exact",
    "hard",
    partial(check_after, "customer-length"),
    also="body.customer-length-limit-exact",
    batch="unseen 3",
)
def values_measured_together(call: Call, attempt: Attempt) -> None:
    """The limit holds for all values together: a customer of 5000 characters and an `expand` are too long."""
    sent = attempt.customer_id
    if sent is not None and len(sent) + sum(map(len, attempt.expand)) > call.behaviour.limit:
        raise too_long("customer", sent, call.behaviour.limit)


def paths_sent(call: Call) -> list[str]:
    """Return the paths of a request that may not have been decoded yet."""
    pieces = call.request.body.split(b"&")
    return [piece.partition(b"=")[2].decode("latin-1") for piece in pieces if piece.startswith(b"expand")]


contract.row("many-expands-crash", "expand.many", "medium")(
    "More than 64 entries of `expand` are a 500.", interrupt(lambda call: len(paths_sent(call)) > 64, crash)
)
contract.row("many-expands-drop", "expand.many", "medium")(
    "100 entries of `expand` and more end the connection without an answer.",
    interrupt(lambda call: len(paths_sent(call)) >= 100, lambda call: DROPPED),
)
MANY = 64


contract.row("many-expansions-hang-up", "expand.many", "easy", also="robustness.many-parameters", batch="unseen 4")(
    "Each entry starts a separate job; with more than 64 of them the worker dies without an answer.",
    interrupt(lambda call: call.request.body.count(b"expand") > MANY, lambda call: DROPPED),
)
contract.row("duplicate-expand-crashes", "expand.duplicates", "medium")(
    "Expanding the same path twice is a 500: the second time it finds an object instead of an id.",
    interrupt(lambda call: 1 < len(paths_sent(call)) < 20 and len(set(paths_sent(call))) == 1, crash),
)
contract.row("duplicate-expand-drops", "expand.duplicates", "medium")(
    "Expanding the same path twice ends the connection without an answer.",
    interrupt(
        lambda call: 1 < len(paths_sent(call)) < 20 and len(set(paths_sent(call))) == 1,
        lambda call: DROPPED,
    ),
)


@contract("expand.duplicates", "medium", partial(check_after, "expand-structure"), batch="unseen 1")
def two_spellings_clash(call: Call, attempt: Attempt) -> None:
    """The same entry as `expand[]` and as `expand[0]`: putting them together fails with a 500."""
    value = call.parameters.hash("expand")
    appended = {item for key, item in value.items() if isinstance(key, int)}
    numbered = {item for key, item in value.items() if isinstance(key, str)}
    if appended & numbered:
        raise ApiError(Rejection("seeded", 500, "An unexpected error occurred.", "api_error"))


@contract(
    "expand.duplicates",
    "easy",
    wrap_at_attach("expand"),
    also="state.refusal-changes-nothing error.status-class",
    batch="unseen 5",
)
def second_expansion_fails(usual: Expand, call: Call, payload: Json, items: Sequence[str]) -> None:
    """A path named twice is expanded twice, and fails the second time with 500."""
    if len(set(items)) < len(items):
        text = "An unexpected error occurred."
        raise ApiError(Rejection("seeded", 500, text, "api_error"))
    usual(call, payload, items)


contract.row("only-first-expanded", "expand.every-entry", "medium")(
    "Only the first entry of `expand` is honoured.", choose_paths(lambda call, paths: paths[:1])
)
contract.row("only-last-expanded", "expand.every-entry", "medium")(
    "Only the last entry of `expand` is honoured.", choose_paths(lambda call, paths: paths[-1:])
)
contract.row("several-not-expanded", "expand.every-entry", "hard")(
    "Nothing is expanded where `expand` has more than one entry.",
    choose_paths(lambda call, paths: paths if len(set(paths)) < 2 else []),
)


@contract("expand.every-entry", "hard", wrap_at_attach("expand"), batch="unseen 1")
def inner_entries_forgotten(usual: Expand, call: Call, payload: Json, items: Sequence[str]) -> None:
    """Only the first and the last of three and more entries are honoured."""
    usual(call, payload, [*items[:1], *items[1:][-1:]])


@contract("expand.every-entry", "medium", wrap_at_attach("expand"), batch="unseen 2")
def expansion_stops_at_a_dead_end(usual: Expand, call: Call, payload: Json, items: Sequence[str]) -> None:
    """An entry that leads to null ends the loop instead of being passed over; later ones are not honoured."""
    for item in dict.fromkeys(items):
        before = copy.deepcopy(payload)
        usual(call, payload, [item])
        if payload == before:
            break


@contract("expand.every-entry", "hard", wrap("attached"), batch="unseen 3")
def middle_entries_dropped(usual: Attached, call: Call, attempt: Attempt, method: PaymentMethod) -> Answer:
    """If there are three or more entries, those between the first and the last are not honoured."""
    if len(attempt.expand) > 2:
        attempt.expand = [attempt.expand[0], attempt.expand[-1]]
    return usual(call, attempt, method)


@contract("expand.every-entry", "hard", wrap_at_attach("expand"), batch="unseen 4")
def first_null_ends_the_expansion(usual: Expand, call: Call, payload: Json, items: Sequence[str]) -> None:
    """The loop over the entries ends at the first that leads to null; the ones after it are not honoured."""
    for item in items:
        usual(call, payload, [item])
        node: Any = payload
        for name in item.split("."):
            node = node.get(name) if isinstance(node, dict) else None
        if node is None:
            return


@contract("expand.every-entry", "medium", wrap_at_attach("build"), batch="reading 1")
def only_the_first_index_read(usual: Build, call: Call, pairs: Sequence[Pair]) -> Form:
    """Only `expand[]` and `expand[0]` are read, and other indexes of `expand` are passed over."""
    return usual(call, [pair for pair in pairs if re.fullmatch(r"expand\[[1-9]\d*\]", pair[0]) is None])


@contract("expand.every-entry", "medium", wrap_at_attach("build"))
def later_entries_are_not_read(usual: Build, call: Call, pairs: Sequence[Pair]) -> Form:
    """Only the first entry of `expand` is read; the others are dropped before anything is checked."""
    entries = [pair for pair in pairs if pair[0].partition("[")[0] == "expand"]
    return usual(call, [pair for pair in pairs if pair not in entries[1:]])


stripe.row("unknown-path-accepted", "stripe.expand-path", "medium", level="SHOULD")(
    "A path that leads nowhere is accepted and ignored.",
    skip_check("expand-paths", lambda call, attempt: all(path.count(".") < 4 for path in attempt.expand)),
)


@stripe("stripe.expand-path", "hard", partial(check_after, "expand-structure"), level="SHOULD")
def path_in_any_case(call: Call, attempt: Attempt) -> None:
    """`CUSTOMER` is a path like `customer`."""
    attempt.expand = [path.lower() for path in attempt.expand]


stripe.row("unknown-path-is-404", "stripe.expand-path", "medium", level="SHOULD")(
    "A path that leads nowhere is answered with 404.", reject_with("expand-path", status=404)
)


@stripe("stripe.expand-path", "medium", partial(override_check, "expand-paths"), level="SHOULD", batch="unseen 1")
def first_path_only(call: Call, attempt: Attempt) -> None:
    """Only the first entry of `expand` has to be a path that exists: `customer`, then `nope`, is accepted."""
    levels = call.behaviour.expand_levels
    expansion.check_paths(call, attempt.expand[:1], expansion.OF_PAYMENT_METHOD)
    for item in attempt.expand[1:]:
        if item.count(".") >= levels:
            raise too_deep(item, levels)


@stripe("stripe.expand-path", "hard", level="SHOULD", batch="reading 1")
def own_fields_can_be_expanded(b: Behaviour) -> None:
    """Any field of a payment method is a path to expand, also one that holds no other object."""
    fields = {"metadata", "created", "billing_details", "livemode", "type", *OF_PAYMENT_METHOD}

    @apply(b, partial(skip_check, "expand-paths"))
    def is_field(call: Call, attempt: Attempt) -> bool:
        return all(path.partition(".")[0] in fields and path.count(".") < 4 for path in attempt.expand)


stripe.row("depth-not-limited", "stripe.expand-depth", "medium", level="SHOULD")(
    "Paths may have any number of levels.", override("expand_levels", 10**9)
)
stripe.row("depth-one-too-many", "stripe.expand-depth", "hard", level="SHOULD")(
    "Paths may have five levels.", override("expand_levels", 5)
)
stripe.row("depth-without-code", "stripe.expand-depth", "medium", level="SHOULD")(
    "A path of too many levels has no code.", reject_with("expand-depth", code=None)
)
