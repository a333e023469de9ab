"""Every kind of leaf once, by name, over a generated shop in which most of them are true of some and false of others."""

from datetime import timedelta
from typing import Final

from segments import (
    Predicate,
    any_item,
    bucket,
    consented,
    customers,
    did,
    first,
    held,
    last,
    last_location,
    listed,
    near,
    points,
    prop,
    reachable,
    score,
    top,
    trait,
)
from segments.leaves.crossed import Crossed, Sorted
from store import Database
from tests.segments.shop import T0

ADDED, BOUGHT, OPENED = "Product Added", "Order Completed", "App Opened"
_added, _bought, _opened = did(ADDED), did(BOUGHT), did(OPENED)
WEEK = timedelta(days=7)

LEAVES: Final[dict[str, Predicate]] = {
    "did": _added.within(WEEK),
    "did ever": _bought,
    "did where": _added.where(prop("price") > 50),
    "did so often": _added.within(days=28).at_least(2),
    "did at most": _bought.at_most(1),
    "since last": _bought.since_last(ADDED),
    "since last, never": _bought.since_last(ADDED).at_most(0),
    "then": _added.then(BOUGHT, days=3),
    "without": _added.without(BOUGHT, days=3),
    "between": _added.between(T0 - 2 * WEEK, T0 - WEEK),
    "this month": _added.this_month(),
    "at hours": _added.at_hours(9, 17).on_days("mon", "tue"),
    "last": last(BOUGHT).where(prop("price") < 50),
    "last, items": last(BOUGHT).where(any_item("products", prop("kind") == "boots")),
    "first within": first(BOUGHT).within(days=20),
    "first where": first(BOUGHT).where(prop("price") < 50),
    "total": _bought.within(days=28).total("price") > 60,
    "total, none": _bought.total("price") <= 60,
    "average": _added.average("price") > 60,
    "distinct": _added.distinct("products.kind") >= 2,
    "versus": _added.count() > _bought.count(),
    "share": _bought.total("price") / _added.total("price") > 0.5,
    "versus since": _bought.since_last(ADDED).count() >= _opened.since_last(ADDED).count(),
    "in each": _added.in_each(3, weeks=1),
    "held": held(_added.within(WEEK) & ~_bought.within(WEEK), days=2),
    "held trait": held((trait("plan") == "gold") & _added, days=2),
    "listed": listed("vip"),
    "crossed": Crossed("churn", 0.7, 0.6),
    "sorted": Sorted("styles", "loyal"),
    "near": near(40.4, -3.7, km=5, of=last_location.within(days=28)),
    "top": top(20, _bought.within(days=28).total("price")),
    "score": score(points(5, _added), points(3, _bought.within(WEEK)), points(-2, last(BOUGHT).where(prop("price") < 50))) >= 5,
    "trait": trait("plan") == "gold",
    "date": trait("ends").within_next(days=3),
    "bucket": bucket(30, "salt"),
    "customers": customers(*(f"u-{n}" for n in range(20))),
    "consented": consented("whatsapp"),
    "reachable": reachable("push"),
}

#: What happens stands on whole hours and days before T0, so that a tick between two of them moves nobody else by time.
_FILL = (
    """
    insert into profile (id, traits, traits_at, traits_from, created_at, updated_at, merged_into)
    select md5('c-' || n)::uuid,
           jsonb_build_object('plan', case when n % 5 = 0 then 'gold' else 'free' end, 'timezone',
                              (array['Europe/Madrid', 'Asia/Tokyo', 'nowhere'])[1 + n % 3],
                              'ends', ($3::timestamptz + n % 50 * interval '7 hours')::text),
           jsonb_build_object('plan', $3::timestamptz - interval '60 days'), '{}', $3::timestamptz - interval '61 days', $3,
           case when n % 11 = 10 then md5('c-' || n - 1)::uuid end
    from generate_series($1::integer, $2::integer - 1) as n
    """,
    """
    insert into identity (kind, value, profile_id, created_at)
    select 'user_id', 'u-' || n, md5('c-' || n)::uuid, $3 from generate_series($1::integer, $2::integer - 1) as n
    """,
    """
    insert into consent (profile_id, channel, address, purpose, state, said_by, source, at, received_at)
    select md5('c-' || n)::uuid, channel, channel || '-' || n, 'marketing',
           case when (n + k) % 3 = 0 then 'granted' else 'refused' end, 'sync', 'test', said, said
    from generate_series($1::integer, $2::integer - 1) as n, generate_series(1, 2) as k,
         unnest(array['whatsapp', 'email']) as channel, lateral (select $3::timestamptz - k * interval '1 day' as said) as day
    """,
    """
    insert into endpoint (id, profile_id, channel, address, first_seen_at, last_seen_at, marketing, marketing_at)
    select md5(channel || n)::uuid, md5('c-' || n)::uuid, channel, channel || '-' || n, $3, $3,
           case when n % 3 = 2 then 'granted' else 'refused' end, $3::timestamptz - interval '1 day'
    from generate_series($1::integer, $2::integer - 1) as n, unnest(array['whatsapp', 'email']) as channel
    """,
    """
    insert into endpoint (id, profile_id, channel, address, first_seen_at, last_seen_at, invalid_at)
    select md5('e-' || n)::uuid, md5('c-' || n)::uuid, 'push', 'token-' || n, $3, $3,
           case when n % 4 = 0 then $3::timestamptz end
    from generate_series($1::integer, $2::integer - 1) as n
    """,
    """
    insert into event (profile_id, ts, type, kind, message_id, properties, source, received_at)
    select md5('c-' || n)::uuid, ts,
           (array['Product Added', 'Order Completed', 'Product Added', 'App Opened', 'Location Updated', 'App Opened',
                  'Order Completed', '$list:vip',
                  case n % 3 when 0 then '$crossed:churn:0.7:0.6' when 1 then '$crossed:styles'
                              else 'Rare ' || n % 7 end])[1 + (n + k) % 9],
           'track', 'm-' || n || '-' || k,
           jsonb_build_object('price', (n * 7 + k * 31) % 120, 'listed', (n + k) % 2 = 0, 'over', (n + k) % 2 = 0,
                              'kind', (array['loyal', 'new'])[1 + (n + k) % 2],
                              'lat', 40.4 + n % 10 * 0.01,
                              'lon', -3.7, 'products', jsonb_build_array(jsonb_build_object('kind', kind))),
           'test', ts
    from generate_series($1::integer, $2::integer - 1) as n, generate_series(0, 9) as k,
         lateral (select $3::timestamptz - (1 + (n * 13 + k * 131) % 1000) * interval '1 hour' as ts,
                        (array['boots', 'hat'])[1 + (n + k) % 2] as kind) as happened
    """,
)
_QUIET = "set local session_replication_role = replica"  # a past is nobody's news
_NO_STATISTICS = """
select 'alter table ' || c.oid::regclass || ' set (autovacuum_enabled = off)' from pg_class c
where relkind = 'r' and relnamespace = 'public'::regnamespace
"""


async def fill(database: Database, start: int, end: int) -> None:
    """Customers `start` up to but without `end`, ten events each; nobody gathers statistics but the test."""
    async with database.transaction() as connection:
        for row in await connection.fetch(_NO_STATISTICS):
            await connection.execute(row[0])
        await connection.execute(_QUIET)
        for each in _FILL:
            await connection.execute(each, start, end, *([T0] if "$3" in each else []))
