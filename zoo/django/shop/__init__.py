"""Stripe's customers and payment methods for the tests of a shop."""
