"""Nothing is configured here.

The suite's options, fixtures and reports come from the pytest plugin `conformance.plugin.hooks`, an entry point of this
project: options of a conftest are known too late for `pytest --results DIR` with a folder that exists.
"""
