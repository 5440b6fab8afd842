"""What was sent, what came back, and what is concluded of it, as frozen values.

Imports no other package of `conformance`.
"""
