"""Loading over existing customers while the watch goes on: nothing is missed, nobody waits, and it may be killed anywhere."""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest

from segments import Predicate, Segment, did, held, trait
from segments.evaluate import holds
from segments.load.backfill import Backfill, chunk, evaluate, find
from segments.load.load import finish, register
from segments.load.stored import LiveSegments
from segments.load.switch import switch
from segments.watch.tick import load, tick
from store.segments.rows import put_stored
from tests.segments.random_shop import definition, happen
from tests.segments.shop import T0, Shop

DAY, HOUR, MINUTE, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
recent = Segment("recent", did("App Opened").within(days=7))


async def begin(shop: Shop, segment: Segment, at: datetime = T0, shard: int = 0, shards: int = 1) -> Backfill:
    [(_, backfill)] = await register(shop.database, [(segment, False)], at, shard, shards)
    return backfill


async def log_of(shop: Shop, segment: Segment, profile: UUID) -> list[tuple[str, datetime]]:
    return [(kind, at) for kind, at, _ in await shop.log(segment, profile)]


async def left_behind(shop: Shop) -> int:
    tables = ("segment_backfill", "segment_backfill_member", "segment_backfill_change", "segment_backfill_mark")
    return sum([await shop.database.pool.fetchval(f"select count(*) from {table}") for table in tables])


async def work(shop: Shop, segment: Segment, backfill: Backfill, size: int) -> Backfill | None:
    """One chunk, after the evaluation."""
    found = await find(shop.database, segment, backfill)
    return None if found is None else await chunk(shop.database, segment, found.id, size)


async def test_who_comes_in_while_a_segment_is_loaded_enters_at_their_own_instant(shop: Shop) -> None:
    old, early, late = sorted([await shop.customer() for _ in range(3)])
    await shop.event(old, "App Opened", T0 - DAY)
    backfill = await begin(shop, recent)
    await work(shop, recent, backfill, 2)  # the first two are done
    for customer in (early, late):
        await shop.event(customer, "App Opened", T0 + MINUTE)
    await shop.event(old, "App Opened", T0 + MINUTE)
    shop.segments = [recent]
    assert (await shop.tick(T0 + 2 * MINUTE)).unloaded == ("recent",)
    loaded = await finish(shop.database, recent, backfill)
    assert loaded is not None
    assert (loaded.entered, loaded.announced) == (1, False)
    found = await shop.tick(T0 + 3 * MINUTE)
    assert (found.entered, found.left) == (2, 0)
    assert await shop.members(recent) == {old, early, late}
    assert await shop.log(recent, old) == []
    for customer in (early, late):
        assert await log_of(shop, recent, customer) == [("entered", T0 + MINUTE)]
    assert await left_behind(shop) == 0


async def test_of_many_loads_each_is_kept_one_copy_of_a_mark_however_many_put_it_back(shop: Shop) -> None:
    """What a load that is done puts back is consumed again while others go on: kept again by each, it doubled with each."""
    segments = [Segment(f"recent-{n}", did("App Opened").within(days=n + 1)) for n in range(6)]
    ana = await shop.customer()
    loads = [await begin(shop, each) for each in segments]
    for each in (1, 2):
        await shop.event(ana, "App Opened", T0 + each * MINUTE)
    for n, (segment, backfill) in enumerate(zip(segments, loads, strict=True)):
        shop.segments = segments[:n]
        await shop.tick(T0 + (3 + n) * MINUTE)
        copies = await shop.database.pool.fetch("select count(*) as many from segment_backfill_mark group by backfill")
        assert [row["many"] for row in copies] == [2] * (len(loads) - n)
        assert await finish(shop.database, segment, backfill) is not None
    shop.segments = segments
    await shop.tick(T0 + HOUR)
    assert await left_behind(shop) == 0
    for segment in segments:
        assert await log_of(shop, segment, ana) == [("entered", T0 + MINUTE)]


async def say(shop: Shop, profile: UUID, name: str, value: Any, at: datetime, *, since: datetime | None = None) -> None:
    await shop.identify(profile, at, **{name: value})
    told = {name: {"source": "crm", "since": (since or at).isoformat()}}
    await shop.database.pool.execute("update profile set traits_from = traits_from || $2 where id = $1", profile, told)


