"""A shop's past for the watch to look at: profiles, and four weeks of their events, written straight into the tables."""

import asyncpg

from store import connect, migrate

_PROFILES = """
insert into profile (id, traits, traits_at, created_at, updated_at)
select gen_random_uuid(), jsonb_build_object('plan', case when n % 20 = 0 then 'gold' else 'free' end),
       jsonb_build_object('plan', now() - interval '28 days'), now() - interval '28 days', now() - interval '28 days'
from generate_series(1, $1::integer) as n
"""
_IDENTITIES = """
insert into identity (kind, value, profile_id, created_at)
select 'user_id', 'past-' || row_number() over (order by id) - 1, id, created_at from profile
"""
_WEEKS = "select ensure_event_week(now() - n * interval '7 days') from generate_series(-1, 5) as n"
_EVENTS = """
insert into event (profile_id, ts, type, kind, message_id, properties, source, received_at)
select who.id, at.ts, (array['Product Viewed', 'Product Viewed', 'Product Viewed', 'Product Added', 'Products Searched',
       'Order Completed'])[1 + n % 6], 'track', 'past-' || n,
       jsonb_build_object('category', (array['boots', 'tents', 'jackets'])[1 + n % 3], 'price', n % 150), 'past', at.ts
from generate_series(1, $1::integer) as n
join (select id, row_number() over () - 1 as place from profile) as who on who.place = (n * 7919::bigint) % $2::integer
cross join lateral (select now() - (n::float / $1::integer) * interval '28 days' as ts) as at
"""


async def past(dsn: str, profiles: int, events: int) -> None:
    """Migrate a database and fill it; everybody is known as past-0, past-1, …"""
    database = await connect(dsn, max_size=2)
    await migrate(database)
    await database.close()
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(_PROFILES, profiles)
        await connection.execute(_IDENTITIES)
        await connection.execute(_WEEKS)
        await connection.execute(_EVENTS, events, profiles)
        await connection.execute("vacuum analyze")
    finally:
        await connection.close()
