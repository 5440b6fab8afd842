"""Honest certificates: a part of `python -m benchmarks.honest_certificates`, which has them of every defect."""

from __future__ import annotations

from benchmarks.honest_certificates import case_of_defect, case_of_deviation, case_of_variant, check_cases

DEFECTS = ("every-second-unknown-key-accepted", "malformed-escape-drops")
DEVIATIONS = ("other-capitals-are-no-form",)
VARIANTS = ("no-date", "now-and-then-too-many")


def test_certificates_of_known_servers_are_genuine_and_say_what_is_the_case() -> None:
    of_defects = [*map(case_of_defect, DEFECTS), *map(case_of_deviation, DEVIATIONS)]
    cases = [*of_defects, *map(case_of_variant, VARIANTS)]
    rows = list(check_cases(cases))
    assert len(rows) == len(cases)
    assert not [row for row in rows if row.complaint]
