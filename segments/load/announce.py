"""Deciding later: those who were in a segment when it was loaded enter its journeys after all.

Promise: nobody who has a line in the log that says how they came in gets another, so announcing twice, or side by side, starts
nobody twice; what a journey's re-entry rule refuses stays refused.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final
from uuid import UUID

from segments.watch.shards import alone
from store import Database, queries
from store.audit import note

_SQL = queries("backfill")
_CHUNK = 1_000
#: The most that one call may announce.
MOST_AT_ONCE: Final = 100_000


async def unannounced(database: Database, name: str) -> int:
    """How many members have no line in the log that says how they came in."""
    return int(await database.pool.fetchval(_SQL["unannounced"], name))


async def announce(
    database: Database,
    name: str,
    version: str,
    clock: Callable[[], datetime],
    limit: int = MOST_AT_ONCE,
    told: Callable[[int], None] = lambda _: None,
) -> int:
    """Log `entered` for up to `limit` such members, now; `told` hears after each chunk how many there were so far.

    Raises:
        asyncpg.PostgresError, OSError: the store failed; announcing again goes on where it stopped.
    """
    done, after = 0, UUID(int=0)
    while done < limit:
        size = min(_CHUNK, limit - done)
        async with database.transaction() as connection:
            await alone(connection, 0, 1)  # no tick lets them go meanwhile
            row = await connection.fetchrow(_SQL["announce"], name, after, size, clock(), {"announced": version})
            assert row is not None, "an aggregate always answers"
            if row["announced"]:
                await note(connection, "announce", "segment", name, became={"version": version, "members": row["announced"]})
        done += row["announced"]
        told(done)
        if row["announced"] < size:
            break
        after = row["last"]
    return done
