"""What a customer will bring, as it is declared; and the orders that it goes by, in SQL against Python (ML-03)."""

import json
from datetime import datetime, timedelta
from math import isclose, isnan
from random import Random
from typing import Any

import pytest

from segments import DefinitionError, Segment, days, did
from segments.ask import known
from segments.facts import Event, Facts
from segments.predictions import LifetimeValue, Prediction, feature
from segments.predictions.declared import check_predictions
from segments.predictions.ordered import WHICH, Ordered, money_in
from tests.extent import some
from tests.segments.shop import T0, Shop

ORDERED = did("Order Completed")
clv = LifetimeValue("clv", orders=ORDERED, amount="total", horizon=days(365))


def test_ml_03_it_is_the_same_after_json_and_a_segment_asks_for_money() -> None:
    plain = json.loads(json.dumps(clv.to_json()))
    assert LifetimeValue.from_json(plain) == clv
    assert LifetimeValue.from_json(plain).version == clv.version
    assert LifetimeValue.from_json({"name": "clv", "orders": {"did": "Order Completed"}}).of.to_json() == ORDERED.to_json()
    best = Segment("best", clv.crosses(500, back_at=400))
    assert Segment.from_json(best.to_json()) == best
    assert str(best.predicate) == 'the prediction "clv" is 500 or more (until it is below 400)'
    assert LifetimeValue("clv", orders=ORDERED, currency="EUR").version != clv.version
    assert str(clv) == 'clv: of who did "Order Completed", what "Order Completed" brings within 365 days'


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"orders": "Order Completed"}, "is an event"),
        ({"orders": ORDERED.within(days=90)}, "leave out within"),
        ({"orders": ORDERED.at_least(2)}, "within.*and where.*only"),
        ({"currency": "euro"}, "three letters"),
        ({"horizon": 365}, "a span of an hour"),
        ({"tolerance": 0}, "a share of what was foretold"),
        ({"never": {"total"}}, "read 'total', which stands under never"),
    ],
)
def test_what_cannot_be_foretold_is_refused(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        LifetimeValue("clv", **{"orders": ORDERED, "amount": "total"} | changed)


def test_what_a_kind_does_not_say_cannot_be_asked() -> None:
    churn = Prediction("churn", ORDERED, ~ORDERED.within(days=30), days(30), (feature("n", ORDERED.count()),))
    for asked in (lambda: clv.crosses(0), lambda: clv.is_("good"), lambda: churn.crosses(500), lambda: churn.is_("bad")):
        with pytest.raises(DefinitionError, match=r"prediction '(clv|churn)'"):
            asked()
    with pytest.raises(DefinitionError, match=r"above 0, not 0 \(back_at\)$"):
        clv.crosses(1e308, back_at=0)
    with pytest.raises(DefinitionError, match="crosses a probability"):
        check_predictions([churn], [clv.__class__("churn", orders=ORDERED).crosses(500)])


@pytest.mark.parametrize("seed", some(range(4)))
async def test_orders_that_stand_are_in_sql_what_they_are_in_python(shop: Shop, seed: int) -> None:
    random = Random(seed)
    log: dict[Any, list[tuple[Event, datetime]]] = {await shop.customer(): [] for _ in range(5)}
    for _ in range(160):
        who, received = random.choice(list(log)), T0 + timedelta(hours=14 * random.random())
        ts = received - timedelta(seconds=random.choice([0, 0, 60, 3600]))
        kind = random.choice([*["Order Completed"] * 4, "Order Refunded", "Order Refunded", "Order Cancelled"])
        said: dict[str, Any] = {"order_id": random.choice([1, 2, 3, "4", "5", "", None, True])}
        said |= {"total": random.choice([10, 20.5, "30", "x", -5, None, 1e300])}
        said |= random.choice([{}, {}, {"currency": "EUR"}, {"currency": "usd"}, {"currency": "?"}])
        said |= random.choice([{}, {}, {"revenue": 7}])
        await shop.event(who, kind, ts, said, received_at=received, mark=False)
        log[who].append((shop.events[who][-1], received))
    asked = [
        feature(f"{which}{n}", Ordered(ORDERED, which, *how))
        for n, how in enumerate([("total", ""), ("", ""), ("", "EUR")])
        for which in WHICH
    ]
    prediction = Prediction("all", ~did("Unheard Of"), ORDERED.within(days=1), days(1), tuple(asked))
    some = 0
    for as_of in (T0 + timedelta(hours=hours) for hours in (4, 9, 15)):
        async with shop.database.transaction() as connection:
            found = await known.table(connection, prediction, as_of)
        for row in range(len(found)):
            facts = Facts.of({}, [event for event, at in log[found.id(row)] if at <= as_of and event.ts <= as_of])
            for each in asked:
                value, wanted = found.columns[each.name][row], each.amount(facts, as_of)
                same = isnan(value) if wanted is None else isclose(value, wanted, rel_tol=1e-9, abs_tol=1e-6)
                assert same, (each.name, as_of, value, wanted)
                some += bool(wanted)
    assert some > 50


def test_money_is_read_as_the_reports_read_it() -> None:
    values = [
        (5, 5),
        ("7.25", 7.25),
        (" +1e2 ", 100),
        (-4, 0),
        ("x", None),
        (True, None),
        (None, None),
        ("1e400", None),
        (1e16, None),
    ]
    for said, wanted in values:
        assert money_in({"total": said}, "total") == wanted, said
