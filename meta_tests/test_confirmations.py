"""Confirmations: what a sample has shown is asked for again, and not looked at again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from benchmarks.examples import exchange
from conformance.evidence.episode import Step
from conformance.scenes.scene import Scene
from conformance.scenes.stories import expect_every_entry
from strategies import valid

SAMPLE = Step("subject", exchange(202, {"customer": {}}), "the sample")
FRESH = Step("subject", exchange(200, {"customer": {}}), "asked again")


@pytest.mark.parametrize(("is_confirmation", "looked_at"), [(False, SAMPLE), (True, FRESH)])
def test_the_second_path_is_asked_for_again(is_confirmation: bool, looked_at: Step) -> None:
    expected: list[tuple[Any, ...]] = []
    stage = SimpleNamespace(sample_success=lambda _: SAMPLE, send_fresh=lambda _: FRESH)
    scene = SimpleNamespace(
        stage=stage, is_confirmation=is_confirmation, expect=lambda expectation, *steps: expected.append(steps)
    )
    expect_every_entry(cast("Scene", scene), valid.TWO_EXPANDED, alone=valid.SECOND_EXPANDED)
    ((control,),) = expected
    assert (control.exchange, control.role) == (looked_at.exchange, "control")
