"""ML-04: who buys what again and when, by their own gaps and others'; told once per cycle, and not who has bought it."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from math import exp, log
from random import Random
from typing import Any
from uuid import UUID

import pytest

from activities.products import reminding
from activities.products.expecting import expect
from activities.products.reminding import Reminding
from journeys import CatalogueError, Replenishment, did, next_purchase, prop
from store import Database
from store.products import again, rounds
from store.products.again import Expected
from store.products.offers import Product
from tests.products.shop import DAY, NOON, Happened, happen, order, people, sell
from tests.products.test_changes import clock_at

ORDERED = did("Order Completed")
COFFEE = Replenishment("coffee-again", of=ORDERED, lead=3 * DAY)
HOUR = timedelta(hours=1)


async def round_of(database: Database, what: Replenishment = COFFEE, at: datetime = NOON) -> None:
    async with database.transaction() as connection:
        await rounds.declare(connection, what.name, "again", what.version, what.every, at)
        await expect(connection, what, at)


async def expected(database: Database, who: UUID) -> dict[str, Expected]:
    async with database.transaction() as connection:
        return {each.product_id: each for each in await again.of_customer(connection, who)}


async def remind(database: Database, at: datetime, what: Replenishment = COFFEE) -> None:
    await Reminding(database, clock_at(at), {what.name: what}).remind()


async def told(database: Database, who: UUID) -> list[Mapping[str, Any]]:
    rows = await database.pool.fetch(
        "select properties from event where profile_id = $1 and source = 'products' order by ts", who
    )
    return [row["properties"] for row in rows]


def buys(
    who: UUID, every: float, times: int, last: datetime, *, product: str = "coffee", quantity: float = 1
) -> list[Happened]:
    line = {"product_id": product, "quantity": quantity}
    return [order(who, last - n * every * DAY, [line]) for n in range(times)]


async def test_ml_04_given_a_cadence_of_28_days_they_are_told_three_days_before_the_date(database: Database) -> None:
    """To the instant, once per cycle; and by the next order the cycle begins anew."""
    (ana,) = await people(database, 1)
    await sell(database, Product("coffee", "Coffee", attributes={}))
    last = NOON - 10 * DAY
    await happen(database, buys(ana, 28, 5, last))
    await round_of(database)
    due = (await expected(database, ana))["coffee"]
    assert abs(due.due_at - (last + 28 * DAY)) < timedelta(seconds=1)
    assert due.low_at < due.due_at < due.high_at
    assert (due.gaps, due.typical) == (4, None)
    when = last + 25 * DAY
    await remind(database, when - timedelta(minutes=1))
    assert await told(database, ana) == []
    for later in (timedelta(seconds=1), HOUR, DAY):
        await remind(database, when + later)
        await round_of(database, at=when + later)  # a round between says nothing anew
    (event,) = await told(database, ana)
    assert (event["again"], event["product_id"], event["name"], event["gaps"]) == ("coffee-again", "coffee", "Coffee", 4)
    assert event["due_at"][:16] == due.due_at.isoformat()[:16]
    await happen(database, buys(ana, 1, 1, when + 4 * DAY))
    await round_of(database, at=when + 5 * DAY)
    again_at = when + 4 * DAY + 28 * DAY - 3 * DAY
    await remind(database, again_at + HOUR * 12)
    assert len(await told(database, ana)) == 2


async def test_who_has_bought_it_meanwhile_is_not_told_nor_who_is_long_overdue(database: Database) -> None:
    ana, bea, eva = await people(database, 3)
    for who, last in ((ana, NOON - 10 * DAY), (bea, NOON - 10 * DAY), (eva, NOON - 60 * DAY)):
        await happen(database, buys(who, 28, 4, last))
    await round_of(database)
    when = NOON + 15 * DAY + HOUR
    await happen(
        database, [order(ana, NOON + 2 * DAY, ["tea"]), order(bea, NOON + 2 * DAY, ["coffee", "tea"])]
    )  # after the round
    early = [(await expected(database, who))["coffee"].standing(NOON) for who in (ana, bea, eva)]
    assert early == ["to be told", "to be told", "too late"]
    await remind(database, when)
    assert [len(await told(database, who)) for who in (ana, bea, eva)] == [1, 0, 0]
    late = [(await expected(database, who))["coffee"].standing(when) for who in (ana, bea, eva)]
    assert late == ["told", "bought meanwhile", "too late"]


async def test_who_has_few_gaps_is_expected_as_others_are_by_kaplan_and_meier(database: Database) -> None:
    """Customers who have not come back yet count as long as they are seen: without them the median were too short."""
    dice = Random(3)
    who = await people(database, 400)
    gaps = [exp(log(40) + dice.gauss(0, 0.5)) for _ in who]
    events = []
    for each, gap in zip(who, gaps, strict=True):
        first = NOON - dice.uniform(5, 90) * DAY
        events.append(order(each, first, ["coffee"]))
        if first + gap * DAY <= NOON:
            events.append(order(each, first + gap * DAY, ["coffee"]))
    (ana,) = await people(database, 1)
    await happen(database, [*events, order(ana, NOON - DAY, ["coffee"])])
    await round_of(database)
    due = (await expected(database, ana))["coffee"]
    assert due.gaps == 0
    assert due.typical == pytest.approx(40, rel=0.15)
    assert due.days == pytest.approx(due.typical, rel=1e-6)
    seen = sorted(gap for gap, each in zip(gaps, who, strict=True) if sum(e.who == each for e in events) == 2)
    assert seen[len(seen) // 2] < 34, "those who were seen to come back are the quick ones"


async def test_ones_own_gaps_count_for_more_the_more_there_are_and_the_interval_holds(database: Database) -> None:
    """Customers with a pace of their own, 15 to 60 days: eight of ten of their next orders come in the interval."""
    dice = Random(4)
    who = await people(database, 300)
    events, following = [], {}
    for each in who:
        pace, at = exp(log(30) + dice.gauss(0, 0.35)), NOON - dice.uniform(150, 300) * DAY
        while at <= NOON:
            events.append(order(each, at, ["coffee"]))
            at += pace * exp(dice.gauss(0, 0.25)) * DAY
        following[each] = at
    await happen(database, events)
    await round_of(database)
    inside, off, off_typical = 0, [], []
    for each in who:
        due = (await expected(database, each))["coffee"]
        inside += due.low_at <= following[each] <= due.high_at
        typical = due.last_at + timedelta(days=due.typical or 0)
        off.append(abs((due.due_at - following[each]) / DAY))
        off_typical.append(abs((typical - following[each]) / DAY))
    assert 0.74 <= inside / len(who) <= 0.9
    assert sum(off) < 0.8 * sum(off_typical), "better than one pace for all"


async def test_two_packs_last_twice_as_long_and_what_was_cancelled_does_not_count(database: Database) -> None:
    ana, bea = await people(database, 2)
    last = NOON - 2 * DAY
    await happen(
        database, [*buys(ana, 28, 5, last - 56 * DAY), *buys(ana, 28, 1, last - 28 * DAY), *buys(ana, 1, 1, last, quantity=2)]
    )
    await happen(database, [*buys(bea, 28, 4, last), order(bea, NOON - DAY, ["coffee"], order_id="o-1")])
    await happen(database, [Happened(bea, "Order Cancelled", NOON - HOUR, {"order_id": "o-1"})])
    await round_of(database)
    of_ana, of_bea = [(await expected(database, who))["coffee"] for who in (ana, bea)]
    assert (of_ana.quantity, round(of_ana.days)) == (2, 56)
    assert (of_bea.last_at, round(of_bea.days)) == (last, 28)


async def test_what_is_bought_within_a_day_is_one_purchase_and_only_what_is_asked_for(database: Database) -> None:
    (ana,) = await people(database, 1)
    coffee, pan = {"product_id": "coffee", "category": "coffee"}, {"product_id": "pan", "category": "kitchen"}
    visits = [(NOON - n * 20 * DAY + minutes * timedelta(minutes=1)) for n in range(4) for minutes in (0, 30)]
    await happen(database, [order(ana, at - DAY, [coffee, pan]) for at in visits])
    await round_of(database, Replenishment("coffee-again", of=ORDERED, line=prop("category") == "coffee"))
    found = await expected(database, ana)
    assert found.keys() == {"coffee"}
    assert (found["coffee"].gaps, found["coffee"].quantity, round(found["coffee"].days)) == (3, 2, 20)


async def test_ml_04_next_purchase_is_of_anything_at_all(database: Database) -> None:
    ana, bea = await people(database, 2)
    soon = next_purchase("back-soon", of=ORDERED, lead=2 * DAY)
    last = NOON - 5 * DAY
    await happen(database, [order(ana, last - n * 14 * DAY, [f"p{n}", "bag"]) for n in range(6)])
    await happen(database, [order(bea, last, ["p1"])])
    await round_of(database, soon)
    due = (await expected(database, ana))[""]
    assert abs(due.due_at - (last + 14 * DAY)) < timedelta(seconds=1)
    assert await expected(database, bea) == {}, "nobody knows when"
    await remind(database, last + 12 * DAY + HOUR, soon)
    (event,) = await told(database, ana)
    assert ("product_id" in event, event["again"]) == (False, "back-soon")
    types = await database.pool.fetch("select type from event where source = 'products'")
    assert [row["type"] for row in types] == ["Next Purchase Due"]


async def test_all_are_told_once_whoever_dies_when(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of 20, of 130; two watches at once, killed again and again between the events and the commit."""
    monkeypatch.setattr(reminding, "AT_ONCE", 20)
    who = await people(database, 130)
    await happen(database, [each for n, one in enumerate(who) for each in buys(one, 28, 3, NOON - 10 * DAY - n * HOUR / 10)])
    await round_of(database)
    dice, when = Random(9), NOON + 15 * DAY + HOUR

    async def one() -> None:
        while True:
            work = asyncio.create_task(remind(database, when))
            await asyncio.wait([work], timeout=dice.uniform(0.005, 0.08))
            if work.done():
                await work
                return
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    async with asyncio.timeout(120):
        await asyncio.gather(one(), one())
    await remind(database, when)
    rows = await database.pool.fetch("select profile_id from event where type = 'Replenishment Due'")
    assert (len(rows), {row["profile_id"] for row in rows}) == (130, set(who))


def test_what_makes_no_sense_is_refused_with_what_to_write() -> None:
    wrong: Any
    for wrong in (
        {"name": "Coffee"}, {"of": ORDERED.at_least(2)}, {"by": "sku"}, {"lead": -1 * DAY}, {"people": 1}, {"every": 0 * DAY},
    ):  # fmt: skip
        with pytest.raises(CatalogueError, match="Replenishment"):
            Replenishment(**({"name": "coffee-again", "of": ORDERED} | wrong))
    same, other = (Replenishment("coffee-again", of=ORDERED, lead=days * DAY) for days in (3, 4))
    assert (same == COFFEE, other == COFFEE) == (True, False)
