"""ML-05: who looked at a product is told once that it costs less, or that it can be had again; and nobody who has bought it."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

import pytest

from activities.products import telling
from activities.products.telling import Telling
from journeys import BackInStock, CatalogueError, PriceDrops
from journeys.clock import Clock
from store import Database
from store.products.changes import changes
from store.products.offers import Product
from tests.products.shop import DAY, NOON, Happened, happen, order, people, sell
from workers.testing.shop import HandClock

HOUR = timedelta(hours=1)
BOTH = {each.name: each for each in (PriceDrops(least=0.1), BackInStock())}


def clock_at(now: datetime) -> Clock:
    clock = HandClock(real_origin=NOON, business_origin=NOON)
    clock.set(now)
    return clock


async def tell(database: Database, now: datetime, declared: Mapping[str, Any] = BOTH) -> None:
    await Telling(database, clock_at(now), declared).tell()


async def costs(database: Database, price: float, at: datetime, *, available: bool = True, currency: str = "EUR") -> None:
    product = Product("boots", "Boots", Decimal(str(price)), currency, "https://shop.example/boots", available=available)
    await sell(database, product, at=at)


async def told(database: Database, who: UUID) -> list[tuple[str, float, float | None]]:
    rows = await database.pool.fetch(
        "select type, properties from event where profile_id = $1 and source = 'products' order by ts, type", who
    )
    return [(row["type"], row["properties"]["price"], row["properties"].get("old_price")) for row in rows]


def looks(who: UUID, at: datetime, kind: str = "Product Viewed") -> Happened:
    return Happened(who, kind, at, {"product_id": "boots"})


async def test_ml_05_a_price_drop_on_what_was_viewed_is_told_once_and_wiggles_are_not(database: Database) -> None:
    ana, bea, eva, pia, zoe = await people(database, 5)
    await costs(database, 100, NOON - 9 * DAY)
    await happen(
        database,
        [
            looks(ana, NOON - 5 * DAY),
            looks(bea, NOON - 5 * DAY, "Product Added"),
            looks(eva, NOON - 40 * DAY),  # too long ago
            looks(pia, NOON - 6 * DAY, "Product Added to Wishlist"),
            order(pia, NOON - 3 * DAY, ["boots"]),  # and has it
            Happened(zoe, "Product Viewed", NOON - DAY, {"product_id": "coat"}),
        ],
    )
    await costs(database, 95, NOON)  # five of a hundred are no drop
    await tell(database, NOON)
    assert await told(database, ana) == []
    await costs(database, 80, NOON + HOUR)
    await tell(database, NOON + HOUR)
    drop = ("Product Price Dropped", 80, 100)
    assert [await told(database, who) for who in (ana, bea, eva, pia, zoe)] == [[drop], [drop], [], [], []]
    for hours, price in ((2, 100), (3, 80), (4, 79), (5, 90), (6, 75)):  # up and down again, and a little lower
        await costs(database, price, NOON + hours * HOUR)
        await tell(database, NOON + hours * HOUR)
    assert await told(database, ana) == [drop]
    await costs(database, 72, NOON + 7 * HOUR)  # a tenth below what they know
    await happen(database, [order(bea, NOON + 7 * HOUR - timedelta(minutes=1), ["boots"])])
    await tell(database, NOON + 7 * HOUR)
    assert await told(database, ana) == [drop, ("Product Price Dropped", 72, 80)]
    assert await told(database, bea) == [drop]
    (event, _) = await database.pool.fetch(
        "select properties from event where profile_id = $1 and source = 'products' order by ts", ana
    )
    assert event["properties"].keys() == {
        "product_id", "name", "price", "currency", "url", "old_price", "lowest_price", "change_id",
    }  # fmt: skip
    assert event["properties"]["lowest_price"] == 95, "the lowest since they looked"
    assert (
        await database.pool.fetchval(
            "select count(*) from dirty where profile_id = $1 and 'Product Price Dropped' = any(types)", ana
        )
        == 2
    )


async def test_who_looks_again_at_the_higher_price_is_told_of_a_drop_again(database: Database) -> None:
    (ana,) = await people(database, 1)
    await costs(database, 100, NOON - 9 * DAY)
    await happen(database, [looks(ana, NOON - DAY)])
    for hours, price in ((1, 80), (2, 100)):
        await costs(database, price, NOON + hours * HOUR)
        await tell(database, NOON + hours * HOUR)
    await happen(database, [looks(ana, NOON + 3 * HOUR)])
    await costs(database, 85, NOON + 4 * HOUR)
    await tell(database, NOON + 4 * HOUR)
    assert [(price, old) for _, price, old in await told(database, ana)] == [(80, 100), (85, 100)]


async def test_another_currency_a_new_product_and_what_cannot_be_had_are_no_drop(database: Database) -> None:
    (ana,) = await people(database, 1)
    await happen(database, [looks(ana, NOON - DAY)])
    await costs(database, 100, NOON)
    await costs(database, 50, NOON + HOUR, currency="USD")
    await costs(database, 20, NOON + 2 * HOUR, currency="USD", available=False)
    await tell(database, NOON + 2 * HOUR)
    assert await told(database, ana) == []
    assert await database.pool.fetchval("select count(*) from product_change where done_at is null") == 0


async def test_ml_05_what_can_be_had_again_is_told_once(database: Database) -> None:
    ana, bea = await people(database, 2)
    await costs(database, 100, NOON - 9 * DAY)
    await costs(database, 100, NOON - 2 * DAY, available=False)
    await happen(database, [looks(ana, NOON - DAY), looks(bea, NOON - DAY), order(bea, NOON - HOUR, ["boots"])])
    for hours in range(0, 6, 2):  # it comes and goes
        await costs(database, 100, NOON + hours * HOUR)
        await tell(database, NOON + hours * HOUR)
        await costs(database, 100, NOON + (hours + 1) * HOUR, available=False)
        await tell(database, NOON + (hours + 1) * HOUR)
    assert await told(database, ana) == [("Product Back In Stock", 100, None)]
    assert await told(database, bea) == []
    assert [each.back for each in await changes(database, "boots") if each.back] == [1]


async def test_what_moved_on_before_its_turn_came_is_told_as_it_is_now(database: Database) -> None:
    """Two drops in a row are one for whoever hears of them; a drop that was taken back is none; an old one is no news."""
    (ana,) = await people(database, 1)
    await costs(database, 100, NOON - 9 * DAY)
    await happen(database, [looks(ana, NOON - DAY)])
    for minutes, price in ((0, 90), (1, 85)):
        await costs(database, price, NOON + timedelta(minutes=minutes))
    await tell(database, NOON + timedelta(minutes=2))
    assert [(price, old) for _, price, old in await told(database, ana)] == [(85, 100)]
    await costs(database, 40, NOON + HOUR)
    await costs(database, 85, NOON + HOUR)
    await tell(database, NOON + HOUR)
    await costs(database, 50, NOON + 2 * HOUR)
    await tell(database, NOON + 2 * HOUR + 25 * HOUR)
    assert len(await told(database, ana)) == 1
    assert [each.why for each in (await changes(database, "boots"))[:3]] == [
        "it was older than a day when its turn came",
        "it costs no less in the same currency, and was not gone",
        "its price has moved on",
    ]  # fmt: skip


async def test_a_change_of_which_nobody_was_told_says_why(database: Database) -> None:
    ana, bea = await people(database, 2)
    why = []

    async def change(price: float, hours: int) -> None:
        await costs(database, price, NOON + hours * HOUR)
        await tell(database, NOON + hours * HOUR)
        why.append((await changes(database, "boots"))[0].why)

    await costs(database, 100, NOON - 2 * DAY)
    await change(80, 0)
    await happen(database, [looks(ana, NOON + HOUR), looks(bea, NOON + HOUR)])
    await change(79, 2)
    await change(90, 3)
    await change(40, 4)
    assert [price for _, price, _ in await told(database, ana)] == [40]
    await happen(database, [order(each, NOON + 5 * HOUR, ["boots"]) for each in (ana, bea)])
    await change(20, 6)
    assert why == [
        "nobody looked at it in the time that the catalogue says",
        "it is not so much less than the price that they know",
        "it costs no less in the same currency, and was not gone",
        None,
        "who looked at it has bought it since",
    ]


async def test_where_the_price_when_they_looked_is_not_known_it_says_so(database: Database) -> None:
    """They looked when it cost something in another currency."""
    (ana,) = await people(database, 1)
    await costs(database, 100, NOON - 2 * DAY, currency="USD")
    await happen(database, [looks(ana, NOON - DAY)])
    await costs(database, 100, NOON)
    await tell(database, NOON)
    await costs(database, 50, NOON + HOUR)
    await tell(database, NOON + HOUR)
    assert (await changes(database, "boots"))[0].why == "its price when they looked is not known"
    assert await told(database, ana) == []


async def test_nobody_is_told_where_nothing_is_declared_nor_later(database: Database) -> None:
    (ana,) = await people(database, 1)
    await costs(database, 100, NOON - 9 * DAY)
    await happen(database, [looks(ana, NOON - DAY)])
    await costs(database, 50, NOON)
    await tell(database, NOON, {})
    await tell(database, NOON)
    assert await told(database, ana) == []


async def test_many_are_told_once_each_whoever_dies_when(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of 50, of 430; two watches at once, killed again and again between the events and the commit."""
    monkeypatch.setattr(telling, "AT_ONCE", 50)
    who = await people(database, 430)
    await costs(database, 100, NOON - 9 * DAY)
    await happen(database, [looks(each, NOON - DAY - n * timedelta(seconds=1)) for n, each in enumerate(who)])
    await costs(database, 60, NOON)
    dice = Random(7)

    async def one() -> None:
        while True:
            work = asyncio.create_task(Telling(database, clock_at(NOON), BOTH).tell())
            await asyncio.wait([work], timeout=dice.uniform(0.005, 0.08))
            if work.done():
                await work
                return
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    monkeypatch.setattr(telling, "_LATE", DAY)
    async with asyncio.timeout(120):
        await asyncio.gather(one(), one())
    rows = await database.pool.fetch("select profile_id from event where type = 'Product Price Dropped'")
    assert (len(rows), {row["profile_id"] for row in rows}) == (430, set(who))
    assert (await changes(database, "boots"))[0].dropped == 430


