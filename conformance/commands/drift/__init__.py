"""The command `drift`: compares a published OpenAPI document with the suite's contract."""
