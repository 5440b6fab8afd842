"""Stripe's customers and payment methods for the tests of a shop: Flask, with its data in SQLite."""

import os
import re
import secrets
import time
from typing import Any

from flask import Flask, g, jsonify, request
from flask_cors import CORS
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.exc import IntegrityError
from werkzeug.exceptions import HTTPException

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = os.environ.get("DATABASE_URL", "sqlite:///shop.db")
app.config["MAX_CONTENT_LENGTH"] = 1_000_000
CORS(app)
db = SQLAlchemy(app)
limiter = Limiter(get_remote_address, app=app, default_limits=["500 per second"], storage_uri="memory://")

API_KEY = os.environ["API_KEY"]
CARDS = {
    "visa": ("visa", "4242"),
    "mastercard": ("mastercard", "4444"),
    "amex": ("amex", "8431"),
    "chargeCustomerFail": ("visa", "0341"),
    "chargeDeclined": ("visa", "0002"),
}


def new_id(prefix: str) -> str:
    """Return a new id."""
    return f"{prefix}_{secrets.token_hex(12)}"


class Customer(db.Model):
    """A customer."""

    id = db.Column(db.String(40), primary_key=True)
    created = db.Column(db.Integer, default=lambda: int(time.time()))
    email = db.Column(db.String(512))
    name = db.Column(db.String(256))
    description = db.Column(db.Text)
    details = db.Column(db.JSON, default=dict)
    deleted = db.Column(db.Boolean, default=False)

    def as_dict(self) -> dict[str, Any]:
        """Return the customer as Stripe shows it."""
        shown = {key: getattr(self, key) for key in ("id", "created", "email", "name", "description")}
        return {**shown, "object": "customer", "livemode": False, "metadata": self.details}


class PaymentMethod(db.Model):
    """A card."""

    id = db.Column(db.String(40), primary_key=True)
    created = db.Column(db.Integer, default=lambda: int(time.time()))
    card = db.Column(db.String(40))
    billing = db.Column(db.JSON, default=dict)
    details = db.Column(db.JSON, default=dict)
    detached = db.Column(db.Boolean, default=False)
    customer_id = db.Column(db.ForeignKey(Customer.id), index=True)
    customer = db.relationship(Customer, backref="payment_methods")

    def as_dict(self, expand: bool = False) -> dict[str, Any]:
        """Return the payment method as Stripe shows it."""
        brand, last4 = CARDS[self.card]
        card = {"brand": brand, "last4": last4, "exp_month": 12, "exp_year": time.localtime().tm_year + 1}
        address = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
        address |= {key: value for key, value in self.billing.items() if key in address}
        billing = {key: self.billing.get(key) for key in ("email", "name", "phone")}
        return {
            "id": self.id,
            "object": "payment_method",
            "billing_details": {"address": address, **billing},
            "card": {**card, "country": "US", "funding": "credit", "checks": None, "wallet": None},
            "created": self.created,
            "customer": self.customer.as_dict() if expand and self.customer else self.customer_id,
            "livemode": False,
            "metadata": self.details,
            "type": "card",
        }


class SavedAnswer(db.Model):
    """An answer to a request with an Idempotency-Key."""

    key = db.Column(db.String(255), primary_key=True)
    path = db.Column(db.Text)
    form = db.Column(db.JSON)
    status = db.Column(db.Integer)
    body = db.Column(db.Text)


with app.app_context():
    db.create_all()


class StripeError(Exception):
    """A request that is refused."""

    def __init__(self, status: int, message: str, **more: str) -> None:
        super().__init__(message)
        self.status = status
        self.error = {"type": "invalid_request_error", "message": message, **more}


@app.errorhandler(StripeError)
def refuse(error: StripeError) -> Any:
    """Answer as Stripe does."""
    return jsonify(error=error.error), error.status


@app.errorhandler(HTTPException)
def http_error(error: HTTPException) -> Any:
    """Answer Flask's own errors in Stripe's form."""
    kind = "api_error" if (error.code or 500) >= 500 else "invalid_request_error"
    return jsonify(error={"type": kind, "message": error.description}), error.code


@app.before_request
def authenticate() -> Any:
    """Ask for the key."""
    if request.method == "OPTIONS":
        return None  # a browser's preflight carries no key
    given = request.authorization
    key = given and (given.username if given.type == "basic" else given.token)
    if key != API_KEY:
        message = "Invalid API Key provided." if key else "You did not provide an API key."
        answer = jsonify(error={"type": "invalid_request_error", "message": message})
        return answer, 401, {"WWW-Authenticate": 'Bearer realm="Stripe"'}
    return None


def saved_form() -> list[list[str]]:
    """Return the parameters, for comparison."""
    return sorted([name, value] for name, value in request.form.items(multi=True))


@app.before_request
def replay() -> Any:
    """Answer a repeated request as the first time."""
    key = request.headers.get("Idempotency-Key")
    if request.method != "POST" or not key:
        return None
    if len(key) > 255:
        raise StripeError(400, "Idempotency keys have at most 255 characters.")
    saved = db.session.get(SavedAnswer, key)
    if saved is None:
        g.idempotency_key = key
        return None
    if saved.path != request.path or saved.form != saved_form():
        message = "Keys for idempotent requests can only be used with the same parameters they were first used with."
        raise StripeError(400, message, type="idempotency_error")
    return app.response_class(
        saved.body, saved.status, {"Idempotent-Replayed": "true"}, content_type="application/json"
    )


