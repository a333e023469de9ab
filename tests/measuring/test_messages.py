"""What messages came to, by day: added up while it changes, again from the ledger, and by hand: all three are one."""

from datetime import date, timedelta
from decimal import Decimal
from random import Random

import asyncpg
import pytest

from store import Database
from store.measuring import sums
from tests.measuring.messages import START, RandomLedger, counted, summed


async def fold(database: Database) -> int:
    async with sums.alone(database) as connection:
        assert connection is not None
        return await sums.fold_messages(connection)


async def recompute(database: Database, day: date) -> list[sums.Difference]:
    async with sums.alone(database) as connection:
        assert connection is not None
        return await sums.recompute_messages(connection, day, START)


async def apart(database: Database) -> list[str]:
    """Spans, and days of all journeys, whose sums are not those of their days, and days that none counts."""
    rows = await database.pool.fetch(
        "with day as (select days, span_of(day, days) as day, journey, version, step, channel, provider, segment, experiment,"
        " arm, metric, reason, sum(n) as n, sum(y) as y from daily_sum cross join (values (8), (64)) as span (days)"
        " where step <> '' and is_spanned(experiment, metric) group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)"
        " select s::text, d::text from day d full join (select * from spanned_sum where n <> 0 or y <> 0) s"
        " using (days, day, journey, version, step, channel, provider, segment, experiment, arm, metric, reason)"
        " where (s.n, s.y) is distinct from (d.n, d.y)"
    )
    rows += await database.pool.fetch(
        "with together as (select day, channel, provider, metric, reason, sum(n) as n, sum(y) as y from daily_sum"
        " where step <> '' and experiment = '' group by 1, 2, 3, 4, 5)"
        " select m::text, t::text from together t full join (select * from message_day where n <> 0 or y <> 0) m"
        " using (day, channel, provider, metric, reason) where (m.n, m.y) is distinct from (t.n, t.y)"
    )
    return [str(row) for row in rows]


async def live(database: Database, seed: int, count: int = 60) -> RandomLedger:
    """A random ledger, folded now and then while it is written."""
    ledger = RandomLedger(database, Random(seed))
    await ledger.customers(8)
    ledger.messages(count)
    for n, step in enumerate(ledger.steps):
        await step()
        if n == len(ledger.steps) // 2:
            await ledger.merges(0, 1)
        if ledger.random.random() < 0.1:
            await fold(database)
    return ledger


@pytest.mark.parametrize("seed", range(4))
async def test_incremental_sums_are_the_ledgers_whatever_the_order(database: Database, seed: int) -> None:
    await live(database, seed)
    await fold(database)
    by_hand = await counted(database)
    metrics = {key[9] for key in by_hand}
    assert metrics >= {"due", "sent", "skipped", "withheld", "delivered", "opened", "clicked", "bounced", "cost", "replied"}
    assert await summed(database) == by_hand
    assert await apart(database) == []
    for day in {key[0] for key in by_hand}:
        assert await recompute(database, day) == []
    assert await summed(database) == by_hand


async def test_what_is_not_folded_yet_is_folded_before_a_day_is_recomputed(database: Database) -> None:
    ledger = RandomLedger(database, Random(7))
    await ledger.customers(4)
    ledger.messages(20)
    for step in ledger.steps:
        await step()
    day = START.date() + timedelta(days=1)
    assert await recompute(database, day) == [], "nothing is different: it was only not there yet"
    assert await summed(database) == await counted(database)


async def test_a_sum_that_is_wrong_is_found_kept_as_a_difference_and_mended(database: Database) -> None:
    await live(database, 11, 20)
    await fold(database)
    right = await summed(database)
    key = min(key for key in right if key[9] == "due")
    stray = 3
    await database.pool.execute("delete from daily_sum where day = $1 and metric = 'due' and experiment = ''", key[0])
    await database.pool.execute(
        "insert into daily_sum (day, journey, version, step, channel, provider, segment, experiment, arm, metric, reason, n)"
        " values ($1, 'carts', '', 'push:nothing', 'push', '', '', '', '', 'sent', '', $2)", key[0], stray
    )  # fmt: skip
    found = await recompute(database, key[0])
    assert {(each.metric, each.had[0], each.found[0]) for each in found} >= {("sent", Decimal(stray), Decimal(0))}
    assert {each.metric for each in found} == {"sent", "due"}
    assert await summed(database) == right
    assert await apart(database) == []
    assert await sums.differences(database, START, 10) == sorted(found, key=lambda each: -each.id)
    assert (await sums.differing(database, START))["carts"].day == key[0]
    assert await recompute(database, key[0]) == []


async def test_who_dies_while_folding_loses_nothing_and_counts_nothing_twice(database: Database) -> None:
    ledger = RandomLedger(database, Random(6))
    await ledger.customers(8)
    ledger.messages(5)
    for step in ledger.steps:
        await step()
    await database.pool.execute("create function dies() returns trigger language plpgsql as $$ begin raise 'dies'; end $$")
    await database.pool.execute("create trigger dies before insert on daily_sum for each row execute function dies()")
    changes = await database.pool.fetchval("select count(*) from message_change")
    with pytest.raises(asyncpg.RaiseError, match="dies"):
        await fold(database)
    assert await database.pool.fetchval("select count(*) from message_change") == changes
    await database.pool.execute("drop trigger dies on daily_sum; drop function dies")
    assert await fold(database) == changes > 0
    assert await fold(database) == 0
    assert await summed(database) == await counted(database)


async def test_two_do_not_fold_at_once(database: Database) -> None:
    async with sums.alone(database) as first, sums.alone(database) as second:
        assert first is not None
        assert second is None


async def test_what_changes_no_fact_leaves_no_change_behind(database: Database) -> None:
    await live(database, 3, 10)
    await fold(database)
    await database.pool.execute("update delivery set detail = detail || '{\"a\": 1}', gates = '[]', endpoint_id = null")
    assert await database.pool.fetchval("select count(*) from message_change") == 0
