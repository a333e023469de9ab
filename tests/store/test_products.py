"""Which product a customer is offered: by orders as they are, whatever JSON they hold."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest

from journeys.simulate.customers import Customer
from journeys.simulate.products import Product as Shown
from journeys.simulate.products import Shelf, Wish, no_wish
from segments.facts import Event
from store import Database
from store.products.offers import Product, offer, offered, put_products
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


async def test_what_goes_with_what_was_added_to_the_cart_last_and_stands_there(database: Database, shop: Shop) -> None:
    ana = await shop.customer()

    async def to_added(at: datetime = NOON) -> tuple[str, str] | None:
        async with database.transaction() as connection:
            found = await offer(connection, ana, "complementary", at, "added")
        return (found.product.id, found.told["added"]) if found else None

    assert await to_added() is None
    await told(database, Product("gloves", "Gloves", relations={"complementary": ["wax", "boots"]}))
    await shop.event(ana, "Order Completed", NOON - timedelta(hours=9), lines("spray"))
    await shop.event(ana, "Product Added", NOON - timedelta(hours=8), {"product_id": "boots"})
    assert await to_added() == ("wax", "boots")
    await shop.event(ana, "Product Added", NOON - timedelta(hours=7), {"product_id": "wax"})
    assert await to_added() is None, "of the wax nobody has told what goes with it"
    await shop.event(ana, "Product Removed", NOON - timedelta(hours=6), {"product_id": "wax"})
    assert await to_added() == ("wax", "boots")
    await shop.event(ana, "Product Added", NOON - timedelta(hours=5), {"product_id": "gloves"})
    assert await to_added() == ("wax", "gloves"), "and never the boots, which stand in the cart"
    await told(database, replace(EXTRAS[0], available=False))
    assert await to_added() is None
    assert await to_added(NOON - timedelta(hours=5, minutes=1)) == ("socks", "boots"), "the spray is theirs"
    await shop.event(ana, "Order Completed", NOON - timedelta(hours=1), lines("boots"))
    assert await to_added() is None, "what was added before the last order is in no cart"


async def test_what_the_shop_said_comes_first_and_is_never_replaced_by_what_was_learnt(database: Database, shop: Shop) -> None:
    ana = await shop.customer()
    await shop.event(ana, "Order Completed", NOON, lines("boots"))
    learnt = "insert into product_relation values ('boots', 'complementary', $1, $2, 'orders', 30, 9.0, 4.0, $3)"
    await database.pool.execute("delete from product_relation where other_id = 'wax'")
    await database.pool.execute(learnt, "wax", 1, NOON)
    assert await picked(database, ana) == "socks"
    await told(database, replace(BOOTS, relations={"complementary": []}))
    assert await picked(database, ana) == "wax", "where the shop says nothing"
    await told(database, replace(BOOTS, relations={"complementary": ["spray", "wax"]}))
    rows = await database.pool.fetch("select other_id, by, people from product_relation where relation = 'complementary'")
    assert {tuple(row) for row in rows} == {("spray", "shop", None), ("wax", "shop", None)}


async def test_what_was_offered_tells_whether_it_still_fits(database: Database, shop: Shop) -> None:
    ana = await shop.customer()
    await shop.event(ana, "Order Completed", NOON - timedelta(hours=1), lines({"product_id": "gone", "name": "Old boots"}))

    async def again() -> tuple[bool, str | None]:
        async with database.transaction() as connection:
            found = await offered(connection, ana, "wax", "gone", NOON)
        assert found is not None
        return found.fits, found.to_name

    assert await again() == (True, "Old boots")
    await shop.event(ana, "Order Completed", NOON, lines("wax"))
    assert await again() == (False, "Old boots")


async def test_random_carts_give_what_the_simulator_gives(database: Database, shop: Shop) -> None:
    dice = Random(33)
    ids = [f"p{n}" for n in range(6)]
    shelf = Shelf(no_wish)
    for id_ in ids:
        related = {"similar": dice.sample([each for each in ids if each != id_], 3)}
        available = dice.random() < 0.8
        await told(database, Product(id_, id_, available=available, relations=related))
        shelf.put(Shown(id_, available, related))
    found = set()
    for _ in range(60):
        ana = await shop.customer()
        who = Customer("ana", ana, NOON)
        for _n in range(dice.randint(0, 9)):
            type_ = dice.choice(("Product Added", "Product Added", "Product Removed", "Order Completed"))
            at = NOON - timedelta(hours=dice.randint(0, 6))
            said = lines(dice.choice(ids)) if type_ == "Order Completed" else {"product_id": dice.choice(ids)}
            id_ = await shop.event(ana, type_, at, said)
            who.events.setdefault(type_, []).append(Event(type_, at, said, id_))
        for to in ("added", "bought"):
            async with database.transaction() as connection:
                theirs = await offer(connection, ana, "similar", NOON, to)  # type: ignore[arg-type]  # one of both
            assert (theirs.told if theirs else None) == shelf.offer(who, Wish("similar", to=to), NOON, None)
            found.add(theirs is not None)
    assert found == {True, False}


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
