"""SEG-01 … SEG-46 of the capability list, by id, over a real Postgres: each membership is asked of the watch and of a full
evaluation, which must agree. Ids whose example is about the message or the journey show here what their segment says."""

import json
from datetime import timedelta
from decimal import Decimal
from itertools import product
from typing import Any
from uuid import UUID, uuid4

from journeys import Persona
from segments import Predicate, Segment, bucket, city, did, listed, member_of, messaged, near, prop, reachable, trait
from segments.ask.quantiles import cuts
from segments.define.snapshots import freeze
from segments.library import (
    abandoned_cart,
    activity,
    answers,
    app_friction,
    best_customers,
    cart_doubts,
    category_buyers,
    complete_profiles,
    customer_type,
    discount_buyers,
    high_value,
    lead_score,
    location_buyers,
    night_visitors,
    nps,
    only_category_buyers,
    product_buyers,
    recent_buyers,
    rfm,
    technical_friction,
    temperature,
    ticket_size,
    topic_affinity,
    viewed_not_bought,
    vip_at_risk,
    visits,
)
from segments.watch.tick import load, tick
from store import Database
from store.customers.endpoints import Address
from store.ingest.batch import Memory, store
from store.ingest.items import Changes, Item, Provenance
from tests.segments.shop import T0, Shop

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)


async def who(shop: Shop, segment: Segment, at: Any = T0) -> set[UUID]:
    """The members at an instant: by the watch, which sees what was marked and what time did, and by a full evaluation."""
    if segment in shop.segments:
        await shop.tick(at)
    else:
        await shop.load(*shop.segments, segment, at=at)
    members = await shop.members(segment)
    assert members == await shop.evaluated(segment.predicate, at)
    return members


async def people(shop: Shop, *traits: dict[str, Any]) -> list[UUID]:
    return [await shop.customer(**each) for each in traits]


async def says(shop: Shop, user: str, traits: dict[str, Any], at: Any = T0, confidence: float | None = None) -> UUID:
    """An identify through the real ingest: from the shop's own key, or inferred by a model."""
    origins = {} if confidence is None else {name: Provenance("interest-model-3", confidence) for name in traits}
    changes = Changes(traits, origins=origins)
    text = json.dumps(traits)
    given = (str(uuid4()), user, None, at, "$identify", "identify", text, "{}", False, "shop-web", at)
    await store(shop.database, [Item(*given, changes=changes)], Memory())
    profile: UUID = await shop.database.pool.fetchval("select profile_id from identity where value = $1", user)
    return profile


# --- demographic and geographic


async def test_seg_01_demographic(shop: Shop) -> None:
    values: dict[str, list[Any]] = {
        "age": [25, 61], "sex": ["f", "m"], "income": [20_000, 90_000],
        "education": ["school", "university"], "family": ["single", "married"], "occupation": ["nurse", "engineer"],
    }  # fmt: skip
    table = [dict(zip(values, row, strict=True)) for row in product(*values.values())]
    ids = await people(shop, *table)
    for one, other in zip(values, [*list(values)[1:], "age"], strict=True):
        left, right = values[one][1], values[other][0]
        named = [
            (trait(one) == left, lambda row: row[one] == left),  # noqa: B023 - used before the loop goes on
            ((trait(one) == left) & (trait(other) == right), lambda row: row[one] == left and row[other] == right),  # noqa: B023
            ((trait(one) == left) | (trait(other) == right), lambda row: row[one] == left or row[other] == right),  # noqa: B023
        ]
        for predicate, brute in named:
            expected = {profile for profile, row in zip(ids, table, strict=True) if brute(row)}
            assert await shop.evaluated(predicate, T0) == expected


YOUNG = Segment("first-mortgage", trait("age").between(25, 35) & (trait("income_band") == "middle"))


async def test_seg_02_young_professionals(shop: Shop) -> None:
    ana, _luis = await people(shop, {"age": 35, "income_band": "middle"}, {"age": 36, "income_band": "middle"})
    assert await who(shop, YOUNG) == {ana}


async def test_seg_03_over_55(shop: Shop) -> None:
    rich = trait("income_band") == "high"
    at, one_more = await people(shop, {"age": 55, "income_band": "high"}, {"age": 56, "income_band": "high"})
    assert await who(shop, Segment("pensions", (trait("age") >= 55) & rich)) == {at, one_more}
    assert await who(shop, Segment("pensions-above", (trait("age") > 55) & rich)) == {one_more}
    assert await who(shop, YOUNG) == set()


