"""Targets: the known implementations, each described by one TOML file, and the code that starts and stops them."""

from conformance.targets.description import Defect, Server, TargetDescription, TargetFileError, find, shipped
from conformance.targets.running import CannotRun, running

__all__ = [
    "CannotRun",
    "Defect",
    "Server",
    "TargetDescription",
    "TargetFileError",
    "find",
    "running",
    "shipped",
]
