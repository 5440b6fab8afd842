"""Stories that compare the answers to attempts of which one has a single difference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from conformance import judge
from conformance.evidence.episode import Step
from conformance.fixtures.provisioning import OutOfFixtures
from conformance.scenes.scene import Expectation, Scene
from conformance.verdict.entries import Kind
from strategies.attempt import Attempt
from strategies.comparison import Comparison


def as_far_as_ids_go(scene: Scene, send: Callable[[Attempt], Step], *attempts: Attempt) -> list[Step]:
    """Return the step of each attempt as far as fixtures go; only the first must be had."""
    steps = [send(attempts[0])]
    for attempt in attempts[1:]:
        try:
            steps.append(send(attempt))
        except OutOfFixtures as ran_out:
            scene.stage.case.note(Kind.LACKING, str(ran_out))
    return steps


def compare(
    scene: Scene,
    comparison: Comparison,
    expectation: Expectation = judge.same_answer,
    *,
    at_once: Comparison | None = None,
    **facts: Any,
) -> None:
    """Expect the same answer to each subject as to the control, each on a payment method of its own.

    `at_once` is a request with this difference and others: nothing else is sent where the budget wants it and it holds.
    """
    if at_once is not None and holds_at_once(scene, at_once, expectation, **facts):
        return
    control = scene.sample(comparison.control, role="control")
    subjects = as_far_as_ids_go(scene, scene.attach, *comparison.subjects)
    expect_each_like(scene, expectation, control, subjects, control_succeeds=comparison.needs_success, **facts)


def expect_each_like(
    scene: Scene, expectation: Expectation, control: Step, subjects: Sequence[Step], **facts: Any
) -> None:
    """Expect each of several attaches, which have nothing to do with each other, to be as the control.

    Where that fails, the first that fails alone beside the control is shown, without the others.
    """
    scene.expect(expectation, control, *subjects, **facts)
    if len(subjects) < 2 or not scene.fails():
        return
    of_all = scene.telling.episodes.pop()
    for subject in subjects:
        scene.expect(expectation, control, subject, **facts)
        if scene.fails():
            return
        scene.telling.episodes.pop()
    scene.telling.episodes.append(of_all)


def holds_at_once(scene: Scene, at_once: Comparison, expectation: Expectation, **facts: Any) -> bool:
    """Return whether a request with all differences that are to change nothing succeeds as one without does."""
    if not scene.budget.at_once or scene.is_confirmation:
        return False
    control = scene.sample(at_once.control, role="control")
    subjects = scene.shared(at_once, lambda: as_far_as_ids_go(scene, scene.attach, *at_once.subjects))
    if not all(step.exchange.is_success for step in (control, *subjects)):
        return False
    scene.expect(expectation, control, *subjects, control_succeeds=at_once.needs_success, **facts)
    if scene.fails():
        scene.telling.episodes.pop()
        return False
    return True


def compare_at_once(
    scene: Scene, together: Comparison, singles: Sequence[Comparison], *, at_once: Comparison | None = None
) -> None:
    """Expect the same answer to a request with many differences as to the control; then to one with each alone.

    The single ones are sent only where the answer is another one, and only where all of them hold it counts.
    `at_once` is the same as in `compare`.
    """
    if at_once is not None and holds_at_once(scene, at_once, judge.same_answer):
        return
    control = scene.sample(together.control, role="control")
    subjects = [scene.attach(subject) for subject in together.subjects]
    scene.expect(judge.same_answer, control, *subjects, control_succeeds=together.needs_success)
    if not scene.fails():
        return
    of_all = scene.telling.episodes.pop()
    subjects = as_far_as_ids_go(scene, scene.attach, *(subject for single in singles for subject in single.subjects))
    expect_each_like(scene, judge.same_answer, control, subjects, control_succeeds=together.needs_success)
    if not scene.fails():
        scene.telling.episodes[-1] = of_all


def compare_rejections(scene: Scene, comparison: Comparison, expectation: Expectation = judge.same_answer) -> None:
    """Compare attempts that a server with state rejects, so that no payment method is used up."""
    control = scene.send(comparison.control, role="control", rejected=True)
    subjects = [scene.send(subject, rejected=True) for subject in comparison.subjects]
    scene.expect(expectation, control, *subjects, control_succeeds=comparison.needs_success)


def compare_with_sample(
    scene: Scene,
    comparison: Comparison,
    at_once: Comparison | None = None,
    *,
    send: Callable[[Attempt], Step] | None = None,
    expectation: Expectation = judge.same_answer,
) -> None:
    """Compare rejected attempts with the answer to the control that other tests have asked for, too.

    `at_once` is the same as in `compare`; `send` sends the subjects, in another way than for this test alone;
    `expectation` compares.
    """
    if at_once is not None and holds_at_once(scene, at_once, judge.same_answer):
        return
    control = scene.sample(comparison.control, role="control")
    send = send or partial(scene.send, rejected=True)
    scene.expect(expectation, control, *map(send, comparison.subjects))
