"""Files that are whole or not there: written beside their place, and then moved there.

A link, a pipe or a device (`/dev/stdout`, say) is nobody's to replace: it is written to as it stands.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterable
from pathlib import Path

MOST_RECORDED = 512_000_000
"""The most bytes of a file that a program has recorded: some hundred times the record of a run."""
MOST_WRITTEN = 4_000_000
"""The most bytes of a file that a person writes, such as a list of expectations."""


def read_bounded(path: Path, most: int = MOST_RECORDED) -> bytes:
    """Return the content of a file, which may be a device without an end.

    Raises OSError, with EFBIG where the file has more than `most` bytes.
    """
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it has more than {most:,} bytes", str(path))
    return content


def partial(path: Path) -> Path:
    """Return the path at which a file is written before it is moved to `path`; the same for what stays in place."""
    return path if _stays(path) else path.with_name(f".{path.name}.{os.getpid()}.part")


def write_whole(path: Path, content: bytes | Iterable[bytes]) -> None:
    """Write a file whole, in a folder that is made if it is gone. Raises OSError, and leaves no file then.

    Content in pieces is written as they come, and never held as a whole.
    """
    part = partial(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.writelines([content] if isinstance(content, bytes) else content)
        move(part, path)
    except BaseException:  # the pieces may fail, too
        discard(part, path)
        raise


def move(part: Path, path: Path) -> None:
    """Move a whole file to its place. Raises OSError."""
    if part != path:
        os.replace(part, path)


def discard(*paths: Path) -> None:
    """Remove files that are cut off, or that another run has left, as far as that is possible."""
    for path in paths:
        if not _stays(path):
            with contextlib.suppress(OSError):
                path.unlink()


def _stays(path: Path) -> bool:
    """Return whether a path leads to something that is no file of its own: a link, a pipe or a device."""
    return path.is_symlink() or (path.exists() and not path.is_file())