async def test_a_trait_that_changed_before_its_chunk_enters_and_one_that_was_only_repeated_does_not(shop: Shop) -> None:
    gold = Segment("gold", trait("tier") == "gold")
    was, becomes = await shop.customer(tier="gold"), await shop.customer(tier="silver")
    backfill = await begin(shop, gold)
    await say(shop, was, "tier", "gold", T0 + MINUTE, since=T0 - DAY)
    await say(shop, becomes, "tier", "gold", T0 + MINUTE)
    shop.segments = [gold]
    await shop.tick(T0 + 2 * MINUTE)
    await finish(shop.database, gold, backfill)
    await shop.tick(T0 + 3 * MINUTE)
    assert await shop.members(gold) == {was, becomes}
    assert await shop.log(gold, was) == []
    assert await log_of(shop, gold, becomes) == [("entered", T0 + MINUTE)]


async def test_a_customer_who_is_new_enters_a_segment_of_absence_that_is_being_loaded(shop: Shop) -> None:
    never = Segment("never-bought", ~did("Order Completed"))
    old = await shop.customer()
    backfill = await begin(shop, never)
    new = await shop.customer(created_at=T0 + MINUTE)
    await shop.event(new, "Page Viewed", T0 + MINUTE)
    await finish(shop.database, never, backfill)
    shop.segments = [never]
    await shop.tick(T0 + 2 * MINUTE)
    assert await shop.members(never) == {old, new}
    assert [await log_of(shop, never, each) for each in (old, new)] == [[], [("entered", T0 + MINUTE)]]


async def test_the_old_version_goes_on_until_the_new_one_is_there(shop: Shop) -> None:
    [ana, bob, eva] = [await shop.customer() for _ in range(3)]
    await shop.event(eva, "App Opened", T0 - 5 * DAY, mark=False)
    await shop.load(recent)
    changed = Segment("recent", did("App Opened").within(days=3))
    live = LiveSegments([changed])
    [(_, backfill)] = await live.register(shop.database, T0 + HOUR, 0, 1)
    assert live.now == (recent,)
    await shop.event(ana, "App Opened", T0 + 2 * HOUR)
    shop.segments = live.now
    assert (await shop.tick(T0 + 2 * HOUR)).entered == 1
    known = await evaluate(shop.database, changed, backfill)
    assert known is not None
    await shop.event(bob, "App Opened", T0 + 3 * HOUR)
    assert (await shop.tick(T0 + 3 * HOUR)).entered == 1
    loaded = await switch(shop.database, changed, known)
    assert loaded is not None
    assert (loaded.entered, loaded.left) == (0, 1)
    assert await live.register(shop.database, T0 + 3 * HOUR, 0, 1) == []
    assert live.now == (changed,)
    shop.segments = live.now
    assert (await shop.tick(T0 + 3 * HOUR + MINUTE)).unloaded == ()
    assert await log_of(shop, changed, ana) == [("entered", T0 + 2 * HOUR)]
    assert await log_of(shop, changed, bob) == [("entered", T0 + 3 * HOUR)]
    assert await shop.log(changed, eva) == [("left", T0 + 3 * HOUR, {"definition": changed.version})]


async def test_whom_a_changed_definition_moves_and_who_did_something_meanwhile_enters_at_the_change(shop: Shop) -> None:
    ana = await shop.customer()
    await shop.event(ana, "App Opened", T0 - 5 * DAY)
    narrow = Segment("recent", did("App Opened").within(days=3))
    await shop.load(narrow)
    backfill = await begin(shop, recent, T0 + HOUR)
    await shop.event(ana, "App Opened", T0 - 4 * DAY, received_at=T0 + 2 * HOUR)
    await shop.tick(T0 + 2 * HOUR)
    await finish(shop.database, recent, backfill)
    shop.segments = [recent]
    await shop.tick(T0 + 3 * HOUR)
    assert await log_of(shop, recent, ana) == [("entered", T0 + HOUR)]


async def test_a_change_moves_also_who_did_something_that_is_nothing_to_it(shop: Shop) -> None:
    ana, bob = await shop.customer(age=40), await shop.customer(age=10)
    await shop.load(Segment("young", trait("age").exists()))
    young = Segment("young", ~(trait("age") >= 18))  # true of who is not known: any mark concerns who is not in it
    backfill = await begin(shop, young, T0 + MINUTE)
    for customer in (ana, bob):
        await shop.event(customer, "App Opened", T0 + 2 * MINUTE)
    await shop.tick(T0 + 3 * MINUTE)
    await finish(shop.database, young, backfill)
    shop.segments = [young]
    await shop.tick(T0 + 4 * MINUTE)
    assert await shop.members(young) == {bob}
    assert await log_of(shop, young, ana) == [("left", T0 + MINUTE)]


