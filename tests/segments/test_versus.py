"""Amounts against amounts: more of this than of that, multiples, shares; exact, in both engines."""

from datetime import timedelta
from decimal import Decimal
from itertools import combinations, product
from typing import Any

import pytest

from segments import DefinitionError, Segment, did, prop, top
from segments.ask.why import why
from segments.evaluate import holds, holds_on_nothing
from segments.facts import Event, Facts
from segments.language.wire import predicate_from_json
from segments.leaves.held import held
from tests.segments.shop import T0, Shop

HOUR, DAY, MICRO = timedelta(hours=1), timedelta(days=1), timedelta(microseconds=1)
a, b = did("A").count(), did("B").count()


def log(**counts: int) -> list[Event]:
    return [Event(named, T0 - HOUR) for named, count in counts.items() for _ in range(count)]


def paid(named: str, *amounts: Any) -> list[Event]:
    return [Event(named, T0 - n * HOUR, {"paid": amount}) for n, amount in enumerate(amounts, 1)]


TRUE_OF = [
    (a > b, [(1, 0), (2, 1)]),
    (a >= b, [(0, 0), (1, 0), (1, 1), (2, 1)]),
    (a < b, [(0, 1), (1, 2)]),
    (a == b, [(0, 0), (1, 1)]),
    (a != b, [(0, 1), (1, 0), (1, 2), (2, 1)]),
    (a >= 2 * b, [(0, 0), (1, 0), (2, 1)]),
    (2 * a > b, [(1, 0), (1, 1), (2, 1)]),
    (a / b >= Decimal("0.5"), [(1, 1), (1, 2), (2, 1)]),
    (a / b < 1, [(0, 1), (1, 2)]),
    ((a / b).between(0, 1), [(0, 1), (1, 1), (1, 2)]),
    (~(a / b >= 0), [(0, 0), (1, 0)]),  # there is no share of nothing
]


async def test_counts_against_counts(shop: Shop) -> None:
    people = {}
    for pair in ((0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 1)):
        people[pair] = await shop.customer()
        for event in log(A=pair[0], B=pair[1]):
            await shop.event(people[pair], event.type, event.ts)
    for predicate, pairs in TRUE_OF:
        assert [pair for pair in people if holds(predicate, {}, log(A=pair[0], B=pair[1]), T0)] == pairs, str(predicate)
        assert await shop.evaluated(predicate, T0) == {people[pair] for pair in pairs}, str(predicate)


EXACT = [
    (did("A").total("paid") == 3 * did("B").total("paid"), paid("A", 0.1, 0.2) + paid("B", 0.1), True),
    (did("A").total("paid") / did("B").total("paid") == Decimal("0.1"), paid("A", 0.3) + paid("B", 3), True),
    (did("A").total("paid") / did("B").total("paid") < Decimal("0.3333333333333333333333"), paid("A", 1) + paid("B", 3), False),
    (did("A").total("paid") / did("B").total("paid") > Decimal("0.3333333333333333333333"), paid("A", 1) + paid("B", 3), True),
    (did("A").average("paid") > did("B").average("paid"), paid("A", 1, 0, 0) + paid("B", 0.3333333333333333), True),
    (did("A").average("paid") == did("B").average("paid"), paid("A", 1, 0, 0) + paid("B", 2, 0, 0, 1, 0, 0, 0, 0, 0), True),
    (did("A").total("paid") / did("B").total("paid") > 1, paid("A", -3) + paid("B", -2), True),
    (did("A").total("paid") / did("B").total("paid") > 1, paid("A", 3) + paid("B", -2), False),
    ((did("A").total("paid") / did("B").total("paid")).between(-2, -1), paid("A", 3) + paid("B", -2), True),
    (did("A").total("paid") / did("B").total("paid") != 1, paid("A", 3) + paid("B", 2, -2), False),
    (did("A").total("paid") >= did("B").largest("paid"), paid("A", 3), False),
    (did("A").total("paid") < did("B").largest("paid"), paid("B", "much"), False),
    (did("A").count() >= did("B").since_last("C").count(), paid("A", 3), False),
    (did("A").count() > did("B").since_last("C").count(), paid("A", 3) + paid("C", 1), True),
    (did("A").since_last("C").count() == did("B").count(), paid("C", 1), True),
    (did("A").total("paid") > 10**200 * did("B").total("paid"), paid("A", 1e300) + paid("B", 1e99), True),
]


async def test_amounts_are_compared_exactly(shop: Shop) -> None:
    for predicate, events, true in EXACT:
        ana = await shop.customer()
        for event in events:
            await shop.event(ana, event.type, event.ts, event.properties)
        assert holds(predicate, {}, events, T0) is true, str(predicate)
        assert (await shop.evaluated(predicate, T0, [ana]) == {ana}) is true, str(predicate)
        assert (ana in await shop.evaluated(predicate, T0)) is true, str(predicate)


