"""Hooks that make the comparison with Schemathesis's own runner fair: existing ids, and arrays as this API reads them.

Loaded by `schemathesis run` through SCHEMATHESIS_HOOKS, and by nothing else: it changes every case that is called. Each
request gets a new payment method, since an attach uses one up.
"""

from __future__ import annotations

import os
from typing import Any

import requests
import schemathesis
from schemathesis.core.parameters import ParameterLocation

import conformance.transport.serializer  # noqa: F401  # it writes `expand[0]=` where Schemathesis alone would write `expand=`
from benchmarks.schemathesis_given import CUSTOMER, KEY, PAYMENT_METHOD, URL
from conformance.fixtures.forms import PAYMENT_METHOD_FORMS

LONGEST = 5000

_session = requests.Session()


def new_payment_method() -> str:
    """Return the id of an unused payment method, or the given one if none can be created."""
    given = os.environ.get(PAYMENT_METHOD)
    if given:
        return given
    headers = {"Authorization": f"Bearer {os.environ[KEY]}"}
    for form in PAYMENT_METHOD_FORMS.values():
        answer = _session.post(f"{os.environ[URL]}/v1/payment_methods", data=dict(form), headers=headers, timeout=10)
        if answer.ok:
            return str(answer.json()["id"])
    raise RuntimeError(f"the server creates no payment methods: {answer.status_code}")


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:
    """Put what exists in the place of what was generated, and leave what is wrong on purpose as it is."""
    components = case.meta.components if case.meta else {}
    path, body = components.get(ParameterLocation.PATH), components.get(ParameterLocation.BODY)
    if path is None or path.mode.is_positive:
        case.path_parameters = {"payment_method": new_payment_method()}
    if not isinstance(case.body, dict):
        return
    customer, expand = case.body.get("customer"), case.body.get("expand")
    if isinstance(customer, str) and len(customer) <= LONGEST:
        case.body = {**case.body, "customer": os.environ[CUSTOMER]}
    if body is not None and body.mode.is_positive and isinstance(expand, list):
        case.body = {**case.body, "expand": ["customer"] * min(len(expand), 1)}
