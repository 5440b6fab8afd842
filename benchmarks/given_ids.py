"""Objects made by the reference's own API, and the options that give their ids to a run."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from collections.abc import Mapping

KEY = "sk_test_conformanceGivenIds"
"""The key that creates them, and that the run must send, too: each key has its own objects."""


def make_ids(url: str, *, customers: int, payment_methods: int) -> tuple[str, ...]:
    """Create that many objects, and return the options that name them."""
    made = [("--customer", _made(f"{url}/v1/customers", {"name": "Given"})) for _ in range(customers)]
    form = {"type": "card", "card[token]": "tok_visa"}
    made += [("--payment-method", _made(f"{url}/v1/payment_methods", form)) for _ in range(payment_methods)]
    return tuple(word for pair in made for word in pair)


def _made(url: str, form: Mapping[str, str]) -> str:
    headers = {"Authorization": f"Bearer {KEY}"}
    request = urllib.request.Request(url, urllib.parse.urlencode(form).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(json.load(answer)["id"])