async def test_seg_04_income_above_100_000(shop: Shop) -> None:
    base = {"age": 40, "education": "high"}
    _at, above = await people(shop, base | {"income": 100_000.00}, base | {"income": 100_000.01})
    luxury = trait("age").between(35, 55) & (trait("income") > 100_000) & (trait("education") == "high")
    assert await who(shop, Segment("luxury-ev", luxury)) == {above}


async def test_seg_05_a_trait_moves_in_without_a_batch_job(shop: Shop) -> None:
    [ana] = await people(shop, {"sex": "f", "age": 30})
    ethical = Segment("ethical", (trait("sex") == "f") & trait("age").between(25, 40) & trait("values").contains("ecology"))
    assert await who(shop, ethical) == set()
    await shop.identify(ana, T0 + SECOND, values=["ecology", "ethical production"])
    assert await who(shop, ethical, T0 + 2 * SECOND) == {ana}


async def test_seg_06_geographic(shop: Shop) -> None:
    ana, luis = await people(
        shop,
        {"address": {"city": "Madrid", "country": "ES", "postalCode": "28013"}, "density": "urban", "climate": "cold"},
        {"address": {"city": "Cádiz", "country": "ES", "postalCode": "11001"}, "density": "rural", "climate": "warm"},
    )
    assert await who(shop, Segment("cities", city("Madrid", "Bilbao"))) == {ana}
    assert await who(shop, Segment("urban", trait("density") == "urban")) == {ana}
    assert await who(shop, Segment("warm", trait("climate") == "warm")) == {luis}


async def test_seg_07_less_than_a_kilometre_from_a_shop(shop: Shop) -> None:
    ana, luis = await people(shop, {}, {})
    nearby = Segment("nearby", near(40.4168, -3.7038, km=1))
    assert await who(shop, nearby) == set()
    # One degree of a great circle is 111,195.08 m on the mean sphere.
    for profile, metres in ((ana, 999), (luis, 1001)):
        place = {"lat": 40.4168 + metres / 111_195.0802, "lon": -3.7038}
        await shop.event(profile, "Location Updated", T0 + SECOND, place)
    assert await who(shop, nearby, T0 + 2 * SECOND) == {ana}
    await shop.event(ana, "Location Updated", T0 + 3 * SECOND, {"lat": 40.4169, "lon": -3.7038})
    assert await who(shop, nearby, T0 + 4 * SECOND) == {ana}
    assert [kind for kind, _, _ in await shop.log(nearby)] == ["entered"]  # once per visit


async def test_seg_08_a_city_and_the_rest_of_the_country(shop: Shop) -> None:
    ids = await people(shop, *({"address": {"city": "X" if n < 3 else "Y", "country": "ES"}} for n in range(10)))
    here, rest = Segment("here", city("X")), Segment("rest", ~city("X"))
    assert (await who(shop, here), await who(shop, rest)) == (set(ids[:3]), set(ids[3:]))


# --- psychographic


async def test_seg_10_declared_or_confident(shop: Shop) -> None:
    known = trait("adventurous").declared() | (trait("adventurous").confidence() >= Decimal("0.8"))
    adventurous = Segment("adventurous", (trait("adventurous") == True) & known)  # noqa: E712
    assert await who(shop, adventurous) == set()
    ana = await says(shop, "ana", {"adventurous": True})
    luis = await says(shop, "luis", {"adventurous": True}, confidence=0.8)
    eva = await says(shop, "eva", {"adventurous": True}, confidence=0.79)
    assert await who(shop, adventurous, T0 + SECOND) == {ana, luis}
    await says(shop, "eva", {"adventurous": True}, T0 + 2 * SECOND, confidence=0.81)  # the model has learnt more
    await says(shop, "ana", {"adventurous": False}, T0 + 2 * SECOND, confidence=1)  # and does not know better than ana
    assert await who(shop, adventurous, T0 + 3 * SECOND) == {ana, luis, eva}
    await says(shop, "luis", {"adventurous": False}, T0 + 4 * SECOND)
    assert await who(shop, adventurous, T0 + 5 * SECOND) == {ana, eva}
    assert (await shop.log(adventurous, luis))[-1] == ("left", T0 + 4 * SECOND, {"event": "$identify"})


