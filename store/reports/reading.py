"""How reports ask for sums: for many rows, of which few groups come."""

from collections.abc import Sequence
from typing import Any

from store.database import Database, Record
from store.named import queries

_SQL = queries("reports")


async def read(database: Database, name: str, *arguments: Any) -> Sequence[Record]:
    """The rows of a named statement, planned for these arguments."""
    async with database.transaction() as connection:
        await connection.execute(_SQL["plan_for_many"])
        return await connection.fetch(_SQL[name], *arguments)
