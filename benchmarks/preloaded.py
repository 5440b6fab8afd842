"""Import and read, once, all that every run of the fork server needs (see `suite.py`).

The tests are not imported: Hypothesis fixes their settings when they are imported, and each run has its own settings.
The garbage collector skips all of it; otherwise each run would walk through it several times.
"""

from __future__ import annotations

import contextlib
import gc
import io

import pyrate_limiter  # noqa: F401  # imported only so that runs find it loaded
import pytest
import schemathesis.specs.openapi.schemas  # noqa: F401  # as above

import conformance.plugin.controller
import conformance.plugin.exploring
import conformance.scenes.generated  # noqa: F401  # as above
import reference  # noqa: F401  # as above
import strategies.resembling  # noqa: F401  # as above
from contracts import load_catalogue, published_contract

with contextlib.redirect_stdout(io.StringIO()):
    pytest.main(["--help"])  # this imports every plugin
published_contract()
load_catalogue()
gc.collect()
gc.freeze()
