"""Comparing two implementations by their outcomes, and by their answers to the same plan."""
