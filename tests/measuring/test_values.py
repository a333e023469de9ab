"""What customers did after they were exposed, by day: as it comes, again from the events, and by hand: all three are one."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID

import asyncpg
import pytest

from activities.measuring.folding import COMPANYS, Folding
from activities.measuring.looking import REVENUE, look
from activities.measuring.values import CANCELLED, REFUNDED
from journeys.clock import Clock
from journeys.policies import Conversion
from segments import did, purchases
from store import Connection, Database
from store.customers import erasure
from store.customers.undo import undo
from store.deliveries.feedback import NewEvent, store_events
from store.locks import Lock
from store.measuring import sums, values
from store.measuring.values import Declared
from tests.measuring.shop import DAY, START, RandomShop, Rule, counted, summed

RULES = {
    "carts": (Conversion(by=purchases, currency="EUR", cap=150), Rule(("Order Completed",), 7 * DAY, currency="EUR", cap=150)),
    "drives": (
        Conversion(by=did("Drive Completed") | purchases, within=3 * DAY, since="entry", before=2 * DAY),
        Rule(("Drive Completed", "Order Completed"), 3 * DAY, 2 * DAY, from_entry=True),
    ),
    "silent": (None, None),
}
COMPANY = Rule(("Order Completed",), 28 * DAY)
BY_HAND = {journey: rule for journey, (_, rule) in RULES.items()}


@pytest.fixture
async def folding(database: Database) -> Folding:
    """With the rules of three journeys, of which one counts nothing."""
    ours = frozenset({REFUNDED, CANCELLED})
    declared = [Declared("", "", COMPANYS.to_json(), COMPANYS.types | ours)]
    for journey, (rule, _) in RULES.items():
        for version in ("v1", "v2"):
            told = rule.to_json() if rule else None
            declared.append(Declared(journey, version, told, rule.types | ours if rule else frozenset()))
    await values.declare(database, declared, START)
    return Folding(database, None, Clock())


async def live(database: Database, folding: Folding, seed: int, merges: Sequence[tuple[int, int]] = ()) -> RandomShop:
    """A random shop, folded now and then while it lives."""
    shop = RandomShop(database, Random(seed))
    await shop.customers(30)
    for n, step in enumerate(shop.steps):
        await step()
        if merges and n == len(shop.steps) // 2:
            await shop.merges(*merges[0])
        if shop.random.random() < 0.15:
            await folding.fold()
    await folding.fold()
    return shop


async def days(database: Database) -> list[date]:
    rows = await database.pool.fetch("select distinct day from daily_sum order by day")
    return [row["day"] for row in rows]


@pytest.mark.parametrize("seed", range(5))
async def test_incremental_sums_are_the_events_whatever_their_order(database: Database, folding: Folding, seed: int) -> None:
    await live(database, folding, seed, merges=[(3, 4)])
    by_hand = await counted(database, BY_HAND, COMPANY)
    assert {key[-1] for key in by_hand} == {"exposed", "conversion", "orders", "revenue", "gross", "refunds", "order value"}
    assert await summed(database) == by_hand
    for day in await days(database):
        assert await folding.recompute(day) == []
    assert await summed(database) == by_hand


async def test_the_same_events_in_another_order_give_the_same_sums(database: Database, folding: Folding) -> None:
    shop = await live(database, folding, 21)
    first = await summed(database)
    await database.pool.execute("truncate daily_sum, customer_value, event, event_dedupe, dirty")
    shop.random.shuffle(shop.steps)
    for step in shop.steps:  # who is exposed twice stays in the arm that they were in
        await step()
    await database.pool.execute("insert into customer_touched (profile_id) select profile_id from exposure")
    await folding.fold()
    assert await summed(database) == first


async def test_a_merge_that_is_noticed_and_taken_back_moves_the_sums_there_and_back(
    database: Database, folding: Folding
) -> None:

    shop = await live(database, folding, 33)
    apart = await summed(database)
    await shop.merges(0, 1)
    await folding.fold()
    assert await summed(database) == await counted(database, BY_HAND, COMPANY) != apart
    await undo(database, await database.pool.fetchval("select max(id) from merge"), START, "somebody")
    await folding.fold()
    assert await summed(database) == await counted(database, BY_HAND, COMPANY) == apart


async def test_a_rule_that_changes_looks_at_everybody_again(database: Database, folding: Folding) -> None:
    await live(database, folding, 5)
    rule = Conversion(by=did("Drive Completed"), within=DAY)
    declared = [Declared("carts", version, rule.to_json(), rule.types | {REFUNDED, CANCELLED}) for version in ("v1", "v2")]
    await values.declare(database, declared, START + DAY)
    await folding.fold()
    changed = await counted(database, BY_HAND | {"carts": Rule(("Drive Completed",), DAY)}, COMPANY)
    # Orders are purchases all the same, only for a day and in any currency.
    assert await summed(database) == changed
    companys = Conversion(by=did("Order Completed"), within=2 * DAY)
    await values.declare(database, [Declared("", "", companys.to_json(), companys.types)], START + DAY)
    await folding.fold()
    shorter = Rule(("Order Completed",), 2 * DAY)
    assert await summed(database) == await counted(database, BY_HAND | {"carts": Rule(("Drive Completed",), DAY)}, shorter)
    fresh = [declared[0]._replace(version="v3")]
    await values.declare(database, [*declared, *fresh], START + 2 * DAY)
    assert await database.pool.fetchval("select count(*) from customer_touched") == 0, "nobody was exposed under what is new"


async def test_who_is_erased_stays_in_the_sums_without_the_person_also_where_a_day_is_added_up_anew(
    database: Database, folding: Folding
) -> None:
    shop = await live(database, folding, 8)
    before = await summed(database)
    known = await database.pool.fetch("select distinct profile_id from customer_value")
    for row in known[:4]:
        begun = await erasure.begin(database, row["profile_id"], lambda *_: b"", at=START, by="test")
        assert begun is not None
        await erasure.purge(database, begun.id, START)
        await shop.steps[0]()
    await folding.fold()
    assert await summed(database) == before
    held = await database.pool.fetchval(
        "select count(*) from customer_value where profile_id = any($1)", [r[0] for r in known[:4]]
    )
    assert held == 0
    assert await database.pool.fetchval("select sum(n) from kept_sum where metric = 'exposed'") > 0
    for day in await days(database):
        assert await folding.recompute(day) == []
    assert await summed(database) == before


async def test_what_retention_takes_stays_in_the_sums_also_where_a_day_is_added_up_anew(
    database: Database, folding: Folding
) -> None:
    await live(database, folding, 13)
    before = await summed(database)
    async with database.transaction() as connection:
        assert await values.close(connection, START - 20 * DAY) > 0
    await database.pool.execute("delete from event where ts < $1", START - 20 * DAY)
    await database.pool.execute("insert into customer_touched (profile_id) select profile_id from exposure")
    await folding.fold()
    assert await summed(database) == before
    for day in await days(database):
        assert await folding.recompute(day) == []
    assert await summed(database) == before


async def closed_and_declared(database: Database, folding: Folding, rule: Conversion) -> None:
    """What looks at events of before `START` is closed, they go, and another rule of the company's is declared."""
    async with database.transaction() as connection:
        assert await values.close(connection, START - 28 * DAY + timedelta(hours=20)) > 0
    await database.pool.execute("delete from event where ts < $1", START - 28 * DAY + timedelta(hours=20))
    await values.declare(database, [Declared("", "", rule.to_json(), rule.types | {REFUNDED, CANCELLED})], START + DAY)
    await folding.fold()


