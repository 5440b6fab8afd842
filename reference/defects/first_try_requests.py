"""Mistakes of real software in reading a request: names, arrays, values, charsets, media types, limits and paths.

Each docstring names the software, its versions, and the issue or advisory that reports the mistake.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from urllib.parse import unquote

from ..app import write_answer
from ..behaviour import Behaviour, Build, FindMethod, Guard, ReadName, Split
from ..call import Call
from ..changes import (
    apply,
    check_after,
    crash,
    interrupt,
    override_check,
    rejection,
    skip_check,
    wrap_at_attach,
)
from ..objects.models import PaymentMethod
from ..rules import checks
from ..rules.attach import Attempt
from ..rules.forms import BROKEN_ESCAPE, FORM, INDEX, Form, Pair, RawPair
from ..wire.values import Answer, Farewell, Response
from .parts import id_in_path, unexpected_error
from .registry import Topic

contract = Topic("contract")
stateful = Topic("stateful")
stripe = Topic("stripe")

BATCH = "first try"
NEVER = Response(status=0, dropped=True, close=True, farewell=Farewell(after=180.0))
"""No answer for three minutes, which is longer than clients wait, and then none."""


# Names.


@contract("body.unknown-parameter-nested", "medium", wrap_at_attach("read_name"), batch=BATCH)
def text_behind_brackets_dropped(usual: ReadName, call: Call, name: str) -> tuple[str, ...]:
    """A name ends with its last bracket: `expand[]junk` is read as `expand[]`.

    PHP 5 to 8, parse_str and $_POST: thephpleague/uri-components issue 48 and uri-src issue 82.
    """
    match = re.match(r"[^\[\]]+(?:\[[^\[\]]*\])+", name)
    return usual(call, name if match is None else match[0])


@contract("body.unknown-parameter", "medium", wrap_at_attach("build"), batch=BATCH)
def names_with_dots_removed(usual: Build, call: Call, pairs: Sequence[Pair]) -> Form:
    """Parameters whose names contain a dot or begin with a dollar sign are removed without a word.

    express-mongo-sanitize 1 and 2: its issues 18 and 36.
    """

    def is_clean(name: str) -> bool:
        keys = call.behaviour.read_name(call, name)
        return not any("." in key or key.startswith("$") for key in keys)

    return usual(call, [pair for pair in pairs if is_clean(pair[0])])


# Arrays.


def _indices(call: Call) -> list[int]:
    """Return the numbers that stand as indices of `expand`."""
    keys = call.parameters.hash("expand")
    return [int(key) for key in keys if isinstance(key, str) and INDEX.fullmatch(key)]


@contract(
    "robustness.deep-brackets", "hard", partial(check_after, "expand-structure"), also="expand.indexed", batch=BATCH
)
def gap_in_the_array_crashes(call: Call, attempt: Attempt) -> None:
    """An array with a gap in its indices, as `expand[1]` alone, ends in a 500: index out of bounds.

    Spring Framework 6.1 and 6.2.0, DataBinder: spring-framework issue 34145.
    """
    indices = _indices(call)
    if indices and max(indices) >= len(indices):
        raise unexpected_error()


@contract("expand.many-entries", "hard", partial(check_after, "expand-structure"), level="SHOULD", batch=BATCH)
def long_array_becomes_an_object(call: Call, attempt: Attempt) -> None:
    """An array of more than 20 items becomes an object, in which the code finds no items: nothing is expanded.

    qs 6.14.1, arrayLimit: qs issues 294, 324 and 540.
    """
    if len(attempt.expand) > 20 or any(index > 20 for index in _indices(call)):
        attempt.expand = []


@stripe("stripe.expand-path", "hard", partial(check_after, "expand-structure"), level="SHOULD", batch=BATCH)
def paths_split_at_commas(call: Call, attempt: Attempt) -> None:
    """An item of an array is split at its commas: `expand[]=customer,card` counts as two paths.

    Fiber 2.0 to 2.48, BodyParser: fiber issue 2557.
    """
    attempt.expand = [part for item in attempt.expand for part in item.split(",")]


# The same name twice.


@contract("error.status-class", "medium", wrap_at_attach("build"), also="expand.duplicates", batch=BATCH)
def type_clash_crashes(usual: Build, call: Call, pairs: Sequence[Pair]) -> Form:
    """One name as a string and as an array or a hash, `customer=a&customer[b]=c`, is a 500: ParameterTypeError.

    Rack 1.6 and 2, in Sinatra: rack issue 993, sinatra issue 1058.
    """
    kinds: dict[str, set[str]] = {}
    for name, _ in pairs:
        root, bracket, rest = name.partition("[")
        kind = "string" if not bracket else "array" if rest.startswith("]") else "hash"
        kinds.setdefault(root, set()).add(kind)
    if any(len(found) > 1 for found in kinds.values()):
        raise unexpected_error()
    return usual(call, pairs)


# Values.


@contract("body.unknown-parameter", "hard", wrap_at_attach("split"), batch=BATCH)
def malformed_parameters_ignored(usual: Split, call: Call, body: bytes) -> list[RawPair]:
    """A parameter with a malformed escape is ignored: with `foo=%zz` beside a good customer the attach succeeds.

    Undertow 2.0.26 and later: undertow pull request 805 (UNDERTOW-1554). Tomcat 7 to 10 does the same.
    """
    return [pair for pair in usual(call, body) if not any(BROKEN_ESCAPE.search(part) for part in pair)]


@contract(
    "request.value-exact",
    "medium",
    partial(check_after, "customer-structure"),
    also="request.value-exact-whitespace",
    batch=BATCH,
)
def control_characters_become_blanks(call: Call, attempt: Attempt) -> None:
    """Control characters in a value become blanks, and blanks at its ends are stripped: `ID%00` is taken for ID.

    Tornado 2 to 6, RequestHandler.get_argument, which strips unless asked not to: its documentation.
    """
    if attempt.customer_id is not None:
        attempt.customer_id = re.sub(r"[\x00-\x08\x0e-\x1f]", " ", attempt.customer_id).strip()


# Charsets.


def _charset(call: Call) -> str:
    """Return the charset parameter of the request's media type, as sent."""
    match = re.search(r";\s*charset=([^;\s]*)", call.request.header("content-type") or "", re.IGNORECASE)
    return "" if match is None else match[1]


