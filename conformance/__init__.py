"""The suite behind the tests, in rooms by stage: ARCHITECTURE.md lists them from the bottom up."""
