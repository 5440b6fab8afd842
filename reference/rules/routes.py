"""Routes from a method and a path to an endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..objects import customers, payment_methods
from . import attach, errors
from .forms import unescape

if TYPE_CHECKING:
    from ..call import Call, Endpoint

ROUTES: dict[tuple[str, ...], dict[str, Endpoint]] = {
    ("customers",): {"POST": customers.create, "GET": customers.every},
    ("customers", "*"): {"POST": customers.update, "GET": customers.retrieve, "DELETE": customers.delete},
    ("customers", "*", "payment_methods"): {"GET": payment_methods.of_customer},
    ("customers", "*", "payment_methods", "*"): {"GET": payment_methods.one_of_customer},
    ("payment_methods",): {"POST": payment_methods.create, "GET": payment_methods.every},
    ("payment_methods", "*"): {"POST": payment_methods.update, "GET": payment_methods.retrieve},
    ("payment_methods", "*", "attach"): {"POST": attach.endpoint},
    ("payment_methods", "*", "detach"): {"POST": payment_methods.detach},
}


def route(call: Call) -> Endpoint:
    """Return the endpoint; the ids in the path, decoded, become the call's arguments."""
    method, path = call.request.method, call.request.path
    root, names = path[:4], path[4:].split("/")
    pattern = next((pattern for pattern in ROUTES if fits(names, pattern)), ())
    endpoint = ROUTES.get(pattern, {}).get("GET" if method == "HEAD" else method)
    if root != "/v1/" or endpoint is None:
        raise errors.unrecognized_url(method, path)
    ids = (name for name, part in zip(names, pattern, strict=True) if part == "*")
    call.arguments = tuple(unescape(name.encode("latin-1")) for name in ids)
    return endpoint


def fits(names: list[str], pattern: tuple[str, ...]) -> bool:
    """Return whether a path has the shape of a pattern; an id is not empty."""
    if len(names) != len(pattern):
        return False
    return all(name if part == "*" else name == part for name, part in zip(names, pattern, strict=True))
