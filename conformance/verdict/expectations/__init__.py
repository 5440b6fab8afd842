"""Expectations: what a project knows to be wrong with its server, so that from then on it can only get better.

A file lists the clauses that are known to be missed, each with its reason. Reading it, weighing a run against it and
proposing a new one are pure functions; files and the date are read at the edges.
"""

from conformance.verdict.expectations.entry import Expectation, Expectations, finding_name
from conformance.verdict.expectations.gate import Gate, Stale, counted, weigh
from conformance.verdict.expectations.proposal import proposal
from conformance.verdict.expectations.reading import ExpectationsError, Problem, parse_expectations, read_expectations

__all__ = [
    "Expectation",
    "Expectations",
    "ExpectationsError",
    "Gate",
    "Problem",
    "Stale",
    "counted",
    "finding_name",
    "parse_expectations",
    "proposal",
    "read_expectations",
    "weigh",
]
