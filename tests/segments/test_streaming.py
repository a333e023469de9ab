"""Streaming against full evaluation against plain Python, over random logs, ticks and definitions."""

from datetime import datetime, timedelta
from random import Random
from uuid import UUID

import pytest

from segments import Predicate, Segment, age, did, first, held, last, prop, trait
from segments.amounts import Amount
from segments.calendar import period_end
from segments.evaluate import flipped_at, true_of
from segments.happened import Did
from tests.segments.shop import T0, Shop

TYPES = ("Product Added", "Order Completed", "App Opened")
ZONES = ["Europe/Madrid", "Asia/Kolkata", "Nowhere/Land", 5]
SPANS = [timedelta(minutes=n) for n in (1, 7, 30, 60, 240)]
ROUNDS, CUSTOMERS = 40, 12


def leaf(random: Random) -> Predicate:
    if random.random() < 0.2:
        return lasting(random)
    if random.random() < 0.1:
        return trait("age") >= random.choice([18, 30])
    if random.random() < 0.2:
        return dated(random)
    if random.random() < 0.15:
        return outermost(random)
    found = did(random.choice(TYPES))
    if random.random() < 0.8:
        found = found.within(random.choice(SPANS))
    if random.random() < 0.3:
        found = found.where(prop("price") > 50)
    if random.random() < 0.4:
        found = narrowed(random, found)
    if random.random() < 0.2:
        return amount(random, found)
    if random.random() < 0.4:
        found = random.choice([found.at_least(2), found.at_most(1), found.exactly(2), found.more_than(2)])
    return found.since_last(random.choice(TYPES)) if random.random() < 0.25 else found


def dated(random: Random) -> Predicate:
    span, ends = random.choice(SPANS), trait("ends")
    born = age("born", otherwise="Asia/Tokyo")
    near = [ends.within_next(span), ends.within_last(span), ends.anniversary(random.choice([0, 2]))]
    return random.choice([*near, born >= 18, born < 18, born.between(17, 18)])


def lasting(random: Random) -> Predicate:
    """States of events, of a trait that changes, and of both."""
    one, other = did(random.choice(TYPES)).within(random.choice(SPANS)), did(random.choice(TYPES))
    adult = trait("age") >= random.choice([18, 30])
    state = [one, ~one, one & ~other.since_last(one.type), one.at_most(1), one.total("price") < 100, one.without(other.type)]
    return held(random.choice([*state, adult, ~adult, one | adult, ~one & ~adult]), random.choice(SPANS))


def outermost(random: Random) -> Predicate:
    found = random.choice([first, last])(random.choice(TYPES))
    found = found.within(random.choice(SPANS)) if random.random() < 0.7 else found
    return found.where(prop("price") > 50) if random.random() < 0.5 else found


def narrowed(random: Random, found: Did) -> Did:
    longest = found.window or SPANS[-1] * 2
    short = [span for span in SPANS if span < longest]
    following = did(random.choice(TYPES)).where(prop("price") > 50) if random.random() < 0.3 else random.choice(TYPES)
    choice = random.randrange(7)
    if choice == 0:
        return found.then(following, random.choice([None, *SPANS]))
    if choice == 1:
        return found.without(following, random.choice([None, *short]))
    if choice == 2:
        return found.between(T0 + timedelta(hours=1), random.choice([None, T0 + timedelta(hours=20)]))
    if choice == 3:
        return found.at_hours(*random.choice([(12, 20), (20, 6), (22, 24)]), zone=random.choice([None, "Europe/Madrid"]))
    if choice == 4:
        return found.on_days(*random.choice([("mon", "wed"), ("tue", "sun")]), otherwise="Asia/Tokyo")
    return random.choice([found.today, found.this_week])(otherwise="Asia/Tokyo")


def amount(random: Random, found: Did) -> Predicate:
    measure = measured(random, found)
    if random.random() < 0.4:
        other = measured(random, random.choice([found.plain, did(random.choice(TYPES)).within(hours=5)]))
        share = random.choice([0.5, 1, 0])
        return random.choice([measure > other, measure <= other, measure >= 2 * other, measure / other >= share])
    return random.choice([measure > 50, measure < 100, measure >= 2, measure.between(10, 120)])


def measured(random: Random, found: Did) -> Amount:
    named = [found.total, found.largest, found.smallest, found.average, found.distinct]
    return found.count() if random.random() < 0.3 else random.choice(named)("price")


def definition(random: Random, depth: int = 2) -> Predicate:
    if depth == 0 or random.random() < 0.2:
        return leaf(random)
    left, right = definition(random, depth - 1), definition(random, depth - 1)
    return random.choice([left & right, left & ~right, left | right, ~left])


