"""The commands of `python -m conformance`, a room each.

May import everything; nothing imports it.
"""
