"""What people ask about segments, as rows: sizes, days, members, overlaps, silence, coverage, stored definitions, lists."""

from datetime import date, timedelta
from uuid import uuid4

import pytest

from segments import Segment, did, trait
from store import Database
from store.lists import change, on_list, on_lists, resolve
from store.segments.rows import (
    coverage,
    days,
    delete_stored,
    evaluated,
    last_heard,
    members,
    overlaps,
    put_stored,
    stored,
)
from store.segments.sizes import sizes
from tests.segments.shop import T0, Shop

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
recent = Segment("recent", did("App Opened").within(days=2))


@pytest.fixture
async def shop(database: Database) -> Shop:
    return Shop(database)


async def test_a_size_over_time_is_counted_back_from_today(shop: Shop) -> None:
    ana, bob, eva = [await shop.customer() for _ in range(3)]
    await shop.event(eva, "App Opened", T0 - HOUR)
    await shop.load(recent)  # eva is in already: a member without a line in the log
    await shop.event(ana, "App Opened", T0 + DAY)
    await shop.event(bob, "App Opened", T0 + DAY)
    await shop.tick(T0 + DAY)
    await shop.tick(T0 + 4 * DAY)
    assert await sizes(shop.database, ["recent", "none"]) == {"recent": 0, "none": 0}
    first = T0.date()
    found = await days(shop.database, "recent", first, first + timedelta(days=4))
    assert [(day.entered, day.left, day.size) for day in found] == [(0, 0, 1), (2, 0, 3), (0, 1, 2), (0, 2, 0), (0, 0, 0)]
    assert [day.day for day in found] == [first + timedelta(days=n) for n in range(5)]


async def test_before_it_was_first_evaluated_a_size_is_not_known(shop: Shop) -> None:
    """FAULTS F4."""
    await shop.event(await shop.customer(), "App Opened", T0 - HOUR)
    await shop.load(recent)
    found = await days(shop.database, "recent", (T0 - 3 * DAY).date(), T0.date())
    assert [day.size for day in found] == [None, None, None, 1]


async def test_what_happened_after_the_last_day_asked_for_is_counted_back_too(shop: Shop) -> None:
    ana = await shop.customer()
    await shop.load(recent)
    await shop.event(ana, "App Opened", T0 + DAY)
    await shop.tick(T0 + DAY)
    [day] = await days(shop.database, "recent", T0.date(), T0.date())
    assert (day.entered, day.size) == (0, 0)
    assert [d.size for d in await days(shop.database, "recent", date(2026, 11, 17), date(2026, 11, 18))] == [1, 1]


async def test_evaluated_is_what_the_slowest_shard_has_done_of_this_version(shop: Shop) -> None:
    await shop.load(recent, shard=0, shards=2, at=T0)
    await shop.load(recent, shard=1, shards=2, at=T0 + HOUR)
    assert await evaluated(shop.database, {"recent": recent.version}) == {"recent": T0}
    assert await evaluated(shop.database, {"recent": "another"}) == {}


async def test_members_come_in_pages_with_the_traits_that_were_asked_for(shop: Shop) -> None:
    people = sorted([await shop.customer(city="Madrid", age=n, secret="x") for n in range(3)])
    adults = Segment("all", trait("city") == "Madrid")
    await shop.load(adults)
    first = await members(shop.database, "all", ["age", "city"], limit=2)
    assert [member.profile_id for member in first] == people[:2]
    assert all(set(member.traits) == {"age", "city"} for member in first)
    [last] = await members(shop.database, "all", ["age"], limit=2, after=first[-1].profile_id)
    assert (last.profile_id, last.entered_at) == (people[2], T0)


async def test_overlaps_are_of_pairs_that_share_somebody(shop: Shop) -> None:
    for n in range(10):
        await shop.customer(n=n)
    small, large = Segment("small", trait("n") < 2), Segment("large", trait("n") < 8)
    apart = Segment("apart", trait("n") == 9)
    await shop.load(small, large, apart)
    [pair] = await overlaps(shop.database, await sizes(shop.database, ["small", "large", "apart"]))
    assert ({pair.one, pair.other}, pair.shared) == ({"small", "large"}, 2)
    assert (pair.jaccard, pair.containment) == (0.25, 1.0)


async def test_the_last_event_of_a_type_is_not_one_from_the_future(shop: Shop) -> None:
    ana = await shop.customer()
    await shop.event(ana, "Product Added", T0)
    await shop.event(ana, "Product Added", T0 + HOUR)
    await shop.event(ana, "Other", T0)
    heard = await last_heard(shop.database, ["Product Added", "Never"], T0 + HOUR / 2)
    assert heard == {"Product Added": T0}


