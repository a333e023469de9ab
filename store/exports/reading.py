"""Rows of a table as CSV, as Postgres writes it, at the pace of whoever reads.

Promise: one statement, so one instant for all rows; a few chunks in memory however many rows there are; and a connection of
its own, so that a slow reader keeps none from others.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress

import asyncpg

from store.away import AWAY
from store.database import Database
from store.errors import StoreUnreachable
from store.exports.tables import Span, Table

#: Bytes that make a chunk, and chunks that wait for the reader; Postgres sends a row at a time.
_CHUNK = 256 * 1024
_AHEAD = 4
_GONE: tuple[type[BaseException], ...] = (*AWAY, OSError)
_LONGEST = 6 * 3600.0  # seconds, after which a reader has gone to sleep


async def csv(database: Database, table: Table, span: Span, *, ordered: bool = False) -> AsyncGenerator[bytes]:
    """The rows of a span with a line of column names first; empty is NULL, `""` the empty text, instants in UTC.

    Args:
        database: Where; its address is used for a connection that ends with the rows.
        table: What.
        span: Of the table's clock.
        ordered: By the clock, and then all columns, so that the same rows are the same bytes.

    Raises:
        StoreUnreachable: Postgres is away, or went.
    """
    chunks: asyncio.Queue[bytes | None] = asyncio.Queue(_AHEAD)
    copying = asyncio.create_task(_copy(database.dsn, table, span, chunks, ordered=ordered))
    try:
        while (chunk := await chunks.get()) is not None:
            yield chunk
        await copying
    finally:
        copying.cancel()
        with suppress(asyncio.CancelledError, StoreUnreachable):
            await copying


async def _copy(dsn: str, table: Table, span: Span, chunks: asyncio.Queue[bytes | None], *, ordered: bool) -> None:
    try:
        connection = await asyncpg.connect(dsn, server_settings={"TimeZone": "UTC"}, timeout=10)
        try:
            query, gather = _query(table, ordered=ordered), _Gathered(chunks)
            await connection.copy_from_query(query, *span, output=gather.take, format="csv", header=True, timeout=_LONGEST)
            await gather.hand_on()
        finally:
            connection.terminate()  # who stops reading early waits for no rows
    except _GONE as error:
        raise StoreUnreachable(f"Postgres went away in the middle of an export ({type(error).__name__})") from error
    finally:
        with suppress(asyncio.CancelledError):
            await chunks.put(None)


class _Gathered:
    """Small pieces become chunks."""

    def __init__(self, chunks: asyncio.Queue[bytes | None]) -> None:
        self._chunks, self._held = chunks, bytearray()

    async def take(self, piece: bytes) -> None:
        """One more."""
        self._held += piece
        if len(self._held) >= _CHUNK:
            await self.hand_on()

    async def hand_on(self) -> None:
        """What is held becomes a chunk."""
        if self._held:
            await self._chunks.put(bytes(self._held))
            self._held.clear()


def _query(table: Table, *, ordered: bool) -> str:
    """Names come from Postgres's own catalogue, never from a caller."""
    names = [column.name for column in table.columns]
    within = f"($1::timestamptz is null or {table.clock} >= $1) and ($2::timestamptz is null or {table.clock} < $2)"
    order = f" order by {', '.join([table.clock, *names])}" if ordered else ""
    return f"select {', '.join(names)} from reporting.{table.name} where {within}{order}"  # noqa: S608 - as said above
