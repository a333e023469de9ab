"""How many are in each segment: summed up from what every change of membership has added, and counted anew each night.

Promise: exact at any instant, because a trigger adds in the transaction that changes membership, whoever does. Nobody waits,
because nothing is ever written over.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from store.database import Database
from store.measuring.sums import Difference
from store.named import queries

_SQL = queries("sizes")
_LONGEST = 600.0  # seconds to count all members of all segments


async def sizes(database: Database, names: Sequence[str]) -> dict[str, int]:
    """How many are in each segment now."""
    known = {row["segment"]: row["members"] for row in await database.pool.fetch(_SQL["sizes"], names)}
    return {name: known.get(name, 0) for name in names}


async def fold(database: Database) -> None:
    """Make few rows of many; nothing is written where there are few."""
    await database.pool.execute(_SQL["fold"])


async def recount(database: Database, at: datetime) -> list[Difference]:
    """Count all members, while membership changes as ever; a size that was another is right from now on, and is returned."""
    async with database.transaction() as connection:
        await connection.execute(_SQL["one_by_one"])
        rows = await connection.fetch(_SQL["recount"], at, at.astimezone(UTC).date(), timeout=_LONGEST)
    return [Difference(**dict(row)) for row in rows]
