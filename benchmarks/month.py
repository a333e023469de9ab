"""A month of events played again from Postgres: `journeys simulate` over a shop that is written for it.

Promise: the events are in Postgres before the clock starts; what is timed is reading, deciding and counting, in as many
processes as there are cores.
"""

import os
import random
import resource
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import UUID

from benchmarks.table import Row
from journeys.catalogue import load
from journeys.simulate import Tally
from store import Database, connect
from store.migrate import migrate
from workers.backcasting import Period, backcast
from workers.memory import long_lived

if TYPE_CHECKING:
    from benchmarks.ground import Ground

_BEGIN, _LONG = datetime(2026, 1, 5, tzinfo=UTC), timedelta(days=30)
_EVENTS_EACH, _BUDGET = 25, 120
#: The triggers mark customers for the watch, and keep what it asks for; a past is nobody's news.
_QUIET = "set local session_replication_role = replica"
_USUAL = (
    *("Page Viewed",) * 40, *("Product Viewed",) * 28, *("Application Opened",) * 18, *("Product Added",) * 8,
    *("Order Completed",) * 3, *("Content Viewed",) * 2, "NPS Answered",
)  # fmt: skip


async def month(ground: "Ground") -> list[Row]:
    """The rows, as one of all benchmarks."""
    dsn = await ground.database("month")
    database = await connect(dsn, max_size=1)
    try:
        await migrate(database)
        ground.say(f"writing {ground.sizes.recorded:,} events of a month")
        await write(database, ground.sizes.recorded)
        ground.say("playing them through the reference catalogue")
        return await measure(database, ground.sizes.recorded)
    finally:
        await database.close()


async def measure(database: Database, events: int) -> list[Row]:
    """How long it takes, and how large the processes get."""
    catalogue, processes = load("definitions"), os.cpu_count() or 1
    long_lived()
    began, worked = time.monotonic(), _worked()
    period = Period(_BEGIN, _BEGIN + _LONG, timedelta(days=14))
    found = await backcast(database, catalogue, period, lambda *_: None, processes=processes)
    took, worked = time.monotonic() - began, _worked() - worked
    memory = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) // 1024
    return [
        Row(
            f"a month of {events:,} events, simulated",
            f"{took:,.0f} s",
            f"<= {_BUDGET * events / 1_000_000:,.0f} s",
            f"{processes} processes, {worked:,.0f} s of processor time in all, {memory:,} MB the largest, {_told(found)}",
        )
    ]


def _worked() -> float:
    """The processor time of this process and of those that it has started, once they have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _told(found: Tally) -> str:
    return f"{sum(found.entries.values()):,} runs, {sum(found.fates.values()):,} messages"


async def write(database: Database, events: int) -> None:
    """Customers with three addresses and consents each, and what they did, in the order of time."""
    customers = events // _EVENTS_EACH
    async with database.transaction() as connection:
        await connection.execute(_QUIET)
        await connection.execute(
            "insert into profile (id, traits, traits_at, created_at, updated_at)"
            """ select i, '{"firstName": "Ana", "timezone": "Europe/Madrid"}', '{}', $2, $2 from unnest($1::uuid[]) i""",
            [UUID(int=n + 1) for n in range(customers)],
            _BEGIN - timedelta(days=1),
        )
        for channel in ("push", "whatsapp", "email"):
            await connection.execute(
                "insert into endpoint (id, profile_id, channel, address, first_seen_at, last_seen_at, named_at)"
                " select gen_random_uuid(), id, $1, $1 || id, created_at, created_at, created_at from profile",
                channel,
            )
            await connection.execute(
                "insert into consent (profile_id, channel, address, purpose, state, said_by, source, at, received_at)"
                " select id, $1, $1 || id, 'marketing', 'granted', 'customer', 'bench', created_at, created_at from profile",
                channel,
            )
        rows = _events(events, customers)
        while some := list(islice(rows, 20_000)):
            await connection.execute(
                "insert into event (profile_id, ts, type, kind, message_id, properties, source, received_at)"
                " select who, at, type, 'track', id, told, 'bench', at"
                " from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::jsonb[])"
                " as e (who, at, type, id, told)",
                *zip(*some, strict=True),
            )
    await database.pool.execute("analyze")


def _events(events: int, customers: int) -> Iterator[tuple[Any, ...]]:
    chance, step = random.Random(7), _LONG / events
    for n in range(events):
        at, kind = _BEGIN + n * step, chance.choice(_USUAL)
        who = UUID(int=chance.randrange(customers) + 1)
        yield who, at, kind, f"m-{n}", _properties(kind, chance, n)


def _properties(kind: str, chance: random.Random, n: int) -> dict[str, Any]:
    match kind:
        case "Order Completed":
            return {"total": chance.randrange(10, 300), "order_id": f"o-{n}"}
        case "NPS Answered":
            return {"score": chance.randrange(11)}
        case "Content Viewed":
            return {"content": "prices", "intent": "high" if chance.random() < 0.2 else "low"}
        case "Product Viewed" | "Product Added":
            platform = "ios" if chance.random() < 0.1 else "web"
            return {"product_id": f"p-{n % 500}", "name": "Boots", "price": chance.randrange(5, 200), "platform": platform}
    return {"path": "/x"}
