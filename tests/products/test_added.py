"""ML-05, JRN-14: given add_to_cart(X), then complement(X) in the next message; never what they own or what cannot be had."""

from datetime import timedelta
from typing import Any

from tests.products.shop import DAY, happen, order, people
from workers.testing.rehearsal import Rehearsal
from workers.testing.shop import Shop

HOUR = timedelta(hours=1)


def test_ml_05_what_goes_with_what_was_just_added_in_the_next_message(shop: Rehearsal) -> None:
    """By what was added last and not by what was bought last; what they own and what is in the cart is left out."""
    shop.sells("boots", complementary=["socks", "wax", "spray"])
    shop.sells("coat", complementary=["scarf"])
    shop.sells("socks", available=False)
    for each in ("wax", "spray", "scarf"):
        shop.sells(each)
    ana = shop.customer("ana")
    ana.does("Order Completed", products=[{"product_id": "coat"}])
    shop.passes(days=1)
    ana.does("Product Added", product_id="boots")
    shop.passes(hours=2)
    assert ana.got("push:goes-with-it")
    assert [each.product for each in ana.messages] == ["wax"]
    ana.does("Product Added", product_id="wax")  # with which nothing goes, as far as anybody said
    shop.passes(days=1)
    ana.does("Product Removed", product_id="boots")
    shop.passes(hours=1)
    ana.does("Product Added", product_id="boots")
    shop.passes(hours=2)
    assert [each.product for each in ana.messages] == ["wax", None, "spray"]
    assert ana.messages[1].reason == "no product to offer"


async def tell(shop: Shop, *ids: str, **more: Any) -> None:
    told = [{"id": each, "name": each.capitalize(), "price": 9, "currency": "EUR"} | more for each in ids]
    answer = await shop.operate("PUT", "/v1/products", json=told)
    assert (answer.status_code, answer.json()["bad"]) == (200, 0), answer.text


async def test_ml_05_jrn_14_on_servers_by_what_was_learnt_from_orders(served: Shop) -> None:
    """What customers bought together is worked out by the workflow, and is in the next message of who adds one of both."""
    shop = served
    await tell(shop, "boots", "wax", "socks", *(f"other{n}" for n in range(8)))
    now = shop.clock.now()
    who = await people(shop.database, 300, now - 90 * DAY)
    orders = [order(each, now - 3 * DAY, ["boots", "wax"]) for each in who[:30]]
    orders += [order(each, now - 2 * DAY, [f"other{n % 8}"]) for n, each in enumerate(who[30:])]
    await happen(shop.database, orders)
    await shop.operate("POST", "/v1/product-rounds/bought-together")
    await shop.parts.rounds.wake()
    handle = shop.client.get_workflow_handle("products/bought-together/asked", result_type=str)
    assert "2 pairs stand" in await handle.result()
    await shop.signs_up("ana", ("push",))
    await shop.does("ana", "Product Added", product_id="boots", name="Boots")
    await shop.look()
    run = await shop.run("goes_with")
    await shop.over(run)
    (message,) = await shop.messages(run)
    assert (message.state, message.detail) == ("sent", {"product": "wax", "added": "boots"})
    assert [each.title for each in shop.sandbox.messages] == ["Wax for your Boots"]
    (product,) = (await shop.operate("GET", "/v1/products/boots")).json()["learnt"]
    assert (product["id"], product["relation"], product["by"], product["people"]) == ("wax", "complementary", "orders", 30)