async def test_seg_11_eco_conscious_adventurers(shop: Shop) -> None:
    eco = trait("interests").contains("outdoor") & trait("values").contains("sustainability")
    sure = trait("values").declared() | (trait("values").confidence() >= Decimal("0.7"))
    adventurers = Segment("eco-adventurers", eco & sure)
    assert await who(shop, adventurers) == set()
    ana = await says(shop, "ana", {"interests": ["outdoor", "films"], "values": ["sustainability"]})
    await says(shop, "luis", {"interests": ["outdoor"], "values": []})
    await says(shop, "eva", {"interests": ["outdoors"], "values": ["sustainability"]})
    leo = await says(shop, "leo", {"interests": ["outdoor"]})
    await says(shop, "leo", {"values": ["sustainability"]}, confidence=0.6)
    assert await who(shop, adventurers, T0 + SECOND) == {ana}
    await says(shop, "leo", {"values": ["sustainability"]}, T0 + 2 * SECOND)  # leo says so himself
    assert await who(shop, adventurers, T0 + 3 * SECOND) == {ana, leo}


# --- behavioural


async def test_seg_12_purchases_in_the_last_30_days(shop: Shop) -> None:
    ana, _luis = await people(shop, {}, {})
    await shop.event(ana, "Order Completed", T0)
    await shop.event(_luis, "Order Completed", T0 - 30 * DAY - SECOND)
    buyers = recent_buyers(days=30)
    assert await who(shop, buyers) == {ana}
    assert await who(shop, buyers, T0 + 30 * DAY - SECOND) == {ana}
    assert await who(shop, buyers, T0 + 30 * DAY + SECOND) == set()
    assert (await shop.log(buyers))[-1][:2] == ("left", T0 + 30 * DAY)


async def test_seg_13_the_top_tenth_by_value(shop: Shop) -> None:
    ids = await people(shop, *({} for _ in range(20)))
    for n, profile in enumerate(ids, 1):
        await shop.event(profile, "Order Completed", T0 - DAY, {"total": 10 * n})
    vip = best_customers(10)
    assert await who(shop, vip) == {ids[18], ids[19]}
    await shop.event(ids[0], "Order Completed", T0 + SECOND, {"total": 180})
    assert await who(shop, vip, T0 + 2 * SECOND) == {ids[0], ids[18], ids[19]}
    [(_, _, cause)] = await shop.log(vip)
    [used] = cause["thresholds"]
    assert (used["value"], used["as_of"]) == ("190", T0.replace(hour=0).isoformat())


def order(*products: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"products": list(products)} | more


async def test_seg_14_only_one_category(shop: Shop) -> None:
    ana, luis = await people(shop, {}, {})
    await shop.event(ana, "Order Completed", T0, order({"category": "C"}))
    await shop.event(luis, "Order Completed", T0, order({"category": "C"}, {"category": "D"}))
    only = only_category_buyers("C")
    assert await who(shop, only) == {ana}
    await shop.event(ana, "Order Completed", T0 + SECOND, order({"category": "D"}))
    assert await who(shop, only, T0 + 2 * SECOND) == set()


async def test_seg_15_bought_a_product(shop: Shop) -> None:
    ana, luis = await people(shop, {}, {})
    await shop.event(ana, "Order Completed", T0, order({"product_id": "x"}, {"product_id": "P"}))
    await shop.event(luis, "Order Completed", T0, order({"product_id": "x"}))
    assert await who(shop, product_buyers("P")) == {ana}


async def test_seg_16_opened_the_app_more_than_three_times_a_week(shop: Shop) -> None:
    [ana] = await people(shop, {})
    often = Segment("often", did("Application Opened").more_than(3).within(days=7))
    for n in (1, 2, 3):
        await shop.event(ana, "Application Opened", T0 - n * DAY)
    assert await who(shop, often) == set()
    await shop.event(ana, "Application Opened", T0 + SECOND)
    assert await who(shop, often, T0 + 2 * SECOND) == {ana}


async def test_seg_17_new_collections_page_in_the_last_day(shop: Shop) -> None:
    [ana] = await people(shop, {})
    seen = Segment("new-collections", did("Page Viewed").where(prop("name") == "new collections").within(hours=24))
    assert await who(shop, seen) == set()
    await shop.event(ana, "Page Viewed", T0 + SECOND, {"name": "new collections"})
    assert await who(shop, seen, T0 + 2 * SECOND) == {ana}
    assert await who(shop, seen, T0 + DAY + 2 * SECOND) == set()
    assert (await shop.log(seen))[-1][:2] == ("left", T0 + DAY + SECOND)