@pytest.mark.parametrize("before", [DAY, 60 * DAY])
async def test_another_rule_after_retention_neither_counts_anybody_twice_nor_loses_them(
    database: Database, folding: Folding, before: timedelta
) -> None:
    await live(database, folding, 13)
    people = {key: change for key, change in (await summed(database)).items() if key[-1] == "exposed"}
    stood = await summed(database)
    held = await database.pool.fetch("select profile_id, changes from customer_value where experiment = '$holdout'")
    await closed_and_declared(database, folding, replace(COMPANYS, before=before, within=2 * DAY))
    left = await database.pool.fetch("select profile_id, changes from customer_value where experiment = '$holdout'")
    assert 0 < len(left) < len(held), "some are closed, some can still be counted"
    assert {key: change for key, change in (await summed(database)).items() if key[-1] == "exposed"} == people
    if before > COMPANYS.before:
        assert await summed(database) == stood, "nobody can be counted whole by it: all stand as they did"
        assert await database.pool.fetchval("select bool_and(not whole) from customer_value where experiment = '$holdout'")
    for day in await days(database):
        assert await folding.recompute(day) == []
    await values.declare(database, [Declared("", "", COMPANYS.to_json(), COMPANYS.types | {REFUNDED, CANCELLED})], START + DAY)
    await folding.fold()
    assert await summed(database) == stood, "by the rule of before again"


