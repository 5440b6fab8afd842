"""The environment of the project's templates: the same rules of white space for every renderer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2

TEMPLATES = Path(__file__).resolve().parent / "templates"


def templates(*, escaped: bool, folder: Path = TEMPLATES, **more: Any) -> jinja2.Environment:
    """Return the templates of a folder; `escaped` for a browser, with `more` options of jinja2.Environment."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder), autoescape=escaped, trim_blocks=True, lstrip_blocks=True, **more
    )
