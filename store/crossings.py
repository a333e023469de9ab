"""What segments ask of scores and no scoring has written down so far: a threshold that is new, kinds nobody asked for.

Promise: reads only, but for asking that customers are scored.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from store.database import Connection, Database
from store.named import queries

_SQL = queries("crossings")


async def never_written(connection: Connection, types: Collection[str]) -> frozenset[str]:
    """Of these types of crossings and moves those of which there is no event."""
    rows = await connection.fetch(_SQL["never_written"], sorted(types)) if types else []
    return frozenset(row["type"] for row in rows)


async def standing(connection: Connection, names: Collection[str], customer: UUID) -> dict[str, Any]:
    """What these predictions say of a customer now, as their scores stand: by name."""
    rows = await connection.fetch(_SQL["standing"], sorted(names), customer) if names else []
    return {row["prediction"]: row for row in rows}


async def have_scored(database: Database, name: str, now: datetime) -> None:
    """Have customers scored now, since what is asked of it, or whom it is of, is new; whoever asked before is heard first."""
    await database.pool.execute(_SQL["have_scored"], name, now)
