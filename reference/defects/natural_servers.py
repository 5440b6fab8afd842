"""Mistakes that routers, middleware and stores make on their own; each names the software that does so."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from dataclasses import replace

from ..app import write_answer
from ..behaviour import Behaviour, FindCustomer, FindMethod, Finish, Guard, Serve
from ..call import Call
from ..changes import Change, crash, interrupt, is_authentic, wrap, wrap_at_attach
from ..objects.models import Customer, PaymentMethod
from ..rules import errors
from ..rules.errors import ApiError
from ..wire.values import Answer, Response
from .registry import Topic

contract = Topic("contract")
stateful = Topic("stateful")
stripe = Topic("stripe")

BATCH = "natural"
ZOO = "zoo"

# Headers and credentials


@contract("request.header-names", "medium", wrap("serve"), batch=BATCH)
def headers_found_by_their_usual_names(usual: Serve, call: Call) -> Response:
    """A Lambda behind a REST API of AWS finds `Authorization` and `Content-Type` in an object, by these very names."""
    request = call.request
    names = request.header_names
    pairs = zip(names, request.headers, strict=True)
    known = tuple(header for name, header in pairs if name != name.lower())
    call.request = replace(request, headers=known) if call.is_attach and names else request
    return usual(call)


def demand_scheme(scheme: str) -> Change:
    """Know a scheme of authentication by this spelling only."""

    @wrap("authenticate")
    def authenticate(usual: Guard, call: Call) -> None:
        sent = (call.request.header("authorization") or "").partition(" ")[0]
        if call.is_attach and sent.lower() == scheme.lower() and sent != scheme:
            raise errors.unauthorized("You did not provide an API key.")
        usual(call)

    return authenticate


stripe.row("bearer-with-a-capital-only", "auth.scheme-capitals", "hard", level="SHOULD", batch=BATCH)(
    "express-bearer-token 3.0 compares the scheme with `Bearer`: `bearer` presents no key.", demand_scheme("Bearer")
)
stripe.row("basic-with-a-capital-only", "auth.scheme-capitals", "hard", level="SHOULD", batch=BATCH)(
    "Gin 1.11 (BasicAuth) looks the whole header up, `Basic` included: `basic` presents no key.",
    demand_scheme("Basic"),
)


@contract("request.user-agent", "hard", wrap_at_attach("serve"), level="SHOULD", batch=BATCH)
def clients_without_a_name_refused(usual: Serve, call: Call) -> Response:
    """The OWASP Core Rule Set 4 (rule 920320) lets a firewall reject a request without a User-Agent: 403."""
    if call.request.header("user-agent") is None:
        return write_answer(call, Answer(403, {"error": {"message": "Forbidden.", "type": "invalid_request_error"}}))
    return usual(call)


def show_errors_to_browsers(show: Callable[[Response], Response]) -> Change:
    """Show rejections in another way unless the request asks for JSON by name."""

    @wrap_at_attach("finish")
    def finish(usual: Finish, call: Call, response: Response) -> Response:
        response = usual(call, response)
        wants_json = "json" in (call.request.header("accept") or "")
        return response if wants_json or response.status < 400 or response.status == 401 else show(response)

    return finish


contract.row("rejections-redirect-browsers", "error.status-class", "hard", batch=BATCH)(
    "Laravel 12 answers a failed validation with a redirect, 302, unless the request's Accept asks for JSON.",
    show_errors_to_browsers(lambda r: replace(r, status=302, body=b"").with_header("Location", "/")),
)
contract.row("rejections-are-pages-for-browsers", "error.envelope", "hard", batch=BATCH)(
    "Laravel 12 and Spring Boot 3.5 show an error as a page of HTML unless the request's Accept asks for JSON.",
    show_errors_to_browsers(
        lambda r: replace(r, body=b"<!DOCTYPE html><title>Error</title>").with_header("Content-Type", "text/html")
    ),
)


@contract("request.other-site", "hard", wrap_at_attach("finish"), level="SHOULD", batch=ZOO)
def json_kept_from_other_sites(usual: Finish, call: Call, response: Response) -> Response:
    """rack-protection 3.0 (JsonCsrf), on by default in Sinatra, turns JSON for a page of another site into 403."""
    response = usual(call, response)
    if call.request.header("referer") is None:
        return response
    error = b'{"error": {"message": "Forbidden", "type": "invalid_request_error"}}'
    return replace(response, status=403, body=error)


SESSION = "sessionid=0f1e2d3c4b5a69788796a5b4c3d2e1f0"


@stripe("auth.missing", "hard", batch=BATCH)
def session_stands_in_for_the_key(b: Behaviour) -> None:
    """Django REST framework 3.16 takes the session of an earlier request, which its cookie names, in place of a key."""

    def authenticate(usual: Guard, call: Call) -> None:
        if call.request.header("cookie") == SESSION and call.request.header("authorization") is None:
            call.authenticated = True
            return
        usual(call)

    def finish(usual: Finish, call: Call, response: Response) -> Response:
        response = usual(call, response)
        return response.with_header("Set-Cookie", f"{SESSION}; HttpOnly; Path=/") if call.authenticated else response

    wrap("authenticate")(authenticate)(b)
    wrap("finish")(finish)(b)


# Routes


def reach_by(other: re.Pattern[str], usual_path: str) -> Change:
    """Take other paths for the path of the operation."""

    @wrap("serve")
    def serve(usual: Serve, call: Call) -> Response:
        path, question, query = call.request.target.partition("?")
        call.request = replace(call.request, target=other.sub(usual_path, path) + question + query)
        return usual(call)

    return serve


contract.row("final-slash-overlooked", "request.exact-path", "hard", level="SHOULD", batch=BATCH)(
    "Express 5 routes `…/attach/` like `…/attach`, unless its routing is strict.",
    reach_by(re.compile("/attach/$"), "/attach"),
)
contract.row("url-in-any-case", "request.exact-path", "hard", level="SHOULD", batch=BATCH)(
    "Express 5 and ASP.NET Core 9 route `…/ATTACH` like `…/attach`: their routes know no case.",
    reach_by(re.compile("/attach$", re.IGNORECASE), "/attach"),
)
contract.row("format-behind-the-action-overlooked", "request.exact-path", "hard", level="SHOULD", batch=BATCH)(
    "Rails 8 takes `.json` behind `…/attach` for the format of the answer, as each route has `(.:format)`.",
    reach_by(re.compile(r"/attach\.json$"), "/attach"),
)

# Bodies


contract.row("false-gzip-crashes", "robustness.content-coding", "medium", batch=BATCH)(
    "The GzipRequest of FastAPI's documentation inflates a body that is called gzip; one that is none is a 500.",
    interrupt(lambda call: "gzip" in (call.request.header("content-encoding") or ""), crash),
)


A_401_MAKES = "auth.empty auth.unknown-key auth.first error.envelope idempotency.validation-not-stored"


@stripe("auth.malformed", "hard", also=A_401_MAKES, batch=BATCH)
def body_of_a_401_left_on_the_connection(b: Behaviour) -> None:
    """Python 3.14's http.server leaves reading a body to the handler: that of a 401 is taken for the next request."""
    left: set[int] = set()

    def serve(usual: Serve, call: Call) -> Response:
        connection = call.request.connection
        if connection in left:
            left.discard(connection)
            page = (
                b"<!DOCTYPE HTML><title>Error response</title><p>Error code: 400</p><p>Message: Bad request syntax.</p>"
            )
            return Response(400, (("Content-Type", "text/html;charset=utf-8"),), page, close=True)
        response = usual(call)
        if response.status == 401 and call.request.body and call.request.keeps_alive:
            left.add(connection)
        return response

    wrap("serve")(serve)(b)


