"""Stripe's customers and payment methods for the tests of a shop: FastAPI, with its data in memory."""

import os
import secrets
import time
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Form, Header, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBasic, HTTPBasicCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException as StarletteHTTPException

API_KEY = os.environ["API_KEY"]
CARDS = {"visa": "4242", "mastercard": "4444", "amex": "8431"}

customers: dict[str, dict[str, Any]] = {}
payment_methods: dict[str, dict[str, Any]] = {}
answers: dict[str, tuple[str, dict[str, Any], Any]] = {}


class StripeError(Exception):
    """A request that is refused."""

    def __init__(self, status: int, message: str, **more: Any) -> None:
        self.status = status
        self.error = {"type": "invalid_request_error", "message": message, **more}


def require_key(
    basic: Annotated[HTTPBasicCredentials | None, Depends(HTTPBasic(auto_error=False))],
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))],
) -> None:
    """Ask for the secret key, as the user of Basic or as a Bearer token."""
    given = basic.username if basic else bearer.credentials if bearer else ""
    if not secrets.compare_digest(given.encode(), API_KEY.encode()):
        raise StripeError(401, "Invalid API Key provided." if given else "You did not provide an API key.")


app = FastAPI(title="Payments", dependencies=[Depends(require_key)])
app.add_middleware(GZipMiddleware, minimum_size=500)
app.add_middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"])


@app.middleware("http")
async def stripe_headers(request: Request, call_next: Any) -> Response:
    """Add Stripe's headers."""
    response = await call_next(request)
    response.headers["Request-Id"] = "req_" + secrets.token_hex(8)
    response.headers["Stripe-Version"] = request.headers.get("Stripe-Version", "2026-08-26.dahlia")
    return response


@app.exception_handler(StripeError)
async def refuse(request: Request, error: StripeError) -> JSONResponse:
    """Answer as Stripe does."""
    headers = {"WWW-Authenticate": 'Basic realm="Stripe"'} if error.status == 401 else None
    return JSONResponse({"error": error.error}, error.status, headers)


@app.exception_handler(RequestValidationError)
async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
    """Answer what the validation found in Stripe's form."""
    first = error.errors()[0]
    param = str(first["loc"][-1])
    found: dict[str, Any] = {"type": "invalid_request_error", "message": first["msg"], "param": param}
    if first["type"] == "missing":
        found |= {"message": f"Missing required param: {param}.", "code": "parameter_missing"}
    if first["type"] == "extra_forbidden":
        found |= {"message": f"Received unknown parameter: {param}", "code": "parameter_unknown"}
    return JSONResponse({"error": found}, 400)


@app.exception_handler(StarletteHTTPException)
async def http_error(request: Request, error: HTTPException) -> JSONResponse:
    """Answer the framework's own errors in Stripe's form."""
    return JSONResponse({"error": {"type": "invalid_request_error", "message": error.detail}}, error.status_code)


class AttachForm(BaseModel):
    """The parameters of an attach."""

    model_config = ConfigDict(extra="forbid")
    customer: str = Field(min_length=1, max_length=5000)
    expand: list[str] = Field(default=[], alias="expand[]")


class CustomerForm(BaseModel):
    """The parameters of a customer; its metadata is read beside them."""

    email: str | None = None
    name: str | None = None
    description: str | None = None


class PaymentMethodForm(BaseModel):
    """The parameters of a card; its owner is read beside them."""

    type: str
    token: str | None = Field(default=None, alias="card[token]")
    number: str | None = Field(default=None, alias="card[number]")


def hash_of(form: Any, name: str) -> dict[str, str]:
    """Return the parameters name[…]."""
    return {key[len(name) + 1 : -1]: value for key, value in form.items() if key.startswith(f"{name}[")}


def find(store: dict[str, dict[str, Any]], kind: str, id: str, status: int = 404) -> dict[str, Any]:
    """Return a customer or payment method that exists."""
    if id not in store:
        raise StripeError(status, f"No such {kind}: '{id}'", code="resource_missing", param=kind)
    return store[id]


def expanded(method: dict[str, Any], expand: list[str]) -> dict[str, Any]:
    """Return the payment method with what `expand` names in it."""
    for path in expand:
        if path != "customer":
            raise StripeError(400, f"This property cannot be expanded ({path}).", param="expand")
    if expand and method["customer"]:
        return {**method, "customer": customers[method["customer"]]}
    return method


