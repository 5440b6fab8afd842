"""How to send attempts and what to conclude: client, fixtures, judge, ledger, reports, and the pytest plugin."""
