"""Sending a request and reading its answer, byte for byte, within one deadline and within limits.

May import `evidence`.
"""
