"""Mistakes of real parsers, frameworks and stores that show in how a request is read, as their users report them."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Hashable, Sequence
from dataclasses import replace
from functools import partial

from ..behaviour import (
    Behaviour,
    Build,
    Check,
    FindCustomer,
    FindMethod,
    Guard,
    KeyName,
    Once,
    ReadName,
    Serve,
    Split,
    Unquote,
)
from ..call import Call, Endpoint
from ..changes import apply, check_after, rejection, wrap, wrap_at_attach, wrap_check
from ..objects.models import Customer, PaymentMethod
from ..rules import errors
from ..rules.attach import Attempt
from ..rules.errors import ApiError
from ..rules.forms import INDEX, Form, Pair, RawPair
from ..wire.values import Answer, Request, Response
from .parts import change_request, rewrite_pairs, unexpected_error
from .registry import Topic

contract = Topic("contract")
stateful = Topic("stateful")
stripe = Topic("stripe")

BEYOND_BMP = re.compile("[\U00010000-\U0010ffff]")
WILDCARDS = {"_": "?", "%": "*", "?": "[?]", "*": "[*]", "[": "[[]"}
"""The characters of a pattern of LIKE, as `fnmatch` writes them."""
COLUMN = 255
"""The length of an id's column; no stored id is longer."""
LONGEST_NAME = 2048
"""The longest name of a form field, in characters."""
LARGEST_LIST = 256
"""The number of items that a list may grow to."""
FILE_NAME = 255
"""The longest file name, in bytes."""


# Names and values.


@contract("body.unknown-parameter", "medium", rewrite_pairs, batch="second field")
def empty_parameters_unseen(call: Call, pair: RawPair) -> RawPair | None:
    """The parser drops every pair whose value is empty, so that `foo=` is never seen and not rejected.

    Falcon before 2.0 by default (`keep_blank_qs_values`, falconry/falcon#1274); Python's `parse_qs`.
    """
    return pair if pair[1] else None


@contract("body.unknown-parameter", "hard", wrap_at_attach("build"), batch="second field")
def blanks_before_names_ignored(usual: Build, call: Call, pairs: Sequence[Pair]) -> Form:
    """Blanks before a parameter's name are skipped: `+customer=` is taken for `customer=`.

    PHP, every version: `php_register_variable_ex` in main/php_variables.c ignores leading spaces.
    """
    return usual(call, [(name.lstrip(" "), value) for name, value in pairs])


@contract("body.unknown-parameter", "medium", wrap_at_attach("build"), batch="second field")
def field_name_beside_its_alias(usual: Build, call: Call, pairs: Sequence[Pair]) -> Form:
    """The model's field `customer_id` has the alias `customer`, and either name is accepted.

    pydantic 2 with `populate_by_name=True`, which accepts a field's own name even under `extra="forbid"`.
    """
    has_alias = any(name == "customer" for name, _ in pairs)
    others = [pair for pair in pairs if pair[0] != "customer_id"]
    if has_alias:
        return usual(call, others)
    return usual(call, [("customer" if name == "customer_id" else name, value) for name, value in pairs])


@contract("request.value-exact", "hard", wrap_check("customer-structure"), batch="second field")
def value_split_at_commas(usual: Check, call: Call, attempt: Attempt) -> None:
    """`customer` is bound to a list, and a single value is split at its commas: the first part is used.

    Spring Framework 4.3 and later, StringToCollectionConverter (spring-projects/spring-framework#19919).
    """
    usual(call, attempt)
    if attempt.customer_id is not None:
        attempt.customer_id = attempt.customer_id.split(",")[0]


@contract("request.value-exact", "hard", wrap("find_customer"), batch="second field")
def value_cut_at_an_emoji(usual: FindCustomer, call: Call, identifier: str) -> Customer | None:
    """The id is cut before its first character beyond the BMP, so that junk behind an emoji is not seen.

    MySQL with the character set `utf8` and no strict mode (mozilla/fxa-profile-server#186).
    """
    return usual(call, BEYOND_BMP.split(identifier)[0])


