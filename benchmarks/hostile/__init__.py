"""Servers that mean ill, and a measurement of how the suite bears them: `python -m benchmarks.hostile`."""
