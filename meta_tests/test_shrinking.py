"""A failing clause costs few requests more, and what is shown of it is as small as can be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.detection import DEFECTS, job_for
from benchmarks.shrinking import BOUND, PROBE, Cost, costs_of, distribution, in_words
from benchmarks.suite import Job, Result, run_all
from benchmarks.watching import watched
from conformance.evidence.episode import Episode, Step
from conformance.evidence.exchange import Exchange
from conformance.evidence.storing import exchange_from_json
from conformance.scenes.sequences import suspect_sequences
from strategies.attempt import Request
from strategies.sequences import attach, delete, detach, listed, retrieve
from strategies.wire import decode

Steps = Sequence[dict[str, Any]]


def sent(step: dict[str, Any]) -> list[tuple[str, str]]:
    body = exchange_from_json(step["exchange"]).request.body or b""
    return [(pair.name.decode(), pair.value.decode()) for pair in decode(body)]


def is_one_parameter_too_many(steps: Steps) -> bool:
    (step,) = steps
    names = [name for name, _ in sent(step)]
    return len(names) == 2 and "customer" in names and min(map(len, names)) <= 3


def is_one_beside_expand(steps: Steps) -> bool:
    (step,) = steps
    names = sorted(name for name, _ in sent(step))
    return len(names) == 3 and len(names[0]) <= 3 and names[1:] == ["customer", "expand[]"]


def is_one_character_too_long(steps: Steps) -> bool:
    (step,) = steps
    ((name, value),) = sent(step)
    return name == "customer" and len(value) == 5001


def is_one_long_entry(steps: Steps) -> bool:
    (step,) = steps
    (customer, entry) = sent(step)
    return customer[0] == "customer" and entry[0] == "expand[]" and len(entry[1]) == 5001


def is_the_shortest_hash(steps: Steps) -> bool:
    (step,) = steps
    ((name, _),) = sent(step)
    return name == "customer[id]"


def is_one_entry(steps: Steps) -> bool:
    (step,) = steps
    return [name for name, _ in sent(step)] in (["customer", "expand"], ["customer", "expand[0][a]"])


def is_one_refusal(steps: Steps) -> bool:
    subjects = [step for step in steps if step["role"] == "subject"]
    return len(subjects) == 1 and len(sent(subjects[0])) <= 2


def is_a_short_sequence(steps: Steps) -> bool:
    return len([step for step in steps if step["role"] != "set-up"]) <= 4


MINIMAL: dict[str, Callable[[Steps], bool]] = {
    "unknown-ignored": is_one_parameter_too_many,
    "unknown-ignored-with-expand": is_one_beside_expand,
    "length-not-limited": is_one_character_too_long,
    "expand-length-not-limited": is_one_long_entry,
    "customer-with-id-obeyed": is_the_shortest_hash,
    "scalar-expand-ignored": is_one_entry,
    "malformed-refused-too-late": is_one_refusal,
    "wrong-customer-uses-it-up": is_one_refusal,
    "list-ends-at-a-gap": is_a_short_sequence,
    "detached-comes-back": is_a_short_sequence,
}


@pytest.fixture(scope="module")
def found() -> dict[str, Result]:
    def job(name: str) -> Job:
        defect = DEFECTS[name]
        needed = {"request.minimal-body", defect.clause}
        return watched(replace(job_for(defect), clauses=tuple(sorted(needed))), PROBE)

    return {result.job.name: result for result in run_all(map(job, MINIMAL))}


@pytest.mark.parametrize("name", MINIMAL)
def test_what_is_shown_is_minimal(name: str, found: dict[str, Result]) -> None:
    clause = found[name].results["clauses"][DEFECTS[name].clause]
    assert clause["outcome"] == "fail", clause
    finding = clause["findings"][0]
    assert MINIMAL[name](finding["episode"]["steps"]), [step["attempt"] for step in finding["episode"]["steps"]]


@pytest.mark.parametrize("name", MINIMAL)
def test_a_failing_clause_costs_at_most_40_requests_more(name: str, found: dict[str, Result]) -> None:
    costs = list(costs_of(found[name]))
    assert DEFECTS[name].clause in [cost.clause for cost in costs]
    assert [cost for cost in costs if cost.requests > 40] == []


def test_the_distribution_counts_every_cost_once() -> None:
    costs = [Cost("a", "b", requests) for requests in (0, 1, 2, 3, 40, 41, 300)]
    counted = distribution(costs)
    assert sum(counted.values()) == len(costs)
    assert (counted["0"], counted["1 to 2"], counted["31 to 40"], counted["over 40"]) == (1, 2, 1, 2)


def test_the_words_tell_bound_median_and_most() -> None:
    costs = [{"requests": requests} for requests in (2, 4, 38)]
    measured = {"bound": BOUND, "defects": 3, "most": 38, "counts": {"0": 0, "1 to 2": 1}, "costs": costs}
    words = in_words(measured)
    assert "at most 40 requests" in words
    assert "half of them cost at most 4, none more than 38" in words
    assert "| 1 to 2 | 1 |" in words


def test_what_may_have_led_to_a_disagreement_is_tried_first() -> None:
    history = (listed(1), attach(1, 1), attach(1, 2), delete(3), detach(1), attach(2, 1), retrieve(2), listed(1))
    statuses = (200, 200, 400, 200, 200, 200, 200, 200)
    exchanges = [Exchange(Request("POST", "/", (), None), status, (), b"{}") for status in statuses]
    facts = {"places": list(range(8)), "operations": [(operation.name, "", "") for operation in history]}
    steps = tuple(Step("subject", exchange) for exchange in exchanges)
    first, second = suspect_sequences(history, Episode("state.model", "as_modelled", steps, {}, facts))
    assert first == (attach(1, 1), delete(3), detach(1), attach(2, 1), listed(1))
    assert second == (attach(1, 1), attach(1, 2), delete(3), detach(1), attach(2, 1), listed(1))