async def test_seg_18_uses_a_key_feature(shop: Shop) -> None:
    ana, luis = await people(shop, {}, {})
    await shop.event(ana, "Feature Used", T0, {"feature": "F"})
    await shop.event(luis, "Feature Used", T0, {"feature": "G"})
    assert await who(shop, Segment("users-of-f", did("Feature Used").where(prop("feature") == "F"))) == {ana}


async def test_seg_19_not_opened_the_app_for_30_days(shop: Shop) -> None:
    [ana] = await people(shop, {})
    away = Segment("away", ~did("Application Opened").within(days=30))
    await shop.event(ana, "Application Opened", T0 - 29 * DAY - 23 * HOUR)
    assert await who(shop, away) == set()
    assert await who(shop, away, T0 + HOUR) == {ana}
    assert (await shop.log(away))[-1][:2] == ("entered", T0 + HOUR)


async def test_seg_20_abandoned_cart(shop: Shop) -> None:
    [ana] = await people(shop, {})
    cart = abandoned_cart()
    assert await who(shop, cart) == set()
    await shop.event(ana, "Product Added", T0 + SECOND, {"price": 10})
    assert await who(shop, cart, T0 + SECOND) == {ana}
    await shop.event(ana, "Order Completed", T0 + 2 * SECOND)
    assert await who(shop, cart, T0 + 2 * SECOND) == set()


async def test_seg_21_abandoned_cart_with_a_product_of_more_than_50(shop: Shop) -> None:
    ana, luis, eva = await people(shop, {}, {}, {})
    for profile, prices in ((ana, [49.99, 50.01]), (luis, [30, 30]), (eva, [50.00])):
        for price in prices:
            await shop.event(profile, "Product Added", T0, {"price": price})
    assert await who(shop, abandoned_cart(over=50)) == {ana}


async def test_seg_22_five_opens_this_week_and_no_key_action(shop: Shop) -> None:
    ana, luis, eva = await people(shop, {}, {}, {})
    needs_help = app_friction("Key Action", otherwise="Europe/Madrid")
    later = T0 + 3 * DAY  # T0 is a Monday at noon
    for n in range(5):
        await shop.event(ana, "Application Opened", T0 + n * HOUR)
        await shop.event(luis, "Application Opened", T0 + n * HOUR)
        await shop.event(eva, "Application Opened", T0 - n * DAY)
    await shop.event(luis, "Key Action", T0 + HOUR)
    assert await who(shop, needs_help, later) == {ana}
    await shop.event(ana, "Key Action", later + SECOND)
    assert await who(shop, needs_help, later + 2 * SECOND) == set()


async def test_seg_23_clicks_offers_against_opens_transactional_only(shop: Shop) -> None:
    ana, luis, eva = await people(shop, {}, {}, {})
    offer, receipt = ({"channel": "push", "purpose": purpose} for purpose in ("marketing", "transactional"))
    for profile, event, properties in [
        (ana, "Message Read", offer), (ana, "Message Clicked", offer), (ana, "Message Read", receipt),
        (luis, "Message Read", receipt),
        (eva, "Message Read", offer),
    ]:  # fmt: skip
        await shop.event(profile, event, T0, properties)
    clickers, only = answers()
    assert (await who(shop, clickers), await who(shop, only)) == ({ana}, {luis})
    await shop.event(luis, "Message Clicked", T0 + SECOND, offer)
    assert (await who(shop, clickers, T0 + SECOND), await who(shop, only, T0 + SECOND)) == ({ana, luis}, set())


async def test_seg_24_reads_personal_finance_or_investment(shop: Shop) -> None:
    ana, luis, eva = await people(shop, {}, {}, {})
    finance, investment = topic_affinity("personal finance", "investment", days=30)
    for profile, topics in ((ana, ["personal finance"] * 2 + ["investment"]), (eva, ["personal finance", "investment"])):
        for n, topic in enumerate(topics):
            await shop.event(profile, "Content Read", T0 - (n + 1) * HOUR, {"topic": topic})
    await shop.event(luis, "Content Read", T0 - DAY, {"topic": "investment"})
    assert (await who(shop, finance), await who(shop, investment)) == ({ana}, {luis})  # eva is torn: in none of the two
    first, other = topic_affinity("personal finance", "investment", days=30, ties="first", name="prefers")
    assert (await who(shop, first), await who(shop, other)) == ({ana, eva}, {luis})
    await shop.event(ana, "Content Read", T0 + SECOND, {"topic": "investment"})
    assert await who(shop, finance, T0 + SECOND) == set()
    tied = T0 - 2 * HOUR + 30 * DAY  # by time alone: ana has one of each left, eva one of finance
    assert (await who(shop, finance, tied), await who(shop, first, tied)) == ({eva}, {ana, eva})
    later = T0 - HOUR + 30 * DAY
    assert (await who(shop, finance, later), await who(shop, investment, later)) == (set(), {ana})
    assert await shop.log(investment, ana) == [("entered", later, {"edge": "Content Read", "window": 2_592_000})]


