"""What should not come and does: dates at the ends of the calendar, a clock gone wrong, deep and huge values, unknown types."""

import json
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest

from segments import Predicate, Segment, any_item, did, prop, trait
from segments.ask.ask import explain
from tests.segments.oracle import Customer, Happening, World, members
from tests.segments.oracle_values import micros
from tests.segments.random_definitions import LEAVES
from tests.segments.shop import T0, Shop

MICRO, DAY = timedelta(microseconds=1), timedelta(days=1)
ENDS = [datetime.min.replace(tzinfo=UTC), datetime(1, 1, 1, 12, tzinfo=UTC), datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)]
ENDS += [datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]


def one_of_each() -> list[Predicate]:
    return [leaf(Random(n)) for leaf in dict.fromkeys(LEAVES) for n in range(3)]


def everybody(shop: Shop) -> World:
    """What the shop wrote, for the second opinion."""
    return World(
        [
            Customer(
                who,
                dict(shop.traits[who]),
                [Happening(e.type, micros(e.ts), e.properties) for e in shop.events[who]],
                created_at=micros(shop.created_at[who]),
            )
            for who in shop.events
        ]
    )


async def ancient_and_far(shop: Shop) -> list[UUID]:
    """Customers to whom everything happened in the year 1, 1969 or 9999, and one to whom all of it did."""
    ids = [await shop.customer(created_at=T0, ends=at.isoformat(), born=at.date().isoformat()) for at in ENDS]
    for who, at in [*zip(ids, ENDS, strict=True), *((ids[0], at) for at in ENDS)]:
        for named in ("Product Added", "Order Completed", "App Opened"):
            await shop.event(who, named, at, {"price": 60, "lat": 40.4, "lon": -3.7}, received_at=T0)
    return ids


async def test_events_and_dates_at_the_ends_of_the_calendar_count_like_any_other(shop: Shop) -> None:
    await ancient_and_far(shop)
    several = one_of_each()
    segments = [Segment(f"s{n}", predicate) for n, predicate in enumerate(several)]
    await shop.load(*segments, at=T0 - DAY)
    for at in (T0, T0 + 60 * DAY):
        await shop.tick(at)
        world = everybody(shop)
        for segment in segments:
            if '"top"' in segment.predicate.key:  # by the thresholds that were recorded: see the differential test
                continue
            expected = members(segment.predicate.to_json(), world, at)
            assert await shop.members(segment) == await shop.evaluated(segment.predicate, at) == expected, segment.predicate.key


ASKED = [predicate for predicate in one_of_each() if '"top"' not in predicate.key]


@pytest.mark.parametrize("at", [datetime(1900, 1, 1, tzinfo=UTC), ENDS[2]])
async def test_a_past_before_all_clocks_can_be_asked_about(shop: Shop, at: datetime) -> None:
    """The watch's own clock is never before 1970: its progress begins there."""
    await ancient_and_far(shop)
    world = everybody(shop)
    for predicate in ASKED:
        assert await shop.evaluated(predicate, at) == members(predicate.to_json(), world, at), predicate.key


@pytest.mark.parametrize("at", [datetime(1971, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)])
async def test_a_clock_centuries_away_asks_and_ticks(shop: Shop, at: datetime) -> None:
    await ancient_and_far(shop)
    world, asked = everybody(shop), ASKED
    for predicate in asked:
        assert await shop.evaluated(predicate, at) == members(predicate.to_json(), world, at), predicate.key
    segments = [Segment(f"s{n}", predicate) for n, predicate in enumerate(asked)]
    await shop.load(*segments, at=at)
    await shop.tick(at + MICRO)
    for segment in segments:
        assert await shop.members(segment) == members(segment.predicate.to_json(), world, at + MICRO), segment.predicate.key


def nested(depth: int) -> Any:
    value: Any = "bottom"
    for n in range(depth):
        value = [value] if n % 2 else {"x": value}
    return value


async def rewrite(shop: Shop, properties: str) -> None:
    """The last event again, with properties that no client of ours can write."""
    rewritten = "update event set properties = $2::text::jsonb where message_id = $1"
    await shop.database.pool.execute(rewritten, f"m{shop.count}", properties)


async def test_deep_and_huge_values_neither_break_nor_are_counted(shop: Shop) -> None:
    ana, bea = await shop.customer(), await shop.customer()
    deep, huge = json.dumps({"price": nested(900)}), '{"price": 1' + "0" * 5000 + "}"
    tiny = '{"price": 0.' + "0" * 5000 + "1}"
    odd = ['{"price": "NaN"}', '{"price": "Infinity"}', '{"price": "1e5"}', '{"price": {"price": 60}}', "{}", deep]
    segments = [
        Segment("dear", did("A").where(prop("price") > 50).within(hours=1)),
        Segment("sum", did("A").within(hours=1).total("price") > 50),
        Segment("mean", did("A").within(hours=1).average("price") < 1),
        Segment("line", did("A").where(any_item("price.x", prop("x") == "bottom")).within(hours=1)),
        Segment("deep", trait("deep.x.x.x") == "bottom"),
    ]
    await shop.load(*segments)
    for n, text in enumerate([*odd, huge]):
        who = ana if text != huge else bea
        await shop.event(who, "A", T0 - timedelta(minutes=n))
        await rewrite(shop, text)
    await shop.tick(T0)
    assert [await shop.members(segment) for segment in segments] == [{bea}, {bea}, set(), set(), set()]
    await shop.event(ana, "A", T0 + timedelta(seconds=1))
    await shop.database.pool.execute(
        "update event set properties = $2::text::jsonb where message_id = $1", f"m{shop.count}", tiny
    )
    await shop.tick(T0 + timedelta(seconds=1))
    assert await shop.members(segments[2]) == {ana}
    await shop.tick(T0 + timedelta(hours=2))
    assert [len(await shop.members(segment)) for segment in segments] == [0] * 5
    for segment in segments:
        for who in (ana, bea):
            found = await explain(shop.database, segment, who, T0)
            assert found is not None


async def test_a_deep_trait_does_not_stop_the_watch(shop: Shop) -> None:
    ana = await shop.customer(plan="gold")
    gold = Segment("gold", (trait("plan") == "gold") & did("A").within(hours=1))
    await shop.load(gold)
    await shop.database.pool.execute("update profile set traits = traits || $1::text::jsonb", json.dumps({"deep": nested(900)}))
    await shop.event(ana, "A", T0)
    await shop.tick(T0)
    await shop.tick(T0 + timedelta(hours=2))
    assert [kind for kind, _, _ in await shop.log(gold)] == ["entered", "left"]


async def test_marks_of_unknown_types_and_of_nobody_are_consumed(shop: Shop) -> None:
    ana = await shop.customer()
    silent = Segment("silent", ~did("A").within(hours=1))
    await shop.load(silent)
    await shop.mark(ana, ["Never Heard Of", "", "$nothing", "'; drop table event; --"], T0)
    await shop.mark(UUID(int=7), ["A", "$identify"], T0)
    found = await shop.tick(T0 + MICRO)
    assert (len(found.dirty), found.entered, found.left) == (2, 0, 0)
    assert await shop.members(silent) == {ana}
    assert await shop.database.pool.fetchval("select count(*) from dirty") == 0