# Idempotency


@stripe("idempotency.validation-not-stored", "hard", batch=BATCH)
def rejected_keys_are_stored(b: Behaviour) -> None:
    """Fiber 2.52's idempotency, registered before the check of the key, stores a 401, and replays it to any key."""
    stored: dict[str, ApiError] = {}

    def authenticate(usual: Guard, call: Call) -> None:
        key = call.request.header("idempotency-key") or ""
        if key in stored:
            call.authenticated = True
            raise stored[key]
        try:
            usual(call)
        except ApiError as error:
            if key and call.is_attach:
                stored[key] = error
            raise

    wrap("authenticate")(authenticate)(b)


# Answers


@contract("response.accepted-coding", "hard", wrap("finish"), level="SHOULD", batch=ZOO)
def coding_found_anywhere_in_the_header(usual: Finish, call: Call, response: Response) -> Response:
    """PHP 8.4's ob_gzhandler looks for `gzip` in Accept-Encoding, and compresses for `gzip;q=0` too."""
    response = usual(call, response)
    if "gzip" not in (call.request.header("accept-encoding") or ""):
        return response
    packed = replace(response, body=gzip.compress(response.body, 1))
    return packed.with_header("Content-Encoding", "gzip")


# Stores


def trailing_blanks_lost(identifier: str) -> str:
    """Return an id as a column compares it whose collation pads with blanks."""
    return identifier.rstrip(" ")


