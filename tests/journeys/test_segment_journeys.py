"""What the examples of SEG-08 … SEG-41 say about messages and journeys, end to end on the real stack."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from segment_catalogue import kind

from activities.sourcing.deriving import Deriving
from store import Database
from store.runs.views import Run
from workers.testing.shop import Shop, open_shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
async def shop(database: Database, dsn: str, temporal_address: str, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(database, dsn, temporal_address, tmp_path, catalogue="segment_catalogue") as opened:
        yield opened


async def finish(shop: Shop, journey: str) -> list[Run]:
    """All runs of a journey, once they are over."""
    runs = await shop.runs(journey)
    await asyncio.gather(*map(shop.over, runs))
    return runs


def received(shop: Shop) -> dict[str, list[str]]:
    """By address, what was said."""
    said: dict[str, list[str]] = {}
    for message in shop.sandbox.messages:
        said.setdefault(message.to, []).append(str(message.title or " ".join(message.params)))
    return said


async def skipped(shop: Shop, run: Run) -> list[tuple[str | None, Any]]:
    """Why a run's messages were not sent: the reason, and the segment or relation that decided."""
    messages = [m for m in await shop.messages(run) if m.state == "skipped"]
    return [(m.reason, m.detail.get("segment") or m.detail.get("relation")) for m in messages]


async def test_seg_08_whatsapp_to_the_city_and_push_to_the_rest(shop: Shop) -> None:
    for n in range(10):
        address = {"city": "X" if n < 3 else "Y", "country": "ES"}
        await shop.signs_up(f"user{n}", ("push", "whatsapp"), address=address, invited=True)
    await shop.look()
    assert len(await finish(shop, "shop_event")) == 10
    told = [(m.provider, m.to) for m in shop.sandbox.messages]
    assert sorted(provider for provider, _ in told) == ["fcm"] * 7 + ["whatsapp"] * 3
    assert {to for provider, to in told if provider == "fcm"} == {f"token-user{n}" for n in range(3, 10)}
    assert len({to for _, to in told}) == 10


async def test_seg_09_no_coat_on_a_warm_coast_nor_on_an_old_report(shop: Shop) -> None:
    weather = {"coast": 26, "hills": 4, "stale": 4, "wrong": "4", "silent": None}
    for user, temperature in weather.items():
        await shop.signs_up(user, ("push",))
        await shop.does(user, "Coat Viewed")
        if temperature is not None:
            # A report counts for six hours, and the coat is due in one.
            ago = 5 * HOUR + (1 if user == "stale" else -1) * timedelta(minutes=1)
            await shop.does(user, "Weather Reported", shop.opened_at - ago, temperature=temperature)
    await shop.look()
    runs = await finish(shop, "winter_coat")
    assert received(shop) == {"token-hills": ["winter coat"]}
    reasons = [reason for run in runs for reason in await skipped(shop, run)]
    assert reasons == [("not in the segment", "climate")] * 4
    # The API names it too, and the history holds that name and nothing of the weather.
    told = [(await shop.operate("GET", f"/v1/runs/{run.id}")).json()["timeline"][0] for run in runs]
    assert [m["detail"] for m in told if m["state"] == "skipped"] == [{"segment": "climate"}] * 4
    history = str((await shop.workflow(runs[0]).fetch_history()).events)
    assert "climate" in history
    assert "emperature" not in history


async def test_seg_07_ch_09_a_push_within_a_kilometre_of_the_shop_once_a_visit(shop: Shop) -> None:
    for user, metres in (("ana", 999), ("luis", 1001)):
        await shop.signs_up(user, ("push",))
        # One degree of a great circle is 111,195.08 m on the mean sphere.
        await shop.does(user, "Location Updated", lat=40.4168 + metres / 111_195.0802, lon=-3.7038)
    await shop.look()
    await finish(shop, "come_in")
    assert received(shop) == {"token-ana": ["You are close: come in"]}
    await shop.does("ana", "Location Updated", shop.clock.now() + HOUR, lat=40.4169, lon=-3.7038)
    await shop.look()
    assert len(await shop.runs("come_in")) == 1, "she is there still"
    await shop.does("ana", "Location Updated", shop.clock.now() + HOUR, lat=41.0, lon=-3.7038)
    await shop.look()
    await shop.does("ana", "Location Updated", shop.clock.now() + HOUR, lat=40.4169, lon=-3.7038)
    await shop.look()
    assert len(await finish(shop, "come_in")) == 2
    assert len(received(shop)["token-ana"]) == 2


