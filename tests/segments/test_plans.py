"""No plan is left to an estimate (F2, F9): what a statement reads grows as it must, with fresh, old and no statistics.

Everybody is evaluated in one pass of what a definition asks for, so ten times the customers are ten times the rows; a tick, and
any question about given customers, reads the same few rows however large the shop is.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import md5
from itertools import combinations
from typing import Any
from uuid import UUID

import pytest

from activities.gate.goals import end, endings
from activities.templates import Templates
from activities.versions import OnlyOwn, Served
from journeys import Journey, journey
from segments import Predicate, Segment, did
from segments.sql import statements as compiler
from segments.sql.plans import plan_for_a_few, plan_for_everybody
from segments.watch.look import Look
from segments.watch.thresholds import record
from segments.watch.tick import load, tick
from store import Database
from store.runs import rows as runs
from tests.extent import LONG, scaled
from tests.segments.every_leaf import ADDED, BOUGHT, LEAVES, fill
from tests.segments.rows_read import Explained, rows_read
from tests.segments.shop import T0

SMALL, LARGE = 300, scaled(2_000, 30_000)
GROWTH = LARGE // SMALL
#: Room for what does not divide evenly; a plan that is wrong is wrong by a factor of hundreds.
ROOM, FEW = 1.6, 1_000
AT = T0 + timedelta(minutes=10)
#: The same twenty customers whatever the size.
GIVEN = [UUID(md5(f"c-{n}".encode(), usedforsecurity=False).hexdigest()) for n in range(20)]
_WEEKS = "select ensure_event_week($1::timestamptz + n * interval '7 days') from generate_series(-8, 1) as n"
_FORGET = "delete from pg_statistic where starelid in (select oid from pg_class where relnamespace = 'public'::regnamespace)"
#: Statistics come when the test says so: on a busy machine the test outlasts the minute after which autovacuum looks.
_BY_HAND_ONLY = """
do $$
declare
    each regclass;
begin
    for each in select oid from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace loop
        execute format('alter table %s set (autovacuum_enabled = false)', each);
    end loop;
