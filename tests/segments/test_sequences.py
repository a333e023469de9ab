"""What followed what, the first and the last event, and amounts: at their hard instants, and by time alone."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from segments import DefinitionError, Predicate, Segment, check_goal, days, did, first, hours, last, prop
from segments.evaluate import holds
from segments.facts import Event
from segments.watch.tick import tick
from tests.segments.shop import T0, Shop

DAY, HOUR, MICRO, ZERO = timedelta(days=1), timedelta(hours=1), timedelta(microseconds=1), timedelta(0)


def at(age: timedelta, named: str = "A", **properties: Any) -> Event:
    return Event(named, T0 - age, properties)


SEQUENCES: list[tuple[Predicate, list[Event], bool]] = [
    (did("A").then("B", hours=1), [at(2 * HOUR), at(HOUR + MICRO, "B")], True),
    (did("A").then("B", within=hours(1)), [at(2 * HOUR), at(HOUR, "B")], False),
    (did("A").then("B"), [at(2 * HOUR), at(2 * HOUR, "B")], False),
    (did("A").then("B"), [at(HOUR), at(2 * HOUR, "B")], False),
    (did("A").then("B"), [at(HOUR), at(-MICRO, "B")], False),
    (did("A").then("A"), [at(HOUR)], False),
    (did("A").then("A"), [at(HOUR), at(ZERO)], True),
    (did("A").within(hours=1).then("B"), [at(HOUR), at(ZERO, "B")], False),
    (did("A").then(did("B").where(prop("x") == 1)), [at(HOUR), at(ZERO, "B", x=2)], False),
    (did("A").then(did("B").then("C", hours=1), hours=2), [at(3 * HOUR), at(2 * HOUR, "B"), at(HOUR + MICRO, "C")], True),
    (did("A").then(did("B").then("C", hours=1), hours=2), [at(3 * HOUR), at(2 * HOUR, "B"), at(HOUR, "C")], False),
    (did("A").at_least(2).then("B"), [at(3 * HOUR), at(2 * HOUR), at(HOUR, "B")], True),
    (did("A").at_least(2).then("B"), [at(3 * HOUR), at(2 * HOUR, "B"), at(HOUR)], False),
    (did("A").without("B", hours=1), [at(HOUR)], True),
    (did("A").without("B", hours=1), [at(HOUR - MICRO)], False),
    (did("A").without("B", hours=1), [at(2 * HOUR), at(HOUR + MICRO, "B")], False),
    (did("A").without("B", hours=1), [at(2 * HOUR), at(HOUR, "B")], True),
    (did("A").without("B"), [at(HOUR), at(2 * HOUR, "B")], True),
    (did("A").without("B"), [at(HOUR), at(ZERO, "B")], False),
    (last("A").where(prop("total") > 50), [at(2 * HOUR, total=60), at(HOUR, total=40)], False),
    (last("A").where(prop("total") > 50), [at(2 * HOUR, total=40), at(HOUR, total=60), at(-HOUR, total=1)], True),
    (first("A").where(prop("total") > 50), [at(2 * HOUR, total=60), at(HOUR, total=40)], True),
    (last("A").where(prop("x") == 1, prop("x") == 1), [at(HOUR, x=2), at(HOUR, x=1)], True),
    (first("A").within(hours=2), [at(2 * HOUR - MICRO), at(HOUR)], True),
    (first("A").within(hours=2), [at(2 * HOUR), at(HOUR)], False),
    (last("A").within(hours=1), [at(HOUR)], False),
    (did("A").between(T0 - HOUR, T0), [at(HOUR)], True),
    (did("A").between(T0 - HOUR, T0), [at(HOUR + MICRO), at(ZERO)], False),
    (did("A").between(None, T0 - HOUR), [at(HOUR)], False),
    (did("A").between(date(2026, 11, 16), None, zone="Asia/Tokyo"), [at(21 * HOUR)], True),
    (did("A").between(date(2026, 11, 16), None, zone="Asia/Tokyo"), [at(21 * HOUR + MICRO)], False),
]
PAID: list[Event] = [
    at(DAY, "A", total=0.1, kind="shoe"),
    at(HOUR, "A", total=0.2, kind="hat"),
    at(HOUR, "A", total="500", kind=None),
    at(HOUR, "A", total=True, kind=["x"]),
    at(HOUR, "A", kind="hat"),
]
SEQUENCES += [
    (did("A").total("total") == Decimal("0.3"), PAID, True),
    (did("A").total("total") > Decimal("0.3"), PAID, False),
    (did("A").within(days=1).total("total") == 0.2, PAID, True),
    (did("A").largest("total") == 0.2, PAID, True),
    (did("A").smallest("total") < 0.2, PAID, True),
    (did("A").average("total") == 0.15, PAID, True),
    (did("A").average("n") == Decimal("0.3333333333333333333333333333"), [at(HOUR, n=1), at(HOUR, n=0), at(HOUR, n=0)], False),
    (did("A").average("n").between(0.33, 0.34), [at(HOUR, n=1), at(HOUR, n=0), at(HOUR, n=0)], True),
    (did("A").distinct("kind") == 2, PAID, True),
    (did("A").distinct("x") == 3, [at(HOUR, x=1), at(HOUR, x=1.0), at(HOUR, x="1"), at(HOUR, x=True)], True),
    (did("A").total("lines.price") == 7, [at(HOUR, lines=[{"price": 3}, {"price": 4}, {"price": "5"}])], True),
    (did("A").total("total") < 1, [], True),
    (did("A").total("total") == 0, [at(HOUR, total="x")], True),
    (did("A").smallest("total") < 1, [], False),
    (did("A").average("total") < 1, [at(HOUR, total="x")], False),
    (did("A").since_last("B").total("total") < 1, [], False),
    (did("A").where(prop("kind") == "hat").total("total") == 0.2, PAID, True),
    (did("A").then("B").total("total") == 0.1, [*PAID, at(2 * HOUR, "B")], True),
]


@pytest.mark.parametrize(("predicate", "log", "true"), SEQUENCES, ids=range(len(SEQUENCES)))
async def test_at_its_hard_instants(shop: Shop, predicate: Predicate, log: list[Event], true: bool) -> None:
    ana, bob = await shop.customer(), await shop.customer()
    for event in log:
        await shop.event(ana, event.type, event.ts, event.properties)
    assert holds(predicate, {}, log, T0) is true
    assert (ana in await shop.evaluated(predicate, T0)) is true
    assert (ana in await shop.evaluated(predicate, T0, [ana])) is true
    assert (bob in await shop.evaluated(predicate, T0)) is holds(predicate, {}, [], T0)


async def test_without_becomes_true_by_time_alone(shop: Shop) -> None:
    lost = Segment("lost", did("Checkout Started").without("Order Completed", within=hours(2)).within(days=1))
    ana, bob = await shop.customer(), await shop.customer()
    await shop.load(lost)
    await shop.event(ana, "Checkout Started", T0)
    await shop.event(bob, "Checkout Started", T0)
    await shop.event(bob, "Order Completed", T0 + 2 * HOUR - MICRO)
    await shop.tick(T0 + 2 * HOUR - MICRO)
    assert await shop.members(lost) == set()
    await shop.tick(T0 + 2 * HOUR)
    assert await shop.members(lost) == {ana}
    await shop.tick(T0 + DAY)
    cause = {"edge": "Checkout Started"}
    assert await shop.log(lost) == [
        ("entered", T0 + 2 * HOUR, cause | {"window": 7200}),
        ("left", T0 + DAY, cause | {"window": 86_400}),
    ]


async def test_new_visitors_stop_being_new_by_time_alone(shop: Shop) -> None:
    """SEG-39."""
    new = Segment("new", first("Session Started").within(days=1))
    ana = await shop.customer()
    await shop.load(new)
    await shop.event(ana, "Session Started", T0)
    await shop.tick(T0)
    await shop.event(ana, "Session Started", T0 + 23 * HOUR)
    await shop.tick(T0 + DAY)
    await shop.event(ana, "Session Started", T0 + 2 * DAY)
    await shop.tick(T0 + 3 * DAY)
    assert [line[:2] for line in await shop.log(new)] == [("entered", T0), ("left", T0 + DAY)]


async def test_spending_enters_with_the_order_that_reaches_it_and_repeats_with_the_next(shop: Shop) -> None:
    spender = Segment("spender", did("Order Completed").within(days=90).total("total") > 500)
    ana = await shop.customer()
    await shop.load(spender)
    orders = [await shop.event(ana, "Order Completed", T0 + n * HOUR, {"total": 250.01}) for n in range(2)]
    await shop.tick(T0 + HOUR, keyed={"spender"})
    orders.append(await shop.event(ana, "Order Completed", T0 + 2 * HOUR, {"total": 1}))
    await tick(shop.database, [spender], 0, 1, T0 + 2 * HOUR, {"spender"})
    await shop.tick(T0 + 90 * DAY)
    log = await shop.log(spender)
    assert [(kind, ts) for kind, ts, _ in log] == [
        ("entered", T0 + HOUR),
        ("repeated", T0 + 2 * HOUR),
        ("left", T0 + 90 * DAY),
    ]
    assert [cause.get("message_id") for _, _, cause in log] == [orders[1], orders[2], None]


def test_what_completes_a_sequence_speaks_for_it() -> None:
    assert [leaf.type for leaf in did("A").then(did("B").then("C")).triggers()] == ["C"]
    assert [leaf.type for leaf in did("A").without("B").triggers()] == ["A"]
    assert list(did("A").without("B", hours=1).triggers()) == []
    assert [leaf.type for leaf in (did("A").total("x") > 1).triggers()] == ["A"]
    assert list((did("A").total("x") < 1).triggers()) == []
    assert list((did("A").smallest("x") > 1).triggers()) == []
    assert [leaf.type for leaf in last("A").triggers()] == ["A"]


READS_LIKE = [
    (did("A").then("B", hours=1), 'did "A" then "B" within 1 hour of it'),
    (did("A").within(hours=1).then("B"), 'did "A" within 1 hour then "B"'),
    (did("A").within(hours=1).without("B"), 'did "A" within 1 hour without a later "B"'),
    (did("A").within(days=1).then("B", hours=1), 'did "A" within 24 hours then "B" within 1 hour of it'),
    (did("A").then(did("B").then("C")), 'did "A" then ("B" then "C")'),
    (~did("A").without("B", days=3), 'did not do "A" without a later "B" within 3 days of it'),
    (did("A").between(date(2026, 1, 1), None), 'did "A" from 2026-01-01 00:00:00+00:00'),
    (did("A").this_week().more_than(3), 'did "A" at least 4 times this week'),
    (did("A").today(zone="Europe/Madrid"), 'did "A" today in Europe/Madrid'),
    (did("A").within(days=90).total("total") > 500, 'the total of "A" within 90 days is more than 500'),
    (did("A").distinct("category") >= 3, 'the number of different category of "A" is at least 3'),
    (did("A").average("x").between(1, 2), 'the average x of "A" is between 1 and 2'),
    (last("A").where(prop("total") > 50), 'the last "A" has total is more than 50'),
    (first("A").within(days=3), 'the first "A" was within 3 days'),
    (first("A"), 'the first "A" happened'),
]


@pytest.mark.parametrize(("predicate", "english"), READS_LIKE, ids=[english for _, english in READS_LIKE])
def test_it_reads_like_english_and_survives_json(predicate: Predicate, english: str) -> None:
    assert str(predicate) == english
    assert Segment.from_json(Segment("s", predicate).to_json()) == Segment("s", predicate)


REFUSED: list[tuple[Any, str]] = [
    (lambda: did("A").then("B", hours=0), r"did\('A'\)\.then: the window must be longer than zero"),
    (lambda: did("A").then("B", days(1), hours=1), "not both"),
    (lambda: did("A").then("B", fortnights=1), r"did\('A'\)\.then: .*use weeks="),
    (lambda: did("A").then("B").within(hours=1), r"did\('A'\)\.within: after \.then could mean two things"),
    (lambda: did("A").without("B").within(hours=1), r"write \.without\('B', hours=1\)"),
    (lambda: did("A").within(days=1).within(days=2), r"did\('A'\)\.within: is said already"),
    (lambda: did("A").at_least(2).more_than(5), r"did\('A'\)\.more_than: is said already"),
    (lambda: did("A").today().this_week(), r"did\('A'\)\.this_week: is said already"),
    (lambda: last("A").within(days=1).within(days=2), r"last\('A'\)\.within: is said already"),
    (lambda: did("A").then(5), r"did\('A'\)\.then: needs an event name"),
    (lambda: did("A").then(did("B").within(hours=1)), "the span stands outside"),
    (lambda: did("A").then(did("B").at_least(2)), "only .where, .then and .without"),
    (lambda: did("A").then("B").then("C"), "a chain is written inside"),
    (lambda: did("A").without("B", hours=1).within(hours=1), r"did\('A'\)\.without: waits as long as the window"),
    (lambda: did("A").between(None, None), r"did\('A'\)\.between: needs a start or an end"),
    (lambda: did("A").between(T0, T0), "the start comes first"),
    (lambda: did("A").between(datetime(2026, 1, 1), None), "no time zone"),  # noqa: DTZ001 - the definition under test
    (lambda: did("A").between("2026-01-01", None), "needs dates or datetimes"),
    (lambda: did("A").between(date(2026, 1, 1), None, zone="Mars/Base"), "no IANA time zone"),
    (lambda: did("A").this_week(zone="Madrid"), "'Madrid' is no IANA time zone"),
    (lambda: did("A").total("x") > "5", r"did\('A'\)\.total\('x'\): compares with a number"),
    (lambda: did("A").total("x") > True, "no meaning for a boolean"),
    (lambda: did("A").total("") > 5, r"did\('A'\)\.total: the property"),
    (lambda: did("A").at_least(2).total("x") > 5, "takes no count"),
    (lambda: bool(did("A").total("x")), "compare it with a number"),
    (lambda: did("A").total("x").between(2, 1), "the low value comes first"),
    (lambda: last("A").where(), r"last\('A'\)\.where: needs at least one"),
    (lambda: first("A").within(days=-1), r"first\('A'\)\.within"),
    (lambda: hours(0), r"hours\(0\): the window"),
    (lambda: check_goal(did("A").then("B")), "no calendar period and no sequence"),
    (lambda: check_goal(did("A").total("x") > 5), "a goal is made of"),
]


@pytest.mark.parametrize(("definition", "message"), REFUSED, ids=range(len(REFUSED)))
def test_what_cannot_mean_anything_is_refused_with_its_place(definition: Any, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        definition()


WRONG_JSON: list[tuple[Any, str]] = [
    ({"did": "A", "then": {"didd": "B"}}, r"predicate\.then: needs one of the keys"),
    ({"did": "A", "then": {"trait": "x", "is": "exists"}}, r"predicate\.then: needs a did"),
    ({"did": "A", "then_within": 5}, r"then_within: needs \"then\""),
    ({"did": "A", "then": {"did": "B"}, "without": {"did": "C"}}, r"without: stands beside"),
    ({"did": "A", "between": ["2026-13-01", None]}, r"between: cannot read '2026-13-01'"),
    ({"did": "A", "period": {"unit": "fortnight", "zone": "UTC"}}, "unknown unit 'fortnight'"),
    ({"did": "A", "period": {"unit": "day", "zone": "Nowhere"}}, "no IANA time zone"),
    ({"did": "A", "period": {"unit": "day"}}, "needs either a zone"),
    ({"total": "x", "of": {"did": "A"}, "is": "contains", "value": 1}, "unknown operator 'contains'"),
    ({"total": "x", "is": ">", "value": 1}, r"predicate\.of: needs an object"),
    ({"total": 5, "of": {"did": "A"}, "is": ">", "value": 1}, "needs the name of a property"),
    ({"first": "A", "at_least": 2}, r"predicate\.at_least: unknown here"),
]


@pytest.mark.parametrize(("plain", "message"), WRONG_JSON, ids=range(len(WRONG_JSON)))
def test_json_that_is_no_definition_is_refused_with_its_place(plain: Any, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        Segment.from_json({"name": "s", "predicate": plain})


def test_a_stretch_means_the_same_for_ever() -> None:
    madrid = did("A").between(date(2026, 3, 29), date(2026, 3, 30), zone="Europe/Madrid")
    assert madrid == did("A").between(datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC))


async def test_the_last_event_is_looked_for_no_further_back_than_its_sibling_asks(shop: Shop) -> None:
    """`last(…).where(…)` beside `did(…).within(…)`, for it and against it, of everybody and of one."""
    ages: list[list[tuple[int, int]]] = [[(1, 5)], [(1, 50)], [(1, 50), (2, 5)], [(1, 5), (80, 50)], [(80, 5)], []]
    logs = {await shop.customer(): [Event("A", T0 - n * HOUR, {"paid": paid}) for n, paid in log] for log in ages}
    for who, log in logs.items():
        for event in log:
            await shop.event(who, event.type, event.ts, event.properties)
    cheap, young = last("A").where(prop("paid") < 40), did("A").within(hours=72)
    for predicate, count in ((cheap & young, 2), (~cheap & young, 2), (cheap | young, 5)):
        expected = {who for who, log in logs.items() if holds(predicate, {}, log, T0)}
        assert await shop.evaluated(predicate, T0) == expected, str(predicate)
        assert len(expected) == count, str(predicate)
