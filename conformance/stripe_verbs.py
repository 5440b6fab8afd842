"""Verbs about Stripe's own answers: codes, keys, headers, idempotency, test cards."""

from __future__ import annotations

from conformance.conductor import Conductor


class StripeVerbs(Conductor):
    """What a test of the profile `stripe` asks of its target."""
