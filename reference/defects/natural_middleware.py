"""Mistakes that middleware in front of the application makes on its own, as programs of the zoo have shown."""

from __future__ import annotations

import re
from dataclasses import replace

from ..behaviour import Serve
from ..call import Call
from ..changes import edit_response, wrap_at_attach
from ..wire.values import Response
from .registry import Topic

contract = Topic("contract")
stateful = Topic("stateful")
stripe = Topic("stripe")

BATCH = "zoo"

NO_IDENTITY = re.compile(r"(?:identity|\*)\s*;\s*q=0(?:\.0*)?\s*(?:,|$)")
OF_CUSTOMER = re.compile(r"(?:^|&)customer=([^&]*)")


def _refuse_for_its_coding(call: Call, response: Response) -> Response:
    if NO_IDENTITY.search(call.request.header("accept-encoding") or "") is None:
        return response
    return Response(406, (("Content-Type", "text/plain"),), b"An acceptable encoding for the resource was not found.")


stateful.row("compression-refuses-after-the-deed", "state.refusal-changes-nothing", "hard", batch=BATCH)(
    "Rack::Deflater 2.2 runs the application, and then answers 406 where it may not leave the answer as it is.",
    edit_response(_refuse_for_its_coding, success=True),
)


@contract("request.body-decides", "hard", wrap_at_attach("serve"), level="SHOULD", batch=BATCH)
def query_goes_before_the_body(usual: Serve, call: Call) -> Response:
    """Rails 6.1 merges the query over the body: `?customer=` gets the card that the body gives to another."""
    in_query = OF_CUSTOMER.search(call.request.query)
    if in_query is None or call.request.method != "POST":
        return usual(call)
    body = OF_CUSTOMER.sub("", call.request.body.decode("latin-1")).strip("&")
    merged = "&".join(part for part in (f"customer={in_query[1]}", body) if part)
    call.request = replace(call.request, body=merged.encode("latin-1"))
    return usual(call)


def _with_the_first_id_beside(call: Call, response: Response) -> Response:
    return (
        replace(response, headers=(*response.headers, ("Request-Id", call.original_request)))
        if call.replayed
        else response
    )


stripe.row("replay-carries-two-request-ids", "header.request-id", "hard", batch=BATCH)(
    "Fiber 2's idempotency middleware adds the headers of the stored answer to those of the new one.",
    edit_response(_with_the_first_id_beside, success=True),
)
stripe.row("version-is-named-twice", "header.version", "medium", batch=BATCH)(
    "Behind a proxy that adds what the application has set already (nginx, add_header), a header comes twice.",
    edit_response(
        lambda call, response: replace(response, headers=(*response.headers, ("Stripe-Version", call.version or ""))),
        success=True,
    ),
)