async def test_seg_11_what_a_letter_says_is_by_what_its_reader_values(shop: Shop) -> None:
    green = {"interests": ["outdoor", "films"], "values": ["sustainability"]}
    await shop.signs_up("ana", ("email",), **green)
    await shop.signs_up("eva", ("whatsapp",), **green)
    await shop.signs_up("luis", ("email",), interests=["outdoor"], values=["thrift"])
    await shop.signs_up("leo", ("email",), interests=["films"], values=["sustainability"])
    await shop.look()
    await finish(shop, "new_gear")
    said = {message.to: str(message.title or " ".join(message.params)) for message in shop.sandbox.messages}
    assert sorted(said.values()) == ["New gear for every weather", "New gear of recycled materials", "of recycled materials"]
    assert "every weather" in next(text for to, text in said.items() if "luis" in to)


async def personas(shop: Shop, user: str) -> list[str]:
    told = (await shop.operate("GET", "/v1/profiles", params={"user_id": user})).json()
    return [each["value"]["name"] for each in told["traits"] if each["trait"] == "persona" and each["value"]]


async def test_seg_42_a_persona_is_assigned_by_score_and_a_template_says_its_fields(shop: Shop) -> None:
    deriving = Deriving(shop.database, shop.clock, shop.parts.catalogue.derived)
    await shop.signs_up("ana", ("push",), role="buyer", worries=["price"])
    await shop.signs_up("luis", ("push",), role="buyer", worries=[], company_size=60)
    await shop.signs_up("eva", ("push",), role="founder")
    await shop.look()
    await deriving.derive()
    await shop.look()
    assert len(await finish(shop, "to_a_persona")) == 2
    said = {message.to: (message.title, message.body) for message in shop.sandbox.messages}
    assert said == {
        "token-ana": ("No more what it costs over five years", "As read in trade press"),
        "token-eva": ("No more losing time", "As read in a blog"),
    }
    assert await personas(shop, "ana") == ["careful-buyer"]
    await shop.send("identify", userId="ana", traits={"worries": []})
    await shop.look()
    await deriving.derive()
    assert await personas(shop, "ana") == [], "she has none any more"


async def test_seg_20_and_31_a_cart_starts_at_once_a_purchase_ends_at_once_and_a_web_cart_reaches_the_app(shop: Shop) -> None:
    for user in ("ana", "bob"):
        await shop.signs_up(user, ("push",))
    await shop.send("track", anonymousId="web-1", event="Product Added", properties={"product_id": "p-1"})
    await shop.does("bob", "Product Added", product_id="p-1")
    await shop.look()
    assert len(await shop.runs("cart", is_open=True)) == 2
    # SEG-31: the visitor signs in, on the web, as the user of the app.
    await shop.send("identify", anonymousId="web-1", userId="ana")
    # SEG-20: bob buys.
    await shop.does("bob", "Order Completed", order_id="o-1")
    await shop.look()
    members = "select count(*) from segment_member where segment = 'abandoned-cart'"
    assert await shop.database.pool.fetchval(members) == 1
    ends = sorted([(await shop.over(run)).outcome.value for run in await shop.runs("cart")])
    assert ends == ["finished", "goal reached"]
    assert received(shop) == {"token-ana": ["cart"]}


