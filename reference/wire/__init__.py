"""Sockets, HTTP, and the values that go over the wire."""
