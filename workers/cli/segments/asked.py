"""What the commands about segments work with: the catalogue, the database and the time, and files told about in one line."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from workers.cli.asked import fail, settings, with_database

if TYPE_CHECKING:
    from journeys.catalogue import Catalogue
    from segments import Predicate
    from segments.ask.overview import AllSegments, KnownSegment, Overview
    from store import Database

T = TypeVar("T")
_POLL = 0.5  # seconds
Name = Annotated[str, typer.Argument(help="The segment's name, as `journeys segments list` shows it.")]
Json = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]
Silence = Annotated[float, typer.Option(min=0.001, help="Hours without an event after which what reads it counts as stale.")]


@dataclass(frozen=True)
class Asked:
    """What a command works with."""

    database: "Database"
    catalogue: "Catalogue"
    now: datetime

    async def all_segments(self) -> "AllSegments":
        """Every segment by name."""
        from segments.ask.overview import all_segments

        return await all_segments(self.database, self.catalogue.segments)

    async def one(self, name: str) -> "KnownSegment":
        """A segment; an unknown one ends the command."""
        around = await self.all_segments()
        if name in around.problems:
            fail(f"segment {name!r} cannot be read any more: {around.problems[name]}")
        if name not in around.known:
            fail(f"no segment {name!r}; there are: {', '.join(around.known) or 'none'}")
        return around.known[name]

    async def predicate(self, plain: Any) -> "Predicate":
        """A definition in JSON, which may name segments."""
        from segments.language.names import expanded
        from segments.language.wire import predicate_from_json

        return predicate_from_json(expanded(plain, (await self.all_segments()).predicates))

    async def evaluated(self, name: str) -> dict[str, datetime]:
        """Up to when a segment is evaluated, by its name; nothing while its version is not evaluated yet."""
        from store.segments.rows import evaluated

        return await evaluated(self.database, {name: (await self.one(name)).segment.version})

    async def overview(self, around: "AllSegments", names: "Iterable[str]", silence_hours: float = 24) -> "list[Overview]":
        """These segments at a glance."""
        from segments.ask.concerns import WorryFrom
        from segments.ask.overview import overview

        known, limits = [around.known[name] for name in names], WorryFrom(timedelta(hours=silence_hours))
        return await overview(self.database, known, self.catalogue.entries, around, self.now, limits)

    async def glance(self, name: str) -> "Overview":
        """One segment at a glance; an unknown one ends the command."""
        await self.one(name)
        [seen] = await self.overview(await self.all_segments(), [name])
        return seen


async def until_live(asked: Asked, name: str, seconds: float, told: "Callable[[Overview], None]") -> "Overview":
    """A segment as soon as it is live, or as it is after so many seconds; `told` hears how it comes on."""
    deadline = monotonic() + seconds
    while True:
        seen = await asked.glance(name)
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
