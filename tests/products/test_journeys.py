"""JRN-14 on a real Temporal server and Postgres: price drop, back in stock, replenishment, a reward for who stays away."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from tests.products.shop import DAY, order
from workers.testing.shop import Shop

HOUR = timedelta(hours=1)


async def tell(shop: Shop, id_: str, price: float, **more: Any) -> None:
    told = {"id": id_, "name": id_.capitalize(), "price": price, "currency": "EUR"} | more
    answer = await shop.operate("PUT", "/v1/products", json=[told])
    assert (answer.status_code, answer.json()["bad"]) == (200, 0), answer.text
    await shop.parts.telling.tell()
    await shop.look()


async def shown(shop: Shop, journey: str) -> list[str]:
    """Titles and texts of what the journey's runs sent, once they are over."""
    for run in await shop.runs(journey):
        await shop.over(run)
    return [f"{each.title}: {each.body}" for each in shop.sandbox.messages]


async def later(shop: Shop, span: timedelta) -> None:
    shop.clock.set(shop.clock.now() + span)
    await shop.look()


async def test_jrn_14_ml_05_each_product_that_costs_less_once_per_drop(served: Shop) -> None:
    shop = served
    await tell(shop, "boots", 100)
    await tell(shop, "coat", 200)
    await shop.signs_up("ana", ("push",))
    await shop.signs_up("bea", ("push",))
    await later(shop, HOUR)
    for who, product in (("ana", "boots"), ("ana", "coat"), ("bea", "boots")):
        await shop.does(who, "Product Viewed", product_id=product)
    await shop.does("bea", "Order Completed", products=[{"product_id": "boots"}], total=100)
    await later(shop, DAY)
    await tell(shop, "boots", 79.5)
    await tell(shop, "coat", 150)
    texts = ["Boots costs less: €79.50 instead of €100.00", "Coat costs less: €150.00 instead of €200.00"]
    assert sorted(await shown(shop, "price_drop")) == texts
    runs = await shop.runs("price_drop")
    assert len({run.profile_id for run in runs}) == 1, "bea has her boots"
    for price in (100, 79.5):  # up and down again
        await later(shop, HOUR)
        await tell(shop, "boots", price)
    assert len(await shop.runs("price_drop")) == 2
    (first, *_) = (await shop.operate("GET", "/v1/product-changes?product_id=boots&limit=3")).json()["changes"]
    assert (first["price"], first["was_price"], first["dropped"]) == ("79.5", "100", 0)
    assert [
        each["dropped"] for each in (await shop.operate("GET", "/v1/product-changes?product_id=boots")).json()["changes"]
    ] == [0, 0, 1]


async def test_jrn_14_what_is_back_is_told(served: Shop) -> None:
    shop = served
    await tell(shop, "boots", 100, available=False)
    await shop.signs_up("ana", ("push",))
    await shop.does("ana", "Product Added to Wishlist", product_id="boots")
    await later(shop, DAY)
    await tell(shop, "boots", 100)
    assert await shown(shop, "in_stock") == ["Boots is back: Have a look"]


async def test_jrn_14_ml_04_given_a_cadence_of_28_days_the_reminder_comes_three_days_before(served: Shop) -> None:
    """By the workflow, an event of ours, a journey per product and cycle; who orders after the first word gets no second."""
    shop = served
    await tell(shop, "coffee", 12)
    last = shop.clock.now() - 20 * DAY
    for who in ("ana", "bea"):
        await shop.signs_up(who, ("push",))
        for n in range(4, -1, -1):
            line = {"product_id": "coffee", "category": "coffee", "quantity": 1}
            await shop.send(
                "track", userId=who, event="Order Completed", properties={"products": [line], "total": 12},
                timestamp=(last - n * 28 * DAY).isoformat(),
            )  # fmt: skip
    assert (await shop.operate("POST", "/v1/product-rounds/coffee-again")).status_code == 202
    await shop.parts.rounds.wake()
    handle = shop.client.get_workflow_handle("products/coffee-again/asked", result_type=str)
    assert "2 customers are expected again" in await handle.result()
    who = {row["value"]: row["profile_id"] for row in await shop.database.pool.fetch("select value, profile_id from identity")}
    (due,) = (await shop.operate("GET", f"/v1/profiles/{who['ana']}/expected")).json()["expected"]
    assert (due["again"], due["product_id"], due["gaps"], round(due["days"])) == ("coffee-again", "coffee", 4, 28)
    listed = (await shop.operate("GET", "/v1/product-rounds/coffee-again/expected")).json()["expected"]
    assert {UUID(each["customer_id"]) for each in listed} == {who["ana"], who["bea"]}

    shop.clock.set(last + 25 * DAY - timedelta(minutes=5))
    await shop.parts.reminding.remind()
    await shop.look()
    assert await shop.runs("replenish") == []
    shop.clock.set(last + 25 * DAY + timedelta(seconds=1))
    for _ in range(2):
        await shop.parts.reminding.remind()
        await shop.look()
    runs = {run.profile_id: run for run in await shop.runs("replenish")}
    assert runs.keys() == {who["ana"], who["bea"]}
    for run in runs.values():
        await shop.settled(run, 1)
    await later(shop, HOUR)
    await shop.does("bea", "Order Completed", products=[{"product_id": "coffee", "category": "coffee"}], total=12)
    await shop.look()
    assert [(await shop.over(runs[who[name]])).sent for name in ("ana", "bea")] == [2, 1]
    assert [m.title for m in shop.sandbox.messages].count("Time for Coffee") == 2


async def test_jrn_14_ml_05_who_spent_much_and_stays_away_is_rewarded(served: Shop) -> None:
    shop = served
    now = shop.clock.now()
    for who, total, days in (("ana", 400, 58), ("bea", 90, 58), ("eva", 400, 20)):
        await shop.signs_up(who, ("push",))
        for back in (0, 30):
            told = order(UUID(int=0), now, ["boots"], total=total).properties
            at = (now - timedelta(days=days + back)).isoformat()
            await shop.send("track", userId=who, event="Order Completed", properties=told, timestamp=at)
    await shop.look()
    assert await shop.runs("reward") == []
    await later(shop, 2 * DAY + HOUR)
    assert await shown(shop, "reward") == ["We miss you: 20 % for you"]
    await later(shop, 5 * DAY)
    assert len(await shop.runs("reward")) == 1
