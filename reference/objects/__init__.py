"""Customers, payment methods and cards: how they are stored, shown and changed."""