end $$
"""
#: As the gate asks about one customer: with no settings of ours.
_AS_EVER = "set local plan_cache_mode = auto; set local enable_seqscan = on; set local enable_nestloop = on"
#: For pairs, those kinds that find their events in different ways; all of them in the long profile.
_PAIRED = (
    *("did so often", "since last", "then", "last", "first within", "total, none", "versus", "held", "score", "trait"),
    "consented",
)
Read = dict[tuple[str, str], int]


def pairs() -> dict[str, Predicate]:
    """Each two of them, joined in one way or another."""
    names = list(LEAVES) if LONG else _PAIRED
    found: dict[str, Predicate] = {}
    for n, (a, b) in enumerate(combinations(names, 2)):
        one, other = LEAVES[a], LEAVES[b]
        found[f"{a} / {b}"] = (one & other, one & ~other, one | other, ~one & other)[n % 4]
    return found


async def read_by(database: Database, predicates: Mapping[str, Predicate]) -> Read:
    """Rows by way of asking and predicate."""
    found: Read = {}
    async with database.transaction() as connection:
        await plan_for_everybody(connection)
        for name, predicate in predicates.items():
            await record(connection, predicate, AT)
            full = compiler.everyone(predicate)
            found["everybody", name] = await rows_read(connection, full.sql, full.args(AT, shard=0, shards=1))
        await plan_for_a_few(connection)
        for name, predicate in predicates.items():
            some = compiler.among(predicate)
            found["a few", name] = await rows_read(connection, some.sql, some.args(AT, ids=GIVEN))
        await connection.execute(_AS_EVER)
        for name, predicate in predicates.items():
            some = compiler.among(predicate)
            found["one", name] = await rows_read(connection, some.sql, some.args(AT, ids=GIVEN[:1]))
    return found


def grown_too_fast(small: Read, large: Read) -> dict[tuple[str, str], tuple[int, int]]:
    """What reads more of the large shop than it must."""
    allowed = {key: rows * (GROWTH if key[0] == "everybody" else 1) * ROOM + FEW for key, rows in small.items()}
    return {key: (small[key], rows) for key, rows in large.items() if rows > allowed[key]}


@pytest.fixture
async def shop(database: Database) -> Database:
    await database.pool.execute(_WEEKS, T0)
    await database.pool.execute(_BY_HAND_ONLY)
    await database.pool.execute(_FORGET)  # an emptied database still has the statistics of the tests before
    await fill(database, 0, SMALL)
    return database


async def test_every_leaf_reads_what_it_must_with_fresh_old_and_no_statistics(shop: Database) -> None:
    never = await read_by(shop, LEAVES)
    await shop.pool.execute("analyze")
    fresh = await read_by(shop, LEAVES)
    await fill(shop, SMALL, LARGE)
    assert grown_too_fast(fresh, await read_by(shop, LEAVES)) == {}, "by the statistics of when the shop was small"
    await shop.pool.execute("analyze")
    assert grown_too_fast(fresh, await read_by(shop, LEAVES)) == {}, "by the statistics of now"
    await shop.pool.execute(_FORGET)
    assert grown_too_fast(never, await read_by(shop, LEAVES)) == {}, "without statistics"


async def test_every_pair_of_leaves_does_too(shop: Database) -> None:
    never = await read_by(shop, pairs())
    await fill(shop, SMALL, LARGE)
    assert grown_too_fast(never, await read_by(shop, pairs())) == {}, "without statistics"
    if LONG:
        await shop.pool.execute("analyze")
        assert grown_too_fast(never, await read_by(shop, pairs())) == {}, "by the statistics of now"


@journey(entry=Segment("carts", LEAVES["did"]), goal=did(BOUGHT))
async def reminded(j: Journey) -> None:
    """Waits, and is over when its customer orders."""
    await j.wait(days=30)


WATCHED = [Segment(f"s-{n}", predicate) for n, predicate in enumerate(LEAVES.values())]
KEYED = frozenset({WATCHED[0].name})
_HAPPENS = """
with happened as (
    insert into event (profile_id, ts, type, kind, message_id, properties, source, received_at)
    select md5('c-' || n)::uuid, $2, type, 'track', $1 || type || n, '{"price": 70}', 'test', $2
    from generate_series(0, 19) as n, unnest($3::text[]) as type
    returning profile_id
), agreed as (
    insert into consent (profile_id, channel, address, purpose, state, said_by, source, at, received_at)
    select md5('c-' || n)::uuid, 'whatsapp', 'whatsapp-' || n, 'marketing', (array['granted', 'refused'])[1 + n % 2],
           'customer', 'test', $2, $2
    from generate_series(0, 19) as n
)
insert into dirty (profile_id, types, at) select distinct profile_id, $3::text[] || '{$identify}', $2::timestamptz from happened
"""
_EMPTY = """
truncate profile, event, event_dedupe, dirty, segment, segment_member, segment_transition, segment_progress, segment_backfill,
         segment_backfill_member, segment_backfill_mark, segment_alarm, segment_threshold, consent, endpoint, identity, run
         cascade
"""
#: What a tick asks whenever somebody did something.
EVERY_TICK = {
    *("take_dirty", "sweep", "due_alarms", "members", "evaluate", "lock_facts", "deciding_events", "facts_people", "last_left"),
    *(
        "fresh_events",
        "logged",
        "write_transitions",
        "traits_of",
        "set_alarms",
        "advance",
        "open_runs_of",
        "goal",
        "request_exit",
    ),
}
YESTERDAYS_LAST = """
select id from profile where merged_into is null and exists (
    select 1 from event e
    join (select profile_id, max(ts) as ts from event where type = $1 and ts <= now() group by profile_id) last
      on last.profile_id = e.profile_id and last.ts = e.ts
    where e.profile_id = profile.id and e.type = $1 and e.properties ->> 'price' < '50')
