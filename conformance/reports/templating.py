"""The environment of the project's templates: the same rules of white space for every renderer."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import jinja2
from jinja2.bccache import Bucket
from markupsafe import Markup

from conformance.evidence.harmless import harmless
from conformance.paths import cache_of_user

TEMPLATES = Path(__file__).resolve().parent / "templates"


def templates(*, escaped: bool, folder: Path = TEMPLATES, **more: Any) -> jinja2.Environment:
    """Return the templates of a folder; `escaped` for a browser, with `more` options of jinja2.Environment.

    Every text that a template prints is made harmless, the suite's own as well as a target's.
    """
    return jinja2.Environment(
        bytecode_cache=_Compiled.of(escaped, more),
        loader=jinja2.FileSystemLoader(folder),
        autoescape=escaped,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_made_harmless,
        **more,
    )


class _Compiled(jinja2.FileSystemBytecodeCache):
    """Compiled templates in the user's cache; where nothing can be written there, each run compiles them."""

    @classmethod
    def of(cls, *options: object) -> _Compiled:
        """Return those that were compiled with these options, by this version of Jinja."""
        name = hashlib.sha256(repr((jinja2.__version__, options)).encode()).hexdigest()[:16]
        folder = cache_of_user() / "templates"
        with suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(str(folder), f"{name}-%s.compiled")

    def load_bytecode(self, bucket: Bucket) -> None:
        """Load a template, where it was compiled and can be read."""
        try:
            super().load_bytecode(bucket)
        except Exception:  # a damaged file is as good as none
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a compiled template, where that can be written."""
        with suppress(OSError):
            super().dump_bytecode(bucket)


def _made_harmless(value: Any) -> Any:
    if isinstance(value, Markup):
        return Markup(harmless(value))
    return harmless(value) if isinstance(value, str) else value
