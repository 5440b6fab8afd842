"""Traffic as numbers: each answer is counted once."""

from __future__ import annotations

import pytest

from benchmarks.examples import SUCCESS, episode, exchange
from conformance.evidence.episode import Episode, Step
from conformance.evidence.exchange import TIMED_OUT, Exchange
from conformance.evidence.traffic import EXPLORED, LATENCY_BOUNDS, NO_ANSWER, Traffic, traffic_of
from strategies.attempt import Request


def seconds(*durations: float) -> Traffic:
    return traffic_of([episode("accepted", *(exchange(200, SUCCESS, seconds=duration) for duration in durations))])


def test_answers_are_counted_by_chapter_and_class() -> None:
    lost = Exchange(exchange(200).request, failure=TIMED_OUT, seconds=10.0)
    answers = [exchange(status, seconds=seconds) for seconds, status in enumerate((200, 400, 404, 503), start=1)]
    traffic = traffic_of([episode("accepted", *answers, lost, clause="body.unknown-parameter")])
    assert traffic.answers == {"body": {"2xx": 1, "4xx": 2, "5xx": 1, NO_ANSWER: 1}}
    assert traffic.answered == 4
    assert sum(traffic.latencies) == 4


def test_requests_to_other_endpoints_do_not_count() -> None:
    read = Exchange(Request("GET", "/v1/payment_methods/pm_1", (), None), 200, (), b"{}")
    assert traffic_of([episode("accepted", read, clause="state.persisted")]) == Traffic()


def test_a_latency_on_a_bound_belongs_to_it() -> None:
    assert seconds(LATENCY_BOUNDS[0]).latencies[0] == 1
    assert seconds(LATENCY_BOUNDS[0] * 1.01).latencies[1] == 1
    assert seconds(LATENCY_BOUNDS[-1] + 1).latencies[-1] == 1


@pytest.mark.parametrize(("share", "bound"), [(0.5, 0.002), (0.75, 0.05), (0.76, None)])
def test_the_bound_within_which_a_share_of_the_answers_came(share: float, bound: float | None) -> None:
    assert seconds(0.001, 0.002, 0.04, 7.0).within(share) == bound


def test_without_answers_there_is_no_such_bound() -> None:
    assert Traffic().within(0.5) is None


def test_an_exchange_that_stands_in_two_episodes_counts_once_and_at_the_first() -> None:
    control, subject = (Step(role, exchange(200, seconds=size)) for role, size in (("control", 0.1), ("subject", 0.2)))
    episodes = [
        Episode("request.parameter-order", "accepted", (control, subject)),
        Episode("body.unknown-parameter", "rejected", (control,)),
        Episode("", "rejected", (Step("subject", exchange(400, seconds=0.3)),)),
    ]
    assert traffic_of(episodes).answers == {"request": {"2xx": 2}, EXPLORED: {"4xx": 1}}
