"""What the commands about segments work with: the catalogue, the database and the time, and files told about in one line."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

import typer

from workers.asked import fail, settings, with_database

if TYPE_CHECKING:
    from journeys.catalogue import Catalogue
    from segments.overview import Known, Overview
    from store import Database

T = TypeVar("T")
_POLL = 0.5  # seconds


@dataclass(frozen=True)
class Asked:
    """What a command works with."""

    database: "Database"
    catalogue: "Catalogue"
    now: datetime

    async def known(self) -> "dict[str, Known]":
        """Every segment by name."""
        from segments.overview import known_segments

        return await known_segments(self.database, self.catalogue.segments.values())

    async def one(self, name: str) -> "Known":
        """A segment; an unknown one ends the command."""
        known = await self.known()
        if name not in known:
            fail(f"no segment {name!r}; there are: {', '.join(known) or 'none'}")
        return known[name]

    async def overview(self, known: "list[Known]", silence_hours: float = 24) -> "list[Overview]":
        """These segments at a glance."""
        from segments.concerns import Limits
        from segments.overview import overview

        journeys = self.catalogue.journeys.items()
        entries = {name: d.spec.entry for name, d in journeys if d.spec.entry is not None}
        return await overview(self.database, known, entries, self.now, Limits(timedelta(hours=silence_hours)))


async def until_live(asked: Asked, name: str, seconds: float, told: "Callable[[Overview], None]") -> "Overview":
    """A segment as soon as it is live, or as it is after so many seconds; `told` hears how it comes on."""
    known, deadline = await asked.one(name), monotonic() + seconds
    while True:
        [seen] = await asked.overview([known])
        told(seen)
        if seen.state == "live" or monotonic() >= deadline:
            return seen
        await asyncio.sleep(_POLL)


def ask(work: Callable[[Asked], Awaitable[T]]) -> T:
    """Run a command's work on the configured database and catalogue."""
    from journeys.catalogue import load

    given = settings()
    catalogue = load(given.catalogue)
    return with_database(lambda database: work(Asked(database, catalogue, given.clock.now())))


def read(file: Path) -> str:
    """A text file, or standard input for `-`; what cannot be read ends the command."""
    try:
        return typer.get_text_stream("stdin").read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file}: {getattr(error, 'strerror', None) or 'is not UTF-8'}")
