"""Mistakes of error handlers, and of libraries whose errors nobody catches."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

from ..behaviour import Present
from ..call import Call
from ..changes import crash, interrupt, wrap_at_attach
from ..wire.values import Answer, Response
from .fifth_field_requests import BATCH
from .parts import crash_where_rejected
from .registry import Topic

contract = Topic("contract")
stripe = Topic("stripe")

PAGE = (
    b'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Error</title>\n</head>\n'
    b"<body>\n<pre>Bad Request</pre>\n</body>\n</html>\n"
)


def has_malformed_json(call: Call) -> bool:
    """Return whether a body that is called JSON is none."""
    if call.request.media_type != "application/json" or not call.request.body:
        return False
    try:
        json.loads(call.request.body)
    except (ValueError, RecursionError):
        return True
    return False


def show_page(call: Call) -> Response:
    """Return the page of Express's own error handler."""
    return Response(400, (("Content-Type", "text/html; charset=utf-8"),), PAGE)


contract.row("malformed-json-is-answered-with-a-page", "error.envelope", "hard", batch=BATCH)(
    "A body that is called JSON and is none is answered with a page: express.json() of Express 4 and 5.",
    interrupt(has_malformed_json, show_page),
)


def lacks_boundary(call: Call) -> bool:
    """Return whether a multipart form does not name its boundary."""
    sent = call.request.header("content-type") or ""
    return call.request.media_type == "multipart/form-data" and "boundary=" not in sent


contract.row("multipart-without-boundary-crashes", "robustness.no-media-type", "hard", batch=BATCH)(
    "`multipart/form-data` without a boundary is a 500: multer 1.4 and 2 on busboy, for Express.",
    interrupt(lacks_boundary, crash),
)


contract.row("populating-the-unknown-crashes", "error.status-class", "easy", batch=BATCH)(
    # Mongoose 6 and later: StrictPopulateError.
    "A path of `expand` that does not exist is a 500.",
    crash_where_rejected("expand-paths"),
)
stripe.row("rejection-of-another-service-crashes", "error.status-class", "medium", batch=BATCH)(
    # Spring Cloud OpenFeign 4: FeignException.
    "A declined card is a 500: the service behind answers 402, and its client throws.",
    crash_where_rejected("not-declined"),
)


@stripe("error.no-secrets", "hard", wrap_at_attach("present"), batch=BATCH)
def decline_shows_the_request_to_another_service(usual: Present, call: Call, answer: Answer) -> Answer:
    """The error of a declined card has a member `config`, with the request's Authorization.

    axios 0.19 and later: toJSON of an error, with all headers of its request.
    """
    answer = usual(call, answer)
    if answer.status != 402:
        return answer
    payload = copy.deepcopy(answer.payload)
    headers = {"Authorization": call.request.header("authorization")}
    payload["error"]["config"] = {"url": "http://cards.internal/verify", "method": "post", "headers": headers}
    return replace(answer, payload=payload)
