"""Customers, payment methods and cards: in the store, in JSON, and in the endpoints that change them."""