async def test_random_prices_looks_and_orders_as_a_plain_reading_of_the_rules_has_it(database: Database) -> None:
    """Told whenever it is looked, for each change: below all since they looked, by a tenth below what they know."""
    dice = Random(11)
    found = 0
    for _ in range(25):
        await database.pool.execute("truncate event, product, product_change, dirty")
        (ana,) = await people(database, 1)
        at, price = NOON - 20 * DAY, 100
        history, looked, bought, expected = [(at, price)], [], [], []
        await costs(database, price, at)
        for _ in range(dice.randint(4, 14)):
            at += dice.randint(1, 30) * HOUR
            what = dice.choice(("price", "price", "price", "look", "look", "order"))
            if what == "look":
                looked.append(at)
                await happen(database, [looks(ana, at)])
            elif what == "order" and dice.random() < 0.3:
                bought.append(at)
                await happen(database, [order(ana, at, ["boots"])])
            elif what == "price":
                price, before = max(1, round(price * dice.choice((0.5, 0.85, 0.93, 0.97, 1.05, 1.3)))), price
                await costs(database, price, at)
                if looked and price < before and not any(each >= looked[0] for each in bought):
                    since = looked[-1]
                    then = [each for when, each in history if when <= since][-1]
                    lowest = min([then, *(each for when, each in history if when > since)])
                    known = min([then, *(each for when, each in expected if when >= since)])
                    if price < lowest and price <= Decimal("0.9") * known:
                        expected.append((at, price))
                history.append((at, price))
                await tell(database, at)
        assert [each for _, each, _ in await told(database, ana)] == [each for _, each in expected]
        found += len(expected)
    assert found > 10


def test_what_makes_no_sense_is_refused_with_what_to_write() -> None:
    with pytest.raises(CatalogueError, match="PriceDrops: least is a share"):
        PriceDrops(least=1.0)
    with pytest.raises(CatalogueError, match="BackInStock: within"):
        BackInStock(within=timedelta(days=900))
    assert replace(PriceDrops(), least=0.2).dropped(Decimal(80), Decimal(100), Decimal(100))
    assert not PriceDrops().dropped(Decimal(95), Decimal(100), Decimal(100))
