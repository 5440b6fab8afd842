"""Judgement: pure functions of an episode and the contract. No I/O, no clock, no globals.

What the suite concludes from a run can thus be concluded again from its record, without the target.
"""

from conformance.judge.verdict import judge

__all__ = ["judge"]
