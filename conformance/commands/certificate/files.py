"""A bundle as files: a folder, or a zip file of the same, read so that nothing in it can do harm."""

from __future__ import annotations

import errno
import io
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from conformance.evidence.files import write_whole
from conformance.evidence.strict_json import count_values

MOST_FILES = 16
"""How many files a bundle may have. Ours has four."""
MOST_BYTES = 48 * 1024 * 1024
"""How many bytes all files of a bundle may have together, unpacked. A run of the largest budget has a tenth of it."""
MOST_VALUES = 3_000_000
"""How many values the JSON of all files may have: each takes some hundred bytes of memory, however short it is."""
BLOCK = 1024 * 1024

PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""The name of a file in a bundle: no folder, no drive, no blank, nothing hidden."""
ABSOLUTE = re.compile(r"[/\\]|[A-Za-z]:")
LEADING_OUT = re.compile(r"(^|[/\\])\.\.([/\\]|$)")

WHEN_PACKED = (1980, 1, 1, 0, 0, 0)
"""The time that every file in a zip file of ours has, so that the same content gives the same bytes."""

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED = 0x1
LOCAL_HEADER, CENTRAL_HEADER, END_RECORD = 30, 46, 22
"""How many bytes the parts of a zip file have without names and extra fields (APPNOTE 4.3)."""
MOST_EXTRA = 64
"""How many bytes an entry may have in addition to headers, name and content: extra fields and a data descriptor."""

Files = Mapping[str, bytes]
"""The content of a bundle's files by their names."""


class UnreadableBundle(ValueError):
    """A path cannot be read or written as a bundle; the message says why."""


class UnsafeBundle(ValueError):
    """A bundle holds something that no bundle has; the message says what. `code` names the trick."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def read_files(path: Path) -> dict[str, bytes]:
    """Return all files of the bundle at `path`. Raises UnreadableBundle, or UnsafeBundle for what no bundle has."""
    try:
        if path.is_dir():
            return _from_folder(path)
        with path.open("rb") as file:
            return _from_zip(file)
    except OSError as error:
        raise UnreadableBundle(f"{path} cannot be read: {error.strerror or error}") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise UnsafeBundle("damaged", f"the zip file is damaged or cut off: {error}") from None


def write_folder(files: Files, folder: Path) -> None:
    """Write the files into a folder that is made, or that is empty. Raises UnreadableBundle for any other."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UnreadableBundle(f"{folder} is not empty: give another with --out")
        for name, content in files.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise UnreadableBundle(f"{folder} cannot be written: {error.strerror}") from None


def write_zip(files: Files, path: Path) -> None:
    """Write the files into a new zip file. Raises UnreadableBundle if it exists already."""
    try:
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        content_of_file = io.BytesIO()
        with zipfile.ZipFile(content_of_file, "w") as archive:
            for name, content in files.items():
                entry = zipfile.ZipInfo(name, WHEN_PACKED)
                entry.external_attr = (stat.S_IFREG | 0o644) << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, content)
        write_whole(path, content_of_file.getvalue())
    except OSError as error:
        raise UnreadableBundle(f"{path} cannot be written: {error.strerror}") from None


def _from_folder(folder: Path) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for path in sorted(folder.iterdir()):
        _check_name(path.name)
        _check_mode(path.name, path.lstat().st_mode)
        with path.open("rb") as file:
            _read_into(files, path.name, file)
    return files


def _from_zip(file: IO[bytes]) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    with zipfile.ZipFile(file) as archive:
        _check_entries(archive.infolist())
        _check_gaps(file, archive)
        for entry in archive.infolist():
            with archive.open(entry) as packed:
                _read_into(files, entry.filename, packed)
    return files


def _check_entries(entries: list[zipfile.ZipInfo]) -> None:
    _check_count(len(entries))
    seen: set[str] = set()
    for entry in entries:
        name = entry.orig_filename
        _check_name(name)
        _check_mode(name, entry.external_attr >> 16)
        _refuse_if(name.lower() in seen, "duplicate-name", f"the zip file holds {name} twice")
        _refuse_if(entry.flag_bits & ENCRYPTED, "encrypted", f"{name} is encrypted")
        _refuse_if(entry.compress_type not in METHODS, "damaged", f"{name} is packed in a way that no bundle uses")
        seen.add(name.lower())
    unpacked = sum(entry.file_size for entry in entries)
    _refuse_if(unpacked > MOST_BYTES, "too-large", f"unpacked it would have more than {MOST_BYTES:,} bytes")


def _check_gaps(file: IO[bytes], archive: zipfile.ZipFile) -> None:
    """Refuse a zip file in which readers that start at its end see something else than those that start at its top."""
    entries = archive.infolist()
    first = min((entry.header_offset for entry in entries), default=0)
    packed = sum(entry.compress_size for entry in entries)
    named = sum(len(entry.orig_filename.encode()) for entry in entries)
    least = packed + named + len(entries) * LOCAL_HEADER
    end = archive.start_dir + named + len(entries) * CENTRAL_HEADER + END_RECORD
    extras = len(entries) * MOST_EXTRA
    is_tight = least <= archive.start_dir <= least + extras and end <= file.seek(0, 2) <= end + extras
    _refuse_if(
        first != 0 or archive.comment or not is_tight, "hidden-data", "the zip file holds data outside its files"
    )


def _check_name(name: str) -> None:
    _refuse_if(ABSOLUTE.match(name), "absolute-path", f"it holds the absolute path {name!r}")
    _refuse_if(LEADING_OUT.search(name), "path-traversal", f"it holds {name!r}, which leads out of it")
    _refuse_if(not PLAIN_NAME.fullmatch(name), "odd-name", f"it holds {name!r}, and no bundle has such a name")


def _check_mode(name: str, mode: int) -> None:
    kind = stat.S_IFMT(mode)
    _refuse_if(kind == stat.S_IFLNK, "symlink", f"{name} is a symbolic link")
    _refuse_if(kind not in (0, stat.S_IFREG), "no-file", f"{name} is no plain file")


def _check_count(count: int) -> None:
    _refuse_if(count > MOST_FILES, "too-many-files", f"it holds more than {MOST_FILES} files")


def _read_into(files: dict[str, bytes], name: str, file: IO[bytes]) -> None:
    """Read a file block by block, and no further than all files together may go."""
    count = sum(map(len, files.values()))
    blocks: list[bytes] = []
    while block := file.read(BLOCK):
        count += len(block)
        _refuse_if(count > MOST_BYTES, "too-large", f"with {name} it has more than {MOST_BYTES:,} bytes")
        blocks.append(block)
    files[name] = b"".join(blocks)
    _check_count(len(files))
    values = sum(map(count_values, files.values()))
    _refuse_if(values > MOST_VALUES, "too-large", f"with {name} it holds more than {MOST_VALUES:,} values")


def _refuse_if(condition: object, code: str, message: str) -> None:
    if condition:
        raise UnsafeBundle(code, message)
