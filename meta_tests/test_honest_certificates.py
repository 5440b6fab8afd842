"""Honest certificates: a part of `python -m benchmarks.honest_certificates`, which has them of every defect."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from benchmarks.honest_certificates import Case, case_of_defect, case_of_deviation, case_of_variant, check_cases

SAMPLE = [case_of_defect("malformed-escape-drops")]
MORE = [
    case_of_defect("every-second-unknown-key-accepted"),
    case_of_deviation("other-capitals-are-no-form"),
    case_of_variant("no-date"),
    case_of_variant("now-and-then-too-many"),
]


@pytest.mark.parametrize("cases", [SAMPLE, pytest.param(MORE, marks=pytest.mark.long)], ids=["sample", "more"])
def test_certificates_of_known_servers_are_genuine_and_say_what_is_the_case(cases: Sequence[Case]) -> None:
    rows = list(check_cases(cases))
    assert len(rows) == len(cases)
    assert not [row for row in rows if row.complaint]