async def test_both_sides_move_it_and_time_alone_does(shop: Shop) -> None:
    more = Segment("more", did("A").within(days=2).count() > did("B").within(days=1).count())
    ana = await shop.customer()
    await shop.load(more)
    first = await shop.event(ana, "A", T0)
    await shop.event(ana, "B", T0 + HOUR)
    await shop.event(ana, "A", T0 + 30 * HOUR)
    for step in (timedelta(0), HOUR, 25 * HOUR - MICRO, 25 * HOUR, 30 * HOUR, 48 * HOUR, 78 * HOUR):
        await shop.tick(T0 + step)
        assert await shop.members(more) == await shop.evaluated(more.predicate, T0 + step)
    assert await shop.log(more) == [
        ("entered", T0, {"event": "A", "message_id": first}),
        ("left", T0 + HOUR, {"event": "B", "message_id": "m2"}),
        ("entered", T0 + 25 * HOUR, {"edge": "B", "window": 86_400}),
        ("left", T0 + 78 * HOUR, {"edge": "A", "window": 172_800}),
    ]


def test_what_it_looks_at_and_what_speaks_for_it() -> None:
    left, right = did("A").within(days=2), did("B").today().where(prop("x") > 1)
    predicate = left.count() > right.count()
    assert predicate.edges == left.edges | right.edges
    assert predicate.clocks == right.clocks
    assert predicate.traits == {"timezone"}
    assert [list(p.triggers()) for p in (left.count() > b, left.count() < b, left.count() == b)] == [[left], [did("B")], []]
    assert list((left.count() / b >= 1).triggers()) == [left]
    assert list((left.smallest("x") < b).triggers()) == [left, did("B")]
    assert list((~predicate).triggers()) == []
    assert [holds_on_nothing(p) for p in (a > b, a >= b, a / b >= 0, a == did("B").largest("x"))] == [False, True, False, False]


def test_why_shows_both_sides() -> None:
    facts = Facts.of({}, log(A=3, B=4))
    assert why(a > b, facts, T0).saw == {"left": {"count": 3}, "right": {"count": 4}}
    found = why(did("A").within(hours=2).count() / b >= 0.5, facts, T0)
    assert (found.holds, found.saw) == (True, {"left": {"count": 3}, "right": {"count": 4}, "ratio": 0.75})
    assert found.changes_at == T0 + HOUR
    assert why(a / did("C").total("x") >= 0, facts, T0).saw == {"left": {"count": 3}, "right": {"total": 0}, "ratio": None}


def test_it_reads_like_english_and_survives_json() -> None:
    topic = did("Content Read").where(prop("topic") == "finance").count()
    for predicate, english, plain in [
        (a > b, 'the number of "A" is more than the number of "B"', {"is": ">"}),
        (2 * a > b, 'the number of "B" is less than 2 times the number of "A"', {"is": "<", "times": 2}),
        (topic >= b * 1, 'the number of "Content Read" where topic is "finance" is at least the number of "B"', {"is": ">="}),
        (a / b >= 0.3, 'the number of "A" divided by the number of "B" is at least 0.3', {"is": ">=", "value": 0.3}),
        ((a / b).between(0, 1), 'the number of "A" divided by the number of "B" is between 0 and 1', {"value": [0, 1]}),
    ]:
        assert str(predicate) == english
        assert plain.items() <= predicate.to_json().items()
        assert predicate_from_json(predicate.to_json()) == predicate
    assert (a > 3).to_json() == {"count": True, "of": {"did": "A"}, "is": ">", "value": 3}
    assert (a / b > 1).to_json()["ratio"] == [{"count": True, "of": {"did": name}} for name in "AB"]
    assert top(10, a) == top(10, did("A"))


async def test_in_each_of_the_last_weeks(shop: Shop) -> None:
    """Against the definition itself: an event of every age from n weeks on, before n + 1 weeks."""
    regular = did("A").in_each(3, weeks=1)
    ages = [0, 6.9, 7, 13.9, 14, 20.9, 21, 30]
    people = {}
    for some in (combination for size in range(5) for combination in combinations(ages, size)):
        if 0 in some or len(some) < 2:
            people[some] = await shop.customer()
            for days in some:
                await shop.event(people[some], "A", T0 - timedelta(days=days), mark=False)
    expected = {some for some in people if all(any(7 * n <= days < 7 * (n + 1) for days in some) for n in range(3))}
    assert 10 < len(expected) < len(people) / 2
    assert {some for some, who in people.items() if holds(regular, {}, shop.events[who], T0)} == expected
    assert await shop.evaluated(regular, T0) == {people[some] for some in expected}
    segment = Segment("regular", regular)
    await shop.load(segment)
    ana = people[0, 7, 14]
    assert ana in await shop.members(segment)
    await shop.tick(T0 + 7 * DAY)
    assert [line[:2] for line in await shop.log(segment, ana)] == [("left", T0 + 7 * DAY)]


