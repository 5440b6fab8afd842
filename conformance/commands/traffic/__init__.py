"""`judge`: judges recorded traffic."""
