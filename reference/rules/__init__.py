"""Reading a request, and deciding what it may do."""
