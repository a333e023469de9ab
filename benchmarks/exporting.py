"""An export of a million events beside a bare COPY of the same rows: seconds, and the memory of the process that writes it."""

import resource
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg

from benchmarks.ground import Ground
from benchmarks.table import Row
from store import Database, connect, migrate
from store.exports import Format, Name, Span, csv, tables, written

_BUDGET = 8.0  # seconds


async def exporting(ground: Ground) -> list[Row]:
    """A row for each format."""
    database = await connect(await ground.database("exporting"))
    try:
        await migrate(database)
        return await _measured(ground, database)
    finally:
        await database.close()


async def _measured(ground: Ground, database: Database) -> list[Row]:
    count = ground.sizes.exported
    ground.say(f"writing {count:,} events")
    await _events(database, count // 10)
    table = (await tables(database))[Name.EVENTS]
    for form in Format:
        await _all(written(csv(database, table, Span()), table, form))
    before = _memory()
    await _events(database, count - count // 10)
    bare = await _bare(database)
    rows = [Row(f"bare COPY of {count:,} events as CSV", f"{bare:.1f} s", "")]
    for form in Format:
        ground.say(f"exporting as {form.value}")
        began = time.perf_counter()
        size = await _all(written(csv(database, table, Span()), table, form))
        took = time.perf_counter() - began
        note = f"{size / 1e6:.0f} MB, {took / bare:.2f} of the bare COPY"
        rows.append(Row(f"export of {count:,} events, {form.value}", f"{took:.1f} s", f"<= {_BUDGET:.0f} s", note))
    grown = (_memory() - before) / 1e6
    rows.append(Row("memory for ten times the rows", f"{grown:.0f} MB", "<= 50 MB", "the largest of the process, all formats"))
    return rows


async def _events(database: Database, count: int) -> None:
    await database.pool.execute(
        "insert into event (profile_id, ts, type, kind, message_id, properties, source, received_at)"
        " select gen_random_uuid(), at, 'Product Viewed', 'track', gen_random_uuid()::text,"
        " jsonb_build_object('product_id', 'p-' || n % 999, 'name', 'Trail shoe', 'price', n % 200, 'currency', 'EUR'),"
        " 'web', at"
        " from generate_series(1, $1::int) n, lateral (select $2::timestamptz + n * interval '1 second' as at) x",
        count, datetime(2026, 3, 2, tzinfo=UTC), timeout=600,
    )  # fmt: skip


async def _bare(database: Database) -> float:
    connection = await asyncpg.connect(database.dsn)
    began = time.perf_counter()

    async def nowhere(_: bytes) -> None:
        """As fast as it comes."""

    try:
        await connection.copy_from_query("select * from reporting.events", output=nowhere, format="csv", timeout=600)
    finally:
        await connection.close()
    return time.perf_counter() - began


async def _all(pieces: AsyncIterator[bytes]) -> int:
    return sum([len(piece) async for piece in pieces])


def _memory() -> int:
    """Bytes, the most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