async def test_who_is_exposed_when_the_events_that_the_rule_asks_for_are_gone_is_exposed_all_the_same(
    database: Database, folding: Folding
) -> None:
    async with database.transaction() as connection:
        await values.close(connection, START)
    await live(database, folding, 13)
    exposed = await database.pool.fetchval("select count(*) from exposure")
    assert sum(change[0] for change in (await summed(database)).values()) == exposed > 0


async def test_a_day_is_added_up_anew_at_any_instant_of_an_erasure(database: Database, folding: Folding) -> None:
    shop = await live(database, folding, 8)
    two = await later_and_earlier(database)
    await shop.merges(*two)  # of which the sums have not heard
    before = await counted(database, BY_HAND, COMPANY)
    begun = await erasure.begin(database, shop.people[two[0]][0], lambda *_: b"", at=START, by="test")
    assert begun is not None
    stood = await summed(database)
    for purging in (False, True, True):
        if purging:
            await erasure.purge(database, begun.id, START)
            stood = await summed(database)
        await folding.fold()
        for day in await days(database):
            assert await folding.recompute(day) == []
        assert await summed(database) == stood
    people = [sum(change[0] for change in each.values()) for each in (stood, before)]
    assert people[0] == people[1], "once, though they were two when they were last counted"


async def later_and_earlier(database: Database) -> tuple[int, int]:
    """Two in one experiment, by their places in the shop: who was exposed later, and who was earlier."""
    row = await database.pool.fetchrow(
        "select a.profile_id, b.profile_id from exposure a join exposure b using (experiment) where a.exposed_at > b.exposed_at"
        " order by experiment, a.exposed_at, b.exposed_at limit 1"
    )
    assert row is not None
    return row[0].int - 1, row[1].int - 1


@pytest.mark.parametrize("erased", [0, 1])
@pytest.mark.parametrize("heard", [False, True])
async def test_a_merge_is_taken_back_and_one_of_the_two_erased_before_the_sums_hear_of_it(
    database: Database, folding: Folding, erased: int, heard: bool
) -> None:
    shop = await live(database, folding, 33)
    people = sum(change[0] for change in (await summed(database)).values())
    two = await later_and_earlier(database)
    await shop.merges(*two)
    await folding.fold()
    assert sum(change[0] for change in (await summed(database)).values()) < people
    await undo(database, await database.pool.fetchval("select max(id) from merge"), START, "somebody")
    begun = await erasure.begin(database, shop.people[two[erased]][0], lambda *_: b"", at=START, by="test")
    assert begun is not None
    if heard:
        await folding.fold()
    for _ in range(2):
        await erasure.purge(database, begun.id, START)
    await folding.fold()
    assert sum(change[0] for change in (await summed(database)).values()) == people
    for day in await days(database):
        assert await folding.recompute(day) == []


async def test_who_was_not_counted_yet_when_they_were_erased_was_exposed(database: Database, folding: Folding) -> None:
    shop = RandomShop(database, Random(8))
    await shop.customers(10)
    for step in shop.steps:
        await step()
    exposed = await database.pool.fetchval("select count(*) from exposure")
    begun = await erasure.begin(database, shop.people[0][0], lambda *_: b"", at=START, by="test")
    assert begun is not None
    await erasure.purge(database, begun.id, START)
    await folding.fold()
    assert sum(change[0] for change in (await summed(database)).values()) == exposed


