"""Exchanges, steps, episodes and findings as frozen values, with the text and the secrets in them.

Imports no other package of `conformance`.
"""