@app.after_request
def finish(response: Any) -> Any:
    """Keep the answer for its key, and add Stripe's headers."""
    if g.get("idempotency_key") and g.get("executed"):
        saved = SavedAnswer(key=g.idempotency_key, path=request.path, form=saved_form())
        saved.status, saved.body = response.status_code, response.get_data(as_text=True)
        db.session.add(saved)
        try:
            db.session.commit()
        except IntegrityError:  # the same request came twice at once
            db.session.rollback()
    response.headers["Request-Id"] = new_id("req")
    response.headers["Stripe-Version"] = request.headers.get("Stripe-Version", "2026-08-26.dahlia")
    response.headers["Cache-Control"] = "no-cache, no-store"
    return response


def parameters(*known: str) -> None:
    """Refuse parameters that the operation does not know."""
    for name in request.form:
        if re.sub(r"\[.*", "", name) not in known:
            raise StripeError(400, f"Received unknown parameter: {name}", code="parameter_unknown", param=name)


def hash_of(name: str) -> dict[str, str]:
    """Return the parameters name[…], the last key as their name."""
    found = {key: value for key, value in request.form.items() if key.startswith(f"{name}[")}
    return {key.rstrip("]").split("[")[-1]: value for key, value in found.items()}


def find(model: Any, id: str, status: int = 404) -> Any:
    """Return a customer or payment method that exists."""
    found = db.session.get(model, id)
    if found is None or getattr(found, "deleted", False):
        param = "customer" if model is Customer else "payment_method"
        message = f"No such {model.__name__.replace('Customer', 'customer')}: '{id}'"
        raise StripeError(status, message, code="resource_missing", param=param)
    return found


def wants_customer() -> bool:
    """Say whether `expand` names the customer."""
    values = {**request.args.to_dict(False), **request.form.to_dict(False)}
    return any("customer" in value for name, value in values.items() if name.startswith("expand["))


@app.post("/v1/customers")
def create_customer() -> Any:
    """Create a customer."""
    parameters("email", "name", "description", "metadata", "expand")
    known = {name: request.form.get(name) for name in ("email", "name", "description")}
    customer = Customer(id=new_id("cus"), details=hash_of("metadata"), **known)
    g.executed = True
    db.session.add(customer)
    db.session.commit()
    return customer.as_dict()


@app.get("/v1/customers/<id>")
def retrieve_customer(id: str) -> Any:
    """Return a customer."""
    return find(Customer, id).as_dict()


@app.delete("/v1/customers/<id>")
def delete_customer(id: str) -> Any:
    """Delete a customer, and detach its cards."""
    customer = find(Customer, id)
    customer.deleted = True
    for method in list(customer.payment_methods):
        method.customer_id, method.detached = None, True
    db.session.commit()
    return {"id": id, "object": "customer", "deleted": True}


@app.get("/v1/customers/<id>/payment_methods")
def list_payment_methods(id: str) -> Any:
    """Return the cards of a customer."""
    found = [method.as_dict() for method in find(Customer, id).payment_methods]
    return {"object": "list", "data": found, "has_more": False, "url": request.path}


@app.post("/v1/payment_methods")
def create_payment_method() -> Any:
    """Make a payment method of a test card."""
    parameters("type", "card", "billing_details", "metadata", "expand", "allow_redisplay")
    card = hash_of("card")
    if request.form.get("type") != "card":
        raise StripeError(400, "Only cards are supported.", param="type")
    name = card.get("token", "").removeprefix("tok_")
    if "number" in card:
        name = next((name for name, (_, last4) in CARDS.items() if card["number"].endswith(last4)), "")
    if name not in CARDS:
        raise StripeError(400, "No such token", code="resource_missing", param="card[token]")
    method = PaymentMethod(id=new_id("pm"), card=name, billing=hash_of("billing_details"), details=hash_of("metadata"))
    g.executed = True
    db.session.add(method)
    db.session.commit()
    return method.as_dict()


@app.get("/v1/payment_methods/<id>")
def retrieve_payment_method(id: str) -> Any:
    """Return a payment method."""
    return find(PaymentMethod, id).as_dict(wants_customer())


@app.post("/v1/payment_methods/<id>/attach")
def attach(id: str) -> Any:
    """Attach a payment method to a customer."""
    parameters("customer", "expand")
    customer_id = request.form.get("customer")
    if not customer_id:
        raise StripeError(400, "Missing required param: customer.", code="parameter_missing", param="customer")
    if len(customer_id) > 5000:
        raise StripeError(400, "Invalid string: must be at most 5000 characters", param="customer")
    if id.removeprefix("pm_card_") in CARDS:
        method = PaymentMethod(id=new_id("pm"), card=id.removeprefix("pm_card_"), billing={}, details={})
        db.session.add(method)
    else:
        method = find(PaymentMethod, id)
    customer = find(Customer, customer_id, 400)
    g.executed = True
    if method.detached:
        raise StripeError(400, "This PaymentMethod was detached from a Customer, and may not be used again.")
    if method.customer_id not in (None, customer.id):
        raise StripeError(400, "The payment method you provided has already been attached to a customer.")
    if method.card == "chargeDeclined":
        db.session.rollback()
        more = {"type": "card_error", "code": "card_declined", "decline_code": "generic_decline"}
        raise StripeError(402, "Your card was declined.", **more)
    method.customer = customer
    db.session.commit()
    return method.as_dict(wants_customer())


@app.post("/v1/payment_methods/<id>/detach")
def detach(id: str) -> Any:
    """Detach a payment method from its customer."""
    method = find(PaymentMethod, id)
    if method.customer_id is None:
        raise StripeError(400, "The payment method you provided is not attached to a customer.")
    g.executed = True
    method.customer_id, method.detached = None, True
    db.session.commit()
    return method.as_dict()
