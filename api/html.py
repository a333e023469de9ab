"""Pages that people see: where they are found, and the texts of the small ones, which say one thing and extend `card.html`."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from fastapi import Header, Query
from jinja2 import Environment, FileSystemLoader

_FOLDER = Path(__file__).parent / "pages"
LANGUAGES = {"en": "English", "es": "Español"}
_LANGUAGES_READ = 1000  # characters of what a browser would like
#: Of a page that stands behind a signed link: no other site may learn it, no cache keeps it, nothing runs in it.
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
    "Vary": "Accept-Language, Sec-GPC",
}
# Who follows a link sees a page, whatever their browser sends with it: these are never refused for their form.
Language = Annotated[str | None, Query(alias="lang", description="en or es; else what the browser prefers")]
Accepted = Annotated[str | None, Header(alias="Accept-Language")]
PAGES = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True)


@cache
def texts_of(name: str) -> dict[str, dict[str, Any]]:
    """The texts in one of the files there, by language (`en`, `es`)."""
    return tomllib.loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def spoken(wanted: str | None, accepted: str | None) -> str:
    """The language of the page: what was asked for, else the first of the browser's that there is, else English."""
    told = [wanted or "", *(accepted or "")[:_LANGUAGES_READ].split(",")]
    codes = (each.split(";")[0].strip().lower().partition("-")[0] for each in told)
    return next((code for code in codes if code in LANGUAGES), "en")
