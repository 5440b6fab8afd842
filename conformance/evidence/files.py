"""Files that are whole or not there: written beside their place, and then moved there."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def partial(path: Path) -> Path:
    """Return the path at which a file is written before it is moved to `path`."""
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole, in a folder that is made if it is gone. Raises OSError, and leaves no file then."""
    part = partial(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        move(part, path)
    except OSError:
        discard(part, path)
        raise


def move(part: Path, path: Path) -> None:
    """Move a whole file to its place. Raises OSError."""
    os.replace(part, path)


def discard(*paths: Path) -> None:
    """Remove files that are cut off, or that another run has left, as far as that is possible."""
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink()
