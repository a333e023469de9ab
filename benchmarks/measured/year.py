"""A year of a hundred journeys for reports to be made of: their sums by day, and a ledger with its runs and exposures.

Promise: the same sizes give the same year, near enough. Ten messages fell due for each customer; a few journeys send much and
most little, so that many sums are of a handful. Two thirds of the journeys have a holdout of their own, a fifth had an
experiment for sixty days, and the company has a holdout, too. Sums and ledger are of one shape and not of the same messages.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from activities.measuring.folding import COMPANYS
from activities.measuring.values import CANCELLED, REFUNDED
from journeys.policies import Conversion
from segments import purchases
from store import connect
from store.measuring import values
from store.measuring.values import Declared
from store.named import parse

DAYS = 365
EACH = 10  # messages for each customer
#: The ledger's days: a part of the year, so that a day of it is as busy as the busiest.
LEDGER_DAYS = 182
RULE = Conversion(by=purchases, currency="EUR", margin=0.4)
_SQL = {each.name: each.sql for each in parse(Path(__file__).with_name("year.sql").read_text())}
_QUIET = "set session_replication_role = replica"


def journeys(customers: int) -> int:
    """How many there are: a hundred, and fewer in a small shop."""
    return max(10, min(100, customers // 2_000))


def today() -> datetime:
    """The day after the year's last (UTC)."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


async def sums(dsn: str, customers: int, say: Callable[[str], None]) -> int:
    """The sums of the year, and the rules by which conversions are counted; returns how many rows there are."""
    connection = await _shaped(dsn, customers)
    first = (today() - timedelta(days=DAYS)).date()
    due, new = EACH * customers / DAYS, customers / DAYS
    try:
        for start in range(0, DAYS, 73):
            say(f"writing the sums of {EACH * customers:,} messages to {customers:,} customers: {start} of {DAYS} days")
            days = (first, start, min(start + 73, DAYS) - 1)
            await connection.execute(_SQL["messages"], *days, due)
            await connection.execute(_SQL["customers"], *days, due, new)
        await connection.execute("select span_sums()")
        await connection.execute("vacuum analyze daily_sum, spanned_sum, message_day")
        written: int = await connection.fetchval("select count(*) from daily_sum")
    finally:
        await connection.close()
    return written


async def ledger(dsn: str, customers: int, say: Callable[[str], None]) -> int:
    """Runs, exposures and messages of customers that `benchmarks.past` wrote; returns how many messages there are."""
    connection = await _shaped(dsn, customers)
    until = today() + timedelta(hours=1)
    since = until - timedelta(days=LEDGER_DAYS)
    runs = EACH * customers * 2 // 7  # of three and a half steps on average
    try:
        places = await connection.fetchval(
            "select array_agg(low order by n)"
            " from (select n, sum(share) over (order by n) - share as low from bench_journey) as journey"
        )
        span = (until - since) / 13
        for part in range(13):
            say(f"writing a ledger of {EACH * customers:,} messages: {part} of 13 parts")
            first, last = part * runs // 13 + 1, (part + 1) * runs // 13
            await connection.execute(_SQL["runs"], runs, customers, since, until, first, last, [float(each) for each in places])
            # A run's instant follows from its number, so that each part is one span of time.
            times = (since + part * span, since + (part + 1) * span) if part < 12 else (since + part * span, until)
            await connection.execute(_SQL["exposures"], *times)
            await connection.execute(_SQL["deliveries"], *times, until)
        for table in ("run", "exposure", "delivery"):
            await connection.execute(f"vacuum analyze {table}")
        written: int = await connection.fetchval("select count(*) from delivery")
    finally:
        await connection.close()
    return written


async def _shaped(dsn: str, customers: int) -> "asyncpg.Connection[asyncpg.Record]":
    connection = await asyncpg.connect(dsn, command_timeout=3_600)
    await connection.execute(_QUIET)
    if not await connection.fetchval("select exists (select from pg_proc where proname = 'journey_name')"):
        await connection.execute(_SQL["once"])
    await connection.execute(_SQL["shape"].replace("JOURNEYS", str(journeys(customers))).replace("DAYS", str(DAYS)))
    await connection.execute("select setseed(0.5)")
    return connection


async def rules(dsn: str, customers: int) -> None:
    """Each journey counts purchases, in four versions."""
    database = await connect(dsn, max_size=1)
    ours = frozenset({REFUNDED, CANCELLED})
    told = [
        Declared(f"journey-{n:03}", f"v{version}", RULE.to_json(), RULE.types | ours)
        for n in range(1, journeys(customers) + 1)
        for version in range(1, 5)
    ]
    try:
        await values.declare(database, [Declared("", "", COMPANYS.to_json(), COMPANYS.types | ours), *told], datetime.now(UTC))
    finally:
        await database.close()
