"""A bundle as files: a folder, or a zip file of the same, read so that nothing in it can do harm."""

from __future__ import annotations

import errno
import io
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import IO

from conformance.evidence.files import write_whole
from conformance.evidence.strict_json import count_values
from conformance.verdict.misuse import Misuse

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
LOCAL_HEADER, CENTRAL_HEADER, END_RECORD, LARGE_LOCATOR = 30, 46, 22, 20
"""How many bytes the parts of a zip file have without names and extra fields (APPNOTE 4.3)."""
END_SIGNATURE, LARGE_SIGNATURE = b"PK\x05\x06", b"PK\x06\x07"
LONGEST_COMMENT = 65_535
LONGEST_NAME = 100
MOST_EXTRA = 64
"""How many bytes of extra fields an entry may have."""
KINDS_OF_EXTRA = frozenset({0x5455, 0x7875, 0x5855, 0x000A})
"""The extra fields of usual tools: times, and the owner on Unix."""
HAS_DESCRIPTOR = 0x8
DESCRIPTOR, DESCRIPTOR_SIGNATURE = 12, b"PK\x07\x08"
"""How many bytes stand behind an entry that was packed as a stream, and what may stand before them."""

Files = Mapping[str, bytes]
"""The content of a bundle's files by their names."""


class UnreadableBundle(Misuse):
    """A path cannot be read or written as a bundle; the message says why."""


class UnsafeBundle(Misuse):
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
            return read_zip(file if file.seekable() else io.BytesIO(file.read(MOST_BYTES + 1)))
    except OSError as error:
        raise UnreadableBundle(f"{path} cannot be read: {error.strerror or error}") from None


def read_zip(file: IO[bytes]) -> dict[str, bytes]:
    """Return all files in a zip file. Raises UnsafeBundle for what no bundle has, and OSError."""
    try:
        return _from_zip(file)
    except UnsafeBundle:
        raise
    except UnicodeDecodeError:
        raise UnsafeBundle("odd-name", "a file in the zip file has a name that is not UTF-8") from None
    except _DAMAGED as error:
        raise UnsafeBundle("damaged", f"the zip file is damaged or cut off: {error}") from None


_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OverflowError,
    ValueError,
)
"""The errors with which `zipfile` answers a file that is no whole zip file."""


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
    paths = list(islice(folder.iterdir(), MOST_FILES + 1))
    _check_count(len(paths))
    for path in sorted(paths):
        _check_name(path.name)
        _check_mode(path.name, path.lstat().st_mode)
        with path.open("rb") as file:
            _read_into(files, path.name, file)
    return files


def _from_zip(file: IO[bytes]) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    count = _check_end(file)
    with zipfile.ZipFile(file) as archive:
        _refuse_if(len(archive.infolist()) != count, "damaged", "the zip file has other files than it says at its end")
        _check_entries(archive.infolist())
        _check_layout(file, archive)
        for entry in archive.infolist():
            with archive.open(entry) as packed:
                _read_into(files, entry.filename, packed)
            _check_packed(file, entry)
    return files


def _check_end(file: IO[bytes]) -> int:
    """Return how many files the end of a zip file names; refuse more than any bundle has, before any is read."""
    size = file.seek(0, os.SEEK_END)
    _refuse_if(size > MOST_BYTES, "too-large", f"the zip file has more than {MOST_BYTES:,} bytes")
    longest_end = LARGE_LOCATOR + END_RECORD + LONGEST_COMMENT
    file.seek(max(0, size - longest_end))
    end = file.read(longest_end)
    place = end.rfind(END_SIGNATURE)
    if place < 0 or len(end) < place + END_RECORD:
        raise UnsafeBundle("damaged", "the zip file is damaged or cut off: it has no end")
    fields: tuple[int, ...] = struct.unpack_from("<4HL", end, place + len(END_SIGNATURE))
    disk, first, here, count, length = fields
    _refuse_hidden(place + END_RECORD != len(end))
    is_large = end[max(0, place - LARGE_LOCATOR) : place].startswith(LARGE_SIGNATURE)
    is_odd = is_large or (disk, first, here) != (0, 0, count)
    _refuse_if(is_odd, "damaged", "the zip file has several parts, or is packed as only those of more than 4 GB are")
    _check_count(count)
    _refuse_hidden(length > MOST_FILES * (CENTRAL_HEADER + LONGEST_NAME + MOST_EXTRA))
    return count