async def test_whom_a_change_would_move_but_for_what_they_did_meanwhile_notices_nothing(shop: Shop) -> None:
    ana = await shop.customer()
    await shop.event(ana, "App Opened", T0 - 5 * DAY)
    await shop.load(recent)
    narrow = Segment("recent", did("App Opened").within(days=3))
    backfill = await begin(shop, narrow, T0 + MINUTE)
    await shop.event(ana, "App Opened", T0 + 2 * MINUTE)
    await shop.tick(T0 + 3 * MINUTE)
    await finish(shop.database, narrow, backfill)
    shop.segments = [narrow]
    await shop.tick(T0 + 4 * MINUTE)
    assert (await shop.members(narrow), await shop.log(narrow)) == ({ana}, [])


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_change_that_changes_nothing_is_noticed_by_nobody(shop: Shop, seed: int) -> None:
    """The same predicate in other words takes the place of the first, while everything happens; the control never changes."""
    random = Random(seed)
    customers = [await shop.customer(created_at=T0, age=random.choice([17, 40])) for _ in range(12)]
    predicates = [definition(random) for _ in range(4)]
    control = [Segment(f"control{n}", each) for n, each in enumerate(predicates)]
    first = [Segment(f"s{n}", each) for n, each in enumerate(predicates)]
    await shop.load(*control, *first)
    at = since = await pass_time(shop, random, customers, T0, 6)
    again = [Segment(each.name, each.predicate & ~did("Nothing Of The Kind")) for each in first]
    live = LiveSegments([*control, *again])
    begun = await live.register(shop.database, at, 0, 1)
    assert len(begun) == 4
    for segment, backfill in begun:
        known: Backfill | None = backfill
        while known is not None and known.percent < 100:
            known = await work(shop, segment, backfill, 5)
            shop.segments = live.now
            at = await pass_time(shop, random, customers, at, random.randrange(2))
        assert known is not None
        await switch(shop.database, segment, known)
        await live.register(shop.database, at, 0, 1)
    shop.segments = live.now
    assert set(live.now) == {*control, *again}
    at = await pass_time(shop, random, customers, at, 4)
    for one, other in zip(control, again, strict=True):
        assert await shop.members(one) == await shop.members(other) == expected(shop, one.predicate, at)
        for customer in customers:
            logs = [await shop.log(each, customer) for each in (one, other)]
            # What a late event tells just after the change is dated with the change at the earliest.
            told = [[(kind, max(when, since), cause) for kind, when, cause in log] for log in logs]
            assert told[0] == told[1], (seed, str(one))
    assert await left_behind(shop) == 0


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_definition_that_changes_amid_everything_is_right_afterwards(shop: Shop, seed: int) -> None:
    random = Random(seed)
    customers = [await shop.customer(created_at=T0, age=random.choice([17, 40])) for _ in range(12)]
    first = [Segment(f"s{n}", definition(random)) for n in range(4)]
    await shop.load(*first)
    known = {segment.name: await shop.members(segment) for segment in first}
    at = await pass_time(shop, random, customers, T0, 5)
    changed = [Segment(each.name, definition(random)) for each in first]
    live = LiveSegments(changed)
    for segment, backfill in await live.register(shop.database, at, 0, 1):
        for _ in range(3):
            await work(shop, segment, backfill, 5)
            shop.segments = live.now
            at = await pass_time(shop, random, customers, at, 1)
        await finish(shop.database, segment, backfill)
        await live.register(shop.database, at, 0, 1)
    shop.segments = live.now
    at = await pass_time(shop, random, customers, at, 4)
    for segment in changed:
        assert await shop.members(segment) == expected(shop, segment.predicate, at), (seed, str(segment))
        for customer in customers:
            lines = await log_of(shop, segment, customer)
            was = customer in known[segment.name]
            assert [kind for kind, _ in lines] == [("entered", "left")[was is (n % 2 == 0)] for n in range(len(lines))]
            assert [when for _, when in lines] == sorted(when for _, when in lines)


async def pass_time(shop: Shop, random: Random, customers: list[UUID], at: datetime, rounds: int) -> datetime:
    for _ in range(rounds):
        step = timedelta(seconds=random.choice([1, 20, 60, 600, 7200]))
        await happen(shop, random, customers, at, at + step)
        at += step
        while (await shop.tick(at, limit=random.choice([2, 100]))).more:
            pass
    return at


