"""Mistakes in refusing unknown parameters."""

from __future__ import annotations

from ..behaviour import Behaviour
from .registry import Chapter
from .tools import expands, tolerate

seed = Chapter("unknown parameters", "contract")


@seed("body.unknown-parameter", "easy")
def unknown_ignored(b: Behaviour) -> None:
    """Unknown parameters are ignored."""
    tolerate(b, lambda call, name: True)


@seed("body.unknown-parameter", "medium")
def unknown_ignored_after_first(b: Behaviour) -> None:
    """Only the first parameter is looked at."""
    tolerate(b, lambda call, name: next(iter(call.parameters.tree)) != name)


@seed("body.unknown-parameter", "medium")
def unknown_ignored_before_last(b: Behaviour) -> None:
    """Only the last parameter is looked at."""
    tolerate(b, lambda call, name: list(call.parameters.tree)[-1] != name)


@seed("body.unknown-parameter", "medium")
def unknown_ignored_when_empty(b: Behaviour) -> None:
    """Unknown parameters with empty values are ignored."""
    tolerate(b, lambda call, name: call.parameters.tree[name] == "")


@seed("body.unknown-parameter", "hard")
def unknown_ignored_with_expand(b: Behaviour) -> None:
    """Unknown parameters are ignored where `expand` is there."""
    tolerate(b, lambda call, name: expands(call))


@seed("body.unknown-parameter", "hard")
def several_unknown_ignored(b: Behaviour) -> None:
    """Unknown parameters are refused only where there is exactly one."""
    tolerate(b, lambda call, name: len(set(call.parameters.tree) - {"customer", "expand"}) > 1)


@seed("body.unknown-parameter", "hard")
def unknown_refused_once(b: Behaviour) -> None:
    """The same unknown parameter is refused the first time and ignored from then on."""
    seen: dict[str, str] = {}
    tolerate(b, lambda call, name: seen.setdefault(name, call.request_id) != call.request_id)


@seed("body.unknown-parameter", "hard")
def underscored_ignored(b: Behaviour) -> None:
    """Parameters whose names begin with an underscore are ignored as internal."""
    tolerate(b, lambda call, name: name.startswith("_"))


@seed("body.unknown-parameter", "medium")
def metadata_tolerated(b: Behaviour) -> None:
    """`metadata` is tolerated, as it is on every other endpoint."""
    tolerate(b, lambda call, name: name == "metadata")


@seed("body.unknown-parameter", "hard")
def own_fields_tolerated(b: Behaviour) -> None:
    """The payment method's own fields are tolerated: `id`, `type`, `object`, `created`."""
    tolerate(b, lambda call, name: name in ("id", "type", "object", "created"))


@seed("body.unknown-parameter", "medium")
def names_in_any_case(b: Behaviour) -> None:
    """`Customer` and `CUSTOMER` pass for `customer`."""
    tolerate(b, lambda call, name: name.lower() in ("customer", "expand"))


@seed("body.unknown-parameter", "medium")
def names_by_beginning(b: Behaviour) -> None:
    """Names that begin with `customer` pass: `customers`, `customer_id`."""
    tolerate(b, lambda call, name: name.startswith("customer"))


@seed("body.unknown-parameter", "hard")
def long_names_ignored(b: Behaviour) -> None:
    """Names of more than 64 characters are ignored."""
    tolerate(b, lambda call, name: len(name) > 64)


@seed("body.unknown-parameter", "hard")
def unknown_after_ten_pairs_ignored(b: Behaviour) -> None:
    """Only the first ten pairs of a form are looked at for unknown names."""
    tolerate(b, lambda call, name: name not in [one.partition("[")[0] for one, _ in call.parameters.pairs[:10]])


@seed("body.unknown-parameter-nested", "easy")
def unknown_nested_ignored(b: Behaviour) -> None:
    """Unknown hashes and arrays are ignored; only strings are looked at."""
    tolerate(b, lambda call, name: isinstance(call.parameters.tree[name], dict))


@seed("body.unknown-parameter-nested", "medium")
def unknown_array_ignored(b: Behaviour) -> None:
    """Unknown arrays `foo[]` are ignored."""
    tolerate(b, lambda call, name: any(isinstance(key, int) for key in call.parameters.hash(name)))


@seed("body.unknown-parameter-nested", "medium")
def unknown_hash_ignored(b: Behaviour) -> None:
    """Unknown hashes `foo[bar]` are ignored."""
    tolerate(b, lambda call, name: any(str(key).isalpha() for key in call.parameters.hash(name)))


@seed("body.unknown-parameter-nested", "hard")
def unknown_deep_ignored(b: Behaviour) -> None:
    """Unknown hashes within arrays, `foo[0][bar]`, are ignored."""
    tolerate(b, lambda call, name: any(isinstance(item, dict) for item in call.parameters.hash(name).values()))
