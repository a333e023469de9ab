"""Segments at size: a generated shop, and what membership costs in it, from ten thousand customers to a million.

Per size: the abandoned cart in full against a query written by hand; a tick over a thousand touched customers; and a live
stream, watched by a process that does nothing but membership. Latency is from the commit of an event to that of its transition.
"""

import asyncio
import gc
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg

from benchmarks.feeder import feed, visits
from benchmarks.ground import Ground
from benchmarks.numbers import latencies, quantile
from benchmarks.past import past
from benchmarks.table import Row
from benchmarks.watcher import segments_named
from segments import Segment, did, purchases
from segments.sql import statements as compiler
from segments.watch.tick import load, tick
from store import Database, connect

_ROUNDS = 7
_TOUCHED = 1_000
_CALM = 120  # seconds after a stream until the watch must be done
#: What an engineer would write for one window: the last addition of each customer, and no order since.
BY_HAND = """
select added.profile_id
from (select profile_id, max(ts) as ts from event where type = 'Product Added' and ts > $1 and ts <= $2 group by 1) as added
where not exists (
    select from event
    where event.profile_id = added.profile_id and type = 'Order Completed' and ts >= added.ts and ts > $1 and ts <= $2)
"""
LATENCIES = """
select extract(epoch from pg_xact_commit_timestamp(t.xmin) - pg_xact_commit_timestamp(e.xmin)) * 1000 as ms
from segment_transition t
join event e on e.profile_id = t.profile_id and e.type = t.cause ->> 'event' and e.message_id = t.cause ->> 'message_id'
where t.cause ->> 'message_id' like $1
"""


@dataclass(frozen=True, slots=True)
class Stream:
    """A live stream: so many events a second, watched with one of the two sets of segments."""

    segments: str
    per_second: int

    def __str__(self) -> str:
        return f"{self.per_second:,} events/s, {len(segments_named(self.segments))} segments"


STREAMS = (Stream("twenty", 5_000), Stream("hundred", 500))


async def membership(ground: Ground) -> list[Row]:
    """The rows of every size, the largest last."""
    largest = ground.sizes.customers
    rows: list[Row] = []
    for customers in sorted({min(10_000, largest), min(100_000, largest), largest}):
        rows += await _of_size(ground, customers, judged=customers == largest)
    return rows


async def _of_size(ground: Ground, customers: int, *, judged: bool) -> list[Row]:
    dsn = await ground.database(f"membership_{customers}")
    await past(dsn, customers, ground.sizes.events_each * customers, ground.say)
    database = await connect(dsn, max_size=8)
    try:
        rows = [*await _in_full(database, ground), *await _touched(database, customers, ground)]
        for stream in STREAMS:
            rows += await _live(database, dsn, customers, stream, ground)
    finally:
        await database.close()
    size = f"{customers:,} customers, {ground.sizes.events_each * customers:,} events"
    return [row._replace(what=f"{row.what}; {size}", budget=row.budget if judged else "") for row in rows]


async def _in_full(database: Database, ground: Ground) -> list[Row]:
    rows = []
    for name, window in (("24 h", timedelta(hours=24)), ("7 d", timedelta(days=7))):
        ground.say(f"the abandoned cart of {name}, in full and by hand")
        ours, hand, members = await _against_hand(database, window)
        note = f"{ours:,.0f} ms against {hand:,.0f} ms, {members:,} members"
        rows.append(
            Row(f"full evaluation of the abandoned cart, {name}, ours / by hand", f"{ours / hand:.2f}", "<= 1.30", note)
        )
    return rows


