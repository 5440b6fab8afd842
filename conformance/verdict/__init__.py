"""From judgements to the outcome of a run: ledger, profiles, expectations, record and exit status.

May import `evidence`, `transport`, `fixtures` and `judge`.
"""
