"""Looking for a key in all that is left behind: independent of what takes it out, and so able to find it wanting."""

from __future__ import annotations

import base64
import re
import urllib.parse
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

_DEFLATED = re.compile(rb'"deflate":"([^"]+)"')


def forms_of(key: str) -> Iterator[bytes]:
    """Yield the key as it is and as it is escaped, and what any text that holds it looks like in base64."""
    yield key.encode()
    yield urllib.parse.quote(key).replace("_", "%5F").encode()
    yield "".join(f"\\u{ord(char):04x}" for char in key).encode()
    for before in range(3):
        whole = base64.b64encode(b"-" * before + key.encode() + b"---")
        yield whole[4 if before else 0 : 4 * ((before + len(key)) // 3)]


def shown(text: bytes, key: str) -> str:
    """Return a part of one of the key's forms that stands in `text` and is longer than half of it, else nothing."""
    for form in forms_of(key):
        longest = len(form) // 2 + 2
        middle = form[len(form) - longest : longest]
        if middle in text:
            for start in range(len(form) - longest + 1):
                if form[start : start + longest] in text:
                    return form[start : start + longest].decode()
    return ""


def contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below `folder` by its name there, the members of archives, and what stands deflated in a record."""
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_file():
            yield name, path.read_bytes()
            for number, packed in enumerate(_DEFLATED.findall(path.read_bytes())):
                yield f"{name}, deflated {number}", zlib.decompress(base64.b64decode(packed))
        if path.is_file() and zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                yield from ((f"{name}/{member}", archive.read(member)) for member in archive.namelist())
