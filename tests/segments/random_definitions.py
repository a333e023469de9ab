"""Random definitions over every kind of leaf, with names and values that the random log really has."""

from collections.abc import Callable, Sequence
from datetime import date, time, timedelta
from decimal import Decimal
from operator import eq, ge, gt, le, lt, ne
from random import Random
from typing import Any

from segments import (
    Predicate,
    Segment,
    age,
    any_item,
    bucket,
    city,
    consented,
    country,
    customers,
    did,
    first,
    held,
    inside,
    last,
    last_location,
    listed,
    member_of,
    messaged,
    near,
    points,
    position_in,
    position_of,
    postcode,
    prop,
    reachable,
    region,
    score,
    top,
    trait,
    unsubscribed,
)
from segments.errors import DefinitionError
from segments.leaves.crossed import Crossed, Sorted
from segments.leaves.did import Did
from tests.segments.shop import T0

TYPES = ("Product Added", "Order Completed", "App Opened")
SPANS = [timedelta(seconds=n) for n in (1, 60, 420, 1800, 3600, 14_400, 86_400, 7 * 86_400)]
OTHERWISE = "Asia/Tokyo"
_COMPARED: Sequence[Callable[[Any, Any], Any]] = (lt, le, gt, ge)
_MADRID = (40.4168, -3.7038)


def definition(random: Random, depth: int = 2) -> Predicate:
    """A tree of leaves, mostly of one to four."""
    if depth == 0 or random.random() < 0.35:
        return leaf(random)
    left, right = definition(random, depth - 1), definition(random, depth - 1)
    return random.choice([left & right, left & ~right, left | right, ~left])


def leaf(random: Random) -> Predicate:
    """One of all kinds."""
    return random.choice(LEAVES)(random)


def of_trait(random: Random) -> Predicate:
    plan, years, interests = trait("plan"), trait("years"), trait("interests")
    return random.choice(
        [
            random.choice(_COMPARED)(years, random.choice([17, 18, 18.5, Decimal("18.0"), 10**20])),
            random.choice([years == 18, years != 18, years.between(17, 18), years.exists(), years == "18", years == True]),  # noqa: E712
            random.choice([plan == "gold", plan != "gold", plan.in_("gold", 7), plan.matches("GÓLD"), plan.starts_with("g")]),
            random.choice([plan < "h", plan >= "gold", plan.contains("ol"), plan.exists()]),
            random.choice([interests.contains("ski"), interests.contains(1), interests == "ski", interests.exists()]),
            random.choice([trait("ends") < T0 + timedelta(hours=2), trait("ends") >= date(2026, 11, 17), trait("ends") != T0]),
        ]
    )


def sourced(random: Random) -> Predicate:
    one = trait(random.choice(["plan", "years", "ends"]))
    sure, source = one.confidence(), one.source()
    return random.choice(
        [
            one.declared(),
            one.declared() | (sure >= Decimal("0.8")),
            random.choice([sure < 0.5, sure == 0.9, sure.between(0.1, 0.9)]),
            random.choice([source == "crm", source != "crm", source.in_("test", "model"), source.starts_with("m")]),
            one.said_within(random.choice(SPANS)),
            one.exists() & ~one.said_within(random.choice(SPANS)),
        ]
    )


def of_items(random: Random) -> Predicate:
    homes = trait("addresses")
    both = homes.any_item(prop("city") == "Madrid", prop("kind") == "home")
    several = trait("addresses.city") == "Madrid", trait("addresses.city") != "Madrid", trait("addresses.zip").exists()
    return random.choice([both, homes.any_item(~(prop("kind") == "home")), *several])


def dated(random: Random) -> Predicate:
    span, ends = random.choice(SPANS), trait("ends")
    born = age("born", otherwise=OTHERWISE)
    near_by = [ends.within_next(span), ends.within_last(span)]
    returns = [trait("born").anniversary(random.choice([0, 2]), otherwise=OTHERWISE), ends.anniversary(zone="Europe/Madrid")]
    return random.choice([*near_by, *near_by, *returns, born >= 18, born < 18, born.between(17, 18), born != 17])


def condition(random: Random) -> Predicate:
    cheap, boots = prop("price") <= 50, prop("products.kind") == "boots"
    line = any_item("products", prop("price") > 50, prop("kind") == "boots")
    return random.choice([prop("price") > 50, prop("price") > 50, ~cheap, boots, line, prop("coupon").exists() | cheap])


def happened(random: Random) -> Did:
    found = did(random.choice(TYPES))
    found = found.within(random.choice(SPANS)) if random.random() < 0.7 else found
    found = found.where(condition(random)) if random.random() < 0.3 else found
    found = narrowed(random, found) if random.random() < 0.5 else found
    found = by_the_clock(random, found) if random.random() < 0.2 else found
    return found.since_last(random.choice(TYPES)) if random.random() < 0.2 else found


def counted(random: Random) -> Predicate:
    found = happened(random)
    return random.choice([found, found, found.at_least(2), found.at_most(1), found.exactly(2), found.more_than(2)])


def narrowed(random: Random, found: Did) -> Did:
    longest = found.window or SPANS[-1] * 2
    short = [span for span in SPANS if span < longest]
    choice = random.randrange(6)
    if choice <= 1:
        return found.then(following(random), random.choice([None, *SPANS]))
    if choice <= 3:
        return found.without(following(random), random.choice([None, *short]))
    if choice == 4:
        return found.between(random.choice([None, T0 + timedelta(hours=1)]), T0 + timedelta(hours=random.choice([2, 20, 200])))
    unit = random.choice([found.today, found.this_week, found.this_month])
    return random.choice([unit(otherwise=OTHERWISE), unit(), unit(zone="Europe/Madrid")])


