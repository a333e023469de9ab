"""When customers are active: one of them, and all of them by the hour of their day."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from store.database import Connection, Database
from store.named import queries

_SQL = queries("habits")

#: How many customers tell the shares of all, and how few are too few to tell them.
DRAWN, FEWEST = 5_000, 20


async def active(
    connection: Connection, profile_id: UUID, types: Collection[str], since: datetime, until: datetime, not_with: str
) -> tuple[list[datetime], Sequence[float] | None]:
    """When a customer did something of these types, without events that have a property; with the shares of all customers."""
    row = await connection.fetchrow(_SQL["active"], profile_id, sorted(types), since, until, {not_with: True})
    assert row is not None
    return row["moments"], row["shares"]


async def want_population(connection: Connection) -> None:
    """From now on the shares of all customers are kept."""
    await connection.execute(_SQL["want_population"])


async def renew_population(
    database: Database, types: Collection[str], since: datetime, now: datetime, older_than: datetime, not_with: str, fewest: int
) -> None:
    """Take the shares of all customers anew, where somebody asks for them and they are too old."""
    asked = sorted(types), since, now, older_than, DRAWN, {not_with: True}, fewest, FEWEST
    await database.pool.execute(_SQL["renew_population"], *asked)
