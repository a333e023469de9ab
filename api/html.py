"""Pages that people see: where they are found, and the texts of the small ones, which say one thing and extend `card.html`."""

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from fastapi import Header, Query
from jinja2 import Environment, FileSystemLoader

from activities.channels.languages import language_of
from store import Connection
from store.customers.profiles import language_evidence

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


def spoken(wanted: str | None, accepted: str | None, theirs: str | None = None) -> str:
    """The language of the page: what was asked for, else the customer's, else the browser's first, else English."""
    told = [wanted or "", theirs or "", *(accepted or "")[:_LANGUAGES_READ].split(",")]
    codes = (re.split("[-_.;]", each.strip())[0].lower() for each in told)
    return next((code for code in codes if code in LANGUAGES), "en")


async def read_by(connection: Connection, customer: UUID) -> str | None:
    """The language that a customer reads, as messages to them are written in it; None where nothing is known."""
    return language_of(*await language_evidence(connection, customer))
