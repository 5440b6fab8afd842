"""The commands of the program, a room each.

May import everything; nothing imports it.
"""
