"""Other places at which a server notices that it has no such URL."""

from __future__ import annotations

from ..behaviour import Behaviour
from ..call import Call
from .registry import STRIPE, Variants

variant = Variants()


@variant(STRIPE)
def unknown_urls_before_the_key(b: Behaviour) -> None:
    """Without a key, a URL that does not exist is answered with 404, not with 401."""
    usual = b.authenticate

    def authenticate(call: Call) -> None:
        call.behaviour.route(call)
        usual(call)

    b.authenticate = authenticate
