"""The watch's tick: entering, leaving and repeating, by events and by time alone."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from segments import Segment, did, prop, reachable, trait
from segments.watch.look import Look
from segments.watch.tick import load, tick
from tests.segments.shop import T0, Shop

DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
MICRO = timedelta(microseconds=1)
cart = Segment(
    "abandoned-cart",
    did("Product Added").within(hours=24) & ~did("Order Completed").since_last("Product Added"),
)


async def test_a_cart_enters_and_an_order_leaves_at_their_own_instants(shop: Shop) -> None:
    ana, bob = await shop.customer(), await shop.customer()
    await shop.load(cart)
    added = await shop.event(ana, "Product Added", T0 + HOUR, traceparent="00-a-b-01")
    await shop.event(bob, "Page Viewed", T0 + HOUR)
    found = await shop.tick(T0 + HOUR + SECOND)
    assert (found.entered, found.left, found.more) == (1, 0, False)
    assert {mark.profile_id for mark in found.dirty} == {ana, bob}
    assert await shop.members(cart) == {ana}
    ordered = await shop.event(ana, "Order Completed", T0 + 2 * HOUR)
    await shop.tick(T0 + 2 * HOUR + SECOND)
    assert await shop.members(cart) == set()
    assert await shop.log(cart, ana) == [
        ("entered", T0 + HOUR, {"event": "Product Added", "message_id": added}),
        ("left", T0 + 2 * HOUR, {"event": "Order Completed", "message_id": ordered}),
    ]
    assert await shop.database.pool.fetchval("select array_agg(traceparent order by id) from segment_transition") == [
        "00-a-b-01",
        None,
    ]


async def test_time_alone_moves_out_at_the_edge_exactly(shop: Shop) -> None:
    ana = await shop.customer()
    await shop.load(cart)
    await shop.event(ana, "Product Added", T0 + HOUR)
    await shop.tick(T0 + HOUR)
    await shop.tick(T0 + 25 * HOUR - MICRO)
    assert await shop.members(cart) == {ana}
    assert (await shop.tick(T0 + 25 * HOUR)).left == 1
    assert (await shop.log(cart))[-1] == ("left", T0 + 25 * HOUR, {"edge": "Product Added", "window": 86_400})


async def test_time_alone_moves_in(shop: Shop) -> None:
    dormant = Segment("dormant", did("App Opened") & ~did("App Opened").within(days=30))
    ana = await shop.customer()
    await shop.event(ana, "App Opened", T0 - 29 * DAY - 23 * HOUR)
    await shop.load(dormant)
    assert (await shop.tick(T0 + HOUR - SECOND)).entered == 0
    assert (await shop.tick(T0 + HOUR + SECOND)).entered == 1
    assert await shop.log(dormant) == [("entered", T0 + HOUR, {"edge": "App Opened", "window": 30 * 86_400})]


async def test_a_long_downtime_is_caught_up_with_the_true_instants(shop: Shop) -> None:
    ana = await shop.customer()
    await shop.load(cart)
    await shop.event(ana, "Product Added", T0 + HOUR)
    await shop.tick(T0 + 2 * HOUR)
    assert (await shop.tick(T0 + 60 * DAY)).left == 1
    assert (await shop.log(cart))[-1][:2] == ("left", T0 + 25 * HOUR)


async def test_who_entered_and_left_during_a_downtime_has_both_lines(shop: Shop) -> None:
    ana, bob = await shop.customer(), await shop.customer()
    old = Segment("old", did("App Opened") & ~did("App Opened").within(days=30))
    weekly = Segment("weekly", did("App Opened").this_week(zone="Europe/Madrid"))
    await shop.load(cart, old, weekly)
    added = await shop.event(ana, "Product Added", T0 + 30 * HOUR)
    await shop.event(bob, "App Opened", T0 + 50 * HOUR)
    await shop.event(bob, "Product Added", T0 + 51 * HOUR)
    await shop.event(bob, "Order Completed", T0 + 52 * HOUR)
    first = await tick(shop.database, shop.segments, 0, 1, T0 + 90 * DAY)
    assert (first.at, first.more, first.entered) == (T0 + 31 * HOUR, True, 1)  # leaps to the first event, and an hour on
    found = await shop.tick(T0 + 90 * DAY)
    assert (found.at, found.more) == (T0 + 90 * DAY, False)
    assert await shop.log(cart, ana) == [
        ("entered", T0 + 30 * HOUR, {"event": "Product Added", "message_id": added}),
        ("left", T0 + 54 * HOUR, {"edge": "Product Added", "window": 86_400}),
    ]
    assert [line[:2] for line in await shop.log(cart, bob)] == [("entered", T0 + 51 * HOUR), ("left", T0 + 52 * HOUR)]
    assert [line[:2] for line in await shop.log(old)] == [("entered", T0 + 50 * HOUR + 30 * DAY)]
    monday = datetime(2026, 11, 22, 23, tzinfo=T0.tzinfo)  # midnight in Madrid
    assert [line[:2] for line in await shop.log(weekly)] == [("entered", T0 + 50 * HOUR), ("left", monday)]


async def test_marks_of_a_downtime_are_taken_in_their_time_however_many(shop: Shop) -> None:
    customers = [await shop.customer() for _ in range(6)]
    await shop.load(cart)
    for n, customer in enumerate(customers):
        await shop.event(customer, "Product Added", T0 + 2 * HOUR + n * SECOND)
        await shop.event(customer, "Order Completed", T0 + 5 * HOUR + n * SECOND)
    while (await tick(shop.database, [cart], 0, 1, T0 + 9 * DAY, limit=2)).more:
        pass
    for customer in customers:
        assert [kind for kind, *_ in await shop.log(cart, customer)] == ["entered", "left"]


async def test_a_segment_that_is_far_behind_catches_up_before_the_others_go_on(shop: Shop) -> None:
    ana = await shop.customer()
    opened = Segment("opened", did("App Opened").within(hours=3))
    await shop.load(cart)
    await shop.event(ana, "App Opened", T0 + HOUR, mark=False)
    await shop.tick(T0 + 3 * DAY)
    await shop.event(ana, "Product Added", T0 + 3 * DAY)
    await load(shop.database, [opened], T0)  # as of three days ago, as when a load has taken so long
    shop.segments = [cart, opened]
    first = await shop.tick(T0 + 3 * DAY + SECOND)
    assert (first.entered, first.left, first.dirty[0].profile_id) == (2, 1, ana)
    assert [line[:2] for line in await shop.log(opened)] == [("entered", T0 + HOUR), ("left", T0 + 4 * HOUR)]
    assert [line[:2] for line in await shop.log(cart)] == [("entered", T0 + 3 * DAY)]


async def test_an_event_from_the_future_counts_at_its_time(shop: Shop) -> None:
    ana = await shop.customer()
    await shop.load(cart)
    await shop.event(ana, "Product Added", T0 + HOUR, received_at=T0)
    assert (await shop.tick(T0 + SECOND)).entered == 0
    assert (await shop.tick(T0 + HOUR - MICRO)).entered == 0
    assert (await shop.tick(T0 + HOUR + SECOND)).entered == 1
    assert (await shop.log(cart))[0][:2] == ("entered", T0 + HOUR)


async def test_a_late_event_dates_the_flip_with_its_own_time(shop: Shop) -> None:
    ana = await shop.customer()
    await shop.load(cart)
    await shop.event(ana, "Product Added", T0 + HOUR, received_at=T0 + 5 * HOUR)
    await shop.tick(T0 + 5 * HOUR)
    await shop.event(ana, "Order Completed", T0 + 2 * HOUR, received_at=T0 + 6 * HOUR)
    await shop.tick(T0 + 6 * HOUR)
    assert [line[:2] for line in await shop.log(cart)] == [("entered", T0 + HOUR), ("left", T0 + 2 * HOUR)]


async def test_a_flip_is_never_dated_before_the_previous_one(shop: Shop) -> None:
    ana = await shop.customer()
    seen = Segment("seen", ~did("Unsubscribed"))
    await shop.load(seen, at=T0)
    await shop.event(ana, "Unsubscribed", T0 - 9 * DAY, received_at=T0 + HOUR)
    await shop.tick(T0 + HOUR)
    assert [line[:2] for line in await shop.log(seen)] == [("left", T0)]


async def test_a_clock_that_goes_back_changes_nothing(shop: Shop) -> None:
    ana = await shop.customer()
    await shop.load(cart)
    await shop.event(ana, "Product Added", T0)
    await shop.tick(T0 + 2 * DAY)
    found = await shop.tick(T0 + HOUR)
    assert found.at == T0 + 2 * DAY
    assert await shop.members(cart) == set()


async def test_a_new_customer_enters_segments_of_absence(shop: Shop) -> None:
    never_bought = Segment("never-bought", ~did("Order Completed").within(days=30))
    await shop.load(never_bought)
    ana = await shop.customer(created_at=T0 + HOUR)
    await shop.event(ana, "Page Viewed", T0 + HOUR)
    assert (await shop.tick(T0 + 2 * HOUR)).entered == 1
    assert [line[:2] for line in await shop.log(never_bought)] == [("entered", T0 + HOUR)]
    await shop.event(ana, "Page Viewed", T0 + 3 * HOUR)
    assert (await shop.tick(T0 + 3 * HOUR)).candidates == 0


async def test_traits_move_in_and_out_at_their_event_time(shop: Shop) -> None:
    adults = Segment("adults", trait("age") >= 18)
    ana = await shop.customer(age=17)
    await shop.load(adults)
    await shop.identify(ana, T0 + HOUR, age=18)
    await shop.tick(T0 + 2 * HOUR)
    await shop.identify(ana, T0 + 3 * HOUR, age="eighteen")
    await shop.tick(T0 + 4 * HOUR)
    cause = {"event": "$identify"}
    assert await shop.log(adults) == [("entered", T0 + HOUR, cause), ("left", T0 + 3 * HOUR, cause)]


async def test_only_segments_that_name_what_changed_are_evaluated(shop: Shop) -> None:
    other = Segment("other", did("App Opened").within(days=1))
    ana = await shop.customer()
    await shop.load(cart, other)
    await shop.event(ana, "Product Added", T0 + HOUR, received_at=T0 + 2 * HOUR)
    assert (await shop.tick(T0 + 2 * HOUR)).candidates == 1


async def test_an_idle_tick_writes_nothing(shop: Shop) -> None:
    await shop.load(cart)
    await shop.tick(T0 + SECOND / 10)
    evaluated_to = "select evaluated_to from segment_progress"
    assert await shop.database.pool.fetchval(evaluated_to) == T0
    await shop.tick(T0 + 2 * SECOND)
    assert await shop.database.pool.fetchval(evaluated_to) == T0 + 2 * SECOND


async def test_the_limit_leaves_the_rest_for_the_next_tick(shop: Shop) -> None:
    customers = [await shop.customer() for _ in range(5)]
    await shop.load(cart)
    for customer in customers:
        await shop.event(customer, "Product Added", T0, received_at=T0 + SECOND)
    found = [await shop.tick(T0 + SECOND, limit=2) for _ in range(3)]
    assert [each.more for each in found] == [True, True, False]
    assert await shop.members(cart) == set(customers)


async def test_keyed_segments_log_each_further_event_once(shop: Shop) -> None:
    carts = Segment("carts", did("Product Added").where(prop("price") > 50).within(days=1) & ~did("Order Completed"))
    ana = await shop.customer()
    await shop.load(carts)
    first = await shop.event(ana, "Product Added", T0, {"price": 60}, received_at=T0 + SECOND)
    twin = await shop.event(ana, "Product Added", T0 + SECOND, {"price": 70}, received_at=T0 + SECOND)
    await shop.tick(T0 + SECOND, keyed={"carts"})
    second = await shop.event(ana, "Product Added", T0 + HOUR, {"price": 60})
    await shop.event(ana, "Product Added", T0 + HOUR, {"price": 10})
    await shop.event(ana, "Page Viewed", T0 + HOUR)
    await shop.tick(T0 + HOUR, keyed={"carts"})
    ahead = await shop.event(ana, "Product Added", T0 + 3 * HOUR, {"price": 60}, received_at=T0 + 2 * HOUR)
    await shop.tick(T0 + 2 * HOUR, keyed={"carts"})
    await shop.tick(T0 + 4 * HOUR, keyed={"carts"})
    await shop.tick(T0 + 5 * HOUR, keyed={"carts"})
    assert [(kind, cause["message_id"]) for kind, _, cause in await shop.log(carts)] == [
        ("entered", first),
        ("repeated", twin),
        ("repeated", second),
        ("repeated", ahead),
    ]


async def test_what_else_is_asked_for_commits_with_the_tick_or_not_at_all(shop: Shop) -> None:
    ana = await shop.customer()
    await shop.load(cart)
    await shop.event(ana, "Product Added", T0 + HOUR)
    heard: list[tuple[UUID, datetime]] = []

    async def also(look: Look) -> None:
        heard.extend((mark.profile_id, look.at) for mark in look.dirty)
        assert await look.connection.fetchval("select count(*) from segment_member") == 1

    async def broken(look: Look) -> None:
        raise RuntimeError("crash")

    with pytest.raises(RuntimeError, match="crash"):
        await shop.tick(T0 + 2 * HOUR, also=broken)
    assert await shop.members(cart) == set()
    assert (await shop.tick(T0 + 2 * HOUR, also=also)).entered == 1
    assert heard == [(ana, T0 + 2 * HOUR)]


async def test_two_ticks_racing_on_a_shard_log_each_change_once(shop: Shop) -> None:
    customers = [await shop.customer() for _ in range(30)]
    await shop.load(cart)
    for customer in customers:
        await shop.event(customer, "Product Added", T0 + HOUR)
    racing = [shop.tick(T0 + 2 * HOUR, limit=7) for _ in range(8)]
    # A watch that believes in another number of shards holds another lock over the same customers.
    await shop.load(cart, at=T0)
    await asyncio.gather(*racing, *(tick(shop.database, [cart], 0, 1, T0 + 2 * HOUR) for _ in range(2)))
    assert await shop.members(cart) == set(customers)
    assert len(await shop.log(cart)) == len(customers)


async def test_shards_share_the_customers(shop: Shop) -> None:
    customers = [await shop.customer() for _ in range(40)]
    for shard in range(3):
        await shop.load(cart, shard=shard, shards=3)
    for customer in customers:
        await shop.event(customer, "Product Added", T0 + HOUR)
    found = [await tick(shop.database, [cart], shard, 3, T0 + 2 * HOUR) for shard in range(3)]
    assert sum(each.entered for each in found) == len(customers)
    assert all(each.entered for each in found)
    left = [await tick(shop.database, [cart], shard, 3, T0 + 2 * DAY) for shard in range(3)]
    assert sum(each.left for each in left) == len(customers)


async def test_a_segment_that_was_not_loaded_is_named_and_left_alone(shop: Shop) -> None:
    await shop.load(cart)
    shop.segments = (cart, Segment("other", did("X")))
    assert (await shop.tick(T0 + HOUR)).unloaded == ("other",)


async def test_marks_of_an_absorbed_profile_count_for_its_survivor(shop: Shop) -> None:
    ana, anonymous = await shop.customer(), await shop.customer()
    await shop.load(cart)
    await shop.event(anonymous, "Product Added", T0 + HOUR)
    await shop.database.pool.execute("update profile set merged_into = $1 where id = $2", ana, anonymous)
    first = await shop.tick(T0 + 2 * HOUR)
    assert first.dirty == ()
    second = await shop.tick(T0 + 2 * HOUR + SECOND)
    assert {mark.profile_id for mark in second.dirty} == {ana}
    assert await shop.members(cart) == {ana}
    assert [line[:2] for line in await shop.log(cart, ana)] == [("entered", T0 + HOUR)]


async def test_a_membership_that_came_with_an_absorbed_profile_is_looked_at_again(shop: Shop) -> None:
    never_bought = Segment("never-bought", ~did("Order Completed"))
    ana = await shop.customer()
    await shop.event(ana, "Order Completed", T0 - DAY, mark=False)
    await shop.load(never_bought)
    # What store.customers.merge leaves behind: the membership moved, and a mark that names what came along.
    await shop.database.pool.execute("insert into segment_member values ('never-bought', $1, $2)", ana, T0 - 2 * DAY)
    await shop.mark(ana, ["Page Viewed", "$identify"], T0 + HOUR)
    assert (await shop.tick(T0 + HOUR)).left == 1
    assert [line[:2] for line in await shop.log(never_bought)] == [("left", T0 - DAY)]


async def test_what_was_dated_ahead_does_not_date_a_later_flip(shop: Shop) -> None:
    """A fast clock sent a trait and an address; they count at once, and the window's edge keeps its own instant."""
    ana = await shop.customer()
    gold = Segment("gold", did("A").within(minutes=1) & (trait("plan") == "gold"))
    push = Segment("push", did("A").within(minutes=1) & reachable("push"))
    await shop.load(gold, push)
    ahead = T0 + timedelta(minutes=4)
    await shop.identify(ana, ahead, plan="gold")
    token = "insert into endpoint (id, profile_id, channel, address, first_seen_at, last_seen_at)"
    await shop.database.pool.execute(f"{token} values ($1, $1, 'push', 't', $2, $2)", ana, ahead)
    await shop.event(ana, "A", T0)
    await shop.tick(T0 + SECOND)
    await shop.tick(T0 + timedelta(hours=1))
    for segment in (gold, push):
        [entered, left] = await shop.log(segment)
        assert (entered[0], left[:2]) == ("entered", ("left", T0 + timedelta(minutes=1)))
        assert left[2] == {"edge": "A", "window": 60}