def expected(shop: Shop, predicate: Predicate, at: datetime) -> set[UUID]:
    return {who for who in shop.events if holds(predicate, shop.traits[who], shop.events[who], at)}


async def test_killed_anywhere_it_goes_on_where_it_stopped(shop: Shop) -> None:
    customers = await many(shop, 400)
    random, killed = Random(5), 0
    backfill = await begin(shop, recent)
    while backfill.percent < 100 and killed < 200:
        task = asyncio.create_task(finish(shop.database, recent, backfill))
        await asyncio.sleep(random.random() * 0.02)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        killed += 1
        again = await register(shop.database, [(recent, False)], T0 + HOUR, 0, 1)
        if not again:
            break
        [(_, backfill)] = again
        assert backfill.as_of == T0
        await work(shop, recent, backfill, 30)
    await load(shop.database, [recent], T0 + HOUR)
    assert await shop.members(recent) == set(customers)
    assert await shop.log(recent) == []


async def test_two_who_load_the_same_share_the_work(shop: Shop) -> None:
    customers = await many(shop, 300)
    await shop.load(Segment("recent", did("Order Completed")))
    backfill = await begin(shop, recent)
    both = [switch_after(shop, backfill, 40) for _ in range(2)]
    done = [each for each in await asyncio.gather(*both) if each is not None]
    assert sum(each.entered for each in done) == len(customers)
    assert len(done) == 1
    assert await shop.members(recent) == set(customers)
    assert len(await shop.log(recent)) == len(customers)


async def switch_after(shop: Shop, backfill: Backfill, size: int) -> Any:
    known: Backfill | None = backfill
    while known is not None and known.percent < 100:
        known = await work(shop, recent, backfill, size)
    return await finish(shop.database, recent, known or backfill)


async def test_shards_load_and_tick_side_by_side(shop: Shop) -> None:
    customers = await many(shop, 200)
    others = [await shop.customer() for _ in range(40)]
    await shop.load(Segment("recent", did("Order Completed")), shard=0, shards=2)
    await load(shop.database, shop.segments, T0, 1, 2)
    lives = [LiveSegments([recent]) for _ in range(4)]  # two watches on each shard

    async def watch(n: int) -> None:
        shard, live = n % 2, lives[n]
        await live.register(shop.database, T0, shard, 2)
        loading = asyncio.create_task(live.load(shop.database, lambda: T0, shard, 2))
        while not loading.done():
            await tick(shop.database, live.now, shard, 2, T0 + HOUR)
            await asyncio.sleep(0)
        await loading

    async def open_apps() -> None:
        for customer in others:
            await shop.event(customer, "App Opened", T0 + MINUTE)

    await asyncio.gather(*(watch(n) for n in range(4)), open_apps())
    for shard in range(2):
        await tick(shop.database, [recent], shard, 2, T0 + HOUR)
    assert await shop.members(recent) == {*customers, *others}
    for customer in others:
        assert [kind for kind, _ in await log_of(shop, recent, customer)] == ["entered"]
    assert len(await shop.log(recent)) == len(customers) + len(others)


async def many(shop: Shop, count: int) -> list[UUID]:
    """Customers who opened the app a day ago, written at once."""
    customers = [UUID(int=n * 2**100 + n) for n in range(1, count + 1)]
    await shop.database.pool.execute(
        "insert into profile (id, created_at, updated_at) select unnest($1::uuid[]), $2, $2", customers, T0 - 9 * DAY
    )
    await shop.database.pool.execute(
        "insert into event (profile_id, ts, type, kind, message_id, source, received_at)"
        " select who, $2, 'App Opened', 'track', 'm' || who, 'test', $2 from unnest($1::uuid[]) as who",
        customers,
        T0 - DAY,
    )
    return customers


