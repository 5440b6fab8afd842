"""Expectations: the failures that a project knows its server to have.

A file lists the clauses that are known to fail, each with its reason. To read it, to compare a run with it and to
propose a new one are pure functions; files and the date are read at the edges.
"""

from conformance.verdict.expectations.entry import Expectation, Expectations
from conformance.verdict.expectations.gate import Gate, Stale, weigh
from conformance.verdict.expectations.proposal import proposal
from conformance.verdict.expectations.reading import ExpectationsError, Problem, parse_expectations, read_expectations

__all__ = [
    "Expectation",
    "Expectations",
    "ExpectationsError",
    "Gate",
    "Problem",
    "Stale",
    "parse_expectations",
    "proposal",
    "read_expectations",
    "weigh",
]
