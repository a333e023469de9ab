"""Random definitions and what happens in a small shop, written row by row: enough for a definition to change amid it."""

from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from segments import Predicate, age, did, first, held, last, prop, trait
from segments.leaves.did import Did
from tests.segments.shop import T0, Shop

TYPES = ("Product Added", "Order Completed", "App Opened")
ZONES = ["Europe/Madrid", "Asia/Kolkata", "Nowhere/Land", 5]
SPANS = [timedelta(minutes=n) for n in (1, 7, 30, 60, 240)]


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
    choice = random.randrange(5)
    if choice == 0:
        return found.then(following, random.choice([None, *SPANS]))
    if choice == 1:
        return found.without(following, random.choice([None, *short]))
    if choice == 2:
        return found.between(T0 + timedelta(hours=1), random.choice([None, T0 + timedelta(hours=20)]))
    return random.choice([found.today, found.this_week])(otherwise="Asia/Tokyo")


def amount(random: Random, found: Did) -> Predicate:
    measure = random.choice([found.total, found.largest, found.smallest, found.average, found.distinct])("price")
    return random.choice([measure > 50, measure < 100, measure >= 2, measure.between(10, 120)])


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
