"""Lies in the zip file of a bundle, in which two readers can see two things."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable

from benchmarks.forging import honest
from benchmarks.lies import statements
from benchmarks.lies.registry import Lie, Lies
from conformance.commands.certificate.bundle import CERTIFICATE, RECORD
from conformance.commands.certificate.files import MOST_BYTES, Files
from conformance.verdict.record import Record

LIES = Lies()

Entries = list[tuple[zipfile.ZipInfo, bytes]]
CENTRAL, END = b"PK\x01\x02", b"PK\x05\x06"
MORE = b"the product conforms"


def flattering(record: Record) -> Files:
    """Return a bundle whose statements say that every clause passes."""
    files = statements.LIES.by_name["every clause stated to pass"](record)
    assert not isinstance(files, Record | bytes)
    return files


def entries_of(files: Files) -> Entries:
    """Return the files as entries of a zip file."""
    return [(_entry(name), content) for name, content in files.items()]


def _entry(name: str, mode: int = stat.S_IFREG | 0o644) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.external_attr, entry.compress_type = mode << 16, zipfile.ZIP_DEFLATED
    return entry


def packed(entries: Iterable[tuple[zipfile.ZipInfo, bytes]], comment: bytes = b"") -> bytes:
    """Return a zip file of these entries."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for entry, content in entries:
            archive.writestr(entry, content)
        archive.comment = comment
    return file.getvalue()


def _entries(change: Callable[[Entries, Record], Entries]) -> Lie:
    return lambda record: packed(change(entries_of(honest(record)), record))


def _bytes(change: Callable[[bytes], bytes]) -> Lie:
    return lambda record: change(packed(entries_of(honest(record))))


def _also(name: str, content: Callable[[Record], bytes], mode: int = stat.S_IFREG | 0o644) -> Lie:
    return _entries(lambda entries, record: [*entries, (_entry(name, mode), content(record))])


def _certificate(record: Record) -> bytes:
    return flattering(record)[CERTIFICATE]


def _renamed(old: str, new: bytes) -> Callable[[bytes], bytes]:
    """Return a change of a name in both places in which it stands; both names have the same length."""
    assert len(old) == len(new)
    return lambda data: data.replace(old.encode(), new)


def _renamed_in_the_directory(old: str, new: bytes) -> Callable[[bytes], bytes]:
    def changed(data: bytes) -> bytes:
        place = data.index(CENTRAL)
        return data[:place] + data[place:].replace(old.encode(), new)

    return changed


def _with_end(**changes: int) -> Callable[[bytes], bytes]:
    """Return a change of the record at the end of a zip file, which says how many entries there are, and where."""

    def changed(data: bytes) -> bytes:
        place = data.rindex(END)
        names = ("disk", "first", "here", "all", "length", "offset", "comment")
        values = dict(zip(names, struct.unpack_from("<4H2LH", data, place + 4), strict=True))
        return data[:place] + END + struct.pack("<4H2LH", *{**values, **changes}.values())

    return changed


def going_on(files: Files, name: str, more: bytes) -> bytes:
    """Return a zip file in which the packed form of a file goes on after its end."""
    file = io.BytesIO()
    directory = []
    for one, content in files.items():
        packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        body = packer.compress(content) + packer.flush() + (more if one == name else b"")
        sizes = (zlib.crc32(content), len(body), len(content), len(one), 0)
        common = struct.pack("<5H3L2H", 20, 0, zipfile.ZIP_DEFLATED, 0, 0x21, *sizes)
        central = CENTRAL + struct.pack("<H", 20) + common + struct.pack("<3H2L", 0, 0, 0, 0, file.tell())
        directory.append(central + one.encode())
        file.write(b"PK\x03\x04" + common + one.encode() + body)
    offset, listed = file.tell(), b"".join(directory)
    end = struct.pack("<4H2LH", 0, 0, len(directory), len(directory), len(listed), offset, 0)
    return file.getvalue() + listed + END + end


def with_second_name(files: Files, name: str, second: str) -> bytes:
    """Return a zip file in which an extra field gives a file a second name, which many readers prefer."""
    entries = entries_of(files)
    for entry, _ in entries:
        if entry.filename == name:
            field = struct.pack("<BL", 1, zlib.crc32(name.encode())) + second.encode()
            entry.extra = struct.pack("<HH", 0x7075, len(field)) + field
    return packed(entries)


LIES.enter(
    {
        "a certificate in two copies that differ": lambda record: packed(
            [*entries_of(honest(record)), (_entry("certificate.intoto.jsonx"), _certificate(record))]
        ).replace(b"certificate.intoto.jsonx", CERTIFICATE.encode()),
        "a second certificate in capitals": _also("CERTIFICATE.intoto.jsonl", _certificate),
        "a second certificate in a folder": _also(f"folder/{CERTIFICATE}", _certificate),
        "a second certificate above the folder": _also(f"../{CERTIFICATE}", _certificate),
        "a second certificate at the root": _also(f"/{CERTIFICATE}", _certificate),
        "a second certificate behind a drive": _also(f"C:{CERTIFICATE}", _certificate),
        "a link to another certificate": _also("link.jsonl", lambda _: b"/etc/passwd", stat.S_IFLNK | 0o777),
        "a file more": _also("README.md", lambda _: MORE),
        "a certificate with a second name": lambda record: with_second_name(
            honest(record), CERTIFICATE, "certificate.txt"
        ),
        "a certificate whose name is not UTF-8": _bytes(_renamed(CERTIFICATE, b"\xff" * len(CERTIFICATE))),
        "a certificate of another name in the directory": _bytes(
            _renamed_in_the_directory(CERTIFICATE, b"CERTIFICATE.intoto.jsonl")
        ),
        "data behind the packed record": lambda record: going_on(honest(record), RECORD, MORE),
        "much data behind the packed record": lambda record: going_on(honest(record), RECORD, MORE * 100_000),
        "data before the zip file": _bytes(lambda data: MORE + data),
        "data behind the zip file": _bytes(lambda data: data + MORE),
        "a zip file behind the zip file": lambda record: (
            packed(entries_of(honest(record))) + packed(entries_of(flattering(record)))
        ),
        "a comment of the zip file": lambda record: packed(entries_of(honest(record)), MORE),
        "a zip file cut off": _bytes(lambda data: data[:-30]),
        "a directory of fewer entries": _bytes(_with_end(here=3, all=3)),
        "a directory of many entries": _bytes(_with_end(here=65_000, all=65_000)),
        "a directory that is longer": _bytes(_with_end(length=2**31)),
        "a directory that lies elsewhere": _bytes(_with_end(offset=2**31)),
        "a zip file on two disks": _bytes(_with_end(disk=1, first=1)),
        "a record that is a bomb": _also("bomb.json", lambda _: b"\0" * (MOST_BYTES + 1)),
        "many empty files": _entries(lambda entries, _: [*entries, *((_entry(f"f{n}"), b"") for n in range(99))]),
        "no zip file at all": lambda record: honest(record)[CERTIFICATE],
    }
)
