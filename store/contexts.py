"""What it is like at places, as all workers know it; who asks a provider when none does.

Promise: of one place one worker asks at a time, and for a while at most.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from store.database import Database
from store.named import queries

_SQL = queries("contexts")

#: The context, a digest of its declaration, and the place.
Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Found:
    """What was told of a place, or why nothing was; for how long that is still taken for so."""

    answer: Mapping[str, Any] | None
    failure: str | None
    left: timedelta


async def known(database: Database, key: Key) -> Found | None:
    """What is known of a place now."""
    row = await database.pool.fetchrow(_SQL["known"], *key)
    return None if row is None else Found(row["answer"], row["failure"], timedelta(seconds=row["left"]))


async def take(database: Database, key: Key, longest: timedelta) -> bool:
    """Become the one who asks, for so long at most; False where somebody knows, or asks already."""
    return await database.pool.fetchval(_SQL["take"], *key, longest.total_seconds()) is not None


async def keep(database: Database, key: Key, answer: Mapping[str, Any] | None, failure: str | None, span: timedelta) -> None:
    """What was told, or why nothing was, for so long."""
    await database.pool.execute(_SQL["keep"], *key, answer, failure, span.total_seconds())


async def give_up(database: Database, key: Key) -> None:
    """Whoever asked does so no more."""
    await database.pool.execute(_SQL["give_up"], *key)
