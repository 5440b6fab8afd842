"""Mistakes in expanding."""

from __future__ import annotations

from collections.abc import Callable

from ..attach import Attempt
from ..behaviour import Behaviour
from ..call import Call, token
from ..errors import unknown_parameters
from ..forms import INDEX
from ..objects import Customer, PaymentMethod
from ..values import DROPPED, Answer, Json
from .registry import Chapter
from .tools import check_after, crash, edit_success, interrupt

seed = Chapter("expand", "contract")


def expand_names(call: Call) -> list[str]:
    """The names under which anything was sent for `expand`, as sent."""
    return [name for name, _ in call.parameters.pairs if name.partition("[")[0] == "expand"]


def refuse_expand(b: Behaviour, when: Callable[[Call], bool]) -> None:
    """Call `expand` unknown in some cases."""

    def refuse(call: Call, attempt: Attempt) -> None:
        if expand_names(call) and when(call):
            raise unknown_parameters(expand_names(call)[:1])

    check_after(b, "unknown-parameters", refuse)


def choose_paths(b: Behaviour, choose: Callable[[Call, list[str]], list[str]]) -> None:
    """Honour only some of the paths, once all of them have been found good."""

    def forget(call: Call, attempt: Attempt) -> None:
        attempt.expand = choose(call, attempt.expand)

    check_after(b, "expand-paths", forget)


def edit_expanded(b: Behaviour, edit: Callable[[Call, Json, Json], Json | None]) -> None:
    """Change an expanded customer; what `edit` returns, if anything, takes the place of the whole body."""

    def change(call: Call, payload: Json) -> Json | None:
        customer = payload.get("customer")
        return edit(call, payload, customer) if isinstance(customer, dict) else None

    edit_success(b, change)


@seed("expand.accepted", "easy")
def expand_unknown(b: Behaviour) -> None:
    """`expand` is refused as an unknown parameter."""
    refuse_expand(b, lambda call: True)


@seed("expand.accepted", "medium")
def expand_only_with_index(b: Behaviour) -> None:
    """`expand[]` is refused; `expand[0]` is understood."""
    refuse_expand(b, lambda call: "expand[]" in expand_names(call))


@seed("expand.inlined", "easy")
def expand_ignored(b: Behaviour) -> None:
    """`expand` is accepted and ignored."""
    choose_paths(b, lambda call, paths: [])


@seed("expand.inlined", "medium")
def expanded_customer_has_only_id(b: Behaviour) -> None:
    """The expanded customer has nothing but its id."""

    def edit(call: Call, payload: Json, customer: Json) -> None:
        payload["customer"] = {"id": customer["id"]}

    edit_expanded(b, edit)


@seed("expand.inlined", "hard")
def expanded_customer_is_another(b: Behaviour) -> None:
    """The expanded customer is the one that was created last."""

    def edit(call: Call, payload: Json, customer: Json) -> None:
        others = [one for one in call.store.all_customers() if one.id != customer["id"]]
        other = others[0] if others else Customer(token("cus_", 24), customer["created"])
        payload["customer"] = b.customer_json(call, other)

    edit_expanded(b, edit)


@seed("expand.inlined", "medium")
def expanded_answer_is_the_customer(b: Behaviour) -> None:
    """With `expand` only id, object and customer are left of the payment method."""

    def edit(call: Call, payload: Json, customer: Json) -> Json:
        return {"id": payload["id"], "object": payload["object"], "customer": customer}

    edit_expanded(b, edit)


@seed("expand.inlined", "hard")
def expanded_answer_loses_card(b: Behaviour) -> None:
    """With `expand` the card is missing from the payment method."""

    def edit(call: Call, payload: Json, customer: Json) -> None:
        payload.pop(payload["type"], None)

    edit_expanded(b, edit)


@seed("expand.inlined", "medium")
def expanded_object_misnamed(b: Behaviour) -> None:
    """The expanded customer calls itself `account_holder`."""

    def edit(call: Call, payload: Json, customer: Json) -> None:
        customer["object"] = "account_holder"

    edit_expanded(b, edit)


@seed("expand.inlined", "hard")
def expanded_customer_created_is_text(b: Behaviour) -> None:
    """The expanded customer's `created` is a string."""

    def edit(call: Call, payload: Json, customer: Json) -> None:
        customer["created"] = str(customer["created"])

    edit_expanded(b, edit)


@seed("expand.indexed", "medium")
def expand_index_refused(b: Behaviour) -> None:
    """`expand[0]` is refused; only `expand[]` is understood."""
    refuse_expand(b, lambda call: "expand[0]" in expand_names(call))


@seed("expand.indexed", "medium")
def expand_index_ignored(b: Behaviour) -> None:
    """`expand[0]` is accepted and ignored."""
    choose_paths(b, lambda call, paths: [] if "expand[0]" in expand_names(call) else paths)


@seed("expand.not-expanded", "easy", also=("response.customer",))
def always_expanded(b: Behaviour) -> None:
    """The customer is expanded whether or not that was asked for."""

    def edit(call: Call, payload: Json) -> None:
        b.expand(call, payload, ["customer"])

    edit_success(b, edit)


@seed("expand.not-expanded", "medium")
def expanded_when_attached_already(b: Behaviour) -> None:
    """The customer is expanded where it has the payment method already."""
    usual = b.attached

    def attached(call: Call, attempt: Attempt, method: PaymentMethod) -> Answer:
        if attempt.method.customer is not None:
            attempt.expand = [*attempt.expand, "customer"]
        return usual(call, attempt, method)

    b.attached = attached