@app.post("/v1/customers")
async def create_customer(request: Request, form: Annotated[CustomerForm, Form()]) -> dict[str, Any]:
    """Create a customer."""
    customer = {"id": "cus_" + secrets.token_hex(7), "object": "customer", "created": int(time.time())}
    customer |= {"livemode": False, **form.model_dump(), "metadata": hash_of(await request.form(), "metadata")}
    customers[customer["id"]] = customer
    return customer


@app.get("/v1/customers/{id}")
async def retrieve_customer(id: str) -> dict[str, Any]:
    """Return a customer."""
    return find(customers, "customer", id)


@app.delete("/v1/customers/{id}")
async def delete_customer(id: str) -> dict[str, Any]:
    """Delete a customer, and detach its cards."""
    find(customers, "customer", id)
    del customers[id]
    for method in payment_methods.values():
        if method["customer"] == id:
            method["customer"] = None
    return {"id": id, "object": "customer", "deleted": True}


@app.get("/v1/customers/{id}/payment_methods")
async def list_payment_methods(id: str) -> dict[str, Any]:
    """Return the cards of a customer."""
    find(customers, "customer", id)
    found = [method for method in payment_methods.values() if method["customer"] == id]
    return {"object": "list", "url": f"/v1/customers/{id}/payment_methods", "has_more": False, "data": found}


@app.post("/v1/payment_methods")
async def create_payment_method(request: Request, form: Annotated[PaymentMethodForm, Form()]) -> dict[str, Any]:
    """Make a payment method of a test card."""
    brand = (form.token or "").removeprefix("tok_")
    if form.number:
        brand = next((brand for brand, last4 in CARDS.items() if form.number.endswith(last4)), "")
    if form.type != "card" or brand not in CARDS:
        raise StripeError(400, "Only test cards are supported.", param="card")
    given = await request.form()
    owner = hash_of(given, "billing_details")
    address = {
        key: owner.get(f"address][{key}") for key in ("city", "country", "line1", "line2", "postal_code", "state")
    }
    card = {
        "brand": brand,
        "last4": CARDS[brand],
        "exp_month": 12,
        "exp_year": 2034,
        "country": "US",
        "funding": "credit",
    }
    method = {
        "id": "pm_" + secrets.token_hex(12),
        "object": "payment_method",
        "billing_details": {"address": address, **{key: owner.get(key) for key in ("email", "name", "phone")}},
        "card": card,
        "created": int(time.time()),
        "customer": None,
        "livemode": False,
        "metadata": hash_of(given, "metadata"),
        "type": "card",
    }
    payment_methods[method["id"]] = method
    return method


@app.get("/v1/payment_methods/{id}")
async def retrieve_payment_method(
    id: str, expand: Annotated[list[str] | None, Query(alias="expand[]")] = None
) -> dict[str, Any]:
    """Return a payment method."""
    return expanded(find(payment_methods, "payment_method", id), expand or [])


@app.post("/v1/payment_methods/{id}/attach")
async def attach(
    id: str, form: Annotated[AttachForm, Form()], idempotency_key: Annotated[str | None, Header(max_length=255)] = None
) -> Any:
    """Attach a payment method to a customer."""
    given = form.model_dump()
    if idempotency_key in answers:
        first_id, first_given, answer = answers[idempotency_key]
        if (first_id, first_given) != (id, given):
            message = (
                "Keys for idempotent requests can only be used with the same parameters they were first used with."
            )
            raise StripeError(400, message, type="idempotency_error")
        return JSONResponse(answer, headers={"Idempotent-Replayed": "true"})
    method = find(payment_methods, "payment_method", id)
    find(customers, "customer", form.customer, 400)
    if method["customer"] not in (None, form.customer):
        raise StripeError(400, "The payment method you provided has already been attached to a customer.")
    answer = expanded({**method, "customer": form.customer}, form.expand)
    method["customer"] = form.customer
    if idempotency_key:
        answers[idempotency_key] = (id, given, answer)
    return answer


@app.post("/v1/payment_methods/{id}/detach")
async def detach(id: str) -> dict[str, Any]:
    """Detach a payment method from its customer."""
    method = find(payment_methods, "payment_method", id)
    if method["customer"] is None:
        raise StripeError(400, "The payment method you provided is not attached to a customer.")
    method["customer"] = None
    return method