@contract(
    "body.length-in-characters",
    "medium",
    wrap_at_attach("unquote"),
    also="request.value-exact request.charset-parameter",
    batch="second field",
)
def latin_1_without_a_charset(usual: Unquote, call: Call, raw: bytes) -> str:
    """A form whose media type names no charset is decoded as ISO-8859-1: a character of three bytes becomes three.

    The default of Servlet containers (javaee/servlet-spec#173, section 3.12 of the specification).
    """
    text = usual(call, raw)
    names_charset = "charset" in (call.request.header("content-type") or "").lower()
    return text if names_charset else text.encode("utf-8").decode("latin-1")


# Media types and headers.


@contract("request.charset-parameter", "medium", wrap_at_attach("media_type"), batch="second field")
def quoted_charset_unsupported(usual: Guard, call: Call) -> None:
    """The charset is looked up with its quotation marks: `charset="utf-8"` is rejected with 415.

    Micronaut 2.1, IllegalCharsetNameException (micronaut-projects/micronaut-core#4332).
    """
    usual(call)
    if 'charset="' in (call.request.header("content-type") or "").lower():
        raise rejection(415, "Unsupported charset.")


@contract("request.header-names", "medium", wrap_at_attach("split"), batch="second field")
def content_type_by_its_usual_spelling(usual: Split, call: Call, body: bytes) -> Sequence[RawPair]:
    """The body is parsed only if the header is spelled `Content-Type`: with `content-type` the form is empty.

    lambda-api 0.3 and other adapters of AWS Lambda's `event.headers` (jeremydaly/lambda-api#15).
    """
    others = [name for name in call.request.header_names if name.lower() == "content-type" and name != "Content-Type"]
    return [] if others else usual(call, body)


@contract("request.user-agent", "easy", wrap_at_attach("authenticate"), level="SHOULD", batch="second field")
def firewall_wants_a_user_agent(usual: Guard, call: Call) -> None:
    """The firewall before the server answers 403 to a request without a User-Agent.

    AWS WAF, rule NoUserAgent_HEADER of the core rule set (auth0-extensions/auth0-logs-to-provider#64).
    """
    if not call.request.header("user-agent"):
        raise rejection(403, "Forbidden.")
    usual(call)


@contract("request.other-site", "medium", wrap_at_attach("authenticate"), level="SHOULD", batch="second field")
def forms_of_other_sites_forbidden(usual: Guard, call: Call) -> None:
    """A form whose `Origin` is not the server's own is rejected as a cross-site request, with 403.

    SvelteKit, `csrf.checkOrigin` (sveltejs/kit#12505); Go 1.25, CrossOriginProtection of net/http.
    """
    origin = call.request.header("origin")
    if origin is not None and origin.partition("://")[2] != call.request.header("host"):
        raise rejection(403, "Cross-site POST form submissions are forbidden.")
    usual(call)


# Paths.


@stateful("state.unknown-payment-method", "hard", change_request, batch="second field")
def path_parameters_removed(request: Request) -> Request:
    """Everything behind a `;` in a part of the path is removed: `pm_1;v=2` is taken for `pm_1`.

    Spring Framework 5.2, `removeSemicolonContent` of UrlPathHelper (spring-projects/spring-framework#25258).
    """
    path, mark, query = request.target.partition("?")
    return replace(request, target=re.sub(r";[^/]*", "", path) + mark + query)


@contract("request.exact-path", "medium", wrap("serve"), level="SHOULD", batch="second field")
def slashes_merged(usual: Serve, call: Call) -> Response:
    """The proxy merges adjacent slashes: `…/pm_1//attach` attaches.

    nginx by default (`merge_slashes on`), where `proxy_pass` has a URI.
    """
    path, mark, query = call.request.target.partition("?")
    call.request = replace(call.request, target=re.sub("/{2,}", "/", path) + mark + query)
    return usual(call)


# Requests that crash it.


@contract("robustness.long-value", "medium", wrap_at_attach("build"), batch="second field")
def long_field_name_crashes(usual: Build, call: Call, pairs: Sequence[Pair]) -> Form:
    """The name of a parameter has a limit of 2048 characters, beyond which the parser's exception is a 500.

    ASP.NET Core 2.2, `FormOptions.KeyLengthLimit` and its InvalidDataException (dotnet/aspnetcore#11262).
    """
    if any(len(name) > LONGEST_NAME for name, _ in pairs):
        raise unexpected_error()
    return usual(call, pairs)


