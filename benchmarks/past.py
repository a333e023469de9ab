"""A shop's past for the watch to look at: customers and eight weeks of their events, written straight into the tables.

Promise: the same sizes give the same shop, near enough: few customers do much and many do little, and half of what happens
is looking. Everybody is known as past-0, past-1, …; their ids follow from that.
"""

import asyncio
from collections.abc import Callable

import asyncpg

from store import connect, migrate

WEEKS = 8
_PROFILES = """
insert into profile (id, traits, traits_at, created_at, updated_at)
select md5('past-' || n)::uuid,
       jsonb_build_object('plan', case when n % 20 = 0 then 'gold' else 'free' end, 'age', 18 + n % 60,
                          'address', jsonb_build_object('city', (array['Madrid', 'Sevilla', 'Bilbao', 'Vigo'])[1 + n % 4])),
       jsonb_build_object('plan', since, 'age', since, 'address', since), since, since
from generate_series($1::integer, $2::integer) as n, (select date_trunc('hour', now()) - interval '8 weeks' as since) as born
"""
_IDENTITIES = """
insert into identity (kind, value, profile_id, created_at)
select 'user_id', 'past-' || n, md5('past-' || n)::uuid, now() - interval '8 weeks'
from generate_series($1::integer, $2::integer) as n
"""
#: The triggers mark customers for the watch as they would be marked live; a past is nobody's news.
_QUIET = "set session_replication_role = replica"
_PARTITIONS = "select ensure_event_week(now() - n * interval '7 days') from generate_series(-1, $1::integer) as n"
#: Whose an event is: low numbers far more often than high ones, but nobody more than a few hundred times.
_EVENTS = """
insert into event (profile_id, ts, type, kind, message_id, properties, source, received_at)
select md5('past-' || floor($3::integer * power(random(), 1.3))::integer)::uuid, ts, type, 'track', 'past-' || $4 || '-' || n,
       jsonb_build_object('category', (array['boots', 'tents', 'jackets'])[1 + n % 3], 'price', (n * 7919::bigint) % 150),
       'past', ts
from generate_series(1, $2::integer) as n
cross join lateral (
    select now() - ($1::integer + n::float / $2::integer) * interval '7 days' as ts,
           (array['Product Viewed', 'Product Viewed', 'Product Viewed', 'Product Viewed', 'Product Viewed', 'Product Viewed',
                  'Product Viewed', 'Application Opened', 'Application Opened', 'Application Opened', 'Application Opened',
                  'Products Searched', 'Products Searched', 'Product Added', 'Product Added', 'Order Completed',
                  'Product Viewed', 'Product Viewed', 'Product Viewed', 'Product Viewed'])[1 + n % 20] as type
) as happened
"""
_CUSTOMERS_AT_ONCE = 100_000
_LANES = 2


async def past(dsn: str, customers: int, events: int, say: Callable[[str], None] = lambda _: None) -> None:
    """Migrate a database and fill it: customers, then a week of events at a time."""
    database = await connect(dsn, max_size=2)
    await migrate(database)
    await database.close()
    async with asyncpg.create_pool(dsn, min_size=_LANES, max_size=_LANES, command_timeout=3_600) as pool:
        await pool.execute(_PARTITIONS, WEEKS)
        await _all(pool, [(_PROFILES, each) for each in _ranges(customers)])
        await _all(pool, [(_IDENTITIES, each) for each in _ranges(customers)])
        for week in range(0, WEEKS, _LANES):
            say(f"writing a past of {customers:,} customers and {events:,} events: {week} of {WEEKS} weeks")
            share = events // WEEKS
            await _all(pool, [(_EVENTS, (n, share, customers, str(n))) for n in range(week, week + _LANES)])
        await pool.execute("vacuum analyze")


async def _all(pool: "asyncpg.Pool[asyncpg.Record]", statements: list[tuple[str, tuple[object, ...]]]) -> None:
    async def one(statement: str, arguments: tuple[object, ...]) -> None:
        async with pool.acquire() as connection:
            await connection.execute(_QUIET)
            await connection.execute(statement, *arguments)

    await asyncio.gather(*(one(*each) for each in statements))


def _ranges(customers: int) -> list[tuple[int, int]]:
    starts = range(0, customers, _CUSTOMERS_AT_ONCE)
    return [(start, min(start + _CUSTOMERS_AT_ONCE, customers) - 1) for start in starts]
