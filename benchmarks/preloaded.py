"""All that a run of the suite imports and reads, once for every run that the fork server starts (see `suite.py`).

The tests are not among it: what Hypothesis does for them is settled when they are imported, by the settings of the run.
Nothing of it is collected as garbage, or each of those runs would go through it several times.
"""

from __future__ import annotations

import contextlib
import gc
import io

import pyrate_limiter  # noqa: F401  # for its own sake, as the others of which that is said
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
