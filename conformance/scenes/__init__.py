"""What tests are written with: the vocabulary of a test, and the engine that performs and confirms it.

May import everything below: `evidence`, `transport`, `fixtures`, `judge` and `verdict`.
"""
