"""Replaying: what showed a finding is sent again, with fixtures of its own, and judged by the same judge."""
