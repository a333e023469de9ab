"""What is recorded of a period, for whoever plays it again: customers page by page, and what they did in the order of time.

Promise: it only reads, in one snapshot, and holds a page of customers at a time, however many there are.
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

    async def pages(self, size: int) -> AsyncIterator[Sequence[Record]]:
        """All customers by id, page by page, with all but their events."""
        after, caps = _FIRST, self.since - _CAPS_LOOK_BACK
        while rows := await self.connection.fetch(_SQL["customers"], after, self.since, self.until, caps, size):
            after = rows[-1]["id"]
            yield rows

    async def events(self, ids: Sequence[UUID], types: Sequence[str] | None, begin: datetime) -> AsyncIterator[Record]:
        """What these customers did, from before the period on."""
        asked = _SQL["events"], ids, types, begin, self.until
        async for row in self.connection.cursor(*asked, prefetch=_EVENTS_AT_ONCE):
            yield row

    async def products(self) -> Sequence[tuple[str, bool, Mapping[str, Any]]]:
        """What is for sale now, and what goes with it."""
        return [(row["id"], row["available"], row["relations"]) for row in await self.connection.fetch(_SQL["products"])]


@asynccontextmanager
async def recorded(database: Database, since: datetime, until: datetime) -> AsyncIterator[Recorded]:
    """Open a period for reading."""
    async with database.pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        yield Recorded(connection, since, until)
