"""Loading definitions: full evaluation, versions and shards, and the time it may take (F2)."""

import json
from datetime import timedelta

import pytest

from segments import Segment, did, reachable, trait
from segments.load.backfill import LoadTooSlow
from segments.load.stored import LiveSegments
from tests.segments.shop import T0, Shop

DAY = timedelta(days=1)
recent = Segment("recent", did("App Opened").within(days=7))


async def test_people_already_in_are_members_without_a_transition(shop: Shop) -> None:
    ana, bob = await shop.customer(), await shop.customer()
    await shop.event(ana, "App Opened", T0 - DAY)
    [loaded] = await shop.load(recent)
    assert (loaded.entered, loaded.announced) == (1, False)
    assert await shop.members(recent) == {ana}
    assert await shop.log(recent) == []
    await shop.event(bob, "App Opened", T0)
    assert await shop.load(recent, at=T0 + DAY) == []


async def test_people_already_in_are_announced_on_request(shop: Shop) -> None:
    ana = await shop.customer()
    await shop.event(ana, "App Opened", T0 - DAY)
    await shop.load(recent, announce=True)
    assert await shop.log(recent) == [("entered", T0, {"definition": recent.version})]


async def test_a_segment_may_say_itself_that_its_first_members_enter(shop: Shop) -> None:
    ana = await shop.customer()
    await shop.event(ana, "App Opened", T0 - DAY)
    loud = Segment("recent", recent.predicate, announce=True)
    assert (loud.version, Segment.from_json(loud.to_json())) == (recent.version, loud)
    await shop.load(loud)
    assert await shop.log(recent) == [("entered", T0, {"definition": recent.version})]


async def test_a_changed_definition_logs_only_the_differences(shop: Shop) -> None:
    stays, leaves, comes = [await shop.customer() for _ in range(3)]
    for customer, days in ((stays, 1), (leaves, 5)):
        await shop.event(customer, "App Opened", T0 - days * DAY)
    await shop.event(comes, "Order Completed", T0 - DAY)
    await shop.load(recent)
    changed = Segment("recent", did("App Opened").within(days=3) | did("Order Completed"))
    await shop.load(changed, at=T0 + timedelta(hours=1))
    cause = {"definition": changed.version}
    assert await shop.members(changed) == {stays, comes}
    assert await shop.log(changed, stays) == []
    assert await shop.log(changed, leaves) == [("left", T0 + timedelta(hours=1), cause)]
    assert await shop.log(changed, comes) == [("entered", T0 + timedelta(hours=1), cause)]


async def test_going_back_to_an_earlier_definition_evaluates_it_anew(shop: Shop) -> None:
    ana = await shop.customer()
    await shop.event(ana, "App Opened", T0 - 5 * DAY)
    narrow = Segment("recent", did("App Opened").within(days=3))
    for version in (recent, narrow, recent):
        await shop.load(version)
    assert await shop.members(recent) == {ana}
    assert [kind for kind, _, _ in await shop.log(recent)] == ["left", "entered"]


async def test_each_shard_loads_its_own_customers(shop: Shop) -> None:
    customers = [await shop.customer() for _ in range(20)]
    for customer in customers:
        await shop.event(customer, "App Opened", T0 - DAY)
    counts = [(await shop.load(recent, shard=shard, shards=2))[0].entered for shard in range(2)]
    assert sum(counts) == 20
    assert all(counts)
    assert await shop.log(recent) == []
    [resplit] = await shop.load(recent, shard=0, shards=1)
    assert (resplit.entered, resplit.left) == (0, 0)


async def test_the_definition_is_kept(shop: Shop) -> None:
    await shop.load(recent)
    row = await shop.database.pool.fetchrow("select * from segment")
    assert row is not None
    assert Segment.from_json(row["definition"]) == recent
    assert row["version"] == recent.version


async def test_a_whole_number_beyond_64_bits_is_stored_and_means_the_same(shop: Shop) -> None:
    rich = Segment("rich", trait("income").in_(2**63, -(10**20)) | (trait("income") > 10**20))
    again = Segment.from_json(rich.to_json())
    assert (again, again.version) == (rich, rich.version)
    ids = [await shop.customer() for _ in range(4)]
    for who, income in zip(ids, (2**63, 10**20, -(10**20), 10**20 + 1), strict=True):
        traits = json.dumps({"income": income})
        await shop.database.pool.execute("update profile set traits = $2::text::jsonb where id = $1", who, traits)
    await shop.load(rich)
    assert await shop.members(rich) == {ids[0], ids[2], ids[3]}


async def test_a_load_that_takes_too_long_says_which_segment_and_what_to_do(shop: Shop) -> None:
    ana = await shop.customer()
    await shop.event(ana, "App Opened", T0 - DAY)
    async with shop.database.transaction() as connection:  # whoever reads events has to wait
        await connection.execute("lock table event in access exclusive mode")
        with pytest.raises(LoadTooSlow, match=r"'recent' .* took over 0.2 seconds; narrow it with .within"):
            await shop.load(recent, longest=timedelta(milliseconds=200))
    assert await shop.members(recent) == set()
    await shop.load(recent)
    assert await shop.members(recent) == {ana}


async def test_a_load_that_takes_too_long_stops_neither_the_others_nor_the_watch(shop: Shop) -> None:
    ana = await shop.customer(plan="gold")
    willing, gold = Segment("willing", reachable("push")), Segment("gold", trait("plan") == "gold")
    live = LiveSegments([willing, recent, gold], longest=timedelta(seconds=0.5))
    async with shop.database.transaction() as connection:  # whoever reads addresses has to wait
        await connection.execute("lock table endpoint in access exclusive mode")
        loaded = await live.load(shop.database, lambda: T0, 0, 1)
        assert [each.segment for each in loaded] == ["recent", "gold"]
        shop.segments = live.now
        await shop.event(ana, "App Opened", T0 + timedelta(seconds=1))
        assert (await shop.tick(T0 + timedelta(minutes=1))).entered == 1
    assert await live.load(shop.database, lambda: T0, 0, 1) == [], "not again and again"
    assert [each.segment for each in await LiveSegments([willing, recent, gold]).load(shop.database, lambda: T0, 0, 1)] == [
        "willing"
    ]
