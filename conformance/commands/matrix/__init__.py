"""The command `matrix`: a table of the outcome of each clause for each of many implementations."""