async def happen(shop: Shop, random: Random, customers: list[UUID], start: datetime, end: datetime) -> None:
    """Events on time, late, from the future, of wrong types, marked twice, and changed traits."""
    for _ in range(random.randrange(9)):
        received = start + (end - start) * random.random()
        skew = random.choice([0, 0, 0, -1, -90, -3600, -20_000, 1, 240])
        price = random.choice([10, 60, "60", None, {"eur": 60}])
        who = random.choice(customers)
        kind = random.choice([*TYPES, "Page Viewed"])
        await shop.event(who, kind, received + timedelta(seconds=skew), {"price": price}, received_at=received)
        if random.random() < 0.2:
            await shop.mark(who, [kind], received)
    if random.random() < 0.3:
        await shop.identify(random.choice(customers), end, age=random.choice([17, 18, 40, "40", None]))
    if random.random() < 0.2:
        ends = end + timedelta(seconds=random.choice([-3600, 60, 7200, 40_000]))
        await shop.identify(random.choice(customers), end, ends=random.choice([ends.isoformat(), ends.isoformat(), "soon"]))
    if random.random() < 0.2:
        await shop.identify(random.choice(customers), end, born=random.choice(["2008-11-17", "2008-11-18", "2008-11-19", None]))
    if random.random() < 0.1:
        await shop.identify(random.choice(customers), end, timezone=random.choice(ZONES))


@pytest.mark.parametrize("seed", [1, 2, 4, 12])
async def test_streaming_is_full_evaluation_is_python(shop: Shop, seed: int) -> None:
    random = Random(seed)
    customers = [
        await shop.customer(created_at=T0, age=random.choice([17, 40]), timezone=random.choice(ZONES)) for _ in range(CUSTOMERS)
    ]
    segments = [Segment(f"s{n}", definition(random)) for n in range(8)]
    await shop.load(*segments)
    known = {segment.name: await shop.members(segment) for segment in segments}
    at, flips = T0, 0
    for _ in range(ROUNDS):
        step = timedelta(seconds=random.choice([0.1, 1, 20, 60, 600, 7200]))
        if random.random() < 0.1:
            customers.append(await shop.customer(created_at=at, age=40))
            await shop.mark(customers[-1], ["$identify"], at)
        await happen(shop, random, customers, at, at + step)
        at += step
        while (found := await shop.tick(at, limit=random.choice([2, 100]))).more:
            flips += found.entered + found.left
        flips += found.entered + found.left
        for segment in segments:
            expected = {p for p in customers if true_of(segment.predicate, shop.facts(p), at)}
            assert await shop.evaluated(segment.predicate, at) == expected, (seed, at, str(segment))
            assert await shop.members(segment) == expected, (seed, at, str(segment))
    assert flips > 40
    for segment in segments:
        for profile in customers:
            lines = await shop.log(segment, profile)
            was = profile in known[segment.name]
            assert [kind for kind, _, _ in lines] == [("entered", "left")[was is (n % 2 == 0)] for n in range(len(lines))]
            instants = [instant for _, instant, _ in lines]
            assert instants == sorted(instants)


async def test_each_transition_is_dated_with_its_flip_and_caused_by_it(shop: Shop) -> None:
    random = Random(5)
    customers = [await shop.customer() for _ in range(6)]
    segments = [Segment(f"s{n}", definition(random)) for n in range(8)]
    await shop.load(*segments)
    at, checked = T0, 0
    for _ in range(80):
        at += timedelta(seconds=random.choice([30, 300, 900]))
        if random.random() < 0.9:
            await shop.event(random.choice(customers), random.choice(TYPES), at - timedelta(seconds=3), {"price": 60})
        before = {s.name: len(await shop.log(s)) for s in segments}
        await shop.tick(at)
        for segment in segments:
            rows = await shop.database.pool.fetch(
                "select profile_id, at, cause from segment_transition where segment = $1 order by id offset $2",
                segment.name,
                before[segment.name],
            )
            for row in rows:
                log = shop.events[row["profile_id"]]
                assert row["at"] == flipped_at(segment.predicate, shop.facts(row["profile_id"]), at)
                cause = row["cause"]
                if "period" in cause:
                    zone = "Asia/Tokyo"
                    ends = {period_end(cause["period"], e.ts, zone) for e in log if e.type == cause["edge"]}
                    assert row["at"] in ends
                elif "edge" in cause:
                    edge = row["at"] - timedelta(seconds=cause["window"])
                    assert any(e.type == cause["edge"] and e.ts == edge for e in log)
                else:
                    assert any((e.message_id, e.ts) == (cause["message_id"], row["at"]) for e in log)
                checked += 1
    assert checked > 30