@contract("robustness.deep-brackets", "medium", wrap_at_attach("read_name"), batch="second field")
def large_index_crashes(usual: ReadName, call: Call, name: str) -> tuple[str, ...]:
    """An index of `expand` from 256 on is out of the list's bounds, and the exception is a 500.

    Spring Framework 4.3, `autoGrowCollectionLimit` (spring-projects/spring-framework#19440).
    """
    root, *keys = usual(call, name)
    is_beyond = any(INDEX.fullmatch(key) and int(key) >= LARGEST_LIST for key in keys[:1])
    if root == "expand" and is_beyond:
        raise unexpected_error()
    return (root, *keys)


@contract("expand.duplicates", "medium", partial(check_after, "expand-structure"), batch="second field")
def repeated_path_crashes(call: Call, attempt: Attempt) -> None:
    """The paths of `expand` become an immutable set, which throws where one comes twice: 500.

    Java 9 and later: `Set.of` throws IllegalArgumentException for a duplicate element, as documented.
    """
    if len(set(attempt.expand)) < len(attempt.expand):
        raise unexpected_error()


@contract("robustness.long-path-id", "medium", wrap("find_payment_method"), batch="second field")
def one_file_for_each_method(usual: FindMethod, call: Call, identifier: str) -> PaymentMethod | None:
    """Each payment method is a file named by its id, and a name longer than 255 bytes is a 500.

    Azurite 2 (arafato/azurite#149) and other emulators that store objects as files: ENAMETOOLONG.
    """
    if len(f"{identifier}.json".encode()) > FILE_NAME:
        raise unexpected_error()
    return usual(call, identifier)


@contract("robustness.still-serving", "hard", also="robustness.same-request-same-answer", batch="second field")
def body_left_on_the_connection(b: Behaviour) -> None:
    """A wrong media type is rejected before the body is read; on a kept connection the body is the next request.

    Bun 1.3, `Bun.serve` (oven-sh/bun#35283); NanoHTTPD 2.2 (NanoHttpd/nanohttpd#217).
    """
    left: set[int] = set()

    @apply(b, wrap_at_attach("media_type"))
    def media_type(usual: Guard, call: Call) -> None:
        try:
            usual(call)
        except ApiError:
            left.add(call.request.connection)
            raise

    @apply(b, wrap("serve"))
    def serve(usual: Serve, call: Call) -> Response:
        if call.request.connection not in left:
            return usual(call)
        left.discard(call.request.connection)
        error = b'{"error": {"message": "Malformed request line.", "type": "invalid_request_error"}}'
        return Response(400, (("Content-Type", "application/json"),), error, close=True)


# Stores and keys.


@contract("request.value-exact", "hard", wrap("find_customer"), also="state.unknown-customer", batch="second field")
def customers_looked_up_by_like(usual: FindCustomer, call: Call, identifier: str) -> Customer | None:
    """Customers are looked up with LIKE, where `_` stands for any character and `%` for any text.

    Queries with unescaped wildcards, such as those of rotki (rotki/rotki#9505).
    """
    found = usual(call, identifier)
    if found is not None or len(identifier) > COLUMN:
        return found
    pattern = "".join(WILDCARDS.get(character, character) for character in identifier)
    matching = (customer for customer in call.store.all_customers() if fnmatch.fnmatchcase(customer.id, pattern))
    return next(matching, None)


@stripe("idempotency.validation-not-stored", "medium", wrap_at_attach("once", locked=set), batch="second field")
def lock_outlives_a_rejection(usual: Once, call: Call, endpoint: Endpoint, *, locked: set[str]) -> Answer:
    """The lock on an idempotency key is released with a success only: after a rejection the key is in use.

    express-idempotency (VilledeMontreal/express-idempotency#32), which then answers 409 until the lock expires.
    """
    key = call.request.header("idempotency-key")
    if key is not None and key in locked:
        raise errors.key_in_use(key)
    try:
        return usual(call, endpoint)
    except ApiError as error:
        is_of_the_key = error.rejection.rule in ("idempotency", "key-in-use")
        if key is not None and not is_of_the_key:
            locked.add(key)
        raise


@stripe("idempotency.replay", "hard", wrap("idempotency_name"), also="idempotency.mismatch", batch="second field")
def idempotency_keys_under_a_collation(usual: KeyName, call: Call, key: str) -> Hashable:
    """Idempotency keys that differ only in case are the same: the second request is not executed.

    MySQL's default collations on the unique index of the keys (inclusionAI/Avernet#789).
    """
    return usual(call, key.lower())
