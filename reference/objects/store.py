"""The stored objects, behind one lock; and a store that keeps nothing."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

from . import cards
from .models import Customer, PaymentMethod


class Store:
    """Customers and payment methods. Callers hold `lock` over everything that belongs together."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.customers: dict[str, Customer] = {}
        self.methods: dict[str, PaymentMethod] = {}
        self.wallets: dict[str, list[str]] = {}

    def customer(self, identifier: str) -> Customer | None:
        """Return the customer of that id."""
        return self.customers.get(identifier)

    def live_customer(self, identifier: str) -> Customer | None:
        """Return the customer of that id, unless deleted."""
        customer = self.customer(identifier)
        return None if customer is None or customer.deleted else customer

    def method(self, identifier: str) -> PaymentMethod | None:
        """Return the payment method of that id."""
        return self.methods.get(identifier)

    def put_customer(self, customer: Customer) -> Customer:
        """Keep a customer, new or changed, and return it."""
        with self.lock:
            self.customers[customer.id] = customer
        return customer

    def put_method(self, method: PaymentMethod) -> PaymentMethod:
        """Keep a payment method, new or changed, and return it."""
        with self.lock:
            self.methods[method.id] = method
        return method

    def attach(self, method: PaymentMethod, customer: str) -> PaymentMethod:
        """Return the payment method as the customer's."""
        with self.lock:
            wallet = self.wallets.setdefault(customer, [])
            if method.id not in wallet:
                wallet.append(method.id)
            return self.put_method(mark_attached(method, customer))

    def detach(self, method: PaymentMethod) -> PaymentMethod:
        """Take the payment method from its customer, for good."""
        with self.lock:
            if method.customer is not None:
                wallet = self.wallets.get(method.customer, [])
                if method.id in wallet:
                    wallet.remove(method.id)
                self._forget_default(method.customer, method.id)
            return self.put_method(replace(method, customer=None, detached=True))

    def _forget_default(self, customer_id: str, method_id: str) -> None:
        customer = self.customers.get(customer_id)
        if customer is not None and customer.default_payment_method == method_id:
            self.put_customer(replace(customer, default_payment_method=None))

    def delete_customer(self, customer: Customer) -> None:
        """Delete the customer and detach its payment methods."""
        with self.lock:
            for method in self.methods_of(customer.id):
                self.detach(method)
            self.put_customer(replace(customer, deleted=True, default_payment_method=None))

    def methods_of(self, customer: str) -> list[PaymentMethod]:
        """Return the customer's payment methods, the newest attached first."""
        with self.lock:
            wallet = self.wallets.get(customer, [])
            return [self.methods[identifier] for identifier in reversed(wallet)]

    def all_customers(self) -> list[Customer]:
        """Return the customers that are not deleted, newest first."""
        with self.lock:
            return [customer for customer in reversed(self.customers.values()) if not customer.deleted]


class StatelessStore(Store):
    """A store that knows every id and keeps nothing."""

    def customer(self, identifier: str) -> Customer | None:
        """Return the customer of that id."""
        return Customer(identifier, int(time.time()))

    def method(self, identifier: str) -> PaymentMethod | None:
        """Return the payment method of that id."""
        return new_card(cards.CARDS["visa"], identifier)

    def put_customer(self, customer: Customer) -> Customer:
        """Keep a customer, new or changed, and return it."""
        return customer

    def put_method(self, method: PaymentMethod) -> PaymentMethod:
        """Keep a payment method, new or changed, and return it."""
        return method

    def attach(self, method: PaymentMethod, customer: str) -> PaymentMethod:
        """Return the payment method as the customer's."""
        return mark_attached(method, customer)


def mark_attached(method: PaymentMethod, customer: str) -> PaymentMethod:
    """Return the payment method as attaching leaves it: the card's security code has been checked."""
    return replace(method, customer=customer, cvc_check="pass" if method.cvc_check else None)


def new_card(card: cards.Card, identifier: str) -> PaymentMethod:
    """Return a payment method made from a test token: it expires in this month of next year."""
    now = time.time()
    today = time.gmtime(now)
    return PaymentMethod(
        id=identifier,
        created=int(now),
        card=card,
        exp_month=today.tm_mon,
        exp_year=today.tm_year + 1,
        cvc_check="unchecked",
    )
