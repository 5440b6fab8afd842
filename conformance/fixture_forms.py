"""What the objects of a run are made with: the forms that create payment methods and customers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

PAYMENT_METHOD_FORMS: Mapping[str, Mapping[str, str]] = {
    "a test token": {"type": "card", "card[token]": "tok_visa"},
    "a test card": {
        "type": "card",
        "card[number]": "4242424242424242",
        "card[exp_month]": "12",
        "card[exp_year]": "2034",
        "card[cvc]": "123",
    },
}
"""The ways to create a payment method, in the order in which they are tried."""
SHARED_TOKEN = "pm_card_visa"
RETRIEVED_TOKEN = "a shared test token, retrieved"
"""The way in which every retrieval of the shared token gives a new payment method."""
ATTACHED_TOKEN = "a shared test token, attached"
"""The way in which the shared token stands for a new payment method in every attach."""

OWN_DETAILS: Mapping[str, str] = {
    "billing_details[name]": "Jenny Rosen",
    "billing_details[email]": "jenny.rosen@example.com",
    "billing_details[phone]": "+15555550100",
    "billing_details[address][line1]": "510 Townsend Street",
    "billing_details[address][city]": "San José",
    "billing_details[address][postal_code]": "94103",
    "billing_details[address][state]": "CA",
    "billing_details[address][country]": "US",
    "metadata[order]": "6735",
    "metadata[shelf]": "upper left, behind the box with the letters that nobody has answered yet",
    "allow_redisplay": "limited",
}
"""What a payment method is made with when it matters whether it stays as it was."""
LESS_DETAILS: Mapping[str, str] = {
    name: value for name, value in OWN_DETAILS.items() if "[" in name and value.isascii()
}
"""What it is made with where the target does not know the newer ones, or takes no letters but those of ASCII."""
DETAILS_OF_CUSTOMERS: Mapping[str, str] = {"email": "richard.roe@example.com"}
"""What a customer is made with, alike for all, so that nothing can be told apart or filled in by it."""
NAMED: Mapping[str, str] = {"name": "Richard Roe"}
CUSTOMER_FORMS: Sequence[tuple[Mapping[str, str], bool]] = (
    (DETAILS_OF_CUSTOMERS, True),
    (DETAILS_OF_CUSTOMERS, False),
    ({}, True),
    ({}, False),
    ({**NAMED, **DETAILS_OF_CUSTOMERS}, True),
    ({**NAMED, **DETAILS_OF_CUSTOMERS}, False),
    (NAMED, True),
    (NAMED, False),
)
"""What a customer may be made with, and whether it gets a tag, in the order in which it is tried."""
DEMANDED_DETAILS: Mapping[str, str] = {
    name: value for name, value in LESS_DETAILS.items() if name.startswith("billing_details")
}
"""What a payment method is made with where the target demands billing details."""
DECLINING_FORMS: Mapping[str, Mapping[str, str]] = {
    "a test token": {"card[token]": "tok_visa_chargeDeclined"},
    "a test card": {"card[number]": "4000000000000002"},
}
"""What makes a payment method a declining one, by the way in which payment methods are created."""
UNHEARD_OF_FORMS: Mapping[str, Mapping[str, str]] = {
    "a test token": {"card[token]": "tok_visa_conformanceUnheardOf"},
    "a test card": {"card[number]": "4000000000007007"},
}
"""What no server that looks at its test cards creates a payment method from, however well formed."""
