"""The vocabulary in which tests are written, and the engine that performs and confirms them.

May import everything below: `evidence`, `transport`, `fixtures`, `judge` and `verdict`.
"""
