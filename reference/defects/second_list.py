"""Mistakes that a second close reading found room for: spellings, lists, and attaching again."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace

from .. import routes
from ..attach import Attempt
from ..behaviour import Behaviour
from ..call import Call, Endpoint
from ..errors import ApiError
from ..objects import PaymentMethod
from ..values import Request, Response
from .registry import Chapter
from .tools import on_attach, refused

spelling = Chapter("second list: spellings", "contract")
stateful = Chapter("second list: objects", "stateful")

SEEDS = (spelling, stateful)


# contract


def _split_more(b: Behaviour, respell: Callable[[bytes], bytes]) -> None:
    """Split the body after it was written in another way."""
    usual = b.split
    b.split = on_attach(usual, lambda call, raw: usual(call, respell(raw)))


@spelling("request.value-exact", "hard", stateless=True)
def semicolon_parts_pairs(b: Behaviour) -> None:
    """A semicolon parts two pairs like an ampersand."""
    _split_more(b, lambda raw: raw.replace(b";", b"&"))


@spelling("request.value-exact", "hard", stateless=True)
def value_cut_at_semicolon(b: Behaviour) -> None:
    """A value ends at a semicolon."""
    _split_more(b, lambda raw: re.sub(rb"(=[^&;]*);[^&]*", rb"\1", raw))


@spelling("request.value-exact", "hard", stateless=True)
def value_cut_at_escaped_semicolon(b: Behaviour) -> None:
    """A value is cut at a semicolon once it is decoded."""
    _edit_values(b, lambda text: text.partition(";")[0])


def _edit_values(b: Behaviour, edit: Callable[[str], str]) -> None:
    """Decode names and values, and then change them."""
    usual = b.unquote
    b.unquote = on_attach(usual, lambda call, raw: edit(usual(call, raw)))


@spelling("request.value-exact-unicode", "hard", level="SHOULD", stateless=True)
def values_composed(b: Behaviour) -> None:
    """Values are normalised to NFC: what was sent decomposed comes back composed."""
    _edit_values(b, lambda text: unicodedata.normalize("NFC", text))


@spelling("request.value-exact-unicode", "hard", level="SHOULD", stateless=True)
def values_decomposed(b: Behaviour) -> None:
    """Values are normalised to NFD: what was sent composed comes back decomposed."""
    _edit_values(b, lambda text: unicodedata.normalize("NFD", text))


@spelling("request.value-exact-unicode", "medium", level="SHOULD", stateless=True)
def values_in_compatible_forms(b: Behaviour) -> None:
    """Values are normalised to NFKC: full-width letters come back as ordinary ones."""
    _edit_values(b, lambda text: unicodedata.normalize("NFKC", text))


def _read_request(b: Behaviour, change: Callable[[Request], Request]) -> None:
    """Take an attach for another request."""
    usual = b.serve

    def serve(call: Call) -> Response:
        call.request = change(call.request) if call.is_attach else call.request
        return usual(call)

    b.serve = serve


@spelling("request.media-type-capitals", "medium", level="SHOULD")
def media_type_in_lower_case_only(b: Behaviour) -> None:
    """A media type that is not in lower case is refused."""
    usual = b.media_type

    def media_type(call: Call) -> None:
        sent = (call.request.header("content-type") or "").partition(";")[0].strip()
        if sent != sent.lower():
            raise refused(400, "Invalid request: check the Content-Type.")
        usual(call)

    b.media_type = on_attach(usual, media_type)


@spelling("request.media-type-capitals", "hard", level="SHOULD")
def other_capitals_are_no_form(b: Behaviour) -> None:
    """A body whose media type is not in lower case is not read, as if it were empty."""

    def change(request: Request) -> Request:
        sent = (request.header("content-type") or "").partition(";")[0]
        return request if sent == sent.lower() else replace(request, body=b"")

    _read_request(b, change)


@spelling("request.chunked-body", "medium", level="SHOULD")
def chunked_body_is_empty(b: Behaviour) -> None:
    """A body without a Content-Length is read as empty."""
    _read_request(b, lambda request: replace(request, body=b"") if request.chunked else request)


@spelling("request.chunked-body", "medium", level="SHOULD", stateless=True)
def first_chunk_is_all(b: Behaviour) -> None:
    """Only the beginning of a chunked body is read."""
    _read_request(b, lambda request: replace(request, body=request.body[:20]) if request.chunked else request)


@spelling("request.chunked-body", "hard", level="SHOULD")
def chunked_body_is_refused(b: Behaviour) -> None:
    """A chunked body is refused with 400."""
    usual = b.media_type

    def media_type(call: Call) -> None:
        if call.request.chunked:
            raise refused(400, "Chunked bodies are not supported.")
        usual(call)

    b.media_type = on_attach(usual, media_type)


def _raw_segment(call: Call) -> Endpoint:
    """Route an attach by its path as it was sent."""
    segment = call.request.path.removeprefix("/v1/payment_methods/").removesuffix("/attach")
    endpoint = routes.route(call)
    call.arguments = (segment,) if call.is_attach and call.request.method == "POST" else call.arguments
    return endpoint


@spelling("request.path-encoding", "medium", level="SHOULD")
def path_left_encoded(b: Behaviour) -> None:
    """The id in the path is looked up as it was sent, with its escapes."""
    b.route = _raw_segment


@spelling("request.path-encoding", "hard", level="SHOULD", stateless=True)
def path_shown_encoded(b: Behaviour) -> None:
    """The id in the path is shown as it was sent, with its escapes."""
    b.route = _raw_segment


@spelling("request.path-encoding", "hard", level="SHOULD")
def underscore_left_encoded(b: Behaviour) -> None:
    """Of the escapes in the path that of an underscore is not undone."""

    def change(request: Request) -> Request:
        return replace(request, target=re.sub("%5[Ff]", "%255F", request.target))

    _read_request(b, change)


# stateful


@stateful("state.listed", "hard")
def other_list_is_empty(b: Behaviour) -> None:
    """The list below the customer does not know what was attached; only the one with a filter does."""
    _forget_in_list(b, lambda call: call.request.path.startswith("/v1/customers/"))


@stateful("state.listed", "hard")
def filtered_list_is_empty(b: Behaviour) -> None:
    """The list with a filter does not know what was attached; only the one below the customer does."""
    _forget_in_list(b, lambda call: call.request.path == "/v1/payment_methods")


def _forget_in_list(b: Behaviour, when: Callable[[Call], bool]) -> None:
    usual = b.methods_of
    b.methods_of = lambda call, customer: [] if when(call) else usual(call, customer)


@stateful("state.second-customer", "hard")
def refused_taker_empties_the_list(b: Behaviour) -> None:
    """A second customer is refused, and the payment method is off the first one's list from then on."""
    usual = b.checks["not-another-customers"]

    def check(call: Call, attempt: Attempt) -> None:
        try:
            usual(call, attempt)
        except ApiError:
            wallet = call.store.wallets.get(attempt.method.customer or "", [])
            if attempt.method.id in wallet:
                wallet.remove(attempt.method.id)
            raise

    b.checks["not-another-customers"] = check