PRODUCTS: list[dict[str, Any]] = [
    {"id": "boots", "name": "Snow boots", "price": 89.9, "currency": "EUR", "complementary": ["socks", "wax", "spray"],
     "better": ["alpine"], "similar": ["walkers"]},
    {"id": "socks", "name": "Wool socks", "price": 12.5, "currency": "EUR"},
    {"id": "wax", "name": "Wax", "price": 8, "currency": "EUR", "available": False},
    {"id": "spray", "name": "Spray", "price": 9.9, "currency": "EUR", "image_url": "https://shop.example/spray.jpg"},
    {"id": "alpine", "name": "Alpine boots", "price": 189, "currency": "EUR"},
    {"id": "walkers", "name": "Walkers", "price": 79, "currency": "EUR", "attributes": {"color": "green"}},
]  # fmt: skip


async def buys(shop: Shop, user: str, *products: str, ago: timedelta = timedelta(0)) -> None:
    prices = {product["id"]: product["price"] for product in PRODUCTS}
    lines = [{"product_id": product, "price": prices[product]} for product in products]
    await shop.does(user, "Order Completed", shop.opened_at - ago, products=lines)


async def test_seg_32_one_product_of_the_declared_relation_never_one_already_owned(shop: Shop) -> None:
    answer = await shop.operate("PUT", "/v1/products", json=PRODUCTS)
    assert (answer.status_code, answer.json()["added"]) == (200, 6), answer.text
    for user in ("cross", "upsell", "like", "nothing"):
        await shop.signs_up(user, ("push", "email"))
    await buys(shop, "cross", "socks", ago=HOUR)
    for user, lines in {
        "cross": ["boots"],  # owns the socks, and the wax is sold out
        "upsell": ["spray", "boots", "socks"],  # the boots were the dearest, and nothing is left to go with them
        "like": ["socks", "spray", "alpine", "boots"],
        "nothing": ["socks"],
    }.items():
        await buys(shop, user, *lines, ago=HOUR if user == "like" else timedelta(0))
    await buys(shop, "like", "boots")
    await shop.look()
    runs = await finish(shop, "next_product")
    assert received(shop) == {
        "token-cross": ["Spray for your Snow boots"],
        "token-upsell": ["Alpine boots for your Snow boots"],
        "like@example.com": ["Like your Snow boots: Walkers"],
    }
    ledger = [(m.state, m.detail) for run in runs for m in await shop.messages(run)]
    assert ("sent", {"product": "spray", "bought": "boots"}) in ledger
    assert [detail["relation"] for state, detail in ledger if state == "skipped"].count("complementary") == 3
    assert {m.reason for run in runs for m in await shop.messages(run) if m.state == "skipped"} == {"no product to offer"}


async def test_seg_35_36_41_each_class_its_own_message(shop: Shop) -> None:
    now = shop.opened_at
    for user in ("nps0", "nps7", "nps9", "hot", "warm", "cold"):
        await shop.signs_up(user, ("push",))
    for user in ("nps0", "nps7", "nps9"):
        await shop.does(user, "NPS Answered", score=int(user[3:]))
    for user, days in {"hot": 6, "warm": 45, "cold": 200}.items():
        await shop.does(user, "Product Added", now - days * DAY)
        answer = await shop.operate("POST", "/v1/journeys/by_temperature/runs", json={"customer": {"user_id": user}})
        assert answer.status_code == 201, answer.text
    for user, amount in {"low": 2_000, "high": 10_000, "huge": 10_000.01}.items():
        await shop.signs_up(user, ("push",), deal_amount=amount)
    await shop.look()
    for journey in ("after_nps", "by_temperature"):
        await finish(shop, journey)
    await finish(shop, "deal")  # of the large one the seller's three days are over
    assert received(shop) == {
        "token-nps0": ["we are sorry"], "token-nps7": ["what is new"], "token-nps9": ["review us"],
        "token-hot": ["discount"], "token-warm": ["come back"], "token-cold": ["learn"],
        "token-low": ["order online"], "token-high": ["order online"], "token-huge": ["your seller"],
    }  # fmt: skip


