"""A bundle as files: a folder, or a zip file of the same, read so that nothing in it can do harm."""

from __future__ import annotations

import re
import stat
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO

MOST_FILES = 16
"""How many files a bundle may have. Ours has four."""
MOST_BYTES = 128 * 1024 * 1024
"""How many bytes all files of a bundle may have together, unpacked."""
BLOCK = 1024 * 1024

PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""What a file in a bundle may be called: no folder, no drive, no blank, nothing hidden."""

WHEN_PACKED = (1980, 1, 1, 0, 0, 0)
"""The time that every file in a zip file of ours has, so that the same content gives the same bytes."""

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED = 0x1
LOCAL_HEADER, CENTRAL_HEADER, END_RECORD = 30, 46, 22
"""How many bytes the parts of a zip file have without names and extra fields (APPNOTE 4.3)."""
MOST_EXTRA = 64
"""How many bytes an entry may have beside its headers, name and content: extra fields and a data descriptor."""

Files = Mapping[str, bytes]
"""The content of a bundle's files by their names."""


class UnreadableBundle(ValueError):
    """There is nothing at that path that could be a bundle; the message says why."""


class UnsafeBundle(ValueError):
    """What is there holds something that no bundle has; the message says what. `code` names the trick."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def read_files(path: Path) -> dict[str, bytes]:
    """All files of the bundle at `path`. Raises UnreadableBundle, or UnsafeBundle for what no bundle has."""
    if path.is_dir():
        return _from_folder(path)
    try:
        with path.open("rb") as file:
            return _from_zip(file)
    except OSError as error:
        raise UnreadableBundle(f"{path} cannot be read: {error.strerror or error}") from None


def write_folder(files: Files, folder: Path) -> None:
    """Write the files into a folder that is made, or that is empty. Raises UnreadableBundle for one that is not."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UnreadableBundle(f"{folder} is not empty: give another with --out")
        for name, content in files.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise UnreadableBundle(f"{folder} cannot be written: {error.strerror}") from None


def write_zip(files: Files, path: Path) -> None:
    """Write the files into a zip file that is not there yet. Raises UnreadableBundle."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file, zipfile.ZipFile(file, "w") as archive:
            for name, content in files.items():
                entry = zipfile.ZipInfo(name, WHEN_PACKED)
                entry.external_attr = (stat.S_IFREG | 0o644) << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, content)
    except OSError as error:
        raise UnreadableBundle(f"{path} cannot be written: {error.strerror}") from None


def _from_folder(folder: Path) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    left = MOST_BYTES
    for path in sorted(folder.iterdir()):
        _check_name(path.name)
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            raise UnsafeBundle("symlink", f"{path.name} is a symbolic link")
        if not stat.S_ISREG(mode):
            raise UnsafeBundle("no-file", f"{path.name} is no plain file")
        with path.open("rb") as file:
            content = files[path.name] = _read_at_most(file, left, path.name)
        left -= len(content)
        _check_count(len(files))
    return files


def _from_zip(file: IO[bytes]) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            _check_entries(entries)
            _check_gaps(file, archive)
            files: dict[str, bytes] = {}
            left = MOST_BYTES
            for entry in entries:
                with archive.open(entry) as packed:
                    content = files[entry.filename] = _read_at_most(packed, left, entry.filename)
                left -= len(content)
            return files
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise UnsafeBundle("damaged", f"the zip file is damaged or cut off: {error}") from None


def _check_entries(entries: list[zipfile.ZipInfo]) -> None:
    seen: set[str] = set()
    _check_count(len(entries))
    for entry in entries:
        name = entry.orig_filename
        _check_name(name)
        if name.lower() in seen:
            raise UnsafeBundle("duplicate-name", f"the zip file holds {name} twice")
        seen.add(name.lower())
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind == stat.S_IFLNK:
            raise UnsafeBundle("symlink", f"{name} is a symbolic link")
        if kind not in (0, stat.S_IFREG):
            raise UnsafeBundle("no-file", f"{name} is no plain file")
        if entry.flag_bits & ENCRYPTED:
            raise UnsafeBundle("encrypted", f"{name} is encrypted")
        if entry.compress_type not in METHODS:
            raise UnsafeBundle("damaged", f"{name} is packed in a way that no bundle uses")
    if sum(entry.file_size for entry in entries) > MOST_BYTES:
        raise UnsafeBundle("too-large", f"unpacked it would have more than {MOST_BYTES:,} bytes")


def _check_gaps(file: IO[bytes], archive: zipfile.ZipFile) -> None:
    """A reader that goes through the file from its start must see what one sees that starts at its end."""
    entries = archive.infolist()
    first = min((entry.header_offset for entry in entries), default=0)
    packed = sum(entry.compress_size for entry in entries)
    named = sum(len(entry.orig_filename.encode()) for entry in entries)
    least = packed + named + len(entries) * LOCAL_HEADER
    end = archive.start_dir + named + len(entries) * CENTRAL_HEADER + END_RECORD
    size = file.seek(0, 2)
    extras = len(entries) * MOST_EXTRA
    starts_well = first == 0 and least <= archive.start_dir <= least + extras
    if not starts_well or archive.comment or not end <= size <= end + extras:
        raise UnsafeBundle("hidden-data", "the zip file holds data beside its files")


def _check_count(count: int) -> None:
    if count > MOST_FILES:
        raise UnsafeBundle("too-many-files", f"it holds more than {MOST_FILES} files")


def _check_name(name: str) -> None:
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name):
        raise UnsafeBundle("absolute-path", f"it holds the absolute path {name!r}")
    if ".." in re.split(r"[/\\]", name):
        raise UnsafeBundle("path-traversal", f"it holds {name!r}, which leads out of it")
    if not PLAIN_NAME.fullmatch(name):
        raise UnsafeBundle("odd-name", f"it holds {name!r}, and no bundle has a file of such a name")


def _read_at_most(file: IO[bytes], most: int, name: str) -> bytes:
    blocks: list[bytes] = []
    count = 0
    while block := file.read(BLOCK):
        count += len(block)
        if count > most:
            raise UnsafeBundle("too-large", f"with {name} it has more than {MOST_BYTES:,} bytes")
        blocks.append(block)
    return b"".join(blocks)
