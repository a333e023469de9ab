"""No plan is left to an estimate (F2, F9): what a statement reads grows as it must, with fresh, old and no statistics.

Everybody is evaluated in one pass of what a definition asks for, so ten times the customers are ten times the rows; a tick, and
any question about given customers, reads the same few rows however large the shop is.
"""

from collections.abc import Mapping
from datetime import timedelta
from itertools import combinations
from typing import Any
from uuid import UUID

import pytest

from activities.goals import goals_reached
from journeys import Journey, journey
from segments import Predicate, Segment, compiler, did
from segments.membership import Dirty, load, tick
from segments.plans import plan_for_a_few, plan_for_everybody
from segments.thresholds import record
from store import Connection, Database
from tests.profile import LONG, scaled
from tests.segments.every_leaf import ADDED, BOUGHT, LEAVES, fill
from tests.segments.rows_read import Explained, rows_read
from tests.segments.shop import T0

SMALL, LARGE = 300, scaled(3_000, 30_000)
GROWTH = LARGE // SMALL
#: Room for what does not divide evenly; a plan that is wrong is wrong by a factor of hundreds.
ROOM, FEW = 1.6, 1_000
AT = T0 + timedelta(minutes=10)
_WEEKS = "select ensure_event_week($1::timestamptz + n * interval '7 days') from generate_series(-8, 1) as n"
_FORGET = "delete from pg_statistic where starelid in (select oid from pg_class where relnamespace = 'public'::regnamespace)"
#: As the gate asks about one customer: with no settings of ours.
_AS_EVER = "set local plan_cache_mode = auto; set local enable_seqscan = on; set local enable_nestloop = on"
#: For pairs, those kinds that find their events in different ways; all of them in the long profile.
_PAIRED = ("did", "did so often", "since last", "then", "last", "first within", "total, none", "versus", "held", "near", "score",
           "trait", "consented")  # fmt: skip
Read = dict[tuple[str, str], int]


def pairs() -> dict[str, Predicate]:
    """Each two of them, joined in one way or another."""
    names = list(LEAVES) if LONG else _PAIRED
    found: dict[str, Predicate] = {}
    for n, (a, b) in enumerate(combinations(names, 2)):
        one, other = LEAVES[a], LEAVES[b]
        found[f"{a} / {b}"] = (one & other, one & ~other, one | other, ~one & other)[n % 4]
    return found


async def ids_of(connection: Connection) -> list[UUID]:
    """The same twenty customers whatever the size."""
    rows = await connection.fetch("select md5('c-' || n)::uuid as id from generate_series(0, 19) as n")
    return [row["id"] for row in rows]


async def read_by(database: Database, predicates: Mapping[str, Predicate]) -> Read:
    """Rows by way of asking and predicate."""
    found: Read = {}
    async with database.transaction() as connection:
        ids = await ids_of(connection)
        await plan_for_everybody(connection)
        for name, predicate in predicates.items():
            await record(connection, predicate, AT)
            full = compiler.everyone(predicate)
            found["everybody", name] = await rows_read(connection, full.sql, full.args(AT, shard=0, shards=1))
        await plan_for_a_few(connection)
        for name, predicate in predicates.items():
            some = compiler.among(predicate)
            found["a few", name] = await rows_read(connection, some.sql, some.args(AT, ids=ids))
        await connection.execute(_AS_EVER)
        for name, predicate in predicates.items():
            some = compiler.among(predicate)
            found["one", name] = await rows_read(connection, some.sql, some.args(AT, ids=ids[:1]))
    return found


def grown_too_fast(small: Read, large: Read) -> dict[tuple[str, str], tuple[int, int]]:
    """What reads more of the large shop than it must."""
    allowed = {key: rows * (GROWTH if key[0] == "everybody" else 1) * ROOM + FEW for key, rows in small.items()}
    return {key: (small[key], rows) for key, rows in large.items() if rows > allowed[key]}


@pytest.fixture
async def shop(database: Database) -> Database:
    await database.pool.execute(_WEEKS, T0)
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