async def test_seg_41_a_large_deal_opens_a_task_for_a_dedicated_seller_and_no_other_does(shop: Shop) -> None:
    for user, amount in {"low": 2_000, "high": 10_000, "huge": 10_000.01}.items():
        await shop.signs_up(user, ("push",), deal_amount=amount)
    await shop.look()
    huge = (await shop.operate("GET", "/v1/profiles", params={"user_id": "huge"})).json()["customer_id"]
    runs = await shop.runs("deal")
    (large,) = [run for run in runs if str(run.profile_id) == huge]
    await asyncio.gather(*(shop.over(run) for run in runs if run != large))
    await shop.asleep(large)
    (task,) = (await shop.operate("GET", "/v1/tasks")).json()["tasks"]
    assert (task["run_id"], task["assignee"], task["title"]) == (str(large.id), "sellers", "Call about the large deal")
    answer = await shop.operate("POST", f"/v1/tasks/{task['id']}/done", json={"outcome": "won"})
    assert answer.is_success, answer.text
    await shop.look()  # the run hears of it
    await shop.over(large)
    assert received(shop) == {
        "token-low": ["order online"],
        "token-high": ["order online"],
        "token-huge": ["your seller", "welcome"],
    }
    assert (await shop.operate("GET", "/v1/tasks")).json()["tasks"] == []


async def test_pro_11_a_derived_trait_shows_its_lineage_and_follows_merges_and_erasure(shop: Shop) -> None:
    deriving = Deriving(shop.database, shop.clock, shop.parts.catalogue.derived)

    async def trait_of(user: str) -> Any:
        await shop.look()
        await deriving.derive()
        answer = await shop.operate("GET", "/v1/profiles", params={"user_id": user})
        return {each["trait"]: each for each in answer.json()["traits"]}.get("type_of_purchase")

    await shop.signs_up("ana", ("push",))
    assert await trait_of("ana") is None
    for quantity in (1, 2, 1):
        await shop.does("ana", "Order Completed", quantity=quantity)
    told = await trait_of("ana")
    assert (told["value"], told["confidence"]) == ("single", 1.0)
    lineage = told["lineage"]
    assert (lineage["version"], lineage["segment"]) == (kind.version, "derived-type-of-purchase-2")
    assert 'did "Order Completed" within 90 days: 3 counted, the last at' in lineage["because"]
    assert lineage["finding"]["saw"]["count"] == 3

    # Somebody who bought in bulk without a name turns out to be her.
    event = {"event": "Order Completed", "properties": {"quantity": 40}}
    await shop.send("track", anonymousId="till-7", **event)
    await shop.look()
    await deriving.derive()
    await shop.send("identify", userId="ana", anonymousId="till-7")
    assert (await trait_of("ana"))["value"] == "bulk"

    customer = (await shop.operate("GET", "/v1/profiles", params={"user_id": "ana"})).json()["customer_id"]
    answer = await shop.operate("GET", f"/v1/profiles/{customer}/merges")
    (merge,) = answer.json()
    answer = await shop.operate("POST", f"/v1/profiles/{customer}/merges/{merge['id']}/undo")
    assert answer.is_success, answer.text
    assert (await trait_of("ana"))["value"] == "single"


async def test_seg_38_reaching_the_score_starts_the_journey_once(shop: Shop) -> None:
    await shop.signs_up("ana", ("push",))
    await shop.does("ana", "Pricing Viewed")
    await shop.look()
    assert await shop.runs("hot_lead") == []
    await shop.does("ana", "Demo Requested")
    await shop.look()
    assert len(await finish(shop, "hot_lead")) == 1
    await shop.does("ana", "Jobs Viewed")
    await shop.look()
    await shop.look(shop.opened_at + 2 * HOUR)  # that is forgotten, and the score is reached again
    kinds = await shop.database.pool.fetch("select kind from segment_transition where segment = 'hot-leads' order by id")
    assert [row["kind"] for row in kinds] == ["entered", "left", "entered"]
    assert len(await shop.runs("hot_lead")) == 1
    assert received(shop) == {"token-ana": ["talk to us"]}
