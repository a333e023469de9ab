"""The connection pool: one place where types are mapped and an unreachable server becomes a readable sentence."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import asyncpg
import orjson
from asyncpg.pool import PoolConnectionProxy

from store.away import AWAY
from store.errors import StoreUnreachable

Record = asyncpg.Record
# Quoted: asyncpg's classes are generic for the type checker only.
Connection: TypeAlias = "asyncpg.Connection[Record] | PoolConnectionProxy[Record]"
Pool: TypeAlias = "asyncpg.Pool[Record]"
#: Postgres refuses a statement itself (class 42 of its errors), and would the next time.
StatementRefused = asyncpg.SyntaxOrAccessError
_CONNECT = 10.0  # seconds for a new connection
#: What connecting raises where there is no server, it is going, it wants nobody, or the address is none.
_REFUSED: tuple[type[BaseException], ...] = (*AWAY, asyncpg.PostgresError, ValueError)


@dataclass(frozen=True, slots=True)
class Database:
    """A pool of connections to one Postgres database."""

    pool: Pool
    #: Where it is, password included, for processes that look at the same snapshot.
    dsn: str = field(repr=False)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection inside one transaction: committed at the end, rolled back on any error."""
        async with self.pool.acquire() as connection, connection.transaction():
            yield connection

    async def close(self) -> None:
        """Close every connection, waiting for those in use."""
        await self.pool.close()


@asynccontextmanager
async def transaction(connection: "Connection | Pool") -> AsyncIterator[Connection]:
    """A transaction on this connection, within the one that may be open on it, or on one of this pool."""
    if isinstance(connection, asyncpg.Pool):
        async with connection.acquire() as own, own.transaction():
            yield own
    else:
        async with connection.transaction():
            yield connection


def columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    """Rows as statements with `unnest` take them: one list for each of so many columns, also where there are no rows."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]


async def connect(dsn: str, *, min_size: int = 1, max_size: int = 10) -> Database:
    """Open a pool.

    Raises:
        StoreUnreachable: nothing answered at the address, or it refused the user.
    """
    try:
        pool = await asyncpg.create_pool(
            dsn,
            min_size=min_size,
            max_size=max_size,
            init=_prepare,
            reset=_as_it_is,
            command_timeout=60,
            timeout=_CONNECT,
        )
    except _REFUSED as error:
        raise StoreUnreachable(
            f"no Postgres at {_where(dsn)} ({type(error).__name__}: {error}); set JOURNEYS_DATABASE_URL"
        ) from error
    return Database(pool, dsn)


async def alive(dsn: str, seconds: float) -> bool:
    """Whether a server answers a question at this address within so many seconds."""
    connection: asyncpg.Connection[Record] | None = None
    try:
        async with asyncio.timeout(seconds):
            connection = await asyncpg.connect(dsn, timeout=seconds)
            return bool(await connection.fetchval("select true"))
    except _REFUSED:
        return False
    finally:
        if connection is not None:
            connection.terminate()


async def _prepare(connection: Any) -> None:
    for name in ("json", "jsonb"):
        await connection.set_type_codec(name, schema="pg_catalog", encoder=_encode, decoder=orjson.loads, format="text")


async def _as_it_is(connection: Any) -> None:
    """A connection goes back to the pool without asyncpg's round trip that forgets the session's state.

    Settings are the transaction's, and who locks or makes something for the session undoes it; the pool itself rolls back.
    """


def _encode(value: Any) -> str:
    return orjson.dumps(value).decode()


def _where(dsn: str) -> str:
    parts = urlsplit(dsn)
    try:
        return f"{parts.hostname or 'localhost'}:{parts.port or 5432}{parts.path}"
    except ValueError:  # the port is no number; the user and password before it must not be shown
        return "the address given"
