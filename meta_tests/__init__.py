"""The tests of the suite itself: what `tox` runs."""