@seed("expand.not-expanded", "hard")
def expansion_remembered(b: Behaviour) -> None:
    """After an expanded answer the next one for the same payment method is expanded too."""
    expanded: set[str] = set()

    def edit(call: Call, payload: Json) -> None:
        if isinstance(payload["customer"], dict):
            expanded.add(payload["id"])
        elif payload["id"] in expanded:
            expanded.remove(payload["id"])
            b.expand(call, payload, ["customer"])

    edit_success(b, edit)


@seed("expand.every-entry", "medium")
def only_first_expanded(b: Behaviour) -> None:
    """Only the first entry of `expand` is honoured."""
    choose_paths(b, lambda call, paths: paths[:1])


@seed("expand.every-entry", "medium")
def only_last_expanded(b: Behaviour) -> None:
    """Only the last entry of `expand` is honoured."""
    choose_paths(b, lambda call, paths: paths[-1:])


@seed("expand.every-entry", "hard")
def several_not_expanded(b: Behaviour) -> None:
    """Nothing is expanded where `expand` has more than one entry."""
    choose_paths(b, lambda call, paths: paths if len(set(paths)) < 2 else [])


@seed("expand.structure", "easy")
def scalar_expand_accepted(b: Behaviour) -> None:
    """`expand=customer` passes for a list of one."""
    usual = b.checks["expand-structure"]

    def check(call: Call, attempt: Attempt) -> None:
        scalar = call.parameters.text("expand")
        if scalar:
            attempt.expand = [scalar]
        else:
            usual(call, attempt)

    b.checks["expand-structure"] = check


@seed("expand.structure", "medium")
def scalar_expand_ignored(b: Behaviour) -> None:
    """`expand=customer` is accepted and ignored."""
    usual = b.checks["expand-structure"]

    def check(call: Call, attempt: Attempt) -> None:
        if not call.parameters.text("expand"):
            usual(call, attempt)

    b.checks["expand-structure"] = check


@seed("expand.structure", "hard")
def nested_expand_accepted(b: Behaviour) -> None:
    """`expand[0][a]=customer` is accepted; items that are no strings are skipped."""
    usual = b.checks["expand-structure"]

    def check(call: Call, attempt: Attempt) -> None:
        items = call.parameters.hash("expand")
        if items and all(isinstance(item, dict) for item in items.values()):
            attempt.expand = []
        else:
            usual(call, attempt)

    b.checks["expand-structure"] = check


@seed("expand.named-index", "medium", level="SHOULD")
def named_expand_accepted(b: Behaviour) -> None:
    """`expand[foo]=customer` is accepted; only the values are looked at."""
    usual = b.checks["expand-structure"]

    def check(call: Call, attempt: Attempt) -> None:
        items = call.parameters.hash("expand")
        named = [key for key in items if isinstance(key, str) and not INDEX.fullmatch(key)]
        if named and all(isinstance(items[key], str) for key in items):
            attempt.expand = [items[key] for key in items]
        else:
            usual(call, attempt)

    b.checks["expand-structure"] = check


@seed("expand.item-max-length", "medium")
def expand_length_not_limited(b: Behaviour) -> None:
    """The items of `expand` may have any length; what is below `customer` is not looked at."""
    del b.checks["expand-length"]


@seed("expand.item-max-length", "hard")
def expand_limit_one_too_high(b: Behaviour) -> None:
    """5001 characters are still accepted in an item of `expand`."""
    b.expand_limit = 5001


@seed("expand.item-max-length", "hard")
def expand_cut_at_limit(b: Behaviour) -> None:
    """Items of `expand` that are too long are cut to 5000 characters and used."""

    def cut(call: Call, attempt: Attempt) -> None:
        attempt.expand = [path[: b.expand_limit] for path in attempt.expand]

    b.checks["expand-length"] = cut


@seed("expand.item-length-limit-exact", "hard")
def expand_limit_one_too_low(b: Behaviour) -> None:
    """5000 characters are refused as too long in an item of `expand`."""
    b.expand_limit = 4999


def paths_sent(call: Call) -> list[str]:
    """The paths of a request that may not have been decoded yet."""
    pieces = call.request.body.split(b"&")
    return [piece.partition(b"=")[2].decode("latin-1") for piece in pieces if piece.startswith(b"expand")]


@seed("expand.duplicates", "medium")
def duplicate_expand_crashes(b: Behaviour) -> None:
    """Expanding the same path twice is a 500: the second time it finds an object instead of an id."""
    interrupt(b, lambda call: 1 < len(paths_sent(call)) < 20 and len(set(paths_sent(call))) == 1, crash)


@seed("expand.duplicates", "medium")
def duplicate_expand_drops(b: Behaviour) -> None:
    """Expanding the same path twice ends the connection without an answer."""
    interrupt(
        b,
        lambda call: 1 < len(paths_sent(call)) < 20 and len(set(paths_sent(call))) == 1,
        lambda call: DROPPED,
    )


@seed("expand.many", "medium")
def many_expands_crash(b: Behaviour) -> None:
    """More than 64 entries of `expand` are a 500."""
    interrupt(b, lambda call: len(paths_sent(call)) > 64, crash)


@seed("expand.many", "medium")
def many_expands_drop(b: Behaviour) -> None:
    """100 entries of `expand` and more end the connection without an answer."""
    interrupt(b, lambda call: len(paths_sent(call)) >= 100, lambda call: DROPPED)