async def test_seg_25_answered_a_whatsapp_campaign(shop: Shop) -> None:
    ana, luis = await people(shop, {}, {})
    await shop.event(ana, "Message Replied", T0, {"channel": "whatsapp", "journey": "K", "text": "yes"})
    await shop.event(luis, "Message Replied", T0, {"channel": "whatsapp", "journey": "other", "text": "yes"})
    assert await who(shop, Segment("answered-k", messaged(channel="whatsapp", journey="K").replied())) == {ana}


async def test_seg_26_vip_at_risk(shop: Shop) -> None:
    ana, luis, eva = await people(shop, {}, {}, {})
    for profile, total in ((ana, 600), (luis, 600), (eva, 10)):
        await shop.event(profile, "Order Completed", T0 - 60 * DAY, {"total": total})
    for profile, ago in ((ana, 10), (luis, 40), (eva, 10)):
        await shop.event(profile, "Support Ticket Opened", T0 - ago * DAY)
    risky = vip_at_risk(high_value(500))
    assert await who(shop, risky) == {ana}
    assert await who(shop, risky, T0 + 20 * DAY) == set()


async def test_seg_27_a_cart_abandoned_because_of_doubts(shop: Shop) -> None:
    ana, luis = await people(shop, {}, {})
    for profile in (ana, luis):
        await shop.event(profile, "Product Added", T0 - HOUR)
    await shop.event(ana, "Agent Asked", T0 - HOUR / 2, {"topic": "returns"})
    doubts = cart_doubts()
    assert await who(shop, doubts) == {ana}
    await shop.event(ana, "Order Completed", T0 + SECOND)
    assert await who(shop, doubts, T0 + 2 * SECOND) == set()


async def test_seg_28_technical_friction(shop: Shop) -> None:
    ids = await people(shop, *({} for _ in range(8)))
    for n, profile in enumerate(ids, 1):
        for k in range(n):
            await shop.event(profile, "Application Opened", T0 - DAY - k * HOUR)
    found = await cuts(shop.database, T0, (0.25,), window=30 * DAY, order="Application Opened")
    assert found.frequency == (2,)
    quiet, busy, other = ids[0], ids[7], ids[1]
    for profile, kind in ((quiet, "technical"), (busy, "technical"), (other, "billing")):
        await shop.event(profile, "Support Ticket Opened", T0 - 20 * DAY, {"type": kind})
    assert await who(shop, technical_friction(fewer_than=found.frequency[0])) == {quiet}


async def test_seg_29_ios_users_in_madrid(shop: Shop) -> None:
    ana, *_ = await people(
        shop,
        {"device": {"os": "iOS"}, "address": {"city": "Madrid"}},
        {"device": {"os": "Android"}, "address": {"city": "Madrid"}},
        {"device": {"os": "iOS"}, "address": {"city": "Sevilla"}},
    )
    assert await who(shop, Segment("ios-madrid", (trait("device.os") == "iOS") & city("Madrid"))) == {ana}


async def test_seg_30_profile_completed(shop: Shop) -> None:
    fields = ("email", "phone", "birthday", "address.city")
    full = {"email": "a@example.com", "phone": "1", "birthday": "1990-01-01", "address": {"city": "Madrid"}}
    ana, luis, eva = await people(shop, full, full | {"address": {}}, full | {"phone": None, "birthday": None})
    complete = complete_profiles(*fields)
    assert await who(shop, complete) == {ana}
    assert await who(shop, complete_profiles(*fields, percent=75, name="three-quarters")) == {ana, luis}
    await shop.identify(eva, T0 + SECOND, phone="2", birthday="1991-01-01")
    assert await who(shop, complete, T0 + 2 * SECOND) == {ana, eva}


