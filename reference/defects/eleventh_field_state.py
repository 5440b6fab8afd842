"""Mistakes in what is kept and in what is answered: metadata, lists, times, errors."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from urllib.parse import unquote_plus

from ..behaviour import Amend, Attach
from ..call import Call
from ..changes import edit_body, wrap, wrap_at_attach
from ..objects.models import PaymentMethod
from ..rules.attach import Attempt
from ..rules.errors import Rejection
from .eleventh_field_requests import BATCH
from .parts import reject_with
from .registry import Topic

contract = Topic("contract")
stateful = Topic("stateful")
stripe = Topic("stripe")

ROOM = 10
"""How many payment methods a customer can keep."""


@stateful("state.same-object", "medium", wrap("attach"), batch=BATCH)
def customers_metadata_spill_over(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
    """Attaching merges the customer's metadata into those of the payment method."""
    method = usual(call, attempt)
    return call.store.put_method(replace(method, metadata={**attempt.owner.metadata, **method.metadata}))


@stateful("state.only-this-one", "hard", wrap("attach"), batch=BATCH)
def eleventh_evicts_the_oldest(usual: Attach, call: Call, attempt: Attempt) -> PaymentMethod:
    """A customer keeps ten payment methods: attaching an eleventh detaches the oldest."""
    method = usual(call, attempt)
    kept = call.store.methods_of(attempt.owner.id)
    if len(kept) > ROOM:
        call.store.detach(kept[-1])
    return method


@contract("response.json", "hard", partial(edit_body, success=False), batch=BATCH)
def quotations_in_latin_1(body: bytes) -> bytes:
    """An error is written in Latin-1: where it quotes a letter with an accent, it is no UTF-8."""
    return body.decode("utf-8").encode("latin-1", "replace")


stripe.row("unknown-customer-is-id", "stripe.resource-missing-customer", "medium", batch=BATCH)(
    "For an unknown customer `param` is `id`, as it is at the customer's own URL.",
    reject_with("no-such-customer", param="id"),
)


@stripe("stripe.parameter-unknown", "hard", wrap_at_attach("amend"), batch=BATCH)
def param_as_it_was_sent(usual: Amend, call: Call, rejection: Rejection) -> Rejection:
    """`param` shows the unknown name as it came, with its percent escapes."""
    rejection = usual(call, rejection)
    if rejection.rule != "unknown-parameter":
        return rejection
    names = [pair.partition(b"=")[0].decode("latin-1") for pair in call.request.body.split(b"&")]
    sent = next((name for name in names if unquote_plus(name).startswith(rejection.param or "")), rejection.param)
    return replace(rejection, param=sent)