REFUSED: list[tuple[Any, str]] = [
    (lambda: a > did("A").count(), "compares an amount with itself"),
    (lambda: a / a > 1, "with itself"),
    (lambda: a > did("B"), r'compares with an amount, not with whether did "B"; write did'),
    (lambda: a > "3", "compares with a number, not with '3'"),
    (lambda: a > True, "no meaning for a boolean"),
    (lambda: a.between(b, 2 * b), "takes two numbers; write"),
    (lambda: a > 0 * b, "needs a number above zero, not 0"),
    (lambda: a > -1 * b, "above zero"),
    (lambda: a > float("nan") * b, "cannot compare with nan"),
    (lambda: 2 * a > 3 * b, "one side only"),
    (lambda: 2 * a > 4, "one side only"),
    (lambda: a * b, "with a number only"),
    (lambda: a / 3, "an amount is divided by an amount"),
    (lambda: 3 / a, "cannot divide 3"),
    (lambda: (a / b) > a, "a ratio compares with a number, not with"),
    (lambda: a > (a / b), "not with a ratio"),
    (lambda: (a / b) > "x", "compares with a number"),
    (lambda: (a / b).between(1, 0), "the low value comes first"),
    (lambda: bool(a / b), "has no truth by itself"),
    (lambda: 1 < a < 3, "has no truth|write & |"),
    (lambda: did("A").at_least(2).count() > b, "takes no count"),
    (lambda: did("A").within(days=1).in_each(4, weeks=1), r"did\('A'\)\.in_each: takes no other window"),
    (lambda: did("A").in_each(1, weeks=1), "from 2 to 31, not 1"),
    (lambda: did("A").in_each(4), "longer than zero"),
    (lambda: did("A").at_least(2).in_each(4, weeks=1), "takes no count"),
    (lambda: did("A").total("") > b, "the property must be a text"),
    (lambda: predicate_from_json({"count": "x", "of": {"did": "A"}, "is": ">", "value": 1}), "count: needs true"),
    (lambda: predicate_from_json({"total": True, "of": {"did": "A"}, "is": ">", "value": 1}), "the name of a property"),
    (lambda: predicate_from_json({"versus": [{"count": True, "of": {"did": "A"}}], "is": ">"}), "list of two amounts"),
    (
        lambda: predicate_from_json({"ratio": [{"did": "A"}, {"did": "B"}], "is": ">"}),
        r"ratio\[0\]: needs one of the keys",
    ),
    (
        lambda: predicate_from_json({"versus": [{"count": True, "of": {"did": "A"}}, {"count": True, "of": {"did": ""}}]}),
        r"versus\[1\]\.of\.did",
    ),
    (
        lambda: predicate_from_json({"versus": [{"count": True, "of": {"did": name}} for name in "AB"], "is": "in"}),
        "unknown operator 'in'",
    ),
    (
        lambda: predicate_from_json({"ratio": [{"count": True, "of": {"did": name}} for name in "AB"], "is": ">"}),
        "cannot compare with None",
    ),
    (
        lambda: predicate_from_json({"ratio": [{"count": True, "of": {"did": name}} for name in "AB"], "times": 2}),
        "times: unknown here",
    ),
]


@pytest.mark.parametrize(("definition", "message"), REFUSED, ids=range(len(REFUSED)))
def test_what_makes_no_sense_is_refused(definition: Any, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        definition()


async def test_several_counts_of_the_same_events_are_one_pass_that_means_the_same(shop: Shop) -> None:
    """Of everybody they are counted together; what goes by another instant (`held`) or another window is counted apart."""
    red, blue = (did("A").within(days=2).where(prop("c") == c) for c in ("red", "blue"))
    all_ = did("A").within(days=2)
    counts = list(product((0, 1, 3), (0, 1, 2)))
    logs = {}
    for pair in counts:
        who = await shop.customer()
        logs[who] = [
            Event("A", T0 - n * HOUR * (20 if n > 1 else 1), {"c": c})
            for c, times in zip(("red", "blue"), pair, strict=True)
            for n in range(1, times + 1)
        ]
        for event in logs[who]:
            await shop.event(who, event.type, event.ts, event.properties)
    for predicate in (
        (red.count() > blue.count()) & (red.count() >= all_.count()),
        all_.at_least(3) & (red.count() / all_.count() > Decimal("0.5")),
        all_.at_most(2) & (red.count() >= blue.count()),
        (red.count() > blue.count()) & did("A").within(days=1).at_least(2),
        (red.count() >= blue.count()) & held(all_.at_least(2), hours=10),
        (red.at_hours(0, 12).count() >= blue.count()) & all_,
    ):
        expected = {who for who, log in logs.items() if holds(predicate, {}, log, T0)}
        assert await shop.evaluated(predicate, T0) == expected, str(predicate)
        assert 0 < len(expected) < len(logs), str(predicate)
