"""What is recorded of a period, for whoever plays it again: customers page by page, and what they did in the order of time.

Promise: it only reads, in one snapshot, which other processes can look at, too; and holds a page of customers at a time,
however many there are.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from store.database import Connection, Database, Record
from store.named import queries

_SQL = queries("recorded")
_FIRST = UUID(int=0)
#: How long before the period a message can count for a cap: the longest is of a calendar month.
_CAPS_LOOK_BACK = timedelta(days=62)
_EVENTS_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Recorded:
    """A period as one transaction sees it."""

    connection: Connection
    since: datetime
    until: datetime

    async def how_many(self) -> int:
        """How many customers there were."""
        return int(await self.connection.fetchval(_SQL["how_many"], self.until))

    async def pages(self, size: int) -> Sequence[UUID]:
        """After which id each page of customers begins."""
        return [_FIRST, *(row["id"] for row in await self.connection.fetch(_SQL["page_ends"], self.until, size))]

    async def customers(self, after: UUID, size: int) -> Sequence[Record]:
        """The customers of a page, with all but their events."""
        caps = self.since - _CAPS_LOOK_BACK
        return await self.connection.fetch(_SQL["customers"], after, self.since, self.until, caps, size)

    async def events(self, ids: Sequence[UUID], types: Sequence[str] | None, begin: datetime) -> AsyncIterator[Record]:
        """What these customers did, from before the period on."""
        asked = _SQL["events"], ids, types, begin, self.until
        async for row in self.connection.cursor(*asked, prefetch=_EVENTS_AT_ONCE):
            yield row

    async def products(self) -> Sequence[tuple[str, bool, Mapping[str, Any]]]:
        """What is for sale now, and what goes with it."""
        return [(row["id"], row["available"], row["relations"]) for row in await self.connection.fetch(_SQL["products"])]

    async def snapshot(self) -> str:
        """What `recorded` needs elsewhere to see exactly this, while this is open."""
        await self.connection.execute(_SQL["patient"])
        return str(await self.connection.fetchval(_SQL["snapshot"]))


@asynccontextmanager
async def recorded(
    database: Database, since: datetime, until: datetime, snapshot: str | None = None
) -> AsyncIterator[Recorded]:
    """Open a period for reading, as it is now or as another transaction sees it."""
    async with database.pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        if snapshot is not None:
            await connection.execute(f"set transaction snapshot '{snapshot}'")  # takes no parameter
        yield Recorded(connection, since, until)