async def test_dates_in_traits_ring_after_a_change_as_before(shop: Shop) -> None:
    ending = Segment("ending", trait("ends").within_next(days=3))
    ana = await shop.customer(ends=(T0 + 10 * DAY).isoformat())
    await shop.load(ending)
    sooner = Segment("ending", trait("ends").within_next(days=5))
    live = LiveSegments([sooner])
    [(_, backfill)] = await live.register(shop.database, T0 + DAY, 0, 1)
    known = await evaluate(shop.database, sooner, backfill)
    shop.segments = live.now
    assert (await shop.tick(T0 + 5 * DAY + HOUR)).entered == 0  # the old version goes on by its own alarms
    assert known is not None
    await switch(shop.database, sooner, known)
    shop.segments = [sooner]
    await shop.tick(T0 + 5 * DAY + 2 * HOUR)
    assert await log_of(shop, sooner, ana) == [("entered", T0 + 5 * DAY)]
    assert await shop.database.pool.fetchval("select array_agg(version) from segment_alarm") == [sooner.version]


async def test_what_a_watch_no_longer_looks_after_is_loaded_anew_when_it_comes_back(shop: Shop) -> None:
    ana = await shop.customer()
    both, without = LiveSegments([recent]), LiveSegments([])
    await both.load(shop.database, lambda: T0, 0, 1)
    await without.load(shop.database, lambda: T0 + HOUR, 0, 1)
    await shop.event(ana, "App Opened", T0 + 2 * HOUR)
    await tick(shop.database, without.now, 0, 1, T0 + 2 * HOUR)
    [loaded] = await both.load(shop.database, lambda: T0 + 3 * HOUR, 0, 1)
    assert (loaded.entered, loaded.announced) == (1, True)
    assert await log_of(shop, recent, ana) == [("entered", T0 + 3 * HOUR)]


async def test_a_load_that_was_given_up_keeps_no_marks_and_is_begun_anew(shop: Shop) -> None:
    ana = await shop.customer()
    backfill = await begin(shop, recent)
    await shop.database.pool.execute("update segment_backfill set updated_at = now() - interval '2 hours'")
    await shop.event(ana, "App Opened", T0 + MINUTE)
    await shop.tick(T0 + HOUR)
    assert await shop.database.pool.fetchval("select count(*) from segment_backfill_mark") == 0
    assert await finish(shop.database, recent, backfill) is None
    anew = await begin(shop, recent, T0 + 2 * HOUR)
    assert (anew.as_of, anew.done) == (T0 + 2 * HOUR, 0)
    await finish(shop.database, recent, anew)
    assert await shop.members(recent) == {ana}


async def test_the_newest_of_two_definitions_that_are_being_loaded_wins(shop: Shop) -> None:
    ana = await shop.customer()
    await shop.event(ana, "App Opened", T0 - 5 * DAY)
    first = await begin(shop, recent)
    assert (await work(shop, recent, first, 10)) is not None
    assert await shop.members(recent) == {ana}
    narrow = Segment("recent", did("App Opened").within(days=3))
    await shop.load(narrow)
    assert await work(shop, recent, first, 10) is None
    assert await shop.members(recent) == set()


async def test_a_stored_definition_that_is_deleted_while_it_is_loaded_leaves_nothing(shop: Shop) -> None:
    from store.segments.rows import delete_stored

    ana = await shop.customer()
    await shop.event(ana, "App Opened", T0 - DAY)
    await put_stored(shop.database, "recent", recent.version, recent.to_json(), announce=False, by="eva", at=T0)
    live = LiveSegments([])
    [(_, backfill)] = await live.register(shop.database, T0, 0, 1)
    await work(shop, recent, backfill, 10)
    await delete_stored(shop.database, "recent", by="eva", at=T0)
    assert await live.load(shop.database, lambda: T0 + SECOND, 0, 1) == []
    assert await finish(shop.database, recent, backfill) is None
    assert await shop.members(recent) == set()
    assert await left_behind(shop) == 0


async def test_a_state_that_lasted_comes_true_by_time_while_its_definition_changes(shop: Shop) -> None:
    ana, bob = await shop.customer(created_at=T0 - 30 * HOUR), await shop.customer(created_at=T0 - 300 * HOUR)
    quiet = Segment("quiet", held(~did("App Opened") & ~(trait("age") >= 18), days=3))
    await shop.load(quiet)
    again = Segment("quiet", quiet.predicate & ~did("Nothing Of The Kind"))
    backfill = await begin(shop, again, T0 + HOUR)
    await shop.tick(T0 + 50 * HOUR)
    await finish(shop.database, again, backfill)
    shop.segments = [again]
    await shop.tick(T0 + 60 * HOUR)
    assert await shop.members(again) == {ana, bob}
    assert await log_of(shop, again, ana) == [("entered", T0 + 42 * HOUR)]
    assert await shop.log(again, bob) == []
