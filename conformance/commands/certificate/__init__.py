"""Certificates: a run's record, signed by whoever stands for it, and everything that a checker can find out alone."""
