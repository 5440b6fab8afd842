"""Mistakes of middleware that looks at headers: sites, addresses, API keys, versions, codings."""

from __future__ import annotations

import ipaddress
import re

from ..behaviour import Finish, Guard
from ..call import Call
from ..changes import crash, edit_response, interrupt, rejection, wrap_at_attach
from ..rules import errors
from ..wire.values import Response
from .parts import credentials_sent, unexpected_error
from .registry import Topic
from .seventh_field_forms import BATCH

contract = Topic("contract")
stripe = Topic("stripe")

PAGE = (("Content-Type", "text/html; charset=utf-8"),)
LOOSE_DATE = re.compile(r"\d{4}([-/]\d{1,2}([-/]\d{1,2})?)?(T.*)?", re.ASCII)
"""Some of the texts that `new Date` of JavaScript reads."""


# Sites, addresses and clients.


@contract("error.status-class", "medium", wrap_at_attach("check_version"), batch=BATCH)
def origin_outside_the_list_crashes(usual: Guard, call: Call) -> None:
    """An `Origin` that is not on the list is a 500: `callback(new Error("Not allowed by CORS"))`.

    The example in the documentation of Express's cors 2.8 (issue 117).
    """
    usual(call)
    if call.request.header("origin") is not None:
        raise unexpected_error()


@contract("error.status-class", "hard", wrap_at_attach("check_version"), batch=BATCH)
def address_with_a_port_crashes(usual: Guard, call: Call) -> None:
    """An address in `X-Forwarded-For` with a port, or that is no address, is a 500.

    Python's ipaddress.ip_address: aiohttp-remotes (issue 102), django-basic-auth-ip-whitelist (issue 10).
    """
    usual(call)
    for address in (call.request.header("x-forwarded-for") or "127.0.0.1").split(","):
        try:
            ipaddress.ip_address(address.strip())
        except ValueError:
            raise unexpected_error() from None


@contract("error.status-class", "medium", wrap_at_attach("check_version"), batch=BATCH)
def client_without_a_name_crashes(usual: Guard, call: Call) -> None:
    """A request without a User-Agent is a 500: `request.headers["user-agent"].includes(…)`.

    Statistics and bot detection in JavaScript; Python's `request.META["HTTP_USER_AGENT"]`.
    """
    usual(call)
    if call.request.header("user-agent") is None:
        raise unexpected_error()


@contract("error.status-class", "medium", wrap_at_attach("finish"), batch=BATCH)
def error_handler_needs_an_accept(usual: Finish, call: Call, response: Response) -> Response:
    """A rejection of a request without `Accept` is a 500: `req.headers.accept.includes("html")` in the error handler.

    Error handlers in JavaScript that choose between a page and JSON.
    """
    response = usual(call, response)
    if 400 <= response.status < 500 and call.request.header("accept") is None:
        return crash(call)
    return response


@contract("request.other-site", "medium", wrap_at_attach("check_version"), level="SHOULD", batch=BATCH)
def referer_of_another_site_forbidden(usual: Guard, call: Call) -> None:
    """A `Referer` of another site is answered with 403.

    nginx's valid_referers, and Django's CSRF middleware, which looks at it over https.
    """
    usual(call)
    referer = call.request.header("referer")
    if referer is not None and f"//{call.request.header('host')}/" not in referer:
        raise rejection(403, "Referer checking failed: it does not match any trusted origin.")


contract.row("every-get-is-answered-with-the-page", "request.other-methods", "medium", batch=BATCH)(
    # Express's app.get("*", …) and nginx's try_files for applications of one page.
    "A GET of any URL without a route is answered with 200 and the page of an application.",
    interrupt(lambda call: call.request.method == "GET", lambda call: Response(200, PAGE, b"<!doctype html><p>")),
)


# Codings.


@contract("response.json", "medium", lambda edit: edit_response(edit, success=True), batch=BATCH)
def coding_kept_by_the_proxy(call: Call, response: Response) -> Response:
    """A success says that it is in gzip, if the client accepts that, and is not: the proxy has decoded it.

    Remix's fetch-proxy (issue 10759), undici's fetch (issue 2514): the headers are copied.
    """
    if "gzip" in (call.request.header("accept-encoding") or ""):
        return response.with_header("Content-Encoding", "gzip")
    return response


# API keys and versions.


@contract("error.no-secrets", "hard", wrap_at_attach("authenticate"), batch=BATCH)
def credentials_of_another_scheme_quoted(usual: Guard, call: Call) -> None:
    """The 401 to credentials of another scheme quotes the whole header, the key included.

    Middleware by hand: `Unsupported Authorization header: ${header}`.
    """
    sent = call.request.header("authorization")
    if sent and credentials_sent(call)[0] not in ("bearer", "basic"):
        raise errors.unauthorized(f"Unsupported Authorization header: {sent}")
    usual(call)


@stripe("header.version", "hard", wrap_at_attach("check_version"), batch=BATCH)
def any_date_is_a_version(usual: Guard, call: Call) -> None:
    """Each text that is a date to the language is a version: `2020-8-27`, `2020/08/27`, `2020-08-27T00:00`.

    JavaScript: `Number.isNaN(Date.parse(version))`.
    """
    version = call.request.header("stripe-version")
    if version is not None and LOOSE_DATE.fullmatch(version):
        call.version = version
        return
    usual(call)
