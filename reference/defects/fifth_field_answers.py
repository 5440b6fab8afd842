"""Mistakes of serializers, compression and proxies that show in answers."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from dataclasses import replace

from ..behaviour import Behaviour, Expand, Finish
from ..call import Call
from ..changes import apply, edit_card, edit_response, wrap, wrap_at_attach
from ..wire.values import Json, Response
from .fifth_field_requests import BATCH
from .registry import Topic

contract = Topic("contract")
stateful = Topic("stateful")
stripe = Topic("stripe")


def accepted(header: str) -> dict[str, float]:
    """Return what an Accept-Encoding lists, with its quality."""
    qualities: dict[str, float] = {}
    for part in header.lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        stated = [parameter.removeprefix("q=") for parameter in parameters if parameter.startswith("q=")]
        qualities[name] = number(stated[0]) if stated else 1.0
    return qualities


def number(text: str) -> float:
    """Return a quality, 0 for one that is none."""
    try:
        return float(text)
    except ValueError:
        return 0.0


# Framing and headers.


def frame_twice(call: Call, response: Response) -> Response:
    """Add the length of the body to a chunked response."""
    return replace(response.with_header("Content-Length", str(len(response.body))), chunked=True)


contract.row("length-of-a-chunked-answer", "response.json", "hard", batch=BATCH)(
    "A chunked answer has a Content-Length, too: express-http-proxy 0.7 to 0.10 (issue 154).",
    edit_response(frame_twice, success=True),
)


def name_type_twice(call: Call, response: Response) -> Response:
    """Add a second media type."""
    return replace(response, headers=(*response.headers, ("Content-Type", "application/json; charset=utf-8")))


contract.row("media-type-stated-twice", "response.media-type", "medium", batch=BATCH)(
    "Content-Type comes twice: nginx's add_header adds to what the application sent, and replaces nothing.",
    edit_response(name_type_twice, success=True),
)


# Compression.


def deflate(call: Call, response: Response) -> Response:
    """Compress an answer in the coding that the client likes best."""
    qualities = accepted(call.request.header("accept-encoding") or "")
    if qualities.get("gzip", 0.0) > 0 and qualities["gzip"] >= qualities.get("deflate", 0.0):
        body, coding = gzip.compress(response.body), "gzip"
    elif qualities.get("deflate", 0.0) > 0:
        compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        body, coding = compressor.compress(response.body) + compressor.flush(), "deflate"
    else:
        return response
    return replace(response, body=body).with_header("Content-Encoding", coding).with_header("Vary", "Accept-Encoding")


contract.row("deflate-without-its-header", "response.json", "hard", batch=BATCH)(
    "`deflate` is sent without the zlib header (RFC 9110, 8.4.1.2): Rack::Deflater of Rack 1.",
    edit_response(deflate, success=True),
)


@stripe("response.accepted-coding", "hard", level="SHOULD", batch=BATCH)
def replay_in_the_coding_of_the_first(b: Behaviour) -> None:
    """A replay is in gzip if the first answer was, whether or not this client accepts it.

    Fiber 2: the idempotency middleware before the one for compression.
    """
    packed: set[str] = set()

    @apply(b, wrap_at_attach("finish"))
    def finish(usual: Finish, call: Call, response: Response) -> Response:
        response = usual(call, response)
        if not call.replayed and accepted(call.request.header("accept-encoding") or "").get("gzip", 0.0) > 0:
            packed.add(call.request_id)
        if call.original_request not in packed:
            return response
        coded = replace(response, body=gzip.compress(response.body))
        return coded.with_header("Content-Encoding", "gzip").with_header("Vary", "Accept-Encoding")


# Members.


@stateful("expand.inlined", "hard", wrap("expand"), batch=BATCH)
def relations_of_the_expanded_not_loaded(usual: Expand, call: Call, payload: Json, items: Sequence[str]) -> None:
    """The expanded customer has no address: it is in another table.

    Prisma 5 and 6: `include` loads one level of relations.
    """
    usual(call, payload, items)
    customer = payload.get("customer")
    if call.is_attach and isinstance(customer, dict):
        customer["address"] = None


stateful.row("months-counted-from-zero", "state.same-object", "medium", also="response.schema", batch=BATCH)(
    "The answer's `card.exp_month` is one less than the card's: getMonth of a Date in JavaScript.",
    edit_card(lambda card: card.update(exp_month=card["exp_month"] - 1)),
)
stateful.row("year-of-expiry-in-two-digits", "state.same-object", "medium", batch=BATCH)(
    "The answer's `card.exp_year` has two digits, as ActiveMerchant formats it for gateways.",
    edit_card(lambda card: card.update(exp_year=card["exp_year"] % 100)),
)