def by_the_clock(random: Random, found: Did) -> Did:
    """Hours of the day and days of the week, in the customer's zone or another; T0 is Monday noon in UTC."""
    where: dict[str, Any] = random.choice([{}, {"otherwise": OTHERWISE}, {"zone": "Europe/Madrid"}])
    hours = random.choice([(12, 13), (time(12, 30), 20), (20, 24), (22, 6), (0, time(17, 45))])
    found = found.at_hours(*hours, **where) if random.random() < 0.7 else found
    days = random.choice([("mon",), ("sun", "mon"), ("tue", "wed", "thu", "fri")])
    return found if found.hours and random.random() < 0.7 else found.on_days(*days, **where)


def following(random: Random) -> Did:
    found = did(random.choice(TYPES))
    found = found.where(condition(random)) if random.random() < 0.4 else found
    return random.choice([found, found, found.without(random.choice(TYPES), hours=1), found.then(random.choice(TYPES))])


def amount(random: Random) -> Predicate:
    found = happened(random)
    measure = random.choice([found.total, found.largest, found.smallest, found.average, found.distinct])
    worth = measure(random.choice(["price", "price", "products.price"]), whole=random.random() < 0.2)
    bound = random.choice([0, 2, 0.3, Decimal("60.5"), 100])
    return random.choice([*(op(worth, bound) for op in _COMPARED), worth == bound, worth != bound, worth.between(1, bound + 9)])


def versus(random: Random) -> Predicate:
    """An amount against another one, a multiple of one, or as a share of one."""
    left, right = worth(random, happened(random)), worth(random, happened(random))
    try:
        compared = random.choice([*_COMPARED, eq, ne])
        times = random.choice([1, 2, 0.5, Decimal("1.1")])
        share = left / right
        against = compared(left, right), compared(left, times * right), compared(share, random.choice([0, 0.5, 1, 2]))
        return random.choice([*against, share.between(Decimal("0.3"), 1)])
    except DefinitionError:  # an amount with itself
        return versus(random)


def worth(random: Random, found: Did) -> Any:
    named = random.choice([found.total, found.largest, found.smallest, found.average, found.distinct])
    return found.count() if random.random() < 0.5 else named(random.choice(["price", "products.price"]))


def regular(random: Random) -> Predicate:
    return did(random.choice(TYPES)).in_each(random.choice([2, 3]), random.choice(SPANS[3:]))


def lasting(random: Random) -> Predicate:
    """Whatever of all kinds has a past that is known."""
    while True:
        try:
            return held(definition(random, 1), random.choice(SPANS))
        except DefinitionError:
            continue


def outermost(random: Random) -> Predicate:
    found = random.choice([first, last])(random.choice(TYPES))
    found = found.within(random.choice(SPANS)) if random.random() < 0.7 else found
    return found.where(condition(random)) if random.random() < 0.5 else found


def place(random: Random) -> Predicate:
    of = random.choice([last_location, position_of("App Opened", lat="at.lat", lon="at.lon"), position_in("home")])
    if of.scope == "event" and random.random() < 0.5:
        of = of.within(hours=random.choice([1, 48]))
    square = [(40, -4), (41, -4), (41, -3), (40, -3)]
    shapes = near(*_MADRID, km=random.choice([1, 30]), of=of), inside(square, of=of)
    named = city("Madrid", "Sevilla"), country("ES"), region("Andalucía"), postcode("28013")
    return random.choice([*shapes, *shapes, *named])


def person(random: Random) -> Predicate:
    share = bucket(random.choice([10, 33.3, Decimal(50)]), random.choice(["a", "spring-test"]))
    return random.choice([share, customers("u-1", "u-2", "u-7"), customers("nobody", "u-11")])


def reach(random: Random) -> Predicate:
    channel, purpose = random.choice(["whatsapp", "push"]), random.choice(["marketing", "transactional"])
    return random.choice([consented(channel, purpose), consented(channel), reachable(channel)])


def messages(random: Random) -> Predicate:
    ours = messaged(channel="whatsapp")
    return random.choice([ours.opened().within(random.choice(SPANS)), ~messaged().opened(), unsubscribed("whatsapp")])


def scored(random: Random) -> Predicate:
    rules = [points(count, leaf(random)) for count in random.sample([5, -3, Decimal("2.5"), 1], 3)]
    worth = score(*rules)
    return random.choice([worth >= 5, worth < 1, worth == Decimal("2.5"), worth.between(0, 6)])


def ranked(random: Random) -> Predicate:
    of = did(random.choice(TYPES)).within(random.choice(SPANS[3:]))
    of = of.where(condition(random)) if random.random() < 0.3 else of
    every = random.choice([timedelta(minutes=30), timedelta(hours=3), timedelta(days=1)])
    return top(random.choice([10, 25, 50, Decimal("33.4")]), random.choice([of, of.total("price")]), every=every)


#: One function per kind; those with the most to them stand more than once.
LEAVES: Sequence[Callable[[Random], Predicate]] = (
    *(counted,) * 6,
    *(amount,) * 2,
    *(dated,) * 2,
    *(versus,) * 2,
    *(lasting,) * 3,
    regular,
    of_trait,
    *(sourced,) * 2,
    of_items,
    outermost,
    place,
    person,
    reach,
    messages,
    scored,
    ranked,
    lambda random: listed(random.choice(["vip", "staff"])),
    lambda random: Crossed("churn", *random.choice([(0.7, 0.6), (0.5, 0.5)])),
    lambda random: Sorted("styles", random.choice(["loyal", "new"])),
    lambda random: member_of(Segment(f"inner-{random.getrandbits(32)}", definition(random, 1))),
)
