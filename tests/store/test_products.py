"""Which product a customer is offered: by orders as they are, whatever JSON they hold."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest

from store import Database
from store.products import Product, offer, offered, put_products
from tests.segments.shop import Shop

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
BOOTS = Product("boots", "Boots", relations={"complementary": ["wax", "socks", "spray"], "similar": ["nowhere"]})
EXTRAS = [Product(id_, id_.capitalize()) for id_ in ("wax", "socks", "spray")]


@pytest.fixture
async def shop(database: Database) -> Shop:
    async with database.transaction() as connection:
        await put_products(connection, [BOOTS, *EXTRAS], "test", NOON)
    return Shop(database)


async def told(database: Database, *products: Product) -> None:
    async with database.transaction() as connection:
        await put_products(connection, products, "test", NOON)


async def picked(database: Database, profile: UUID, relation: str = "complementary", at: datetime = NOON) -> str | None:
    async with database.transaction() as connection:
        found = await offer(connection, profile, relation, at)
    return found.product.id if found else None


def lines(*products: Any) -> dict[str, Any]:
    return {"products": [{"product_id": each} if isinstance(each, str) else each for each in products]}


async def test_the_first_by_rank_that_is_not_owned_and_can_be_had(database: Database, shop: Shop) -> None:
    ana = await shop.customer()
    assert await picked(database, ana) is None
    await shop.event(ana, "Order Completed", NOON - timedelta(days=400), lines("wax"))
    await shop.event(ana, "Order Completed", NOON - timedelta(hours=1), lines("boots"))
    assert await picked(database, ana) == "socks"
    await told(database, replace(EXTRAS[1], available=False))
    assert await picked(database, ana) == "spray"
    assert await picked(database, ana, "similar") is None  # a product that nobody has told
    assert await picked(database, ana, "better") is None
    await shop.event(ana, "Order Completed", NOON, lines("spray"))
    assert await picked(database, ana) is None


async def test_the_last_purchase_is_the_dearest_line_of_the_newest_order_that_names_a_product(
    database: Database, shop: Shop
) -> None:
    ana = await shop.customer()
    cheap, dear = {"product_id": "laces", "price": 5}, {"product_id": "boots", "price": 90}
    await shop.event(ana, "Order Completed", NOON - timedelta(days=2), lines(cheap, dear))
    for when, properties in (
        (timedelta(days=1), {"products": "boots"}),
        (timedelta(hours=3), {"total": 12}),
        (timedelta(hours=2), lines({"sku": "x"}, 7, {"product_id": None}, {"product_id": {"id": 1}})),
        (timedelta(hours=-1), lines("wax")),  # it comes later
    ):
        await shop.event(ana, "Order Completed", NOON - when, properties)
    assert await picked(database, ana) == "wax"
    assert await picked(database, ana, at=NOON + timedelta(hours=2)) is None  # the wax is the last purchase then
    await shop.event(ana, "Order Completed", NOON - timedelta(hours=1), lines({"product_id": "laces", "price": "high"}, dear))
    assert await picked(database, ana) == "wax"


async def test_equal_ranks_go_by_price_then_id_and_numbers_are_ids_too(database: Database, shop: Shop) -> None:
    ana = await shop.customer()
    await shop.event(ana, "Order Completed", NOON, lines({"product_id": 7}))
    for id_, price in (("c", 3), ("b", 2), ("a", 2), ("0", None)):
        await told(database, Product(id_, id_, price, "EUR"))  # type: ignore[arg-type]  # whole numbers are fine here
        await database.pool.execute("insert into product_relation values ('7', 'similar', $1, 1)", id_)
    assert await picked(database, ana, "similar") == "a"


async def test_what_was_offered_tells_whether_it_still_fits(database: Database, shop: Shop) -> None:
    ana = await shop.customer()
    await shop.event(ana, "Order Completed", NOON - timedelta(hours=1), lines({"product_id": "gone", "name": "Old boots"}))

    async def again() -> tuple[bool, str | None]:
        async with database.transaction() as connection:
            found = await offered(connection, ana, "wax", "gone", NOON)
        assert found is not None
        return found.fits, found.bought_name

    assert await again() == (True, "Old boots")
    await shop.event(ana, "Order Completed", NOON, lines("wax"))
    assert await again() == (False, "Old boots")


async def test_random_customers_get_what_a_plain_reading_of_the_rules_gives(database: Database, shop: Shop) -> None:
    dice = Random(32)
    ids = [f"p{n}" for n in range(8)]
    relations = {id_: dice.sample([each for each in ids if each != id_], 4) for id_ in ids}
    available = {id_: dice.random() < 0.8 for id_ in ids}
    await told(database, *(Product(id_, id_, available=available[id_], relations={"better": relations[id_]}) for id_ in ids))
    found = []
    for _ in range(60):
        ana = await shop.customer()
        orders = [
            [(dice.choice(ids), dice.randint(1, 3)) for _ in range(dice.randint(0, 3))] for _ in range(dice.randint(0, 3))
        ]
        for age, bought in enumerate(orders):
            items = [{"product_id": id_, "price": price} for id_, price in bought]
            await shop.event(ana, "Order Completed", NOON - timedelta(hours=age), {"products": items})
        last = next((max(bought, key=lambda line: line[1])[0] for bought in orders if bought), None)
        owned = {id_ for bought in orders for id_, _ in bought}
        fitting = [each for each in relations.get(str(last), []) if each not in owned and available[each]]
        assert await picked(database, ana, "better") == next(iter(fitting), None)
        found.append(bool(fitting))
    assert {True, False} == set(found)
