"""Files of an hour each, as Postgres knows them: which hours are over and can be written, and which are to be written anew.

Promise: an hour is given out when nobody can add to it any more. Whoever changes a row of a known hour marks it, in the
transaction that changes the row; and making an hour known waits for all who were writing just then and did not know of it.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Self
from uuid import UUID

from store.database import Database
from store.exports.tables import Name
from store.named import queries

_SQL = queries("exports")
HOUR = timedelta(hours=1)
#: Seconds between two looks whether those who write are done.
_PAUSE = 0.5


class Hour(NamedTuple):
    """The rows of a table from an instant on, up to and without that an hour later."""

    table: Name
    begins: datetime

    @property
    def folder(self) -> str:
        """Where it is in a bucket, as engines that read by day and hour expect it."""
        at = self.begins.astimezone(UTC)
        return f"{self.table.value}/day={at:%Y-%m-%d}/hour={at:%H}"

    @classmethod
    def at(cls, folder: str) -> Self:
        """The hour whose place this is."""
        table, day, hour = folder.split("/")
        return cls(Name(table), datetime.strptime(f"{day} {hour} +0000", "day=%Y-%m-%d hour=%H %z"))


@dataclass(frozen=True, slots=True)
class InBucket:
    """Of a table: since when and until when its hours are in the bucket, how many with how much, and what waits."""

    name: Name
    since: datetime
    last: datetime | None
    hours: int
    rows: int
    bytes: int
    waiting: int
    waiting_since: datetime | None
    stale: int


def last_over(now: datetime, lag: timedelta) -> datetime:
    """When the last hour began that is over for so long."""
    return (now - lag).astimezone(UTC).replace(minute=0, second=0, microsecond=0) - HOUR


async def plan(database: Database, names: Sequence[Name], now: datetime, lag: timedelta, first: datetime | None = None) -> int:
    """Make hours known that are over for so long, from where each table was, or from the first on; returns how many are new.

    Those that are not over by now, but written, are taken for not written: somebody's clock was ahead.
    """
    count: int = await database.pool.fetchval(_SQL["plan"], list(names), first, last_over(now, lag), now)
    return count


async def settled(database: Database) -> None:
    """Wait until all who are writing now are done, so that no row of theirs is missed: neither by its hour nor by a mark."""
    after = await database.pool.fetchval(_SQL["next_transaction"])
    while not await database.pool.fetchval(_SQL["are_over"], after):  # noqa: ASYNC110 - Postgres tells nobody
        await asyncio.sleep(_PAUSE)


async def due(database: Database, now: datetime, lag: timedelta, limit: int) -> list[Hour]:
    """What is over for so long and is to be written or compared, oldest first."""
    rows = await database.pool.fetch(_SQL["due"], now, list(Name), limit, last_over(now, lag))
    return [Hour(Name(row["name"]), row["hour"]) for row in rows]


async def written(database: Database) -> list[tuple[Hour, int]]:
    """What is in the bucket, and how many rows each has, oldest first."""
    rows = await database.pool.fetch(_SQL["written"], list(Name))
    return [(Hour(Name(row["name"]), row["hour"]), row["rows"]) for row in rows]


async def of_erasure(database: Database, erasure: UUID) -> list[Hour]:
    """Hours that hold rows of somebody who is being erased."""
    return [Hour(Name(row["name"]), row["hour"]) for row in await database.pool.fetch(_SQL["of_erasure"], erasure)]


async def in_bucket(database: Database) -> list[InBucket]:
    """Each table that has hours."""
    rows = await database.pool.fetch(_SQL["in_bucket"], list(Name))
    return [InBucket(**{**row, "name": Name(row["name"])}) for row in rows]


async def forget(database: Database) -> int:
    """The bucket is no more: what was written into it is not known any longer; returns how many hours there were."""
    count: int = await database.pool.fetchval(_SQL["forget"])
    return count