async def test_the_night_before_the_tick_finds_no_difference_in_what_is_on_its_way(
    database: Database, folding: Folding
) -> None:
    await live(database, folding, 2)
    exposed = await database.pool.fetchrow("select profile_id, exposed_at from exposure where experiment = '$holdout/carts'")
    assert exposed is not None
    at, said = exposed["exposed_at"] + timedelta(hours=1), {"order_id": "new", "revenue": 20}
    async with database.transaction() as connection:
        event = NewEvent(exposed["profile_id"], "new", "Order Completed", at, said)
        assert await store_events(connection, [event], source="shop", at=at)
    assert await database.pool.fetchval("select count(*) from dirty") == 1, "the tick has not heard of it"
    day = exposed["exposed_at"].date()
    wrong = await database.pool.fetchval(
        "update daily_sum set y = y + 1 where ctid = (select ctid from daily_sum where day = $1 and experiment <> '' limit 1)"
        " returning metric",
        day,
    )
    found = [(each.metric, each.had[1] - each.found[1]) for each in await folding.recompute(day)]
    assert found == [(wrong, 1)]
    assert await summed(database) == await counted(database, BY_HAND, COMPANY)


async def test_a_sum_that_is_wrong_is_found_kept_as_a_difference_and_mended(database: Database, folding: Folding) -> None:
    await live(database, folding, 2)
    right = await summed(database)
    day = max(key[0] for key in right if key[-1] == "revenue")
    await database.pool.execute("update daily_sum set y = y + 1 where day = $1 and metric = 'revenue'", day)
    found = await folding.recompute(day)
    assert {(each.metric, each.had[1] - each.found[1]) for each in found} == {("revenue", Decimal(1))}
    assert await summed(database) == right
    assert await sums.differences(database, min(each.at for each in found), 10) == sorted(found, key=lambda each: -each.id)


async def test_an_event_that_nobody_was_told_of_is_found_when_its_day_is_added_up_anew(
    database: Database, folding: Folding
) -> None:
    shop = RandomShop(database, Random(1))
    await shop.customers(3)
    for step in shop.steps:
        await step()
    await folding.fold()
    exposed = await database.pool.fetchrow("select profile_id, exposed_at from exposure where experiment = '$holdout/carts'")
    assert exposed is not None
    at = exposed["exposed_at"] + timedelta(days=1)
    await database.pool.execute(
        "insert into event (profile_id, ts, type, kind, message_id, properties, source, received_at)"
        " values ($1, $2, 'Order Completed', 'track', 'unheard', '{\"revenue\": 20}', 'shop', $2)", exposed["profile_id"], at
    )  # fmt: skip
    await folding.fold()
    assert await summed(database) != await counted(database, BY_HAND, COMPANY)
    assert await folding.recompute(at.date()) != []
    assert await summed(database) == await counted(database, BY_HAND, COMPANY)
    assert await folding.recompute(at.date()) == []
    assert isinstance(exposed["profile_id"], UUID)


async def test_the_arms_of_an_experiment_are_read_by_day_with_their_people(database: Database, folding: Folding) -> None:
    await live(database, folding, 4)
    stand = await summed(database)
    (carts,) = (
        each for each in await look(database, START.date() + 60 * DAY, START.date() + 60 * DAY) if each.name == "$holdout/carts"
    )
    by_hand = [(key, change) for key, change in stand.items() if key[4] == "$holdout/carts"]
    people = sum(change[0] for key, change in by_hand if key[6] == "exposed")
    assert sum(carts.exposed.values()) == people > 0
    for arm in ("withheld", "written to"):
        spent = [change[1] for key, change in by_hand if (key[5], key[6]) == (arm, "revenue")]
        days = [day[arm].y for day in carts.days[REVENUE].values() if arm in day]
        assert sum(Decimal(repr(money)) for money in days) == sum(spent)


async def test_a_process_that_is_killed_while_it_folds_loses_nothing_and_counts_nothing_twice(
    database: Database, folding: Folding
) -> None:
    shop = RandomShop(database, Random(17))
    await shop.customers(10)
    for step in shop.steps:
        await step()

    async def dies(connection: Connection) -> None:
        marks, _ = await values.take_touched(connection, 500)
        assert marks
        here = "database = (select oid from pg_database where datname = current_database())"  # other workers' tests have theirs
        mine = f"select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and classid = $1::oid and {here}"
        await database.pool.execute(mine, int(Lock.SUMS))
        await connection.execute("select")

    with pytest.raises((asyncpg.InterfaceError, asyncpg.PostgresConnectionError)):
        await sums.in_turn(database, dies)
    assert await summed(database) == {}
    await folding.fold()
    assert await summed(database) == await counted(database, BY_HAND, COMPANY)