@contract(
    "request.value-exact",
    "medium",
    stateless=True,
    also="request.charset-parameter body.length-in-characters",
    batch=BATCH,
)
def form_without_charset_is_latin_1(b: Behaviour) -> None:
    """A form whose media type names no charset is decoded as ISO-8859-1: `é` becomes two characters.

    Undertow 1.0 to 2.0, and Tomcat up to 9: undertow pull requests 403 and 722, conjure-java 2037.
    """

    @apply(b, wrap_at_attach("unquote"))
    def unquoted(usual: Callable[[Call, bytes], str], call: Call, raw: bytes) -> str:
        text = usual(call, raw)
        return text if _charset(call) else text.encode("utf-8").decode("latin-1")


@contract(
    "error.status-class",
    "hard",
    wrap_at_attach("media_type"),
    also="robustness.no-media-type request.charset-parameter",
    batch=BATCH,
)
def quoted_charset_crashes(usual: Guard, call: Call) -> None:
    """A quoted charset, `charset="utf-8"`, is a 500: IllegalCharsetNameException.

    Micronaut 2.1: micronaut-core issue 4332; the like in Akka HTTP, akka-http issue 3908.
    """
    if _charset(call).startswith(('"', "'")):
        raise unexpected_error()
    usual(call)


# Media types.


@contract("request.media-type-capitals", "hard", level="SHOULD", batch=BATCH)
def validation_by_exact_media_type(b: Behaviour) -> None:
    """Unknown names and lengths are checked only where the media type is spelled exactly as it is registered.

    Fastify 4.29.0 and 5.0 to 5.3.1: CVE-2025-32442, for capitals and for a blank before the semicolon.
    """

    def is_misspelled(call: Call, attempt: Attempt) -> bool:
        sent = call.request.header("content-type")
        return sent is not None and sent.partition(";")[0] != FORM

    for name in ("unknown-parameters", "customer-length", "expand-length"):
        skip_check(name, is_misspelled)(b)


# Limits.


@contract("body.length-in-characters", "medium", wrap_at_attach("media_type"), batch=BATCH)
def form_limit_of_16_kib(usual: Guard, call: Call) -> None:
    """A form of more than 16,384 bytes is answered with 413, though escapes make good values longer than that.

    Actix Web 0.7 to 4, web::Form: actix-web issue 257, SQLPage issue 705.
    """
    usual(call)
    if len(call.request.body) > 16384:
        raise rejection(413, "URL encoded payload is larger than allowed.")


