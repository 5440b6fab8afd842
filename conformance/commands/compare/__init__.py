"""Comparing: two implementations side by side, by what the same plan showed of each."""
