"""The pytest plugin: options, hooks, workers and progress.

May import everything but `commands`.
"""
