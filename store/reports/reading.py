"""How reports ask for sums: for many rows, of which few groups come."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from store.database import Connection, Database, Record
from store.named import queries

_SQL = queries("reports")


async def read(database: Database, name: str, *arguments: Any) -> Sequence[Record]:
    """The rows of a named statement, planned for these arguments."""
    async with database.transaction() as connection:
        await plan_for_many(connection)
        return await connection.fetch(_SQL[name], *arguments)


@asynccontextmanager
async def at_once(database: Database) -> AsyncIterator[Connection]:
    """A transaction that sees one instant, so that what several statements read belongs together."""
    async with database.pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        yield connection


async def plan_for_many(connection: Connection) -> None:
    """The statements of this transaction are planned for their arguments."""
    await connection.execute(_SQL["plan_for_many"])