async def _against_hand(database: Database, window: timedelta) -> tuple[float, float, int]:
    """The medians in milliseconds of rounds in turns, so that neither always reads what the other has just read.

    Each is planned for its values, as a load plans it.
    """
    statement = compiler.everyone(did("Product Added").within(window) & ~purchases.since_last("Product Added"))
    ours: list[float] = []
    hand: list[float] = []
    found: set[str] = set()
    async with database.transaction() as connection:
        await connection.execute("set local plan_cache_mode = force_custom_plan")
        for n in range(_ROUNDS):
            at = datetime.now(UTC)
            both = [(ours, statement.sql, statement.args(at, shard=0, shards=1)), (hand, BY_HAND, [at - window, at])]
            members = []
            for taken, sql, arguments in both if n % 2 else reversed(both):
                milliseconds, found = await _timed(connection, sql, *arguments)
                taken.append(milliseconds)
                members.append(found)
            assert members[0] == members[1], "both must find the same customers"
    return quantile(ours, 0.5), quantile(hand, 0.5), len(found)


async def _timed(
    connection: "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]", sql: str, *args: object
) -> tuple[float, set[str]]:
    gc.collect()
    gc.disable()  # a collection in the middle of one of them takes longer than a day's carts
    began = time.perf_counter()
    rows = await connection.fetch(sql, *args)
    taken = 1000 * (time.perf_counter() - began)
    gc.enable()
    return taken, {str(row[0]) for row in rows}


async def _touched(database: Database, customers: int, ground: Ground) -> list[Row]:
    """A tick when a thousand customers have done something, and its median once everything is warm."""
    cart = Segment("cart", did("Product Added").within(days=7) & ~purchases.since_last("Product Added"))
    rows = []
    for what, segments, budget in (("one segment", [cart], "<= 50 ms"), ("20 segments", segments_named("twenty"), "")):
        ground.say(f"loading {what}, then ticks over {_TOUCHED:,} touched customers")
        began = time.perf_counter()
        await load(database, segments, datetime.now(UTC))
        loaded = time.perf_counter() - began
        spent = await _ticks(database, segments, customers, what)
        rows.append(
            Row(f"tick over {_TOUCHED:,} touched customers, {what}", f"{spent:,.0f} ms", budget, f"loaded in {loaded:,.1f} s")
        )
    return rows


async def _ticks(database: Database, segments: Sequence[Segment], customers: int, name: str) -> float:
    people = list(visits(customers, 2 * _TOUCHED, _ROUNDS + 2))
    spent = []
    for n in range(_ROUNDS + 2):
        await feed(database, f"touched {name} {n}", people[n * _TOUCHED : (n + 1) * _TOUCHED], 1e9)
        began = time.perf_counter()
        await tick(database, segments, 0, 1, datetime.now(UTC))
        spent.append(1000 * (time.perf_counter() - began))
    return quantile(spent[2:], 0.5)


async def _live(database: Database, dsn: str, customers: int, stream: Stream, ground: Ground) -> list[Row]:
    ground.say(f"loading, then {stream} for {ground.sizes.live_seconds} s")
    began = time.perf_counter()
    await load(database, segments_named(stream.segments), datetime.now(UTC))
    loaded = time.perf_counter() - began
    people = list(visits(customers, stream.per_second, ground.sizes.live_warming + ground.sizes.live_seconds))
    warm = stream.per_second * ground.sizes.live_warming
    name = f"live-{stream.per_second}"
    async with ground.watcher(stream.segments, dsn) as process:
        await feed(database, f"warm-{name}", people[:warm], stream.per_second)
        before = process.memory_info().rss
        late = await feed(database, name, people[warm:], stream.per_second)
        await _until_calm(database)
        after = process.memory_info().rss
    waited = [float(row["ms"]) for row in await database.pool.fetch(LATENCIES, f"{name}-%", timeout=600)]
    note = f"loaded in {loaded:,.0f} s" if late < 1 else f"the feeder itself fell {late:.0f} s behind"
    memory = Row(
        f"memory of the watch, {stream}",
        f"{after / before:.0%}",
        "<= 110%",
        f"{before / 2**20:.0f} MB, then {after / 2**20:.0f} MB",
    )
    return [*latencies(f"event commit -> transition commit, {stream}", waited, ("<= 300 ms", "<= 1,000 ms"), note), memory]


async def _until_calm(database: Database) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(_CALM):
            while await database.pool.fetchval("select exists (select from dirty)"):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.25)
