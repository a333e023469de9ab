"""By which rule a journey is measured: what it declares, what holds where it says nothing, and the same as JSON."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest

from activities.measuring.values import Exposed, changes, looks_from
from journeys.contracts import JourneySpec, Purpose
from journeys.policies import Conversion, Once
from segments import did, prop, purchases
from segments.facts import Event
from store.measuring.values import Change

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SPEC = JourneySpec(
    name="trial", entry=None, goal=purchases, reentry=Once(), purpose=Purpose.MARKETING, ends_on_leave=False,
    max_lateness=HOUR, useless_after=12 * HOUR, holdout=0.5, quiet_hours=None, caps=(), timezone="UTC",
)  # fmt: skip
RULE = Conversion(by=purchases)


def test_a_journey_is_measured_by_its_goal_within_seven_days_of_the_exposure_unless_it_says_otherwise() -> None:
    assert SPEC.measured == Conversion(by=purchases, within=7 * DAY, since="exposure")
    driven = did("Drive Completed")
    assert replace(SPEC, kpi=driven).measured == Conversion(by=driven)
    other = Conversion(by=did("Booked"), within=DAY)
    assert replace(SPEC, kpi=driven, conversion=other).measured == other
    assert replace(SPEC, conversion=Conversion(within=DAY)).measured == Conversion(by=purchases, within=DAY)
    assert replace(SPEC, goal=None).measured is None


def test_a_rule_is_the_same_as_json() -> None:
    big = did("Order Completed").where(prop("total") > 50)
    rule = Conversion(big, 3 * DAY, "entry", "linear", "revenue", big, "EUR", 150.5, 14 * DAY, 0.35)
    again = Conversion.from_json(orjson.loads(orjson.dumps(rule.to_json())))
    assert str(again) == str(rule)
    assert again.to_json() == rule.to_json()
    assert again.types == {"Order Completed"}


def happened(at: datetime, type_: str = "Order Completed", n: int = 0, **said: Any) -> Event:
    return Event(type_, at, said, f"{n:03}")


def measured(*events: Event, rule: Conversion = RULE, at: datetime = NOON) -> dict[tuple[str, str], Any]:
    """y of each metric by day of March."""
    found = changes(rule, Exposed(at), events)
    return {(metric, day.isoformat()[8:]): change.y for (day, metric), change in found.items() if change.y}


def test_an_order_that_is_told_again_is_as_old_as_its_first_telling_however_long_ago() -> None:
    """It is none of the window, nor of what was done before it; what is no order converts by its own time."""
    long_ago, lately = NOON - 90 * DAY, NOON - 3 * DAY
    told = [happened(long_ago, order_id="a", total=50), happened(NOON + DAY, n=1, order_id="a", total=70)]
    assert measured(*told) == {("conversion", "04"): 1}
    anew = happened(NOON + DAY, n=2, order_id="b", total=7)
    assert measured(*told, anew)["orders", "04"] == 1
    before = [happened(long_ago, order_id="a", total=50), happened(lately, n=1, order_id="a", total=70)]
    found = changes(RULE, Exposed(NOON), [*before, anew])
    assert found[NOON.date() + DAY, "revenue"].x == 0
    assert looks_from(RULE, Exposed(NOON), told) == looks_from(RULE, Exposed(NOON), before) == long_ago
    assert looks_from(RULE, Exposed(NOON), [told[0], anew]) == NOON - RULE.before, "of which nothing is told again"
    assert looks_from(RULE, Exposed(NOON), [told[0], happened(NOON + 8 * DAY, n=1, order_id="a")]) == NOON - RULE.before


@pytest.mark.parametrize(("currency", "counts"), [("eur", 5), ("USD", 0), ("=cmd|calc", 5), ("euro", 5), ("", 5), (978, 5)])
def test_a_currency_is_three_letters_and_what_is_none_names_none(currency: object, counts: int) -> None:
    rule = Conversion(by=purchases, currency="EUR")
    found = measured(happened(NOON, order_id=1, total=5, currency=currency), rule=rule)
    assert found.get(("gross", "03"), 0) == counts


def test_the_window_begins_with_the_exposure_and_ends_before_its_end() -> None:
    inside = measured(happened(NOON, order_id=1, total=5))
    assert inside == {
        (m, "03"): y for m, y in [("conversion", 1), ("orders", 1), ("revenue", 5), ("gross", 5), ("order value", 5)]
    }
    assert measured(happened(NOON - timedelta(microseconds=1), order_id=1, total=5)) == {}
    assert measured(happened(NOON + 7 * DAY, order_id=1, total=5)) == {}
    assert measured(happened(NOON + 7 * DAY - timedelta(microseconds=1), order_id=1, total=5))[("revenue", "10")] == 5


def test_an_order_counts_once_on_its_first_day_with_what_its_last_version_says() -> None:
    first, last = happened(NOON, order_id="a", total=5), happened(NOON + DAY, n=1, order_id="a", revenue="7.50", total=9)
    assert measured(last, first)[("revenue", "03")] == Decimal("7.5")
    assert ("orders", "04") not in measured(first, last)
    before = happened(NOON - DAY, order_id="a", total=5)
    assert measured(before, last) == {("conversion", "04"): 1}, "an order of before is no order, though it was heard of again"


def test_refunds_and_cancellations_are_apart_and_take_no_more_than_there_is() -> None:
    order = happened(NOON, order_id="a", total=50)
    back = [happened(NOON + DAY, "Order Refunded", n, order_id="a", total=30) for n in (1, 2)]
    found = measured(order, *back)
    assert [found[metric, day] for metric, day in [("gross", "03"), ("refunds", "04"), ("revenue", "04")]] == [50, 50, -50]
    gone = measured(order, back[0], happened(NOON + 2 * DAY, "Order Cancelled", order_id="a"))
    assert [gone[metric, day] for metric, day in [("refunds", "04"), ("refunds", "05"), ("orders", "05")]] == [30, 20, -1]
    assert measured(happened(NOON, "Order Refunded", order_id="b", total=5)) == {}, "of an order that nobody knows"


def test_what_a_customer_did_before_stands_beside_it() -> None:
    before, after = happened(NOON - DAY, order_id="a", total=20), happened(NOON + DAY, n=1, order_id="b", total=30)
    found = changes(RULE, Exposed(NOON), [before, after])
    ten = Decimal(20), Decimal(400)
    assert found[date(2026, 3, 3), "revenue"] == Change(x=ten[0], xx=ten[1])
    assert found[date(2026, 3, 4), "revenue"] == Change(y=Decimal(30), yy=Decimal(900), xy=Decimal(600), nonzero=1)
    assert found[date(2026, 3, 3), "exposed"] == Change(n=1)


def test_a_cap_holds_for_the_sum_of_a_customer_and_money_of_another_currency_is_none() -> None:
    rule = replace(RULE, cap=40, currency="EUR")
    orders = [happened(NOON + n * DAY, n=n, order_id=n, total=30, currency="EUR") for n in range(3)]
    found = measured(*orders, rule=rule)
    assert (found["revenue", "03"], found["revenue", "04"], found["gross", "04"]) == (30, 10, 30)
    assert ("revenue", "05") not in found
    assert measured(happened(NOON, order_id=1, total=30, currency="USD"), rule=rule) == {
        ("conversion", "03"): 1,
        ("orders", "03"): 1,
    }


def test_the_order_value_is_of_orders_in_the_declared_money_alone() -> None:
    """Orders count in whatever money; the average is of those whose money counts, or it would be too low."""
    rule = replace(RULE, currency="EUR")
    euros, dollars, unsaid = (
        happened(NOON + n * HOUR, n=n, order_id=n, total=30, **said)
        for n, said in enumerate(({"currency": "eur"}, {"currency": "USD"}, {}))
    )
    day = date(2026, 3, 3)
    found = changes(rule, Exposed(NOON), [euros, dollars, unsaid])
    assert (found[day, "orders"].y, found[day, "order value"].y, found[day, "order value"].x) == (3, 60, 2)
    gone = happened(NOON + DAY, "Order Cancelled", 9, order_id=1)
    later = changes(rule, Exposed(NOON), [euros, dollars, unsaid, gone])
    assert later[day + DAY, "orders"].y == -1
    assert (day + DAY, "order value") not in later, "it was never one of these"
    told_anew = happened(NOON + DAY, n=9, order_id=1, total=40, currency="EUR")
    assert changes(rule, Exposed(NOON), [euros, dollars, unsaid, told_anew])[day, "order value"].x == 3
    assert changes(RULE, Exposed(NOON), [euros, dollars, unsaid])[day, "order value"].x == 3, "no money is declared"


@pytest.mark.parametrize("told", ["much", "NaN", "inf", None, True, [], "1e400", "1_000", -3])
def test_what_is_no_sum_of_money_brings_none(told: object) -> None:
    assert measured(happened(NOON, order_id=1, total=told)) == {("conversion", "03"): 1, ("orders", "03"): 1}


def test_from_the_entry_on_counts_what_was_done_before_the_exposure_on_the_day_of_that() -> None:
    rule = replace(RULE, since="entry", within=2 * DAY)
    exposed = Exposed(NOON, entered_at=NOON - DAY)
    found = changes(rule, exposed, [happened(NOON - 20 * HOUR, order_id=1, total=5)])
    assert {(day, change.y) for (day, metric), change in found.items() if metric == "revenue"} == {(date(2026, 3, 3), 5)}
    assert changes(replace(rule, since="sent"), exposed, [happened(NOON - 20 * HOUR, order_id=1, total=5)])[
        date(2026, 3, 3), "revenue"
    ] == Change(x=Decimal(5), xx=Decimal(25)), "nobody is sent anything in a holdout: from the exposure on"