async def test_seg_31_a_web_visitors_cart_reaches_the_app(database: Database) -> None:
    def call(message_id: str, named: str, at: Any, changes: Changes | None = None, **names: Any) -> Item:
        known = {"user_id": None, "anonymous_id": None} | names
        return Item(message_id=message_id, **known, ts=at, type=named, kind="track", properties="{}", context="{}",
                    clamped=False, source="test", received_at=at, changes=changes)  # fmt: skip

    cart = Segment("cart-by-push", abandoned_cart().predicate & reachable("push"))
    await load(database, [cart], T0)
    token = Changes(addresses=(Address("push", "token-1", "ios"),))
    await store(database, [call("m1", "Application Opened", T0, token, user_id="ana")], Memory())
    await store(database, [call("m2", "Product Added", T0 + SECOND, anonymous_id="web")], Memory())
    await tick(database, [cart], 0, 1, T0 + 2 * SECOND)
    assert await database.pool.fetchval("select count(*) from segment_member") == 0
    await store(database, [call("m3", "Signed In", T0 + 3 * SECOND, user_id="ana", anonymous_id="web")], Memory())
    await tick(database, [cart], 0, 1, T0 + 4 * SECOND)
    assert [tuple(row) for row in await database.pool.fetch(
        "select m.segment, e.address from segment_member m join endpoint e on e.profile_id = m.profile_id"
    )] == [("cart-by-push", "token-1")]  # fmt: skip


async def exactly_one(shop: Shop, classes: tuple[Segment, ...], profiles: list[UUID], at: Any) -> list[str]:
    """The class of each profile; everybody must be in exactly one."""
    members = {segment.name: await who(shop, segment, at) for segment in classes}
    found = [[name for name, inside in members.items() if profile in inside] for profile in profiles]
    assert all(len(names) == 1 for names in found), found
    return [names[0].rpartition("-")[2] for names in found]


async def test_seg_33_active_dormant_expired(shop: Shop) -> None:
    ids = await people(shop, {}, {}, {}, {})
    for profile, days in zip(ids, (1, 100, 400), strict=False):
        await shop.event(profile, "Application Opened", T0 - days * DAY)
    states = activity(active_days=30, dormant_days=180)
    assert await exactly_one(shop, states, ids, T0) == ["active", "dormant", "expired", "expired"]
    assert await exactly_one(shop, states, ids, T0 + 30 * DAY) == ["dormant", "dormant", "expired", "expired"]
    assert await exactly_one(shop, states, ids, T0 + 80 * DAY) == ["dormant", "dormant", "expired", "expired"]
    assert await exactly_one(shop, states, ids, T0 + 81 * DAY) == ["dormant", "expired", "expired", "expired"]