@contract("robustness.long-value", "medium", wrap_at_attach("build"), also="error.status-class", batch=BATCH)
def long_names_crash(usual: Build, call: Call, pairs: Sequence[Pair]) -> Form:
    """A parameter's name of more than 2048 characters is a 500: InvalidDataException.

    ASP.NET Core 2.0 to 3.1, FormOptions.KeyLengthLimit: aspnetcore issues 11262 and 18871.
    """
    if any(len(name) > 2048 for name, _ in pairs):
        raise unexpected_error()
    return usual(call, pairs)


def _no_route(call: Call) -> Response:
    message = f"Route {call.request.method}:{call.request.target} not found"
    return write_answer(call, Answer(404, {"message": message, "error": "Not Found", "statusCode": 404}))


contract.row("long-ids-have-no-route", "error.envelope", "easy", also="robustness.error-envelope", batch=BATCH)(
    # Fastify 1 to 5, maxParamLength of find-my-way: fastify issues 2436, 5066 and 6697.
    "An id of more than 100 characters in the path finds no route: 404 in the framework's own format.",
    interrupt(lambda call: len(unquote(id_in_path(call))) > 100, _no_route),
)


# Paths.


SUSPICIOUS = re.compile(r"(?i);|//|\\|%(?:25|2e|2f|3b|5c|00|0a|0d)|/\.{1,2}/")


contract.row(
    "firewall-crashes",
    "robustness.path-encoding",
    "medium",
    also="robustness.odd-path-id error.status-class",
    batch=BATCH,
)(
    # Spring Security 5.0 to 5.8, StrictHttpFirewall: spring-security issues 5007 and 7568.
    "A path with `%25`, `%2F`, `%2E`, `%3B`, `%5C`, `%00` or a semicolon is a 500: RequestRejectedException.",
    interrupt(lambda call: SUSPICIOUS.search(call.request.path) is not None, crash),
)


@stateful("state.unknown-payment-method", "hard", wrap_at_attach("find_payment_method"), batch=BATCH)
def path_decoded_twice(usual: FindMethod, call: Call, identifier: str) -> PaymentMethod | None:
    """The id in the path is decoded twice: `%2570m_…`, which names nothing, attaches `pm_…`.

    Laravel 5.2: framework issue 14367; the like in Vert.x Web 3.3, vertx-web pull request 408.
    """
    return usual(call, unquote(identifier))


# Values that reach the database's query as they are.


def _matches(identifier: str, operator: str, operand: object) -> bool:
    """Return whether a query operator selects the id; an unknown one selects nothing."""
    if not isinstance(operand, str):
        return False
    answers = {
        "$ne": identifier != operand,
        "$gt": identifier > operand,
        "$gte": identifier >= operand,
        "$lt": identifier < operand,
        "$lte": identifier <= operand,
        "$exists": True,
    }
    return answers.get(operator, False)


@contract("body.customer-structure", "hard", batch=BATCH)
def operators_reach_the_query(b: Behaviour) -> None:
    """A hash of operators reaches the query: `customer[$ne]=x` finds the first customer there is, and attaches to it.

    Express 4 with qs and Mongoose 4 to 5: mongoose issues 3944 and 9735.
    """

    def structure(call: Call, attempt: Attempt) -> None:
        value = call.parameters.tree.get("customer")
        if isinstance(value, dict) and all(str(key).startswith("$") for key in value):
            for customer in reversed(call.store.all_customers()):
                if all(_matches(customer.id, str(key), operand) for key, operand in value.items()):
                    attempt.customer_id = customer.id
                    return
        checks.customer_structure(call, attempt)

    override_check("customer-structure", structure)(b)


# Around the form.


contract.row("database-error-is-never-answered", "robustness.control-characters", "medium", batch=BATCH)(
    # Express 4 with pg: the rejected promise of an async handler, stamp issue 495, mailflow issue 217.
    "A NUL in `customer` makes the database throw where nobody catches: the request is never answered.",
    interrupt(
        lambda call: re.search(rb"(?:\A|&)customer=[^&]*(?:%00|\0)", call.request.body) is not None,
        lambda call: NEVER,
    ),
)
contract.row("scalar-expand-is-never-answered", "robustness.still-serving", "medium")(
    # Express 4: `expand.map` of a string throws in an async handler, whose rejected promise nobody hands on.
    "A scalar `expand` makes a loop over it throw where nobody catches: the request is never answered.",
    interrupt(lambda call: re.search(rb"(?:\A|&)expand=", call.request.body) is not None, lambda call: NEVER),
)
