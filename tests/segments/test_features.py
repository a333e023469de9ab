"""Features of everybody at an instant of the past: SQL against Python, and not a bit of what came later."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import isclose, isnan
from random import Random
from struct import pack
from typing import Any
from uuid import UUID

import pytest

from segments import days, did, prop
from segments.ask import known
from segments.errors import DefinitionError
from segments.facts import Event, Facts
from segments.language.events import TRAITS_CHANGED
from segments.leaves.countable import Amount
from segments.predictions import DaysSince, Feature, Prediction, TraitValue, engagement, feature, rfm
from segments.predictions.best import counts
from segments.predictions.features import check_features
from segments.predictions.messaged import Messages
from segments.predictions.ordered import WHICH, Ordered
from segments.sql.features import passes, passes_then
from tests.extent import some
from tests.segments.random_shop import SPANS, TYPES, narrowed
from tests.segments.shop import T0, Shop

Values = dict[tuple[UUID, str], float]
#: Of a customer what was received, with when.
Log = dict[UUID, list[tuple[Event, datetime]]]


@pytest.mark.parametrize("seed", some(range(6)))
async def test_features_are_what_was_known_then(shop: Shop, seed: int) -> None:
    random = Random(seed)
    log = await happened(shop, random)
    features = [feature(f"f{n}", term(random)) for n in range(40)] + [feature("age", TraitValue("age"))]
    for as_of in (T0 + timedelta(hours=hours) for hours in (3, 7.5, 12)):
        found = await table(shop, features, as_of)
        for who, events in log.items():
            facts = Facts.of({}, [event for event, received in events if received <= as_of and event.ts <= as_of])
            for each in features:
                assert same(found[who, each.name], each.amount(facts, as_of)), (str(each), as_of)
    assert len({value for value in found.values() if not isnan(value)}) > 20, "something was compared"


async def test_the_future_changes_not_a_bit(shop: Shop) -> None:
    """The leak test: with all gone that happened or came later, each feature is the same to the last digit."""
    random = Random(7)
    await happened(shop, random)
    features = [feature(f"f{n}", term(random)) for n in range(60)] + [feature("age", TraitValue("age"))]
    as_of = T0 + timedelta(hours=6)
    before = await table(shop, features, as_of)
    gone = await shop.database.pool.execute("delete from event where ts > $1 or received_at > $1", as_of)
    assert int(gone.split()[1]) > 50
    assert bits(await table(shop, features, as_of)) == bits(before)
    assert bits(await table(shop, features, as_of - timedelta(hours=2))) != bits(before), "the test could fail"


@pytest.mark.parametrize("seed", some(range(6)))
async def test_of_many_with_an_instant_of_their_own_each_is_asked_together(shop: Shop, seed: int) -> None:
    """To the last digit what is asked of each alone, in as many statements for fifty as for one."""
    random = Random(100 + seed)
    log = await happened(shop, random)
    await shop.database.pool.execute("update event set type = 'Order Completed' where type = $1", TYPES[0])
    features = [*rfm(), *engagement(), feature("age", TraitValue("age"))]
    features += [feature(f"f{n}", term(random)) for n in range(40)]
    features += [Feature(which, Ordered(did("Order Completed"), which, "price", "")) for which in WHICH]
    features += counts(["push"], Messages("clicked", timedelta(days=30), timedelta(days=3)))
    who = [(each, T0 + timedelta(hours=14 * random.random())) for each in [*log] * 8]
    async with shop.database.transaction() as connection:
        alone = [await known.of_one(connection, features, *each) for each in who]
        said: list[str] = []
        together, others = passes_then(features)
        with connection.query_logger(lambda record: said.append(record.query)):
            found = await known.each_then(connection, [each for each in features if each not in others], who)
    assert len(others) < len(features) / 10
    assert sum("each_then" in each for each in said) == len(together)
    for name, values in found.items():
        assert [pack("d", value) for value in values] == [pack("d", one[name]) for one in alone], name


async def test_ready_made_ones_by_hand(shop: Shop) -> None:
    ana, luis = await shop.customer(), await shop.customer()
    for ago, total in ((400, 10), (40, 30), (5.5, 20.5)):
        await shop.event(ana, "Order Completed", T0 - timedelta(days=ago), {"total": total})
    await shop.event(ana, "Product Viewed", T0 - timedelta(days=8))
    found = await table(shop, [*rfm(), *engagement()], T0)
    of_ana = {name: value for (who, name), value in found.items() if who == ana}
    assert of_ana | {
        "days_since_order": 5.5, "days_since_first_order": 400, "orders": 3, "orders_30d": 1, "orders_90d": 2, "orders_365d": 2,
        "spent_30d": 20.5, "spent_90d": 50.5, "spent_365d": 50.5, "days_since_product_viewed": 8, "product_viewed_7d": 0,
        "product_viewed_30d": 1,
    } == of_ana  # fmt: skip
    assert isnan(of_ana["days_since_application_opened"])
    assert of_ana["order_average"] == pytest.approx(60.5 / 3)
    assert {found[luis, name] for name in ("orders", "spent_30d")} == {0.0}
    assert all(isnan(found[luis, name]) for name in ("order_average", "days_since_order"))


async def test_who_is_asked_and_what_came_of_them(shop: Shop) -> None:
    """Of whom it was true as far as it was known then; the label as it is at the end of the horizon."""
    ana, luis, eva, iris = [await shop.customer() for _ in range(4)]
    order, week = "Order Completed", timedelta(days=7)
    for who, ago in ((ana, 30), (ana, 20), (luis, 30), (luis, 10), (eva, 20)):
        await shop.event(who, order, T0 - timedelta(days=ago))
    await shop.event(iris, order, T0 - timedelta(days=20))
    await shop.event(iris, order, T0 - timedelta(days=19), received_at=T0 + timedelta(days=1))
    await shop.event(luis, order, T0 + timedelta(days=3))
    prediction = Prediction("churn", did(order).at_least(2), ~did(order).within(week), week, rfm())
    async with shop.database.transaction() as connection:
        found = await known.table(connection, prediction, T0)
        came = await known.came_true(connection, prediction, len(found), T0 + week)
        assert {found.id(row): came[row] for row in range(len(found))} == {ana: 1.0, luis: 0.0}, "iris' second came late"
        later = await known.table(connection, prediction, T0 + timedelta(days=2))
        assert {later.id(row) for row in range(len(later))} == {ana, luis, iris}
        one = await known.table(connection, prediction, T0 + timedelta(days=2), most=1)
        assert len(one) == len(one.columns["orders"]) == 1
        nobody = await known.table(connection, prediction, T0 - timedelta(days=90))
        assert (len(nobody), list(nobody.columns["orders"])) == (0, [])
        assert list(await known.came_true(connection, prediction, 0, T0)) == []


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
    with pytest.raises(DefinitionError, match="another one called 'days_since_order'"):
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


async def table(shop: Shop, features: Sequence[Feature], as_of: datetime) -> Values:
    """All customers' features, as models get them."""
    prediction = Prediction("all", ~did("Unheard Of"), did("Order Completed").within(days=1), days(1), tuple(features))
    async with shop.database.transaction() as connection:
        found = await known.table(connection, prediction, as_of)
    assert {found.id(row) for row in range(len(found))} == set(shop.events)
    return {(found.id(row), name): values[row] for name, values in found.columns.items() for row in range(len(found))}


def bits(values: Values) -> dict[tuple[UUID, str], bytes]:
    return {key: pack("d", value) for key, value in values.items()}


def same(one: float, other: float | None) -> bool:
    return isnan(one) if other is None else isclose(one, other, rel_tol=1e-12, abs_tol=1e-9)
