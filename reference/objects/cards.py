"""Stripe's test cards: by number, by `tok_…` and by `pm_card_…`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Decline:
    """The answer to an attempt to attach a card that is declined."""

    decline_code: str
    code: str = "card_declined"
    message: str = "Your card was declined."
    param: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """A test card."""

    brand: str
    number: str
    country: str = "US"
    funding: str = "credit"
    decline: Decline | None = None

    @property
    def last4(self) -> str:
        """The last four digits, the only ones that are shown."""
        return self.number[-4:]

    @property
    def fingerprint(self) -> str:
        """The same for every payment method with this number."""
        return hashlib.sha256(f"reference account {self.number}".encode()).hexdigest()[:16]


GENERIC = Decline("generic_decline")
CARDS: dict[str, Card] = {
    "visa": Card("visa", "4242424242424242"),
    "visa_debit": Card("visa", "4000056655665556", funding="debit"),
    "mastercard": Card("mastercard", "5555555555554444"),
    "mastercard_debit": Card("mastercard", "5200828282828210", funding="debit"),
    "mastercard_prepaid": Card("mastercard", "5105105105105100", funding="prepaid"),
    "amex": Card("amex", "371449635398431"),
    "discover": Card("discover", "6011000990139424"),
    "diners": Card("diners", "36227206271667"),
    "jcb": Card("jcb", "3566002020360505"),
    "unionpay": Card("unionpay", "6200000000000005"),
    "chargeCustomerFail": Card("visa", "4000000000000341"),
    "authenticationRequired": Card("visa", "4000002760003184", country="DE"),
    "threeDSecure2Required": Card("visa", "4000000000003220"),
    "threeDSecureRequired": Card("visa", "4000000000003063"),
    "threeDSecureOptional": Card("visa", "4000000000003055"),
    "chargeDeclined": Card("visa", "4000000000000002", decline=GENERIC),
    "chargeDeclinedInsufficientFunds": Card(
        "visa", "4000000000009995", decline=Decline("insufficient_funds", message="Insufficient funds.")
    ),
    "chargeDeclinedLostCard": Card("visa", "4000000000009987", decline=Decline("lost_card")),
    "chargeDeclinedStolenCard": Card("visa", "4000000000009979", decline=Decline("stolen_card")),
    "chargeDeclinedFraudulent": Card("visa", "4100000000000019", decline=Decline("fraudulent")),
    "chargeDeclinedExpiredCard": Card(
        "visa",
        "4000000000000069",
        decline=Decline("expired_card", "expired_card", "Your card has expired.", "exp_month"),
    ),
    "chargeDeclinedIncorrectCvc": Card(
        "visa",
        "4000000000000127",
        decline=Decline("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.", "cvc"),
    ),
    "chargeDeclinedProcessingError": Card(
        "visa",
        "4000000000000119",
        decline=Decline("processing_error", "processing_error", "There was an error processing your card."),
    ),
}
MORE_NUMBERS: dict[str, Card] = {
    "378282246310005": Card("amex", "378282246310005"),
    "6011111111111117": Card("discover", "6011111111111117"),
    "3056930009020004": Card("diners", "3056930009020004"),
    "4000003800000446": Card("visa", "4000003800000446"),
    "2223003122003222": Card("mastercard", "2223003122003222"),
}
BY_NUMBER = {card.number: card for card in CARDS.values()} | MORE_NUMBERS
AMEX_TOKEN = Card("amex", "378282246308431")


def by_token(token: str) -> Card | None:
    """Return the card of a test token `tok_visa`, `tok_visa_chargeDeclined`, `tok_chargeDeclined`."""
    return _named(token.removeprefix("tok_")) if token.startswith("tok_") else None


def by_shared_id(identifier: str) -> Card | None:
    """Return the card of a shared payment method `pm_card_visa`, `pm_card_chargeDeclined`."""
    return _named(identifier.removeprefix("pm_card_")) if identifier.startswith("pm_card_") else None


def _named(name: str) -> Card | None:
    if name == "amex":
        return AMEX_TOKEN
    brief = name.removeprefix("visa_") if name.startswith("visa_charge") else name
    return CARDS.get(brief)
