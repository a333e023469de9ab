"""ML-05: what goes with what, by what customers had together more often than by chance; the shop's word holds."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from random import Random
from uuid import UUID

import pytest

from activities.products.chance import Chance, fitted
from activities.products.learning import deviations, learn
from journeys import BoughtTogether, CatalogueError, SeenTogether
from journeys.products.together import Together
from segments.ask.bought import purchases
from store import Database
from store.products import rounds
from store.products.offers import Product, product_by_id
from store.products.relations import Learnt, learnt_of
from store.products.relations import baskets as baskets_of
from tests.products.shop import DAY, NOON, Happened, happen, order, people, sell

USUAL = BoughtTogether()
#: What is always bought by itself, in the shop that a stranger deals.
ALONE = ("coffee",)


async def round_of(database: Database, what: Together = USUAL, at: object = NOON) -> dict[str, list[Learnt]]:
    async with database.transaction() as connection:
        await rounds.declare(connection, what.name, "together", what.version, what.every, NOON)
        await learn(connection, what, NOON)
    ids = [row["id"] for row in await database.pool.fetch("select id from product order by id")]
    return {id_: found for id_ in ids if (found := await learnt_of(database, id_))}


def chance(dice: Random, who: list[UUID], products: int) -> Iterator[Happened]:
    """Customers who buy much or little, of products that sell well or badly, and each of them by chance alone."""
    ids, weights = [f"p{n:03}" for n in range(products)], [1 / (n + 1) ** 0.8 for n in range(products)]
    for each in who:
        for _ in range(dice.choice((1, 1, 1, 2, 3, 8))):
            lines = {*dice.choices(ids, weights, k=dice.choice((1, 1, 2, 3, 6)))}
            yield order(each, NOON - dice.uniform(1, 170) * DAY, sorted(lines))


async def test_ml_05_what_is_planted_is_found_and_what_is_chance_is_not(database: Database) -> None:
    """300 products, 4,000 customers, some with one line and some with fifty: 44,850 pairs, and two that are no chance."""
    dice = Random(5)
    who = await people(database, 4_000)
    await sell(database, *(f"p{n:03}" for n in range(300)))
    events = list(chance(dice, who, 300))
    planted = {("p150", "p200"): 0.5, ("p010", "p280"): 0.15}
    for n, each in enumerate(events):
        lines = each.properties["products"]
        for (one, other), share in planted.items():
            if any(line["product_id"] == one for line in lines) and dice.random() < share:
                events[n] = each._replace(properties={"products": [*lines, {"product_id": other}]})
    await happen(database, events)
    found = await round_of(database)
    pairs = {(id_, each.other_id) for id_, others in found.items() for each in others}
    assert pairs == {pair for one, other in planted for pair in ((one, other), (other, one))}
    (wax,) = found["p150"]
    assert wax.surely > 1.2
    assert wax.lift > wax.surely
    assert wax.people >= 10
    (row,) = await rounds.found(database)
    assert (row.came["pairs"], row.done_at) == (4, NOON)


async def test_chance_alone_gives_no_pair_in_twenty_shops(database: Database) -> None:
    """The bound holds for all pairs of a shop at once: one shop of twenty may err."""
    wrong = 0
    for seed in range(20):
        await database.pool.execute("truncate event, product, product_relation")
        dice = Random(seed)
        who = await people(database, 600)
        await sell(database, *(f"p{n:03}" for n in range(40)))
        await happen(database, chance(dice, who, 40))
        wrong += bool(await round_of(database, BoughtTogether(lift=1.0, people=5, apart=timedelta(days=180))))
    assert wrong <= 2
    assert deviations(2) == pytest.approx(1.645, abs=0.001)


def baskets(dice: Random, who: list[UUID], planted: dict[tuple[str, str], float]) -> Iterator[Happened]:
    """As a stranger deals them: products by how well they sell, in many baskets or few; then what goes together."""
    ids, weights = [f"p{n:02}" for n in range(60)], [1 / (n + 1) ** 0.7 for n in range(60)]
    for each in who:
        for _ in range(dice.choice((1, 1, 1, 1, 1, 2, 12))):
            lines = {*dice.choices(ids, weights, k=dice.randint(1, 3))}
            lines |= {other for (one, other), share in planted.items() if one in lines and dice.random() < share}
            yield order(each, NOON - dice.uniform(1, 170) * DAY, sorted(lines))
        for alone in ALONE:
            for _ in range(dice.choice((1, 1, 5))):
                yield order(each, NOON - dice.uniform(1, 170) * DAY, [alone])


@pytest.mark.parametrize("seed", range(3))
async def test_products_that_sell_well_are_no_pair_because_they_do(database: Database, seed: int) -> None:
    """Dealt by chance, two that sell well are with more customers than if all lines were dealt anew."""
    dice = Random(seed)
    who = await people(database, 4_000)
    await sell(database, *ALONE, *(f"p{n:02}" for n in range(60)))
    planted = {("p20", "p21"): 0.4, ("p30", "p45"): 0.25}
    await happen(database, baskets(dice, who, planted))
    both = {pair for one, other in planted for pair in ((one, other), (other, one))}
    for apart in (DAY, 180 * DAY):  # in a basket, and ever
        found = await round_of(database, BoughtTogether(lift=1.0, apart=apart))
        assert {(id_, each.other_id) for id_, others in found.items() for each in others} == both
    async with database.transaction() as connection:
        await purchases(connection, USUAL.of, NOON)
        seen = await baskets_of(connection, DAY, 10)
    chance = Chance(seen)
    popular = [people / chance.expected(one, two) for one, two, people in seen.pairs if "p00" <= one < two < "p06"]
    assert len(popular) == 15
    assert sum(popular) / 15 == pytest.approx(1, abs=0.07)
    assert popular[0] < 1.2, "the two that sell best"


def test_what_is_dealt_comes_out_at_what_there_is() -> None:
    """Each basket has as many products, each product is in as many baskets, as they are, also one that is in nearly all."""
    sizes, degrees = {1: 300, 2: 200, 5: 60}, {500: 1, 100: 3, 20: 8, 5: 8}
    degrees[1] = sum(size * count for size, count in sizes.items()) - sum(k * count for k, count in degrees.items())
    shares = fitted(sizes, degrees)
    for size in sizes:
        assert sum(count * shares[size][k] for k, count in degrees.items()) == pytest.approx(size, rel=1e-3)
    for k in degrees:
        assert sum(count * shares[size][k] for size, count in sizes.items()) == pytest.approx(k, rel=1e-3)


def pairs(who: list[UUID], *products: object) -> list[Happened]:
    """Of the first customers each has these; the others have something by themselves."""
    return [order(each, NOON - 9 * DAY, products) for each in who]


async def some(database: Database, count: int = 60) -> list[UUID]:
    """A shop in which many have other things."""
    await sell(database, "boots", "wax", "socks", *(f"other{n}" for n in range(8)))
    rest = await people(database, 400)
    await happen(database, [order(each, NOON - 5 * DAY, [f"other{n % 8}"]) for n, each in enumerate(rest)])
    return await people(database, count)


async def test_what_was_cancelled_or_given_back_does_not_count(database: Database) -> None:
    """As revenue is counted: a cancelled order, a refund of all, of a line; an order told again is as it was told last."""
    who = await some(database, 60)
    await happen(database, pairs(who[:12], "boots", "wax"))
    assert {(one, each.other_id, each.people) for one, others in (await round_of(database)).items() for each in others} == {
        ("boots", "wax", 12),
        ("wax", "boots", 12),
    }
    await database.pool.execute("delete from event where profile_id = any($1)", who[:12])
    orders = [order(each, NOON - 9 * DAY, ["boots", "wax"], order_id=f"o-{n}") for n, each in enumerate(who[:24])]
    later = NOON - 8 * DAY
    back = [
        *(Happened(who[n], "Order Cancelled", later, {"order_id": f"o-{n}"}) for n in (0, 1)),
        *(Happened(who[n], "Order Refunded", later, {"order_id": f"o-{n}"}) for n in (2, 3)),
        *(Happened(who[n], "Order Refunded", later, {"order_id": f"o-{n}", "total": 20}) for n in (4, 5)),
        Happened(who[6], "Order Refunded", later, {"order_id": "o-6", "total": 10, "products": [{"product_id": "wax"}]}),
        Happened(who[7], "Order Refunded", later, {"order_id": "o-7", "total": 5}),  # of some of it: nobody knows of what
        order(who[8], later, ["boots"], order_id="o-8"),  # changed, and told again
        Happened(who[9], "Order Cancelled", NOON + DAY, {"order_id": "o-9"}),  # it comes later
    ]
    await happen(database, [*orders, *back])
    found = await round_of(database)
    assert [(each.other_id, each.people, each.by, each.as_of) for each in found["boots"]] == [("wax", 16, "orders", NOON)]


async def test_fewer_than_ten_customers_are_told_of_nobody(database: Database) -> None:
    """Nor is one who orders the same again and again, nor a dealer who has everything."""
    who = await some(database)
    await happen(database, pairs(who[:9], "boots", "wax"))
    await happen(database, [order(who[0], NOON - n * DAY, ["boots", "wax"]) for n in range(30)])
    everything = ["boots", "wax", *(f"thing{n}" for n in range(250))]
    await sell(database, *everything[2:])
    await happen(database, [order(who[20], NOON - DAY, everything)])
    assert await round_of(database) == {}
    await happen(database, [order(who[10], NOON - DAY, ["boots"]), order(who[10], NOON - 3 * DAY, ["wax"])])
    assert await round_of(database) == {}, "two days are too far apart"
    found = await round_of(database, BoughtTogether(apart=2 * DAY))
    assert {id_: [each.other_id for each in others] for id_, others in found.items()} == {"boots": ["wax"], "wax": ["boots"]}


async def test_the_shops_word_holds_and_what_is_not_true_any_more_goes(database: Database) -> None:
    who = await some(database, 60)
    await happen(database, pairs(who[:20], "boots", "wax"))
    await happen(database, pairs(who[20:40], "boots", "socks"))
    await sell(database, Product("boots", "Boots", relations={"complementary": ["wax"]}))
    found = await round_of(database)
    assert [each.other_id for each in found["boots"]] == ["socks"]
    assert [each.other_id for each in found["wax"]] == ["boots"], "of the wax the shop says nothing"
    told = await product_by_id(database, "boots")
    assert told is not None
    assert told.product.relations == {"complementary": ["wax"]}
    await database.pool.execute("delete from event where profile_id = any($1)", who[20:40])  # they were erased
    assert (await round_of(database)).keys() == {"wax"}
    assert (await product_by_id(database, "boots")).product.relations == {"complementary": ["wax"]}  # type: ignore[union-attr]


async def test_what_is_looked_at_within_the_hour_is_alike(database: Database) -> None:
    who = await some(database, 40)
    looks = [Happened(each, "Product Viewed", NOON - DAY + n * timedelta(minutes=20), {"product_id": id_})
             for each in who[:20] for n, id_ in enumerate(("boots", "wax"))]  # fmt: skip
    looks += [Happened(each, "Product Viewed", NOON - DAY + n * timedelta(hours=3), {"product_id": id_})
              for each in who[20:] for n, id_ in enumerate(("socks", "other1"))]  # fmt: skip
    looks += [Happened(each, "Product Viewed", NOON - 2 * DAY, {"product_id": f"other{n % 7}"}) for n, each in enumerate(who)]
    await happen(database, looks)
    found = await round_of(database, SeenTogether())
    assert {(one, each.other_id, each.relation, each.by) for one, others in found.items() for each in others} == {
        ("boots", "wax", "similar", "views"),
        ("wax", "boots", "similar", "views"),
    }


async def test_a_round_and_a_shop_that_tells_its_products_do_not_get_into_each_others_way(database: Database) -> None:
    who = await some(database, 40)
    await happen(database, pairs(who[:30], "boots", "wax", "socks"))

    async def tell(turn: int) -> None:
        relations = {"complementary": ["wax", "socks"][:: 1 - 2 * (turn % 2)]}
        await sell(database, *(Product(id_, id_, relations=relations) for id_ in ("boots", *(f"other{n}" for n in range(8)))))

    for turn in range(8):
        await asyncio.gather(round_of(database), tell(turn), round_of(database), tell(turn + 1))
    rows = await database.pool.fetch("select * from product_relation where product_id = 'boots'")
    assert {(row["other_id"], row["by"]) for row in rows} == {("wax", "shop"), ("socks", "shop")}


def test_what_makes_no_sense_is_refused_with_what_to_write() -> None:
    for wrong in ({"people": 1}, {"lift": 0.5}, {"within": timedelta(hours=1)}, {"apart": timedelta(days=400)}, {"most": 0}):
        with pytest.raises(CatalogueError, match="BoughtTogether: "):
            BoughtTogether(**wrong)
    assert BoughtTogether().version != replace(USUAL, people=11).version
    assert BoughtTogether().version != SeenTogether().version
