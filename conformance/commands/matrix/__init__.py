"""The standing table: what a run of the suite says of each of many implementations, clause by clause."""
