"""The command `targets`: list, install, start and check known implementations."""
