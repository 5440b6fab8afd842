"""The environment variables that tell Schemathesis's own runner which objects exist on the server."""

from __future__ import annotations

URL = "BENCHMARK_URL"
KEY = "BENCHMARK_KEY"
CUSTOMER = "BENCHMARK_CUSTOMER"
PAYMENT_METHOD = "BENCHMARK_PAYMENT_METHOD"
"""Set only where none can be created."""
