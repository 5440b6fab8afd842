"""Verbs about state: what attaching means, seen through the other endpoints."""

from __future__ import annotations

from conformance.conductor import Conductor


class StateVerbs(Conductor):
    """What a test of the profile `stateful` asks of its target."""