@contract("request.value-exact-whitespace", "hard", wrap("find_payment_method"), level="SHOULD", batch=BATCH)
def blanks_behind_a_payment_method_padded(usual: FindMethod, call: Call, identifier: str) -> PaymentMethod | None:
    """MySQL 8.4 (utf8mb4_general_ci, PAD SPACE) finds `pm_1` by `pm_1%20` in the path."""
    return usual(call, trailing_blanks_lost(identifier))


@contract("request.value-exact-whitespace", "hard", wrap("find_customer"), level="SHOULD", batch=BATCH)
def blanks_behind_a_customer_padded(usual: FindCustomer, call: Call, identifier: str) -> Customer | None:
    """MySQL 8.4 (utf8mb4_general_ci, PAD SPACE) finds `cus_1` by `cus_1+`."""
    return usual(call, trailing_blanks_lost(identifier))


SHORT_PAGE = 10


@stateful("state.listed", "hard", batch=BATCH)
def lists_are_short_pages(b: Behaviour) -> None:
    """Django REST framework 3.16 pages by `page`: `limit` is ignored, and a list ends at the tenth, ordered by age."""
    usual = b.methods_of
    b.methods_of = lambda call, customer: usual(call, customer)[::-1][:SHORT_PAGE]


OPERATOR = re.compile(rb"customer(?:\[|%5B)(?:\$|%24)(?:gte?|ne|exists|regex|in)(?:\]|%5D)=", re.IGNORECASE)


@contract("body.customer-structure", "hard", wrap_at_attach("serve"), batch=BATCH)
def operators_in_brackets_obeyed(usual: Serve, call: Call) -> Response:
    """Mongoose 8 with qs hands `customer[$gte]` to MongoDB as an operator, which finds a customer."""
    body = re.sub(
        rb"(?i)customer(?:\[|%5B)(?:\$|%24)(?:gte?|ne|exists|regex|in)(?:\]|%5D)=", b"customer=", call.request.body
    )
    call.request = replace(call.request, body=body)
    return usual(call)


@contract(
    "robustness.still-serving",
    "hard",
    also="robustness.malformed-encoding robustness.control-characters robustness.deep-brackets error.status-class",
    batch=BATCH,
)
def transaction_left_aborted(b: Behaviour) -> None:
    """PostgreSQL 17 refuses all commands until an aborted transaction is rolled back: an unknown customer's is not."""
    aborted: set[int] = set()

    def serve(usual: Serve, call: Call) -> Response:
        connection = call.request.connection
        if connection in aborted and call.is_attach and is_authentic(call):
            aborted.discard(connection)
            return crash(call)
        response = usual(call)
        if call.is_attach and b"resource_missing" in response.body and b'"param": "customer"' in response.body:
            aborted.add(connection)
        return response

    wrap("serve")(serve)(b)
