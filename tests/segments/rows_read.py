"""How many rows a statement really goes through: EXPLAIN ANALYZE of the plan that the product gets, custom or generic.

Promise: estimates are left out. A row counts each time that a node of the plan hands it on or throws it away.
"""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from store import Connection, queries

_REMOVED = ("Rows Removed by Filter", "Rows Removed by Join Filter", "Rows Removed by Index Recheck")
_NAMES = {sql: name for room in ("segments", "runs", "identity", "backfill") for name, sql in queries(room).items()}
_SETTINGS = {"plan_for_a_few", "plan_for_everybody", "plan_as_ever", "give_up_after", "lock_shard"}


async def rows_read(connection: Connection, sql: str, arguments: Sequence[Any]) -> int:
    """The rows of one statement, by the plan that the transaction's settings give; what it wrote is taken back."""
    types = [each.name for each in (await connection.prepare(sql)).get_parameters()]
    texts = ", ".join(f"quote_nullable((${n}::{kind})::text)" for n, kind in enumerate(types, 1))
    given = await connection.fetchval(f"select array[{texts}]::text[]", *arguments) if types else []
    values = ", ".join(f"{text}::{kind}" for text, kind in zip(given, types, strict=True))
    attempt = connection.transaction()
    await attempt.start()
    try:
        await connection.execute(f"prepare looked_at as {sql.strip().rstrip(';')}")
        try:
            execute = f"execute looked_at({values})" if types else "execute looked_at"
            [plan] = await connection.fetchval(f"explain (analyze, timing off, format json) {execute}")
        finally:
            await connection.execute("deallocate looked_at")
    finally:
        await attempt.rollback()
    return round(_of(plan["Plan"]))


def _of(node: Mapping[str, Any]) -> float:
    own = node["Actual Rows"] + sum(node.get(each, 0) for each in _REMOVED)
    return float(own * node["Actual Loops"]) + sum(_of(each) for each in node.get("Plans", ()))


@dataclass
class Explained:
    """A database of which every statement in a transaction is explained before it is run; stands in for `Database`."""

    pool: "asyncpg.Pool[asyncpg.Record]"
    read: Counter[str] = field(default_factory=Counter)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        """A connection inside one transaction."""
        async with self.pool.acquire() as connection, connection.transaction():
            yield _Explaining(connection, self.read)


@dataclass
class _Explaining:
    connection: Any
    read: Counter[str]

    async def _look(self, sql: str, arguments: Sequence[Any]) -> None:
        name = _NAMES.get(sql, "evaluate" if "given" in sql else "goal")
        if name not in _SETTINGS:
            self.read[name] += await rows_read(self.connection, sql, arguments)

    async def fetch(self, sql: str, *arguments: Any, **options: Any) -> Any:
        await self._look(sql, arguments)
        return await self.connection.fetch(sql, *arguments, **options)

    async def fetchrow(self, sql: str, *arguments: Any, **options: Any) -> Any:
        await self._look(sql, arguments)
        return await self.connection.fetchrow(sql, *arguments, **options)

    async def fetchval(self, sql: str, *arguments: Any, **options: Any) -> Any:
        await self._look(sql, arguments)
        return await self.connection.fetchval(sql, *arguments, **options)

    async def execute(self, sql: str, *arguments: Any, **options: Any) -> Any:
        await self._look(sql, arguments)
        return await self.connection.execute(sql, *arguments, **options)

    async def executemany(self, sql: str, arguments: Sequence[Sequence[Any]], **options: Any) -> Any:
        for each in arguments:
            await self._look(sql, each)
        return await self.connection.executemany(sql, arguments, **options)