async def test_coverage_counts_who_has_a_trait_and_how_old_it_is(shop: Shop) -> None:
    ana, bob = await shop.customer(age=30), await shop.customer(age=None)
    await shop.customer()
    await shop.identify(ana, T0 - 400 * DAY, city="Madrid")
    await shop.identify(bob, T0, city="Lima")
    customers, found = await coverage(shop.database, T0 - 365 * DAY)
    assert customers == 3
    assert [(each.trait, each.having, each.outdated) for each in found] == [("age", 1, 0), ("city", 2, 1)]
    age, city = found
    assert (age.newest_at, city.newest_at, city.median_at) == (None, T0, T0 - 400 * DAY)


async def test_coverage_says_where_traits_come_from_and_how_sure_they_are(shop: Shop) -> None:
    people = [await shop.customer() for _ in range(4)]
    for n, (source, sure) in enumerate([("crm", None), ("model", 0.4), ("model", 0.9), ("web", None)]):
        await shop.say(people[n], T0 + n * HOUR, {"likes": n}, source, sure)
    await shop.customer(likes=1)
    _, [likes] = await coverage(shop.database, T0)
    assert (likes.having, likes.inferred, likes.median_confidence, likes.newest_at) == (5, 2, 0.4, T0 + 3 * HOUR)
    found = {each.source: (each.having, each.newest_at) for each in likes.sources}
    assert found == {"crm": (1, T0), "model": (2, T0 + 2 * HOUR), "web": (1, T0 + 3 * HOUR), None: (1, None)}


async def test_coverage_of_one_segment_and_of_nobody(shop: Shop) -> None:
    await shop.customer(city="Madrid", tier="gold")
    await shop.customer(city="Lima")
    await shop.load(Segment("gold", trait("tier") == "gold"))
    customers, found = await coverage(shop.database, T0, "gold")
    assert (customers, [(each.trait, each.having) for each in found]) == (1, [("city", 1), ("tier", 1)])
    assert await coverage(shop.database, T0, "nobody-is-in-this") == (0, [])


async def test_a_stored_definition_is_made_changed_deleted_and_made_anew(database: Database) -> None:
    definition = recent.to_json()

    async def put(version: str, n: int) -> bool:
        return await put_stored(database, "recent", version, definition, announce=False, by="ana", at=T0 + n * HOUR)

    assert [await put("v1", 0), await put("v2", 1)] == [True, False]
    [row] = await stored(database)
    assert (row.version, row.created_at, row.updated_at, row.deleted_at) == ("v2", T0, T0 + HOUR, None)
    assert await delete_stored(database, "recent", by="bob", at=T0 + 2 * HOUR)
    assert not await delete_stored(database, "recent", by="bob", at=T0 + 2 * HOUR)
    [row] = await stored(database)
    assert (row.by, row.deleted_at) == ("bob", T0 + 2 * HOUR)
    assert await put("v3", 3)
    [row] = await stored(database)
    assert (row.created_at, row.deleted_at) == (T0 + 3 * HOUR, None)


async def test_a_list_changes_once_however_often_it_is_told(shop: Shop) -> None:
    ana, bob = await shop.customer(), await shop.customer()

    async def told(*people: object, on: bool, at: object = T0) -> int:
        async with shop.database.transaction() as connection:
            return await change(connection, "vips", "$list:vips", people, on=on, by="eva", at=at)  # type: ignore[arg-type]

    assert [await told(ana, ana, bob, on=True), await told(ana, on=True)] == [2, 0]
    assert await told(ana, on=False, at=T0 - HOUR) == 1  # a clock behind ours: still after what it undoes
    async with shop.database.transaction() as connection:
        assert await on_list(connection, "$list:vips") == {bob}
    assert await on_lists(shop.database, ["$list:vips", "$list:none"]) == {"$list:vips": 1}
    assert await shop.database.pool.fetchval("select count(*) from event") == 3
    marks = await shop.database.pool.fetch("select profile_id, types from dirty order by id")
    assert [(mark["profile_id"], mark["types"]) for mark in marks[-1:]] == [(ana, ["$list:vips"])]
    assert len(marks) == 3


async def test_names_are_resolved_in_their_order(shop: Shop) -> None:
    ana, bob = await shop.customer(), await shop.customer()
    pool = shop.database.pool
    await pool.execute("insert into identity values ('user_id', 'ana', $1, $2)", ana, T0)
    await pool.execute(
        "insert into endpoint (id, profile_id, channel, address, first_seen_at, last_seen_at)"
        " values ($1, $2, 'email', 'ana@example.com', $3, $3)",
        uuid4(),
        ana,
        T0,
    )
    await pool.execute("update profile set merged_into = $1 where id = $2", ana, bob)
    names = [("email", "ana@example.com"), ("user_id", "nobody"), ("customer_id", str(bob)), ("user_id", "ana")]
    async with shop.database.transaction() as connection:
        assert await resolve(connection, names) == [ana, None, ana, ana]
        assert await resolve(connection, []) == []
