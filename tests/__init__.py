"""The conformance suite: one file for each chapter of the clauses, one test for each clause."""
