"""Pages that people see: where they are found, and the texts of the small ones, which say one thing and extend `card.html`."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

_FOLDER = Path(__file__).parent / "pages"
PAGES = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True)


@cache
def texts_of(name: str) -> dict[str, dict[str, Any]]:
    """The texts in one of the files there, by language (`en`, `es`)."""
    return tomllib.loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
