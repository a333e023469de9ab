"""Lists inside events and traits: any line of the cart, several conditions on one line, and odd names."""

from typing import Any

import pytest

from segments import DefinitionError, Predicate, Segment, any_item, did, prop, trait
from segments.evaluate import holds
from segments.facts import Event
from tests.segments.shop import T0, Shop

line = prop("products.price") > 50
boots = any_item("products", prop("price") > 50, prop("category") == "boots")

in_stock = any_item("products", any_item("sizes", prop("n") == 38, prop("stock") > 0))


def cart(*products: Any) -> dict[str, Any]:
    return {"products": list(products)}


CARTS: list[tuple[Predicate, dict[str, Any], bool]] = [
    (line, cart({"price": 49.99}, {"price": 50.01}), True),
    (line, cart({"price": 30}, {"price": 30}), False),
    (line, cart({"price": 50}), False),
    (line, cart({"price": "60"}, {"price": None}, 60, [60]), False),
    (line, {"products": {"price": 60}}, True),
    (line, {"products": 60}, False),
    (boots, cart({"price": 60, "category": "boots"}), True),
    (boots, cart({"price": 60, "category": "hats"}, {"price": 40, "category": "boots"}), False),
    (boots, {"products": {"price": 60, "category": "boots"}}, True),
    (any_item("products", ~(prop("price") > 50)), cart(40, "x"), False),
    (any_item("products", ~(prop("price") > 50)), cart({"price": 60}, {}), True),
    (any_item("products", prop("tags").contains("new")), cart({"tags": ["old"]}, {"tags": ["new"]}), True),
    (
        in_stock,
        cart({"sizes": [{"n": 38, "stock": 1}]}),
        True,
    ),
    (
        in_stock,
        cart({"sizes": [{"n": 38}, {"stock": 1}]}),
        False,
    ),
    (prop('a".b') == 1, {'a"': {"b": 1}}, True),
    (prop('pro"d) ? (1 == 1.\\x') == 1, {'pro"d) ? (1 == 1': [{"\\x": 1}]}, True),
    (prop("*.price") == 1, cart({"price": 1}), False),
]


@pytest.mark.parametrize(("condition", "properties", "true"), CARTS, ids=range(len(CARTS)))
async def test_any_line_of_the_cart(shop: Shop, condition: Predicate, properties: dict[str, Any], true: bool) -> None:
    ana = await shop.customer()
    await shop.event(ana, "Cart Updated", T0, properties)
    predicate = did("Cart Updated").where(condition)
    assert holds(predicate, {}, [Event("Cart Updated", T0, properties)], T0) is true
    assert (await shop.evaluated(predicate, T0) == {ana}) is true


async def test_lists_in_traits_likewise(shop: Shop) -> None:
    ana = await shop.customer(addresses=[{"city": "Bilbao", "kind": "work"}, {"city": "Madrid", "kind": "home"}])
    home = trait("addresses").any_item(prop("city") == "Madrid", prop("kind") == "home")
    work = trait("addresses").any_item(prop("city") == "Madrid", prop("kind") == "work")
    assert await shop.evaluated(trait("addresses.city") == "Madrid", T0) == {ana}
    assert await shop.evaluated(home & ~work, T0) == {ana}


async def test_blank_is_there_and_not_filled(shop: Shop) -> None:
    """FAULTS C4."""
    said: list[Any] = [None, "", " \N{NO-BREAK SPACE}\N{ZERO WIDTH SPACE}\t", [], {}, "[]", "x", 0, False, [None], {"a": None}]
    people = [await shop.customer(x=value) for value in said]
    assert await shop.evaluated(trait("x").exists(), T0) == set(people[1:])
    assert await shop.evaluated(trait("x").filled(), T0) == set(people[5:])
    assert [holds(trait("x").filled(), {"x": value}, [], T0) for value in said] == [False] * 5 + [True] * 6
    assert str(~trait("x").filled()) == "not (x is filled)"


async def test_a_line_over_fifty_and_not_the_basket_enters_and_leaves(shop: Shop) -> None:
    """SEG-21."""
    dear = Segment("dear-cart", did("Cart Updated").where(line) & ~did("Order Completed").since_last("Cart Updated"))
    ana, bob = await shop.customer(), await shop.customer()
    await shop.load(dear)
    await shop.event(ana, "Cart Updated", T0, cart({"price": 49.99}, {"price": 50.01}))
    await shop.event(bob, "Cart Updated", T0, cart({"price": 30}, {"price": 30}))
    await shop.tick(T0)
    assert await shop.members(dear) == {ana}


async def test_of_the_lines_those_that_meet_the_condition_are_measured(shop: Shop) -> None:
    """FAULTS F6: the hats of an order with boots are not summed, unless the whole order is asked for."""
    ana, bob, eve = await shop.customer(), await shop.customer(), await shop.customer()
    a_boot, a_hat, dear = (
        {"price": 60, "category": "boots"},
        {"price": 90, "category": "hats"},
        {"price": 110, "category": "boots"},
    )
    await shop.event(ana, "Order Completed", T0, cart(a_boot, a_hat))
    await shop.event(bob, "Order Completed", T0, cart(a_boot, a_boot))
    await shop.event(eve, "Order Completed", T0, cart(dear | {"price": "110"}, a_hat))
    of_boots = did("Order Completed").where(any_item("products", prop("category") == "boots"))
    hats_or_boots = did("Order Completed").where(boots_in() | any_item("products", prop("category") == "hats"))
    assert await shop.evaluated(of_boots.total("products.price") == 60, T0) == {ana}
    assert await shop.evaluated(of_boots.total("products.price") == 120, T0) == {bob}
    assert await shop.evaluated(of_boots.total("products.price", whole=True) == 150, T0) == {ana}
    assert await shop.evaluated(hats_or_boots.total("products.price") == 150, T0) == {ana}
    assert await shop.evaluated(of_boots.largest("products.price") >= 90, T0) == set()
    assert await shop.evaluated(of_boots.distinct("products.price") == 1, T0) == {ana, bob, eve}
    not_hats = did("Order Completed").where(~any_item("products", prop("category") == "hats"))
    assert await shop.evaluated(not_hats.total("products.price") == 120, T0) == {bob}


def boots_in() -> Predicate:
    return any_item("products", prop("category") == "boots")


def test_it_reads_like_english_and_is_refused_with_its_place() -> None:
    assert str(did("A").where(boots)) == ('did "A" where any of products has (price is more than 50 and category is "boots")')
    with pytest.raises(DefinitionError, match=r"property\('p'\)\.any_item: needs at least one"):
        any_item("p")
    with pytest.raises(DefinitionError, match=r"any_item: takes conditions on the event's own"):
        any_item("p", trait("x") == 1)
    with pytest.raises(DefinitionError, match=r"belongs inside did"):
        Segment("x", boots)
    plain = {"did": "A", "where": {"property": "p", "any_item": {"property": "x", "is": "~"}}}
    with pytest.raises(DefinitionError, match=r"any_item\.property\('x'\): unknown operator"):
        Segment.from_json({"name": "s", "predicate": plain})
