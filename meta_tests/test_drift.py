"""Drift: each kind of change to a published document is reported once, with the clauses that speak of it."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
import yaml

from conformance.commands.drift.clauses import clauses_about
from conformance.commands.drift.differences import Change, Difference, Part
from conformance.commands.drift.operation import NoSuchOperation, compare_documents
from conformance.commands.drift.schemas import UnusableDocument
from contracts import load_catalogue
from meta_tests.drifted import CONTRACT, FORM, Document, Mutation, body, changed, member, operation, own, schema
from strategies.invalid import is_without_meaning


def slugs(difference: Difference) -> set[str]:
    return {clause.slug for clause in clauses_about(difference, load_catalogue(), CONTRACT)}


def test_the_contract_has_not_moved_from_itself() -> None:
    assert compare_documents(CONTRACT, own()) == ()
    assert compare_documents(CONTRACT, yaml.safe_load(json.dumps(own()))) == ()


NEW_PARAMETER = {"type": "string", "maxLength": 5000}
REQUEST: Mapping[str, tuple[Mutation, Change, str, set[str]]] = {
    "a new parameter": (
        lambda document: body(document)["properties"].update(customer_account=NEW_PARAMETER),
        Change.NEW,
        "requestBody.customer_account",
        {"body.unknown-parameter", "body.unknown-parameter-nested"},
    ),
    "a parameter that is gone": (
        lambda document: body(document)["properties"].pop("expand"),
        Change.ABSENT,
        "requestBody.expand",
        {"expand.accepted", "expand.structure", "expand.every-entry"},
    ),
    "a parameter that is no longer required": (
        lambda document: body(document).pop("required"),
        Change.CHANGED,
        "requestBody.customer",
        {"body.customer-required", "request.minimal-body"},
    ),
    "a body that is no longer required": (
        lambda document: operation(document)["requestBody"].update(required=False),
        Change.CHANGED,
        "requestBody.required",
        {"body.customer-required", "request.minimal-body"},
    ),
    "another limit": (
        lambda document: body(document)["properties"]["customer"].update(maxLength=255),
        Change.CHANGED,
        "requestBody.customer",
        {"body.customer-max-length", "body.customer-length-limit-exact", "robustness.long-value"},
    ),
    "no limit": (
        lambda document: body(document)["properties"]["expand"]["items"].pop("maxLength"),
        Change.ABSENT,
        "requestBody.expand[]",
        {"expand.item-max-length", "expand.item-length-limit-exact"},
    ),
    "another type": (
        lambda document: body(document)["properties"]["customer"].update(type="integer"),
        Change.CHANGED,
        "requestBody.customer",
        {"body.customer-structure", "body.duplicate-customer"},
    ),
    "one of several types": (
        lambda document: body(document)["properties"].update(
            customer={"anyOf": [{"type": "string", "maxLength": 5000}, {"type": "object"}]}
        ),
        Change.CHANGED,
        "requestBody.customer",
        {"body.customer-structure"},
    ),
    "null": (
        lambda document: body(document)["properties"]["customer"].update(nullable=True),
        Change.CHANGED,
        "requestBody.customer",
        set(),
    ),
    "a pattern": (
        lambda document: body(document)["properties"]["customer"].update(pattern="^cus_"),
        Change.NEW,
        "requestBody.customer",
        {"request.value-exact", "robustness.quotes"},
    ),
    "values": (
        lambda document: body(document)["properties"]["customer"].update(enum=["a", "b"]),
        Change.CHANGED,
        "requestBody.customer",
        set(),
    ),
    "a limit of entries": (
        lambda document: body(document)["properties"]["expand"].update(maxItems=20),
        Change.NEW,
        "requestBody.expand",
        {"expand.many", "expand.many-entries"},
    ),
    "more parameters are allowed": (
        lambda document: body(document).pop("additionalProperties"),
        Change.CHANGED,
        "requestBody",
        {"body.unknown-parameter", "body.unknown-parameter-nested"},
    ),
    "another encoding": (
        lambda document: operation(document)["requestBody"]["content"][FORM].pop("encoding"),
        Change.CHANGED,
        "requestBody.expand",
        {"expand.indexed", "body.unknown-parameter-nested"},
    ),
    "a media type more": (
        lambda document: operation(document)["requestBody"]["content"].update({"application/json": {}}),
        Change.NEW,
        "requestBody",
        {"request.json-refused", "request.other-media-types"},
    ),
}
OPERATION: Mapping[str, tuple[Mutation, Change, str, set[str]]] = {
    "a method more": (
        lambda document: document["paths"][CONTRACT.path].update(get={}),
        Change.NEW,
        "get",
        {"request.other-methods"},
    ),
    "a header": (
        lambda document: operation(document)["parameters"].append({"in": "header", "name": "Range", "required": True}),
        Change.NEW,
        "parameters.Range",
        {"request.other-headers", "request.other-site"},
    ),
    "no path parameter": (
        lambda document: operation(document).pop("parameters"),
        Change.ABSENT,
        "parameters.payment_method",
        {"robustness.long-path-id", "robustness.odd-path-id"},
    ),
    "another style in the path": (
        lambda document: operation(document)["parameters"][0].update(style="matrix"),
        Change.CHANGED,
        "parameters.payment_method",
        {"robustness.long-path-id"},
    ),
    "a number in the path": (
        lambda document: operation(document)["parameters"][0].update(schema={"type": "integer"}),
        Change.CHANGED,
        "parameters.payment_method",
        {"robustness.long-path-id", "robustness.odd-path-id"},
    ),
    "deprecated": (lambda document: operation(document).update(deprecated=True), Change.CHANGED, "deprecated", set()),
}
ANSWERS: Mapping[str, tuple[Mutation, Change, str, set[str]]] = {
    "a member more": (
        lambda document: schema(document, "payment_method_card")["properties"].update(chip={"type": "string"}),
        Change.NEW,
        "payment_method.card",
        set(),
    ),
    "members of what had none": (
        lambda document: schema(document, "payment_method")["properties"].update(
            affirm={"type": "object", "properties": {"plan": {}, "rate": {}}}
        ),
        Change.NEW,
        "payment_method.affirm",
        set(),
    ),
    "a member less": (
        lambda document: schema(document, "payment_method_card")["properties"].pop("iin"),
        Change.ABSENT,
        "payment_method.card",
        set(),
    ),
    "a member less that must be there": (
        lambda document: schema(document, "payment_method")["properties"].pop("livemode"),
        Change.ABSENT,
        "payment_method.livemode",
        {"response.livemode", "response.schema"},
    ),
    "a member that need not be there": (
        lambda document: schema(document, "payment_method")["required"].remove("billing_details"),
        Change.CHANGED,
        "payment_method.billing_details",
        {"response.billing-details", "response.schema"},
    ),
    "null": (
        lambda document: member(document, "payment_method", "created").update(nullable=True),
        Change.CHANGED,
        "payment_method.created",
        {"response.created", "response.schema"},
    ),
    "another type": (
        lambda document: member(document, "payment_method", "livemode").update(type="string"),
        Change.CHANGED,
        "payment_method.livemode",
        {"response.livemode", "response.schema"},
    ),
    "another format": (
        lambda document: member(document, "payment_method", "created").update(format="date-time"),
        Change.CHANGED,
        "payment_method.created",
        {"response.created"},
    ),
    "a longer text": (
        lambda document: member(document, "payment_method_card", "last4").update(maxLength=6000),
        Change.CHANGED,
        "payment_method.card.last4",
        {"response.schema"},
    ),
    "a known value more": (
        lambda document: member(document, "payment_method_card_wallet", "type").update(
            enum=[*member(own(), "payment_method_card_wallet", "type")["x-known-values"], "paper"]
        ),
        Change.NEW,
        "payment_method.card.wallet.type",
        set(),
    ),
    "a known value of an array": (
        lambda document: schema(document, "payment_method_us_bank_account")["properties"]["networks"]["properties"][
            "supported"
        ]["items"].update(enum=["ach", "us_domestic_wire", "pigeon"]),
        Change.NEW,
        "payment_method.us_bank_account.networks.supported[]",
        set(),
    ),
    "a known value less": (
        lambda document: member(document, "customer", "tax_exempt").update(enum=["exempt", "none"]),
        Change.ABSENT,
        "payment_method.customer.tax_exempt",
        set(),
    ),
    "a closed value more": (
        lambda document: member(document, "payment_method", "object")["enum"].append("instrument"),
        Change.NEW,
        "payment_method.object",
        {"response.object", "response.schema"},
    ),
    "a closed list that is open": (
        lambda document: member(document, "payment_method", "allow_redisplay").pop("enum"),
        Change.CHANGED,
        "payment_method.allow_redisplay",
        {"response.schema"},
    ),
    "what is no longer expanded": (
        lambda document: schema(document, "payment_method")["properties"].update(
            customer={"type": "string", "maxLength": 5000}
        ),
        Change.CHANGED,
        "payment_method.customer",
        {"expand.inlined", "response.customer", "response.schema"},
    ),
    "another object": (
        lambda document: member(document, "payment_method", "customer")["anyOf"].append(
            {"type": "object", "properties": {"id": {}, "object": {"enum": ["account"]}}}
        ),
        Change.NEW,
        "payment_method.customer",
        {"response.customer", "response.schema"},
    ),
    "other values of metadata": (
        lambda document: member(document, "payment_method", "metadata").update(
            additionalProperties={"type": "integer"}
        ),
        Change.CHANGED,
        "payment_method.metadata.*",
        {"response.schema"},
    ),
    "another status": (
        lambda document: operation(document)["responses"].update({"202": {}}),
        Change.NEW,
        "202",
        {"response.status", "error.status-class"},
    ),
    "another media type": (
        lambda document: operation(document)["responses"]["200"]["content"].update({"text/csv": {}}),
        Change.NEW,
        "200",
        {"response.media-type"},
    ),
    "no schema": (
        lambda document: operation(document)["responses"]["200"]["content"]["application/json"].pop("schema"),
        Change.CHANGED,
        "payment_method",
        {"response.schema"},
    ),
    "one schema in several places": (
        lambda document: member(document, "address", "city").update(maxLength=6000),
        Change.CHANGED,
        "payment_method.customer.address.city",
        {"response.schema"},
    ),
    "a type of error": (
        lambda document: member(document, "error_detail", "type")["enum"].append("odd_error"),
        Change.NEW,
        "error.error.type",
        {"error.type", "error.member-types"},
    ),
    "a member of an error": (
        lambda document: schema(document, "error_detail")["properties"].update(hint={}),
        Change.NEW,
        "error.error",
        set(),
    ),
}
CHANGES = {
    f"{part}: {name}": (part, *case)
    for part, cases in ((Part.REQUEST, REQUEST), (Part.OPERATION, OPERATION), (Part.ANSWER, ANSWERS))
    for name, case in cases.items()
}


@pytest.mark.parametrize("name", CHANGES)
def test_each_kind_of_change_is_reported_exactly_once(name: str) -> None:
    part, mutation, change, path, speaking = CHANGES[name]
    (difference,) = compare_documents(CONTRACT, changed(mutation))
    assert (difference.change, difference.path) == (change, path)
    assert difference.part is (Part.ERROR if path.startswith("error") else part)
    assert slugs(difference) >= speaking
    assert bool(slugs(difference)) == bool(speaking)
    assert difference.published or difference.ours


def test_no_clause_speaks_of_another_parameter() -> None:
    (difference,) = compare_documents(CONTRACT, changed(REQUEST["another limit"][0]))
    assert not {slug for slug in slugs(difference) if slug.startswith("expand.")}
    assert "response.schema" not in slugs(difference)
    (difference,) = compare_documents(CONTRACT, changed(REQUEST["another type"][0]))
    assert not {"request.accept", "robustness.odd-path-id"} & slugs(difference), "they speak of other types"
    (difference,) = compare_documents(CONTRACT, changed(REQUEST["a pattern"][0]))
    assert "state.listed" not in slugs(difference), "which has only the name of the parameter"


def test_one_schema_is_one_difference_with_the_count_of_its_places() -> None:
    (difference,) = compare_documents(CONTRACT, changed(ANSWERS["one schema in several places"][0]))
    assert difference.more == 6  # the customer's, in shipping, in billing details, and two of each of two wallets
    assert difference.published == "/components/schemas/address/properties/city"


LOOSER: Mapping[str, Mutation] = {
    "more is required": lambda document: schema(document, "payment_method_card")["required"].append("country"),
    "a limit where the contract has none": lambda document: member(document, "payment_method_card", "iin").update(
        maxLength=9
    ),
    "never null": lambda document: member(document, "payment_method_card", "country").pop("nullable"),
    "a list where the contract has none": lambda document: member(document, "payment_method_card", "brand").update(
        enum=["visa"]
    ),
    "a known list that is open": lambda document: member(document, "payment_method", "type").pop("x-known-values"),
    "no more members": lambda document: schema(document, "payment_method").update(additionalProperties=False),
    "an expandable object in full": lambda document: schema(document, "expandable")["anyOf"].append(
        {"type": "object", "properties": {"id": {}, "object": {"enum": ["charge"]}, "amount": {}}}
    ),
    "an object of an error in full": lambda document: member(document, "error_detail", "payment_intent").update(
        properties={"id": {}, "object": {}, "amount": {}}
    ),
    "an error need not have a message": lambda document: schema(document, "error_detail")["required"].remove("message"),
    "a limit in the path": lambda document: operation(document)["parameters"][0].update(
        schema={"type": "string", "maxLength": 5000}, style="simple"
    ),
    "texts": lambda document: operation(document).update(summary="Attach", description="…", operationId="attach"),
}


@pytest.mark.parametrize("name", LOOSER)
def test_what_is_looser_by_design_is_no_drift(name: str) -> None:
    assert compare_documents(CONTRACT, changed(LOOSER[name])) == ()


def as_published(document: Document) -> None:
    """Write schemas as Stripe does: references that may be null as unions of one, the resources expandable in full."""
    members = schema(document, "payment_method")["properties"]
    members["billing_details"] = {"anyOf": [{"$ref": "#/components/schemas/billing_details"}]}
    members["customer"] = {
        "anyOf": [{"maxLength": 5000, "type": "string"}, {"$ref": "#/components/schemas/customer"}],
        "nullable": True,
        "x-expansionResources": {"oneOf": [{"$ref": "#/components/schemas/customer"}]},
    }
    card = schema(document, "payment_method_card")["properties"]
    card["wallet"] = {"anyOf": [{"$ref": "#/components/schemas/payment_method_card_wallet"}], "nullable": True}
    charge = {"type": "object", "properties": {"id": {}, "object": {"enum": ["charge"]}, "of": {"$ref": "#/x"}}}
    document["x"] = {"anyOf": [{"type": "string", "maxLength": 5000}, charge], "nullable": True}
    schema(document, "customer")["properties"]["default_source"] = {"$ref": "#/x"}
    wrapped = schema(document, "payment_method_card")
    document["components"]["schemas"]["payment_method_card"] = {"allOf": [wrapped, {"description": "A card."}]}


@pytest.mark.parametrize(
    ("path", "servers"),
    [
        ("/v1/payment_methods/{id}/attach", None),
        ("/payment_methods/{payment_method}/attach", [{"url": "https://api.stripe.com/v1"}]),
        ("/payment_methods/{id}/attach", ["odd", {"url": "http://[x"}, {"url": 1}, {"url": "/v1/"}]),
    ],
)
def test_a_path_is_found_under_a_server_and_with_placeholders_of_any_name(path: str, servers: object) -> None:
    """On the wire they are the same operation; another path, or none of these servers, is not."""

    def moved(document: Document) -> None:
        item = document["paths"].pop(CONTRACT.path)
        (parameter,) = [one for one in item["post"]["parameters"] if one["in"] == "path"]
        parameter["name"] = "payment_method" if "{payment_method}" in path else "id"
        document["paths"] = {"/v1/payment_methods/{id}/detach": {}, path: item}
        document["servers"] = servers

    assert compare_documents(CONTRACT, changed(moved)) == ()

    def elsewhere(document: Document) -> None:
        moved(document)
        document["paths"][f"/v2{path}"] = document["paths"].pop(path)

    with pytest.raises(NoSuchOperation):
        compare_documents(CONTRACT, changed(elsewhere))


def test_the_ways_in_which_stripe_writes_schemas_are_understood() -> None:
    assert compare_documents(CONTRACT, changed(as_published)) == ()


def test_openapi_3_1_says_null_as_a_type() -> None:
    def with_types(document: Document) -> None:
        document["openapi"] = "3.1.0"
        member(document, "payment_method_card", "country").update(type=["string", "null"])
        member(document, "payment_method", "livemode").update(type=["boolean", "null"])

    (difference,) = compare_documents(CONTRACT, changed(with_types))
    assert (difference.path, difference.words) == ("payment_method.livemode", "may be null")


def test_openapi_3_1_says_null_as_one_of_several_schemas() -> None:
    def with_a_schema(document: Document) -> None:
        document["openapi"] = "3.1.0"
        checks = member(document, "payment_method_card", "checks")
        checks["anyOf"] = [{"$ref": checks.pop("$ref")}, {"type": "null"}]

    assert compare_documents(CONTRACT, changed(with_a_schema)) == ()


@pytest.mark.parametrize("reference", ["#/x/1/a~1b~0c{d}", "#/x/1/a~1b~0c%7Bd%7D"])
def test_references_lead_into_arrays_and_are_percent_encoded(reference: str) -> None:
    def apart(document: Document) -> None:
        document["x"] = [None, {"a/b~c{d}": operation(document)["requestBody"]}]
        operation(document)["requestBody"] = {"$ref": reference}

    assert compare_documents(CONTRACT, changed(apart)) == ()


@pytest.mark.parametrize("reference", ["#/x/-1", "#/x/1", "#/x/\u0660", "#/x/" + "9" * 5000, "#/x/0/0"])
def test_a_reference_to_no_member_of_an_array_leads_nowhere(reference: str) -> None:
    def apart(document: Document) -> None:
        document["x"] = [operation(document)["requestBody"]]
        operation(document)["requestBody"] = {"$ref": reference}

    with pytest.raises(UnusableDocument, match="nothing is there"):
        compare_documents(CONTRACT, changed(apart))


def test_no_parameter_that_is_published_by_now_is_sent_as_an_unknown_one() -> None:
    assert not is_without_meaning("customer_account", CONTRACT)
