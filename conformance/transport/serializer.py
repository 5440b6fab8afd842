"""The serializer of form bodies for Schemathesis: brackets for arrays, exact bytes where an attempt gives them.

Without it a deepObject array would be written `expand=a&expand=b`, which no implementation reads.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import schemathesis
from schemathesis.core import NotSet

from contracts import Contract
from contracts.contract import FORM_MEDIA_TYPE
from strategies.wire import PLAIN, flatten

Operation = schemathesis.APIOperation[Any, Any, Any, Any]


@schemathesis.serializer(FORM_MEDIA_TYPE)
def form_serializer(context: schemathesis.SerializationContext, value: Any) -> bytes | None:
    """Return the body of a form request: bytes as they are, anything else as bracketed pairs."""
    if isinstance(value, NotSet):
        return None
    return value if isinstance(value, bytes) else encode_form(value)


def encode_form(value: Any) -> bytes:
    """Return a JSON-like body as form bytes; a value that is no object has no pairs."""
    pairs = (
        PLAIN.encode(name.encode("utf-8", "surrogatepass")) + b"=" + PLAIN.encode(text.encode("utf-8", "surrogatepass"))
        for name, text in flatten(value)
    )
    return b"&".join(pairs)


@cache
def schema_of(contract: Contract) -> schemathesis.BaseSchema:
    """Return the contract's document as Schemathesis knows it, loaded once."""
    return schemathesis.openapi.from_dict(dict(contract.document))


@cache
def operation_of(contract: Contract) -> Operation:
    """Return the contract's operation as Schemathesis knows it."""
    operation: Operation = schema_of(contract)[contract.path][contract.method]
    return operation
