"""The environment of the project's templates: the same rules of white space for every renderer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from conformance.evidence.harmless import harmless

TEMPLATES = Path(__file__).resolve().parent / "templates"


def templates(*, escaped: bool, folder: Path = TEMPLATES, **more: Any) -> jinja2.Environment:
    """Return the templates of a folder; `escaped` for a browser, with `more` options of jinja2.Environment.

    Every text that a template prints is made harmless, the suite's own as well as a target's.
    """
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=escaped,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_made_harmless,
        **more,
    )


def _made_harmless(value: Any) -> Any:
    if isinstance(value, Markup):
        return Markup(harmless(value))
    return harmless(value) if isinstance(value, str) else value
