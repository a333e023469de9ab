"""The console's pages over a year of ten million messages, with a thousand journeys: time on the server, as a browser asks.

Budget: 200 ms. Beside time stands the processor's, of this process and of those that answer in Postgres, since on a busy
machine time tells of others.
"""

import asyncio
import os
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import asyncpg
import httpx
import psutil

from api import ApiConfig, create_app
from benchmarks.ground import Ground
from benchmarks.measured.year import ledger, rules, sums
from benchmarks.numbers import quantile
from benchmarks.past import past
from benchmarks.table import Row
from journeys import Journey, Segment, did, journey
from journeys.authoring import JourneyDefinition
from store import Database, connect
from store.keys import Grant, Role, create_key

_ROUNDS, _JOURNEYS, _SEGMENTS = 20, 1_000, 20
_BUDGET = "<= 200 ms"
_LARGEST = "journey-001"


async def pages(ground: Ground) -> list[Row]:
    """A row for each page."""
    dsn, customers = await ground.database("console"), ground.sizes.customers
    await past(dsn, customers, ground.sizes.events_each * customers, ground.say)
    await rules(dsn, customers)
    messages = await ledger(dsn, customers, ground.say)
    await sums(dsn, customers, ground.say)
    return [*await measured(dsn), Row("messages on the ledger", f"{messages:,}", "", f"{customers:,} customers")]


async def measured(dsn: str) -> list[Row]:
    """The pages over a database in which the year is written already."""
    segments = {each.name: each for each in (_segment(n) for n in range(_SEGMENTS))}
    async with _browser(dsn, segments) as (browser, database):
        connection = await asyncpg.connect(dsn)
        customer, run = await connection.fetchrow("select profile_id, id from run where journey = $1 limit 1", _LARGEST)
        await connection.close()
        found = {
            "home": "/console",
            "customer": f"/console/customers/{customer}",
            "customer, why not": f"/console/customers/{customer}?journey=journey_0001",
            "journey": "/console/journeys/journey_0001",
            "journey, the largest": f"/console/journeys/{_LARGEST}",
            "run": f"/console/runs/{run}",
            "segments": "/console/segments",
            "segment": "/console/segments/segment-0",
        }
        return [await _row(browser, database, name, path) for name, path in found.items()]


@asynccontextmanager
async def _browser(dsn: str, segments: dict[str, Segment]) -> AsyncIterator[tuple[httpx.AsyncClient, Database]]:
    database = await connect(dsn, max_size=4)
    await database.pool.execute(
        "insert into segment_member (segment, profile_id, entered_at)"
        " select 'segment-' || n, id, now() from generate_series(0, $1 - 1) n, profile"
        " where hashtext(id::text || n) % 4 = 0 on conflict do nothing", _SEGMENTS, timeout=3_600,
    )  # fmt: skip
    await database.pool.execute("vacuum analyze segment_member", timeout=3_600)
    key = await create_key(database.pool, f"bench-{datetime.now(UTC):%H%M%S}", Grant(Role.ADMIN, personal=True))
    catalogue = {each.name: each for each in (_journey(n) for n in range(1, _JOURNEYS + 1))}
    app = create_app(ApiConfig(dsn=dsn, secret="s" * 32, catalogue=catalogue, segments=segments), database=database)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://a", headers={"Origin": "http://a"}, timeout=120
    ) as browser:
        assert (await browser.post("/console/login", data={"key": key})).status_code == 303
        yield browser, database
    await database.close()


async def _row(browser: httpx.AsyncClient, database: Database, name: str, path: str) -> Row:
    answer = await browser.get(path)
    assert answer.status_code == 200, (path, answer.status_code, answer.text[:500])
    ours = "select pid from pg_stat_activity where datname = current_database()"
    answering = [psutil.Process(row["pid"]) for row in await database.pool.fetch(ours)]
    taken, before = list[float](), _spent(answering)
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        await browser.get(path)
        taken.append(1000 * (time.perf_counter() - began))
    spent = 1000 * (_spent(answering) - before) / _ROUNDS
    rows = len(re.findall("<tr>", answer.text))
    size = f"{len(answer.content):,} bytes, {rows} rows"
    note = f"p50 {quantile(taken, 0.5):,.0f} ms, processor {spent:,.0f} ms; n = {_ROUNDS}, {size}"
    return Row(f"page {name}, p95", f"{quantile(taken, 0.95):,.0f} ms", _BUDGET, note)


def _spent(answering: list[psutil.Process]) -> float:
    """Seconds of the processor, here and in Postgres."""
    return time.process_time() + sum(sum(each.cpu_times()[:2]) for each in answering if each.is_running())


def _segment(n: int) -> Segment:
    return Segment(f"segment-{n}", did("Product Viewed").within(days=n + 1))


def _journey(n: int) -> JourneyDefinition:
    async def steps(j: Journey) -> None:
        await j.wait(hours=1)
        await j.push("hello")
        await j.wait(days=1)
        await j.email("hello")

    steps.__name__ = steps.__qualname__ = f"journey_{n:04}"
    steps.__doc__ = "A push, and a letter a day later."
    return journey(entry=_segment(n % _SEGMENTS))(steps)


async def main() -> None:
    """Of a database in which the year is written already: `python -m benchmarks.measured.pages DSN`."""
    for row in await measured(sys.argv[1] if len(sys.argv) > 1 else os.environ["JOURNEYS_DATABASE_URL"]):
        print(f"{row.what:40} {row.measured:>12} {row.budget:>10}  {row.note}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
