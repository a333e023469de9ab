"""The meaning of predicates at the hard instants, without a database."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from segments import Predicate, city, consented, did, prop, reachable, trait
from segments.evaluate import flipped_at, flips, holds, holds_on_nothing, reached_at
from segments.facts import Event, Facts, Person
from tests.extent import examples
from tests.segments.shop import T0
from tests.segments.strategies import histories, predicates

DAY, HOUR, MICRO = timedelta(days=1), timedelta(hours=1), timedelta(microseconds=1)
cart = did("Product Added").within(hours=24) & ~did("Order Completed").since_last("Product Added")


def at(age: timedelta, named: str = "A", **properties: Any) -> Event:
    return Event(named, T0 - age, properties)


@pytest.mark.parametrize(
    ("age", "counts"),
    [
        (30 * DAY + timedelta(seconds=1), False),
        (30 * DAY, False),
        (30 * DAY - MICRO, True),
        (timedelta(0), True),
        (-MICRO, False),
    ],
)
def test_a_window_is_open_at_its_old_end_and_closed_at_now(age: timedelta, counts: bool) -> None:
    assert holds(did("A").within(days=30), {}, [at(age)], T0) is counts


def test_a_future_event_does_not_count_even_without_a_window() -> None:
    assert not holds(did("A"), {}, [at(-MICRO)], T0)


@pytest.mark.parametrize(
    ("predicate", "counts"),
    [
        (did("A"), [1, 2, 3, 4]),
        (did("A").at_least(3), [3, 4]),
        (did("A").more_than(3), [4]),
        (did("A").at_most(2), [0, 1, 2]),
        (did("A").exactly(2), [2]),
        (did("A").exactly(0), [0]),
        (did("A").at_least(2).at_most(3), [2, 3]),
    ],
)
def test_counts(predicate: Predicate, counts: list[int]) -> None:
    assert [n for n in range(5) if holds(predicate, {}, [at(HOUR)] * n, T0)] == counts


def test_since_last() -> None:
    since = did("B").since_last("A")
    assert not holds(since, {}, [at(HOUR, "B")], T0)
    assert not holds(since, {}, [at(2 * HOUR, "B"), at(HOUR, "A")], T0)
    assert holds(since, {}, [at(HOUR, "B"), at(HOUR, "A")], T0)
    assert holds(since, {}, [at(HOUR, "B"), at(2 * HOUR, "A"), at(-HOUR, "A")], T0)
    assert not holds(did("B").at_most(1).since_last("A"), {}, [], T0)


def test_conditions_look_at_each_event_by_itself() -> None:
    rich = did("A").where(prop("price") > 50, prop("item.color") == "red")
    assert not holds(rich, {}, [at(HOUR, price=60), at(HOUR, item={"color": "red"}, price=40)], T0)
    assert holds(rich, {}, [at(HOUR, price=Decimal("50.01"), item={"color": "red"})], T0)


@pytest.mark.parametrize(
    ("value", "predicate", "true"),
    [
        ("25", trait("x") >= 25, False),
        (25, trait("x") >= 25, True),
        (True, trait("x") == 1, False),
        (1, trait("x") != "1", False),
        (None, trait("x") != 1, False),
        (None, ~(trait("x") > 1), True),
        (None, trait("x").exists(), False),
        ("2026-01-01", trait("x") == date(2026, 1, 1), True),
        ("2026-01-01T01:00:00+01:00", trait("x") == datetime(2026, 1, 1, tzinfo=UTC), True),
        ("now", trait("x") < datetime(2030, 1, 1, tzinfo=UTC), False),
        ("2026-02-30", trait("x") < date(2030, 1, 1), False),
        (["outdoor"], trait("x").contains("outdoor"), True),
        (["outdoors"], trait("x").contains("outdoor"), False),
        ("outdoors", trait("x").contains("outdoor"), True),
        (["outdoor"], trait("x") == "outdoor", False),
    ],
)
def test_only_values_of_the_operands_kind_compare(value: Any, predicate: Predicate, true: bool) -> None:
    assert holds(predicate, {"x": value}, [], T0) is true


def test_flips_are_the_instants_of_events_and_edges() -> None:
    log = [at(timedelta(0), "Product Added"), at(-HOUR, "Order Completed"), at(-2 * HOUR, "Product Added")]
    assert flips(cart, {}, log, T0 - DAY, T0 + 9 * DAY) == [
        (T0, True),
        (T0 + HOUR, False),
        (T0 + 2 * HOUR, True),
        (T0 + 26 * HOUR, False),
    ]
    assert flips(cart, {}, log, T0, T0 + HOUR) == [(T0 + HOUR, False)]


@examples(80)
@given(predicate=predicates, log=histories)
def test_between_flips_the_value_stands(predicate: Predicate, log: list[Event]) -> None:
    start, end = T0 - 3 * HOUR, T0 + 5 * HOUR
    found = flips(predicate, {}, log, start, end)
    value = holds(predicate, {}, log, start)
    assert [after for _, after in found] == [value is bool(n % 2) for n in range(len(found))]
    probes = {e.ts + span + beside for e in log for span in (timedelta(0), HOUR) for beside in (-MICRO, timedelta(0), MICRO)}
    for probe in (probe for probe in probes if start <= probe <= end):
        last = [after for instant, after in found if instant <= probe]
        assert holds(predicate, {}, log, probe) is (last[-1] if last else value)
    since = flipped_at(predicate, Facts.of({}, log), end)
    if found:
        assert since == found[-1][0]
    else:
        assert since is None or since <= start


def test_holding_on_nothing() -> None:
    assert [holds_on_nothing(p) for p in (~did("A"), did("A").at_most(1), did("A"), trait("x") != 1)] == [
        True,
        True,
        False,
        False,
    ]


def test_a_goal_is_dated_with_the_event_that_decided() -> None:
    log = [at(4 * HOUR), at(3 * HOUR), at(2 * HOUR, "B"), at(HOUR)]
    since = T0 - 3 * HOUR
    assert reached_at(did("A"), log, since, T0) == T0 - 3 * HOUR
    assert reached_at(did("A").at_least(2), log, since, T0) == T0 - HOUR
    assert reached_at(did("A").at_least(3), log, since, T0) is None
    assert reached_at(did("A") & did("B"), log, since, T0) == T0 - 2 * HOUR
    assert reached_at(did("B") | did("A"), log, since, T0) == T0 - 3 * HOUR
    assert reached_at(did("A") & ~did("C"), log, since, T0) == T0


def test_the_end_of_the_calendar_is_no_edge() -> None:
    assert flips(did("A").within(days=1), {}, [Event("A", datetime.max.replace(tzinfo=UTC))], T0, T0 + DAY) == []


def test_seg_44_all_that_is_known_crosses_in_one_expression_without_a_server() -> None:
    lives = (trait("age") < 30) & (trait("density") == "urban") & city("Madrid")
    likes = trait("values").contains("immediacy")
    buys = did("Order Completed").where(prop("channel") == "app").within(days=90) & ~did("Product Returned")
    micro = lives & likes & buys & consented("push") & reachable("push")
    traits = {"age": 22, "density": "urban", "values": ["immediacy"], "address": {"city": "Madrid"}}
    bought = at(DAY, "Order Completed", channel="app")
    person = Person(consents={("push", "marketing"): "granted"}, channels=frozenset({"push"}))
    assert holds(micro, traits, [bought], T0, person)
    assert flips(lives & likes & buys, traits, [bought], T0, T0 + 90 * DAY) == [(T0 + 89 * DAY, False)]
    for wrong in ({"age": 31}, {"density": "rural"}, {"values": []}, {"address": {"city": "Vigo"}}):
        assert not holds(micro, traits | wrong, [bought], T0, person)
    for events in ([], [at(DAY, "Order Completed", channel="web")], [bought, at(HOUR, "Product Returned")]):
        assert not holds(micro, traits, events, T0, person)
    assert not holds(micro, traits, [bought], T0)
