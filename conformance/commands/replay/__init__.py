"""Replaying: send the requests that showed a finding again, with new fixtures, and judge them by the same judge."""
