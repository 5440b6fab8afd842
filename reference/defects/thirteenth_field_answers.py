"""Mistakes in showing objects: members that are made when they are shown."""

from __future__ import annotations

import time

from ..behaviour import ShowMethod
from ..call import Call
from ..changes import wrap
from ..objects.models import PaymentMethod
from ..wire.values import Json
from .registry import Topic

stateful = Topic("stateful")

BATCH = "thirteenth field"


@stateful("state.same-object", "hard", wrap("payment_method_json"), batch=BATCH)
def created_when_it_is_shown(usual: ShowMethod, call: Call, method: PaymentMethod) -> Json:
    """`created` of a payment method is a default of the serializer: the time at which it is shown, by each endpoint."""
    return {**usual(call, method), "created": int(time.time())}
