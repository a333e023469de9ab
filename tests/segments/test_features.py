"""Features of everybody at an instant of the past: SQL against Python, and not a bit of what came later."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import isclose
from random import Random
from typing import Any
from uuid import UUID

import pytest

from segments import did, prop
from segments.errors import DefinitionError
from segments.facts import Event, Facts
from segments.language.events import TRAITS_CHANGED
from segments.leaves.countable import Amount
from segments.predictions import DaysSince, Feature, TraitValue, engagement, feature, rfm
from segments.predictions.features import check_features
from segments.sql.features import passes
from tests.segments.random_shop import SPANS, TYPES, narrowed
from tests.segments.shop import T0, Shop

Table = dict[tuple[UUID, str], float | None]
#: Of a customer what was received, with when.
Log = dict[UUID, list[tuple[Event, datetime]]]


@pytest.mark.parametrize("seed", range(6))
async def test_features_are_what_was_known_then(shop: Shop, seed: int) -> None:
    random = Random(seed)
    log = await happened(shop, random)
    features = [feature(f"f{n}", term(random)) for n in range(40)] + [feature("age", TraitValue("age"))]
    for as_of in (T0 + timedelta(hours=hours) for hours in (3, 7.5, 12)):
        found = await table(shop, features, as_of)
        for who, events in log.items():
            known = Facts.of({}, [event for event, received in events if received <= as_of and event.ts <= as_of])
            for each in features:
                assert same(found[who, each.name], each.amount(known, as_of)), (str(each), as_of)
    assert len({value for value in found.values() if value is not None}) > 20, "something was compared"


async def test_the_future_changes_not_a_bit(shop: Shop) -> None:
    """The leak test: with all gone that happened or came later, each feature is the same to the last digit."""
    random = Random(7)
    await happened(shop, random)
    features = [feature(f"f{n}", term(random)) for n in range(60)] + [feature("age", TraitValue("age"))]
    as_of = T0 + timedelta(hours=6)
    before = await table(shop, features, as_of)
    gone = await shop.database.pool.execute("delete from event where ts > $1 or received_at > $1", as_of)
    assert int(gone.split()[1]) > 50
    assert await table(shop, features, as_of) == before
    assert await table(shop, features, as_of - timedelta(hours=2)) != before, "the test could fail"


async def test_ready_made_ones_by_hand(shop: Shop) -> None:
    ana, luis = await shop.customer(), await shop.customer()
    for days, total in ((400, 10), (40, 30), (5.5, 20.5)):
        await shop.event(ana, "Order Completed", T0 - timedelta(days=days), {"total": total})
    await shop.event(ana, "Product Viewed", T0 - timedelta(days=8))
    found = await table(shop, [*rfm(), *engagement()], T0)
    of_ana = {name: value for (who, name), value in found.items() if who == ana}
    assert of_ana | {
        "days_since_order": 5.5, "days_since_first_order": 400, "orders": 3, "orders_30d": 1, "orders_90d": 2, "orders_365d": 2,
        "spent_30d": 20.5, "spent_90d": 50.5, "spent_365d": 50.5, "days_since_product_viewed": 8, "product_viewed_7d": 0,
        "product_viewed_30d": 1, "days_since_application_opened": None,
    } == of_ana  # fmt: skip
    assert of_ana["order_average"] == pytest.approx(60.5 / 3)
    assert {found[luis, name] for name in ("orders", "spent_30d")} == {0.0}
    assert {found[luis, name] for name in ("order_average", "days_since_order")} == {None}


def test_one_pass_for_each_type_of_event() -> None:
    assert len(passes([*rfm(), *engagement()])) == 4


def test_a_feature_is_the_same_after_json() -> None:
    random = Random(3)
    for each in [*rfm(), *engagement(), *(feature("f", term(random)) for _ in range(80)), feature("age", TraitValue("age"))]:
        again = Feature.from_json(each.to_json())
        assert again.to_json() == each.to_json()
        assert str(again) == str(each)


@pytest.mark.parametrize(
    ("plain", "says"),
    [
        ({"name": "x"}, "needs one of days_since, trait"),
        ({"name": "x", "trait": "age", "wich": 1}, "wich"),
        ({"name": "x", "days_since": {"trait": "age", "is": "==", "value": 1}}, "days_since"),
        ({"name": "x", "days_since": {"did": "A"}, "which": "best"}, '"last" or the "first"'),
        ({"name": "x", "days_since": {"did": "A", "at_least": 2}}, "takes no count"),
        ("age", "feature"),
        ({"name": "", "trait": "age"}, "name"),
    ],
)
def test_what_is_no_feature_is_refused(plain: object, says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        Feature.from_json(plain)


def test_what_is_only_known_as_it_is_now_is_refused() -> None:
    with pytest.raises(DefinitionError, match="customer's zone"):
        feature("nights", did("App Opened").today(otherwise="Asia/Tokyo").count())
    with pytest.raises(DefinitionError, match="is of an amount"):
        feature("x", did("App Opened"))  # type: ignore[arg-type]


def test_never_reaches_into_conditions() -> None:
    by_sex = did("Order Completed").where(prop("buyer.sex") == "f").count()
    then = DaysSince(did("Product Viewed").then(did("Order Completed").where(prop("sex") == "f")))
    for bad in (feature("x", TraitValue("sex")), feature("x", by_sex), feature("x", then), feature("sex", TraitValue("other"))):
        with pytest.raises(DefinitionError, match="'sex', which stands under never"):
            check_features("churn", [bad], frozenset({"sex", "age"}))
    with pytest.raises(DefinitionError, match="two called 'days_since_order'"):
        check_features("churn", [*rfm(), *rfm()], frozenset())


def term(random: Random) -> Amount | DaysSince:
    found = did(random.choice(TYPES))
    if random.random() < 0.7:
        found = found.within(random.choice(SPANS))
    if random.random() < 0.3:
        found = found.where(prop("price") > 50)
    if random.random() < 0.3:
        longer = narrowed(random, found)
        found = longer if not longer.traits else found
    if random.random() < 0.25:
        found = found.since_last(random.choice(TYPES))
    if random.random() < 0.3:
        return DaysSince(found, random.choice(["first", "last"]))
    measures = [found.total, found.largest, found.smallest, found.average, found.distinct]
    return random.choice([found.count(), *(measure(random.choice(["price", "deep.price"])) for measure in measures)])


async def happened(shop: Shop, random: Random) -> Log:
    """Some hours of a shop, and of each event when it was received."""
    log: Log = {await shop.customer(): [] for _ in range(6)}
    for _ in range(240):
        who, received = random.choice(list(log)), T0 + timedelta(hours=14 * random.random())
        ts = received + timedelta(seconds=random.choice([0, 0, 0, -1, -90, -3600, -20_000, 1, 240]))
        price = random.choice([10, 60, 0.1, 0.2, "60", None, {"eur": 60}, [60, 1]])
        properties: dict[str, Any] = {"price": price, "deep": random.choice([{"price": 7}, [{"price": 1}, {"price": 2}], None])}
        kind = random.choice([*TYPES, *TYPES, TRAITS_CHANGED])
        if kind == TRAITS_CHANGED:
            properties = random.choice([{"age": random.choice([17, 40, "40", None])}, {"city": "Madrid"}])
        await shop.event(who, kind, ts, properties, received_at=received, mark=False)
        log[who].append((shop.events[who][-1], received))
    return log


async def table(shop: Shop, features: Sequence[Feature], as_of: datetime) -> Table:
    found: Table = {}
    for each in passes(features):
        rows = await shop.database.pool.fetch(each.statement.sql, *each.statement.args(as_of))
        by_customer = {row["profile_id"]: tuple(row)[1:] for row in rows}
        for who in shop.events:
            values = by_customer.get(who, each.nothing)
            found |= {(who, of.name): value for of, value in zip(each.features, values, strict=True)}
    return found


def same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return isclose(one, other, rel_tol=1e-12, abs_tol=1e-9)