async def test_seg_34_rfm_quintiles_as_of_a_date(shop: Shop) -> None:
    ids = await people(shop, *({} for _ in range(10)))
    for n, profile in enumerate(ids, 1):
        for k in range(n):
            await shop.event(profile, "Order Completed", T0 - (11 - n) * DAY - k * HOUR, {"total": 100 - 9 * n})
    found = await cuts(shop.database, T0)
    classes = rfm(found.recency, found.frequency, found.money)
    fifths = [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    for one, expected in ((classes.recency, fifths), (classes.frequency, fifths)):
        assert [int(name) for name in await exactly_one(shop, one, ids, T0)] == expected
    money = [sum(100 - 9 * n for _ in range(n)) for n in range(1, 11)]
    ranked = sorted(money)
    by_money = [int(name) for name in await exactly_one(shop, classes.money, ids, T0)]
    assert by_money == [ranked.index(amount) // 2 + 1 for amount in money]
    best = Segment("champions", classes.at_least(5, 5, 1))
    assert await shop.evaluated(best.predicate, T0) == {ids[8], ids[9]}
    for profile in ids:  # what comes later, and what comes late, does not change the cuts of that date
        await shop.event(profile, "Order Completed", T0 + DAY, {"total": 1000})
        await shop.event(profile, "Order Completed", T0 - DAY, {"total": 1000}, received_at=T0 + DAY)
    assert await cuts(shop.database, T0) == found


async def test_seg_35_nps(shop: Shop) -> None:
    ids = await people(shop, *({} for _ in range(11)))
    for answer, profile in enumerate(ids):
        await shop.event(profile, "NPS Answered", T0 - DAY, {"score": 10 - answer})
        await shop.event(profile, "NPS Answered", T0, {"score": answer})
    found = await exactly_one(shop, nps(), ids, T0)
    assert found == ["detractors"] * 7 + ["neutrals"] * 2 + ["promoters"] * 2


async def test_seg_36_temperature(shop: Shop) -> None:
    ids = await people(shop, *({} for _ in range(6)))
    for profile, days in zip(ids, (6, 45, 200, 7, 8, 90), strict=True):
        await shop.event(profile, "Checkout Started", T0 - days * DAY)
    states = temperature()
    assert await exactly_one(shop, states, ids, T0) == ["hot", "warm", "cold", "hot", "warm", "warm"]
    assert await exactly_one(shop, states, ids, T0 + DAY) == ["hot", "warm", "cold", "warm", "warm", "cold"]


async def test_seg_37_on_a_product_page_and_did_not_buy(shop: Shop) -> None:
    ana, luis = await people(shop, {}, {})
    for profile in (ana, luis):
        await shop.event(profile, "Product Viewed", T0 - HOUR)
    await shop.event(luis, "Order Completed", T0)
    assert await who(shop, viewed_not_bought()) == {ana}


async def test_seg_38_lead_scoring(shop: Shop) -> None:
    rules: dict[str, tuple[int, Predicate]] = {
        "saw the prices": (20, did("Pricing Viewed").within(days=30)),
        "asked for a demo": (40, did("Demo Requested").within(days=90)),
        "looks for a job": (-30, did("Jobs Viewed").within(days=30)),
        "came by search": (10, trait("source") == "search"),
        "came by social media": (5, trait("source") == "social"),
        "decides": (15, trait("role").in_("CEO", "CTO")),
    }
    hot = lead_score(rules, 70)
    ana, luis = await people(shop, {"source": "search", "role": "CTO"}, {"source": "social", "role": "CTO"})
    assert await who(shop, hot) == set()
    for profile in (ana, luis):
        await shop.event(profile, "Pricing Viewed", T0 + SECOND)
        await shop.event(profile, "Demo Requested", T0 + 2 * SECOND)
    await shop.event(luis, "Jobs Viewed", T0 + 3 * SECOND)
    assert await who(shop, hot, T0 + 4 * SECOND) == {ana}  # 20 + 40 + 10 + 15 = 85; 20 + 40 - 30 + 5 + 15 = 50
    await shop.event(ana, "Pricing Viewed", T0 + 5 * SECOND)
    assert await who(shop, hot, T0 + 30 * DAY + 6 * SECOND) == set()  # the prices have faded: 65
    assert [(kind, at) for kind, at, _ in await shop.log(hot)] == [
        ("entered", T0 + 2 * SECOND),
        ("left", T0 + 30 * DAY + 5 * SECOND),
    ]
    assert str(hot.predicate).startswith("the score (+20 saw the prices; +40 asked for a demo; -30 looks for a job;")


async def test_seg_39_new_and_returning_visitors(shop: Shop) -> None:
    ana, luis = await people(shop, {}, {})
    found = visits()
    for profile, times in ((ana, 1), (luis, 5)):
        for n in range(times):
            await shop.event(profile, "Application Opened", T0 - n * HOUR)
    assert [await who(shop, segment) for segment in found] == [{ana}, {luis}, {luis}]
    await shop.event(ana, "Application Opened", T0 + SECOND)
    assert await who(shop, found.new, T0 + 2 * SECOND) == set()
    assert await who(shop, found.returning, T0 + 2 * SECOND) == {ana, luis}


async def test_seg_40_customer_type(shop: Shop) -> None:
    ana, _ = await people(shop, {"customer_type": "government"}, {"customer_type": "corporate"})
    assert await who(shop, customer_type("government")) == {ana}


async def test_seg_41_ticket_size(shop: Shop) -> None:
    amounts = (1_999.99, 2_000, 10_000, 10_000.01)
    ids = await people(shop, *({"deal_amount": amount} for amount in amounts))
    assert await exactly_one(shop, ticket_size(), ids, T0) == ["small", "medium", "medium", "large"]


async def test_seg_42_buyer_persona(shop: Shop) -> None:
    signs = [(3, trait("role") == "buyer"), (2, trait("worries").contains("price")), (1, trait("company.size") > 50)]
    ana, _luis = await people(
        shop, {"role": "buyer", "worries": ["price"], "company": {"size": 10}}, {"role": "buyer", "worries": []}
    )
    assert await who(shop, Persona("careful-buyer", signs, 5).segment) == {ana}


async def test_seg_43_discount_location_and_category_buyers(shop: Shop) -> None:
    ana, luis, eva = await people(shop, {"address": {"city": "Sevilla"}}, {}, {})
    await shop.event(ana, "Order Completed", T0, order({"category": "shoes"}))
    await shop.event(luis, "Order Completed", T0, order({"category": "hats"}, discount=5))
    await shop.event(eva, "Order Completed", T0, order({"category": "hats"}, discount=0, coupon="SPRING"))
    assert await who(shop, discount_buyers()) == {luis, eva}
    assert await who(shop, location_buyers("Sevilla")) == {ana}
    assert await who(shop, category_buyers("shoes")) == {ana}
    mine = Segment("discount-buyers-of-hats", discount_buyers().predicate & category_buyers("hats").predicate)
    assert await who(shop, mine) == {luis, eva}  # built upon


async def test_seg_44_a_micro_segment_in_one_expression(shop: Shop) -> None:
    young_urban = (trait("age") < 30) & (trait("density") == "urban") & trait("values").contains("immediacy")
    ana, luis = await people(shop, *({"age": 22, "density": "urban", "values": ["immediacy"]} for _ in range(2)))
    await shop.event(ana, "Order Completed", T0, {"channel": "app"})
    await shop.event(luis, "Order Completed", T0, {"channel": "web"})
    by_app = did("Order Completed").where(prop("channel") == "app").within(days=90)
    assert await who(shop, Segment("micro", young_urban & by_app)) == {ana}
    half = await shop.evaluated(young_urban & bucket(50, "trial"), T0)
    assert half | await shop.evaluated(young_urban & ~bucket(50, "trial"), T0) == {ana, luis}


async def test_seg_45_a_static_list_beside_the_dynamic_segment(shop: Shop) -> None:
    ana, luis = await people(shop, {}, {})
    await shop.event(ana, "Order Completed", T0)
    dynamic, frozen = recent_buyers(days=30), Segment("buyers-of-november", listed("buyers-of-november"))
    made = await freeze(shop.database, dynamic, "buyers-of-november", T0, lambda: T0, by="eva")
    assert (made.segment, made.version, made.as_of, made.members) == (dynamic.name, dynamic.version, T0, 1)
    assert await who(shop, frozen, T0 + SECOND) == {ana}
    await shop.event(luis, "Order Completed", T0 + 2 * SECOND)
    assert await who(shop, dynamic, T0 + 3 * SECOND) == {ana, luis}
    assert await who(shop, frozen, T0 + 3 * SECOND) == {ana}
    assert await who(shop, dynamic, T0 + 31 * DAY) == set()
    assert await who(shop, frozen, T0 + 31 * DAY) == {ana}


async def test_seg_46_laptops_at_night_on_an_iphone(shop: Shop) -> None:
    """Sessions mostly from 20:00 to 24:00 where the customer lives, on an iPhone, and searches for laptops."""
    homes = ("Europe/Madrid", "America/New_York", "Nowhere/Land", "Europe/Madrid", "Europe/Madrid")
    ana, luis, eva, kim, noa = await people(shop, *({"timezone": zone} for zone in homes))
    evening, noon = T0 - 16 * HOUR, T0 - 24 * HOUR  # 21:00 and 13:00 in Madrid; 15:00 and 7:00 in New York
    iphone, android = {"device": {"model": "iPhone 15"}}, {"device": {"model": "Pixel 9"}}
    for profile, device in ((ana, iphone), (luis, iphone), (eva, iphone), (kim, android), (noa, iphone)):
        for ts in (evening, evening - DAY, noon):
            await shop.event(profile, "Session Started", ts, device)
        if profile != noa:
            await shop.event(profile, "Products Searched", T0 - DAY, {"query": "cheap laptop"})
    searched = did("Products Searched").where(prop("query").contains("laptop")).within(days=30)
    visitors = night_visitors(prop("device.model").starts_with("iPhone"), otherwise="Europe/Madrid")
    laptops = Segment("laptops-at-night", visitors.predicate & searched)
    assert await who(shop, laptops) == {ana, eva}
    assert await who(shop, visitors) == {ana, eva, noa}
    for n in (1, 2):  # half of four is not most of them, half of five is less
        await shop.event(ana, "Session Started", T0 + n * SECOND, iphone)
        assert await who(shop, laptops, T0 + n * SECOND) == {eva}
    await shop.identify(luis, T0 + HOUR, timezone="Europe/Madrid")
    assert await who(shop, laptops, T0 + HOUR) == {luis, eva}
    in_the_app = Segment("saturday-offer", member_of(laptops) & did("Application Opened").on_days("sat").within(days=1))
    saturday = T0 + 5 * DAY
    await shop.event(eva, "Application Opened", saturday - 14 * HOUR)  # Friday, 23:00 in Madrid and 22:00 in UTC
    await shop.event(luis, "Application Opened", saturday - 12 * HOUR)  # Saturday, 01:00 in Madrid
    assert await who(shop, in_the_app, saturday) == {luis}
