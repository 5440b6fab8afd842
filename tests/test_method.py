"""Methods: a URL that exists for POST alone is unknown to every other method."""

from __future__ import annotations

from conformance import judge
from conformance.scenes.marks import clause, each
from conformance.scenes.scene import Scene
from strategies import Attempt, requests

AS_USUAL = requests.other_methods_as_usual()


@clause("method.unrecognized")
@each("attempt", AS_USUAL, quick=len(AS_USUAL))
def test_other_methods_are_unrecognized(scene: Scene, attempt: Attempt) -> None:
    """Stripe answers 404, not 405, to a method that a path lacks: clients tell the two apart."""
    scene.expect(judge.rejected_as_required, scene.sample(attempt))