def _check_packed(file: IO[bytes], entry: zipfile.ZipInfo) -> None:
    """Refuse a file whose packed form goes on after the end of what it unpacks to, where readers would pass it over."""
    file.seek(entry.header_offset)
    names = struct.unpack_from("<HH", file.read(LOCAL_HEADER), 26)
    file.seek(sum(names), os.SEEK_CUR)
    if entry.compress_type == zipfile.ZIP_STORED:
        is_whole = entry.compress_size == entry.file_size
    else:
        is_whole = _is_one_stream(file, entry.compress_size, entry.file_size)
    _refuse_if(not is_whole, "hidden-data", f"data is hidden behind the content of {entry.filename}")


def _is_one_stream(file: IO[bytes], packed: int, unpacked: int) -> bool:
    """Return whether the next `packed` bytes are one deflated stream of `unpacked` bytes, with nothing behind it."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    found = 0
    while not inflater.eof and found <= unpacked:
        block = inflater.unconsumed_tail or file.read(min(packed, BLOCK))
        if not block:
            break
        packed -= 0 if inflater.unconsumed_tail else len(block)
        found += len(inflater.decompress(block, BLOCK))
    return inflater.eof and not inflater.unused_data and (packed, found) == (0, unpacked)


def _check_entries(entries: list[zipfile.ZipInfo]) -> None:
    _check_count(len(entries))
    seen: set[str] = set()
    for entry in entries:
        name = entry.orig_filename
        _check_name(name)
        _refuse_if(entry.filename != name, "odd-name", f"it holds {name!r} under a second name")
        _check_mode(name, entry.external_attr >> 16)
        _refuse_if(name.lower() in seen, "duplicate-name", f"the zip file holds {name} twice")
        _refuse_if(entry.flag_bits & ENCRYPTED, "encrypted", f"{name} is encrypted")
        _refuse_if(entry.compress_type not in METHODS, "damaged", f"{name} is packed in a way that no bundle uses")
        seen.add(name.lower())
    unpacked = sum(entry.file_size for entry in entries)
    _refuse_if(unpacked > MOST_BYTES, "too-large", f"unpacked it would have more than {MOST_BYTES:,} bytes")


def _check_layout(file: IO[bytes], archive: zipfile.ZipFile) -> None:
    """Refuse a zip file in which readers that start at its end see something else than those that start at its top."""
    entries = archive.infolist()
    place = 0
    for entry in sorted(entries, key=lambda one: one.header_offset):
        _refuse_hidden(entry.header_offset != place)
        place = _end_of(file, entry)
    _refuse_hidden(place != archive.start_dir)
    listed = sum(CENTRAL_HEADER + len(entry.orig_filename) + len(entry.extra) for entry in entries)
    _refuse_hidden(archive.start_dir + listed + END_RECORD != file.seek(0, os.SEEK_END))
    _refuse_hidden(archive.comment or any(entry.comment for entry in entries))


def _end_of(file: IO[bytes], entry: zipfile.ZipInfo) -> int:
    """Return the place behind an entry. Its extra fields give it no second name, and no second size."""
    file.seek(entry.header_offset)
    name_length, extra_length = struct.unpack_from("<HH", file.read(LOCAL_HEADER), 26)
    file.seek(name_length, os.SEEK_CUR)
    for extra in (file.read(extra_length), entry.extra):
        is_odd = len(extra) > MOST_EXTRA or not KINDS_OF_EXTRA.issuperset(_kinds_of(extra))
        _refuse_if(is_odd, "hidden-data", f"{entry.orig_filename} has fields that no bundle needs")
    end = file.seek(entry.compress_size, os.SEEK_CUR)
    if entry.flag_bits & HAS_DESCRIPTOR:
        end += DESCRIPTOR + len(DESCRIPTOR_SIGNATURE) * (file.read(4) == DESCRIPTOR_SIGNATURE)
    return end


def _kinds_of(extra: bytes) -> Iterator[int]:
    """Yield the kinds of the extra fields of an entry. Raises struct.error where they are cut off."""
    place = 0
    while place < len(extra):
        kind, length = struct.unpack_from("<HH", extra, place)
        yield kind
        place += struct.calcsize("<HH") + length


def _refuse_hidden(condition: object) -> None:
    _refuse_if(condition, "hidden-data", "the zip file holds data outside its files")


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
