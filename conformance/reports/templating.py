"""How the project's own templates are read: every renderer by the same rules of white space."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2

TEMPLATES = Path(__file__).resolve().parent / "templates"


def templates(*, escaped: bool, folder: Path = TEMPLATES, **more: Any) -> jinja2.Environment:
    """The templates of a folder; `escaped` for what a browser reads, `more` as jinja2.Environment takes it."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder), autoescape=escaped, trim_blocks=True, lstrip_blocks=True, **more
    )
