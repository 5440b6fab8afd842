"""Getting fixtures is an attempt like any other: narrow servers come to a run, and what was tried is kept."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, cast

import pytest

from benchmarks.examples import exchange
from conformance.evidence.secret import Secret
from conformance.fixtures.capabilities import CAPABILITY_NAMES, probe_capabilities
from conformance.fixtures.endpoints import LISTS, find_list, list_target
from conformance.fixtures.forms import ANY_ID, ATTACHED_TOKEN, PAYMENT_METHOD_FORMS, RETRIEVED_TOKEN
from conformance.fixtures.objects import Fixtures, Inventory
from conformance.fixtures.probing import probe, remove_probed
from conformance.fixtures.provisioning import Absent, OutOfFixtures, Provision, Unreachable
from conformance.transport.client import Address, Client
from conformance.transport.ways import ENCODED, JSON_MEDIA_TYPE, RAW, WITH_CHARSET, Manner, sent_fields
from contracts import published_contract
from contracts.contract import FORM_MEDIA_TYPE
from reference import running
from reference.variants.provisioning import variant

TOKEN, CARD = PAYMENT_METHOD_FORMS
KEY = Secret("sk_test_metatests0123456789abcdef")
CONTRACT = published_contract()
BY_FILTER, BELOW_CUSTOMER = LISTS[:2]

Answer = tuple[int, str, str]
ERROR = json.dumps({"error": {"type": "invalid_request_error", "message": "no"}})


@contextmanager
def client_of(url: str) -> Iterator[Client]:
    client = Client(Address.of(url), KEY, CONTRACT, timeout=5)
    try:
        yield client
    finally:
        client.close()


@contextmanager
def client_of_variant(name: str) -> Iterator[Client]:
    with running(variants=[name]) as server, client_of(server.url) as client:
        yield client


@contextmanager
def client_of_tiny(answer: Callable[[str, str], Answer]) -> Iterator[Client]:
    """A client of a server that answers each method and path as the function says; a redirect's text is its URL."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, media_type, text = answer(self.command, self.path)
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            if 300 <= status < 400:
                self.send_header("Location", text)
                text = ""
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = do_DELETE = answer  # the names that the library looks for

        def log_message(self, *_: object) -> None:
            """Keep the terminal clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        with client_of(f"http://127.0.0.1:{server.server_port}") as client:
            yield client
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(("name", "is_stateless"), [("creations-are-not-kept", True), ("creations-are-201", False)])
def test_a_server_that_attaches_any_id_and_shows_none_keeps_no_state(name: str, is_stateless: bool) -> None:
    with client_of_variant(name) as client:
        provision = probe(client)
        assert (provision.payment_methods, provision.customers) == (TOKEN, "created")
        assert provision.stateless is is_stateless


def test_a_gateway_that_forbids_what_it_does_not_know_does_not_reject_the_key() -> None:
    def answer(method: str, path: str) -> Answer:
        if path.endswith("/attach"):
            return 200, "application/json", json.dumps({"id": "pm_1", "object": "payment_method"})
        return 403, "application/json", json.dumps({"message": "Missing Authentication Token"})

    with client_of_tiny(answer) as client:
        assert probe(client).payment_methods == "any id"


@pytest.mark.parametrize(("methods", "customers"), [(["pm_1"], ["cus_1"]), (["pm_1"], []), ([], ["cus_1"])])
def test_ids_are_not_needed_where_any_id_is_attached(methods: list[str], customers: list[str]) -> None:
    def answer(method: str, path: str) -> Answer:
        if method == "POST" and path.endswith("/attach"):
            return 200, "application/json", json.dumps({"id": "pm_1", "object": "payment_method"})
        return 404, "application/json", json.dumps({"error": {"type": "invalid_request_error", "message": "No."}})

    with client_of_tiny(answer) as client:
        assert probe(client, methods, customers).payment_methods == "any id"


def test_ids_are_used_where_they_can_be_retrieved() -> None:
    def answer(method: str, path: str) -> Answer:
        if (method == "POST" and path.endswith("/attach")) or path.endswith("/pm_1"):
            return 200, "application/json", json.dumps({"id": "pm_1", "object": "payment_method"})
        return 404, "application/json", json.dumps({"error": {"type": "invalid_request_error", "message": "No."}})

    with client_of_tiny(answer) as client:
        assert probe(client, ["pm_1"], ["cus_1"]).payment_methods == "given"


@pytest.mark.parametrize(
    ("name", "methods", "customers"),
    [
        ("customers-are-not-looked-up", TOKEN, ANY_ID),
        ("payment-methods-begin-when-attached", ANY_ID, "created"),
    ],
)
def test_any_id_will_do_where_a_server_keeps_one_kind_of_object(name: str, methods: str, customers: str) -> None:
    with client_of_variant(name) as client:
        provision = probe(client)
    assert (provision.payment_methods, provision.customers, provision.stateless) == (methods, customers, True)


def test_what_cannot_be_created_is_what_is_asked_for() -> None:
    def answer(method: str, path: str) -> Answer:
        if method == "POST" and path == "/v1/customers":
            return 200, "application/json", json.dumps({"id": "cus_1", "object": "customer"})
        return 404, "application/json", ERROR

    with client_of_tiny(answer) as client, pytest.raises(Unreachable) as caught:
        probe(client)
    assert "creates no payment methods" in caught.value.diagnosis
    assert caught.value.hint.startswith("give ids that exist there with --payment-method (")


def test_a_customer_whose_id_has_to_be_escaped_is_removed_once() -> None:
    with client_of_variant("ids-with-dots-and-colons") as client:
        probe_capabilities(client, probe(client))
        sent = len(client.history.since(0))
        assert remove_probed(client) == []
        assert len(client.history.since(0)) == sent


@pytest.mark.parametrize("name", [one.name for one in variant.variants if not one.payment_methods])
def test_a_narrow_server_gives_fixtures_of_its_kind(name: str) -> None:
    with client_of_variant(name) as client:
        _, provision = probe_capabilities(client, probe(client))
        fixtures = Fixtures(client, provision, "run", random.Random(1))
        customer, created = fixtures.customers.create()
        plain, _ = fixtures.customers.create(plain=True)
        methods = [fixtures.methods.new(), fixtures.methods.new(plain=True)]
        assert created is not None
        assert customer != plain
        assert all(method.startswith("pm_") for method in methods)
        fixtures.clean_up()


def test_a_plain_customer_has_nothing_that_a_payment_method_has_too() -> None:
    with client_of_variant("creations-are-201") as client:
        _, provision = probe_capabilities(client, probe(client))
        fixtures = Fixtures(client, provision, "run", random.Random(1))
        _, created = fixtures.customers.create(plain=True)
        assert created is not None
        names = {pair.name for pair in created.sent_pairs}
        assert names == {b"description", b"metadata[conformance_run]", b"metadata[conformance_number]"}
        fixtures.clean_up()


@pytest.mark.parametrize(
    ("name", "details", "tagged"),
    [
        ("customers-take-no-metadata", ["email"], False),
        ("customers-take-no-parameters", [], False),
        ("customers-take-no-email", [], True),
        ("customers-need-an-email", ["email", "address[city]", "address[country]", "name", "description"], True),
        ("customers-need-a-name-alone", ["name"], False),
    ],
)
def test_customers_get_what_the_target_takes(name: str, details: Sequence[str], tagged: bool) -> None:
    with client_of_variant(name) as client:
        way = probe(client).customer_way
    assert ([field for field, _ in way.details], way.tagged) == (details, tagged)


@pytest.mark.parametrize("name", ["emails-are-unique", "customers-are-found-by-email"])
def test_customers_have_emails_of_their_own_where_they_must(name: str) -> None:
    with client_of_variant(name) as client:
        fixtures = Fixtures(client, probe(client), "run", random.Random(1))
        created = [fixtures.customers.create() for _ in range(3)]
        emails = {answer.object["email"] for _, answer in created if answer is not None}
    assert len({customer for customer, _ in created}) == 3
    assert emails > {"Richard.Roe+run-1@example.com"}


def test_a_server_that_takes_no_email_twice_lacks_nothing() -> None:
    with client_of_variant("emails-are-unique") as client:
        capabilities, provision = probe_capabilities(client, probe(client))
    assert {"create-customer", "delete", "list"} <= set(capabilities)
    assert provision.lists


def test_customers_share_an_email_elsewhere() -> None:
    with client_of_variant("creations-are-201") as client:
        fixtures = Fixtures(client, probe(client), "run", random.Random(1))
        created = [fixtures.customers.create()[1] for _ in range(2)]
    assert [answer and answer.object["email"] for answer in created] == ["Richard.Roe@example.com"] * 2


@pytest.mark.parametrize(
    ("name", "media_type", "brackets"),
    [
        ("creations-take-raw-brackets", FORM_MEDIA_TYPE, RAW),
        ("creations-take-encoded-brackets", FORM_MEDIA_TYPE, ENCODED),
        ("creations-overlook-raw-brackets", FORM_MEDIA_TYPE, ENCODED),
        ("creations-need-a-charset", WITH_CHARSET, RAW),
        ("creations-take-no-charset", FORM_MEDIA_TYPE, RAW),
        ("creations-take-json", JSON_MEDIA_TYPE, RAW),
    ],
)
def test_creations_are_written_as_the_target_takes_them(name: str, media_type: str, brackets: str) -> None:
    with client_of_variant(name) as client:
        provision = probe(client)
        fixtures = Fixtures(client, provision, "a run", random.Random(1))
        _, created = fixtures.customers.create()
    for way in (provision.customer_way, provision.method_way):
        assert (way.manner.media_type, way.manner.brackets) == (media_type, brackets)
    assert created is not None
    assert created.object["metadata"] == {"conformance_run": "a run", "conformance_number": "0"}


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("tokens-only", TOKEN),
        ("raw-card-numbers-only", CARD),
        ("payment-methods-need-billing-details", TOKEN),
        ("shared-tokens-are-retrieved", RETRIEVED_TOKEN),
        ("shared-tokens-are-attached", ATTACHED_TOKEN),
    ],
)
def test_payment_methods_come_by_the_first_way_that_works(name: str, way: str) -> None:
    with client_of_variant(name) as client:
        provision = probe(client)
    assert provision.payment_methods == way
    assert provision.stateless is (way == ATTACHED_TOKEN)


def test_a_given_shared_token_is_no_payment_method_of_its_own() -> None:
    with client_of_variant("tokens-only") as client:
        provision = probe(client, payment_methods=("pm_card_visa",))
        existing = Fixtures(client, provision, "run", random.Random(1)).methods.new()
        own = probe(client, payment_methods=("pm_card_visa", existing))
    assert (provision.payment_methods, provision.given_payment_methods) == (TOKEN, ())
    assert (own.payment_methods, own.given_payment_methods) == ("given", ("pm_card_visa", existing))


def test_a_given_token_is_used_where_there_is_nothing_else() -> None:
    with client_of_tiny(_answer_attach_alone) as client:
        provision = probe(client, ["pm_card_visa"], ["cus_given"])
    assert (provision.payment_methods, provision.given_payment_methods) == ("given", ("pm_card_visa",))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"customers": ["cus_nowhere"]}, "the customer cus_nowhere, given by --customer, does not exist there"),
        ({"payment_methods": ["pm_nowhere"]}, "the payment method pm_nowhere, given by --payment-method, does not"),
    ],
)
def test_a_given_id_that_does_not_exist_is_no_verdict_on_the_target(given: Any, said: str) -> None:
    with running() as server, client_of(server.url) as client, pytest.raises(Unreachable, match=said) as raised:
        probe(client, **given)
    assert "that exist in the account" in raised.value.hint


def test_a_given_customer_that_was_deleted_is_named() -> None:
    with running() as server, client_of(server.url) as client:
        customers = Fixtures(client, probe(client), "run", random.Random(1)).customers
        gone = customers.create()[0]
        customers.delete(gone)
        with pytest.raises(Unreachable, match=f"{gone}, given by --customer, was deleted"):
            probe(client, customers=[gone])


def test_a_path_too_many_in_the_base_url_is_suspected() -> None:
    with client_of_tiny(lambda method, path: (404, "application/json", ERROR)) as client:
        there = Client(Address.of(f"{client.address.url}/api"), KEY, CONTRACT, timeout=5)
        for one, is_suspected in ((there, True), (client, False)):
            with pytest.raises(Unreachable) as raised:
                probe(one)
            assert ("is the path /api in --base-url right?" in raised.value.hint) is is_suspected
        there.close()


def test_the_scheme_of_creations_is_not_that_of_the_operation() -> None:
    with client_of_variant("creations-take-basic-only") as client:
        provision = probe(client)
        created = Fixtures(client, provision, "run", random.Random(1)).customers.create()[1]
    assert created is not None
    assert created.is_success


@pytest.mark.parametrize(
    ("defect", "scheme"), [("operation-takes-basic-only", "basic"), ("operation-takes-bearer-only", "bearer")]
)
def test_the_operation_gets_the_key_by_a_scheme_that_it_takes(defect: str, scheme: str) -> None:
    with running(defect) as server, client_of(server.url) as client:
        provision = probe(client)
        created = Fixtures(client, provision, "run", random.Random(1)).customers.create()[1]
    assert provision.scheme == scheme
    assert created is not None
    assert created.is_success


@pytest.mark.parametrize("at_once", [1, 8])
def test_the_usual_server_costs_eleven_requests(at_once: int) -> None:
    """Eleven with its capabilities, for which the customer of the probe serves: nothing is left of it."""
    with running() as server, client_of(server.url) as client:
        provision = probe(client, at_once=at_once)
        assert client.requests_sent == 6
        capabilities, _ = probe_capabilities(client, provision, at_once=at_once)
        assert client.requests_sent == 11
        assert capabilities == CAPABILITY_NAMES
        assert not remove_probed(client)
        assert client.requests_sent == 11
    assert [one.status for one in provision.tries] == [200, 200]


def test_a_worker_gets_what_was_found() -> None:
    for name in ("creations-take-json", "payment-methods-need-billing-details", "unknown-urls-are-501-in-words"):
        with client_of_variant(name) as client:
            _, provision = probe_capabilities(client, probe(client))
        read = Provision.from_json(json.loads(json.dumps(provision.to_json())))
        assert (read.customer_way, read.method_way) == (provision.customer_way, provision.method_way)
        assert (read.lists, read.absent) == (provision.lists, provision.absent)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("list-by-filter-is-501", BELOW_CUSTOMER),
        ("list-below-customer-is-500", BY_FILTER),
        ("lists-refuse-parameters", LISTS[-1]),
        ("lists-ignore-parameters", BY_FILTER),
        ("unknown-urls-are-500-as-a-page", ""),
    ],
)
def test_one_list_is_found_and_used(name: str, wanted: str) -> None:
    with client_of_variant(name) as client:
        _, provision = probe_capabilities(client, probe(client))
        fixtures = Fixtures(client, provision, "run", random.Random(1))
        customer = fixtures.customers.named()
        before = client.requests_sent
        listed = fixtures.endpoints.list_payment_methods(customer)
        assert client.requests_sent - before == bool(wanted)
    assert provision.lists == wanted
    assert (listed is not None) is bool(wanted)
    if listed is not None:
        assert listed.request.target == list_target(wanted, customer, "card")


def test_a_list_that_is_out_of_order_is_not_said_to_be_absent() -> None:
    with client_of_tiny(lambda method, path: (503, "application/json", ERROR)) as client:
        found, answer = find_list(client, "cus_x")
    assert found is None
    assert answer is not None
    assert answer.status == 503


@pytest.mark.parametrize("status", [400, 500, 501])
def test_what_is_answered_in_words_is_absent(status: int) -> None:
    page = "in-words" if status != 500 else "as-a-page"
    with client_of_variant(f"unknown-urls-are-{status}-{page}") as client:
        _, provision = probe_capabilities(client, probe(client))
        fixtures = Fixtures(client, provision, "run", random.Random(1))
        customer, method = fixtures.customers.named(), fixtures.methods.new()
        asked: Sequence[Callable[[], object]] = (
            lambda: fixtures.endpoints.detach(method),
            lambda: fixtures.customers.delete(customer),
            lambda: fixtures.endpoints.read_customer(customer),
        )
        for ask in asked:
            with pytest.raises(Absent):
                ask()


def test_the_type_of_a_given_payment_method_is_learnt() -> None:
    (debits,) = (one for one in variant.variants if one.name == "given-bank-debits")
    with client_of_variant(debits.name) as client:
        fixtures = Fixtures(client, probe(client, debits.payment_methods), "run", random.Random(1))
        method = fixtures.methods.new()
        assert fixtures.endpoints.type_of(method) == "us_bank_account"
        before = client.requests_sent
        assert fixtures.endpoints.type_of(method) == "us_bank_account"
        assert client.requests_sent == before


@pytest.mark.parametrize("status", [400, 418, 422])
def test_every_way_is_kept_where_none_works(status: int) -> None:
    with client_of_tiny(lambda method, path: (status, "application/json", ERROR)) as client:
        with pytest.raises(Unreachable) as raised:
            probe(client)
        sent = client.requests_sent
    tries = raised.value.tries
    assert {one.status for one in tries} == {status}
    assert {one.answer for one in tries} == {"invalid_request_error no"}
    ways = [(one.request, one.way) for one in tries]
    assert len(set(ways)) == len(ways)
    assert any("as JSON" in way for _, way in ways)
    assert sent < 70


def test_an_id_that_no_request_can_name_is_said_to_be_one() -> None:
    made = json.dumps({"id": "cus_a+b", "object": "customer"})

    def answer(method: str, path: str) -> Answer:
        return (200, "application/json", made) if path == "/v1/customers" else (400, "application/json", ERROR)

    with client_of_tiny(answer) as client, pytest.raises(Unreachable, match=r"usable `id` .* none of them %, & or \+"):
        probe(client)


def test_one_such_id_among_others_is_said_to_be_the_reason() -> None:
    """An id in Base64 has a `+` now and then: the status of its creation, 200, would explain nothing."""
    inventory = Inventory(cast("Client", None), "run")
    created = exchange(200, {"id": "cus_a+b", "object": "customer"})
    with pytest.raises(OutOfFixtures, match=r"created no customer \(.* without a usable `id`"):
        inventory.add("customer", created)


@pytest.mark.parametrize("status", [404, 405])
def test_an_endpoint_that_is_not_there_is_asked_once(status: int) -> None:
    with (
        client_of_tiny(lambda method, path: (status, "application/json", ERROR)) as client,
        pytest.raises(Unreachable) as raised,
    ):
        probe(client)
    asked = [one.request for one in raised.value.tries]
    assert asked.count("POST /v1/customers") == 1
    assert asked.count("POST /v1/payment_methods") == 1


def test_servers_that_only_fail_are_not_tested() -> None:
    with client_of_tiny(lambda method, path: (500, "text/html", "<h1>no</h1>")) as client:
        with pytest.raises(Unreachable) as raised:
            probe(client, ["pm_given"], ["cus_given"])
        assert client.requests_sent < 10
    assert [one.status for one in raised.value.tries] == [500]


def _answer_attach_alone(method: str, path: str) -> Answer:
    if path.endswith("/attach"):
        return 404, "application/json", ERROR
    return 500, "text/plain", "no"


def test_creation_may_fail_where_ids_are_given() -> None:
    with client_of_tiny(_answer_attach_alone) as client:
        provision = probe(client, ["pm_given"], ["cus_given"])
    assert (provision.customers, provision.payment_methods) == ("given", "given")


@pytest.mark.parametrize(
    "manner", [Manner(), Manner(brackets=ENCODED), Manner(media_type=WITH_CHARSET), Manner(media_type=JSON_MEDIA_TYPE)]
)
def test_what_is_written_is_read_back(manner: Manner) -> None:
    form = {"type": "card", "card[token]": "tok_visa", "billing_details[address][line1]": "a & b = ü"}
    assert sent_fields(manner.request("POST", "/v1/payment_methods", form)) == form


def test_brackets_are_written_as_the_official_libraries_do() -> None:
    assert Manner().request("POST", "/", {"card[token]": "tok_visa"}).body == b"card[token]=tok_visa"