def _attach_again(b: Behaviour, change: Callable[[PaymentMethod], PaymentMethod]) -> None:
    """Change what is attached a second time to the customer that has it."""
    usual = b.attach

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        again = attempt.method.customer is not None
        method = usual(call, attempt)
        return call.store.put_method(change(method)) if again else method

    b.attach = attach


@stateful("state.same-object", "hard")
def again_clears_the_details(b: Behaviour) -> None:
    """Attaching again to the same customer loses the billing details."""
    nothing = {"name": None, "email": None}
    _attach_again(b, lambda method: replace(method, billing_details={**method.billing_details, **nothing}))


@stateful("state.same-object", "hard")
def again_clears_the_metadata(b: Behaviour) -> None:
    """Attaching again to the same customer loses the metadata."""
    _attach_again(b, lambda method: replace(method, metadata={}))


@stateful("state.same-object", "hard")
def again_makes_it_younger(b: Behaviour) -> None:
    """Attaching again to the same customer sets `created` anew."""
    _attach_again(b, lambda method: replace(method, created=method.created + 1))


@stateful("state.deleted-customer", "hard")
def deleted_owner_takes_back(b: Behaviour) -> None:
    """What a deleted customer had can be attached to it again."""
    owners: dict[str, str] = {}
    usual_attach, usual_check = b.attach, b.checks["customer"]

    def attach(call: Call, attempt: Attempt) -> PaymentMethod:
        method = usual_attach(call, attempt)
        owners[method.id] = attempt.owner.id
        return method

    def check(call: Call, attempt: Attempt) -> None:
        identifier = attempt.customer_id or ""
        if owners.get(attempt.method.id) == identifier:
            attempt.customer = call.store.customer(identifier)
            return
        usual_check(call, attempt)

    usual_detached = b.checks["not-detached"]

    def not_detached(call: Call, attempt: Attempt) -> None:
        if not attempt.owner.deleted:
            usual_detached(call, attempt)

    b.attach, b.checks["customer"], b.checks["not-detached"] = attach, check, not_detached