and not exists (
    select 1 from event e
    join (select profile_id, max(ts) as ts from event where type = $1 and ts <= now() group by profile_id) last
      on last.profile_id = e.profile_id and last.ts = e.ts
    where e.profile_id = profile.id and e.type = $1 and e.properties ->> 'price' < '20')
"""
YESTERDAYS_TICK = """
select profile_id from event where type = $1 and ts > $2 and ts <= $3 and profile_id = any($4::uuid[])
group by profile_id having count(*) >= 2
"""
OWN = Served(None, {"reminded": reminded.spec}, {}, Templates({}, {}), {}, {}, {})
_RUNS = """
insert into run (id, journey, profile_id, entered_by, entered_at, workflow_id, created_at)
select md5('r-' || n)::uuid, 'reminded', md5('c-' || n)::uuid, 'api', $3, 'w-' || n, $3
from generate_series($1::integer, $2::integer - 1) as n
"""


async def check_goals(look: Look) -> None:
    """As the watch does."""
    open_runs = await runs.open_runs_of(look.connection, list(look.changed))
    over = await endings(look.connection, OnlyOwn(OWN), open_runs, look.at)
    await end(look.connection, over)
    await runs.mark_raced(look.connection, [(id_, each.at) for id_, each in over.items()])


async def read_by_ticks(database: Database, at: datetime) -> Read:
    """Rows of each statement over two ticks in which twenty customers did something."""
    looked = Explained(database.pool)
    for n, types in enumerate(([ADDED, "App Opened"], [BOUGHT])):
        now = at + n * timedelta(minutes=2)
        await database.pool.execute(_HAPPENS, now.isoformat(), now, types)
        found = await tick(looked, WATCHED, 0, 1, now + timedelta(minutes=1), KEYED, check_goals)  # type: ignore[arg-type]
        assert len(found.dirty) >= len(GIVEN) - 1, "one of them was merged"
        assert found.entered + found.left + found.repeated > 20
    return {("a tick", name): rows for name, rows in looked.read.items()}


async def read_in_a_shop_of(database: Database, customers: int, first: str) -> Read:
    """What ticks read in a new shop, after a statement that gathers statistics or does not."""
    await database.pool.execute(_EMPTY)
    await fill(database, 0, customers)
    await database.pool.execute(_RUNS, 0, customers, T0)
    await database.pool.execute(first)
    await load(database, WATCHED, T0)
    return await read_by_ticks(database, T0 + timedelta(minutes=1))


@pytest.mark.parametrize("first", ["select", "analyze"])
async def test_a_tick_reads_the_same_however_large_the_shop_is(shop: Database, first: str) -> None:
    small = await read_in_a_shop_of(shop, SMALL, first)
    assert {name for _, name in small} >= EVERY_TICK
    assert grown_too_fast(small, await read_in_a_shop_of(shop, LARGE, first)) == {}


async def test_a_join_with_the_last_instants_is_found_out(shop: Database) -> None:
    """Yesterday's `last`, as it was planned: one row is expected of the instants, and a loop over all of them follows."""
    small = {("everybody", "last"): await read_of(shop, YESTERDAYS_LAST, [BOUGHT])}
    await fill(shop, SMALL, LARGE)
    assert grown_too_fast(small, {("everybody", "last"): await read_of(shop, YESTERDAYS_LAST, [BOUGHT])})


async def test_a_range_of_events_grouped_by_given_customers_is_found_out(shop: Database) -> None:
    """Yesterday's tick: an unknown stretch of time is taken for a short one, and read whole."""
    given = [ADDED, T0 - timedelta(days=28), T0, GIVEN]
    small = {("a tick", "often"): await read_of(shop, YESTERDAYS_TICK, given, generic=True)}
    await fill(shop, SMALL, LARGE)
    assert grown_too_fast(small, {("a tick", "often"): await read_of(shop, YESTERDAYS_TICK, given, generic=True)})


async def read_of(database: Database, sql: str, arguments: Sequence[Any], *, generic: bool = False) -> int:
    async with database.transaction() as connection:
        if generic:
            await connection.execute("set local plan_cache_mode = force_generic_plan")
        return await rows_read(connection, sql, arguments)
