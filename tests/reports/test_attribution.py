"""Credit (SEMANTICS 2): the example by hand, Shapley by all orders of joining, Markov by walking."""

from collections.abc import Mapping
from datetime import date, timedelta
from fractions import Fraction
from itertools import permutations
from random import Random
from typing import Any
from uuid import UUID

import pytest

from journeys.policies import Conversion
from segments import purchases
from store import Database
from store.errors import NoReport
from store.measuring.values import Declared, declare
from store.reports import attribution, commerce
from store.reports.attribution import NOBODY, By, Counting, Rule, credited
from store.reports.paths import Path, chance, markov, removal, shapley
from store.reports.report import Asked
from tests.extent import some
from tests.reports.trade import DAY, START, Trade

UNTIL = START + 30 * DAY
AT = START + 20 * DAY
EXAMPLE = [
    Path(("email", "push", "email"), 1, 1, Fraction(100)),
    Path(("push",), 1, 1, Fraction(40)),
    Path(("whatsapp", "email"), 1, 1, Fraction(60)),
    Path(("push", "email"), 1),
    Path(("email",), 1),
    Path(("whatsapp",), 1),
]


async def example(database: Database) -> None:
    """A: email 6, push 3, email 1 days before, 100. B: push 2, 40. C: WhatsApp 5, email 0, 60. And three without an order."""
    trade = Trade(database)
    touched = {100: [("email", 6), ("push", 3), ("email", 1)], 40: [("push", 2)], 60: [("whatsapp", 5), ("email", 0)]}
    for money, touches in touched.items():
        who = trade.customer()
        for channel, days in touches:
            trade.gets(who, channel, AT - days * DAY)
        trade.orders(who, AT, order_id=str(money), revenue=money, currency="EUR")
    for channels in (("push", "email"), ("email",), ("whatsapp",)):
        who = trade.customer()
        for hours, channel in enumerate(channels):
            trade.gets(who, channel, AT + timedelta(hours=hours))
    await trade.write()


async def test_the_example_by_hand(database: Database) -> None:
    await example(database)
    found = {each.key: each for each in await credited(database, START, UNTIL, By.CHANNEL, Counting())}
    expected: dict[Rule, dict[str, float]] = {
        Rule.LAST: {"email": 160, "push": 40, "whatsapp": 0},
        Rule.FIRST: {"email": 100, "push": 40, "whatsapp": 60},
        Rule.LINEAR: {"email": 96.6667, "push": 73.3333, "whatsapp": 30},
        Rule.POSITION: {"email": 110, "push": 60, "whatsapp": 30},
        Rule.DECAY: {"email": 121.1676, "push": 69.8191, "whatsapp": 9.0133},
    }
    for rule, by_channel in expected.items():
        assert {key: round(float(each.revenue[rule]), 4) for key, each in found.items()} == by_channel
    assert {key: each.touched for key, each in found.items()} == {"email": 2, "push": 2, "whatsapp": 1}


async def test_the_example_by_whole_paths(database: Database) -> None:
    await example(database)
    found = await attribution.paths(database, START, UNTIL, Counting())
    by_path = sorted(found["EUR"], key=lambda path: (path.channels, path.orders))
    assert by_path == sorted(EXAMPLE, key=lambda path: (path.channels, path.orders))
    report = await attribution.paths_report(database, Asked(now=AT, since=START.date(), until=UNTIL.date()))
    rows = {row["channel"]: row for row in report.table().dicts()}
    assert rounded(rows, "shapley") == {"email": 80, "push": 90, "whatsapp": 30}
    assert rounded(rows, "markov") == {"email": 99.8902, "push": 77.0582, "whatsapp": 23.0516}
    assert rounded(rows, "removal") == {"email": 0.7778, "push": 0.6, "whatsapp": 0.1795}


def rounded(rows: Mapping[Any, Any], name: str) -> dict[Any, float]:
    return {channel: round(float(row[name]), 4) for channel, row in rows.items()}


def test_markov_and_shapley_of_the_example_are_exact() -> None:
    assert chance(EXAMPLE) == Fraction(1, 2)
    assert removal(EXAMPLE) == {"email": Fraction(7, 9), "push": Fraction(3, 5), "whatsapp": Fraction(7, 39)}
    assert sum(markov(EXAMPLE).values()) == sum(shapley(EXAMPLE).values()) == 200


def _by_joining(paths: list[Path]) -> dict[str, Fraction]:
    """Shapley's value as it is defined: what a channel adds when it joins, on average over every order of joining."""
    channels = sorted({channel for path in paths for channel in path.channels})
    given = dict.fromkeys(channels, Fraction(0))
    orders = list(permutations(channels))
    for order in orders:
        for n, channel in enumerate(order):
            here, before = set(order[: n + 1]), set(order[:n])
            adds = sum(
                (path.value for path in paths if set(path.channels) <= here and not set(path.channels) <= before), Fraction(0)
            )
            given[channel] += adds / len(orders)
    return given


def _random_paths(random: Random) -> list[Path]:
    paths = []
    for _ in range(random.randrange(1, 12)):
        times = random.randrange(1, 6)
        orders = random.randrange(times + 1)
        channels = tuple(random.choices("abcde", k=random.randrange(1, 6)))
        paths.append(Path(channels, times, orders, Fraction(random.randrange(1, 500) * orders, 7)))
    return paths


@pytest.mark.parametrize("seed", some(range(30)))
def test_shapley_is_the_average_over_all_orders_of_joining(seed: int) -> None:
    paths = _random_paths(Random(seed))
    assert shapley(paths) == _by_joining(paths)


@pytest.mark.parametrize("seed", some(range(30)))
def test_a_chain_comes_to_orders_as_often_as_its_paths_did(seed: int) -> None:
    """A walk by the frequencies of paths that all begin at the start comes to an order as often as they did."""
    paths = _random_paths(Random(seed))
    assert chance(paths) == Fraction(sum(path.orders for path in paths), sum(path.times for path in paths))
    assert sum(markov(paths).values()) == (sum(path.value for path in paths) if any(path.orders for path in paths) else 0)


@pytest.mark.parametrize("seed", range(10))
def test_a_closed_channel_is_what_walking_step_by_step_says(seed: int) -> None:
    """The same by multiplying the walk out, many steps long, in floats."""
    paths = _random_paths(Random(seed))
    for closed in sorted({channel for path in paths for channel in path.channels}):
        went: dict[str, dict[str, int]] = {}
        for path in paths:
            steps = ["start", *path.channels]
            for start, to in zip(steps, path.channels, strict=False):
                went.setdefault(start, {}).setdefault(to, 0)
                went[start][to] += path.times
            for end, many in (("order", path.orders), ("nothing", path.times - path.orders)):
                went.setdefault(steps[-1], {}).setdefault(end, 0)
                went[steps[-1]][end] += many
        at, arrived = {"start": 1.0}, 0.0
        for _ in range(3_000):
            then: dict[str, float] = {}
            for here, chances in at.items():
                for to, times in went[here].items():
                    then[to] = then.get(to, 0.0) + chances * times / sum(went[here].values())
            arrived += then.pop("order", 0.0)
            at = {to: each for to, each in then.items() if to not in ("nothing", closed)}
        assert arrived == pytest.approx(float(chance(paths, closed)), abs=1e-9)


def test_channels_that_came_to_no_order_are_given_nothing() -> None:
    assert markov([Path(("email",), 3)]) == {"email": 0}
    assert shapley([Path(("email",), 3)]) == {"email": 0}
    assert markov([]) == shapley([]) == {}


async def test_at_one_instant_the_run_and_then_the_step_decide(database: Database) -> None:
    trade = Trade(database)
    who = trade.customer()
    first = trade.gets(who, "push", AT - DAY, step="b:note")
    trade.gets(who, "email", AT - DAY, run=first, step="a:note")
    trade.gets(who, "sms", AT - DAY)
    trade.orders(who, AT, order_id="1", revenue=90, currency="EUR")
    await trade.write()
    found = {each.key: each.revenue for each in await credited(database, START, UNTIL, By.CHANNEL, Counting())}
    assert {key: each[Rule.FIRST] for key, each in found.items()} == {"email": 90, "push": 0, "sms": 0}
    assert {key: each[Rule.LAST] for key, each in found.items()} == {"email": 0, "push": 0, "sms": 90}
    assert {key: each[Rule.POSITION] for key, each in found.items()} == {"email": 36, "push": 18, "sms": 36}


async def test_a_window_holds_its_beginning_and_not_its_end(database: Database) -> None:
    """As everywhere: an order at the very instant counts, one exactly seven days later does not."""
    trade = Trade(database)
    for after in (timedelta(), 7 * DAY - timedelta(microseconds=1), 7 * DAY, -timedelta(microseconds=1)):
        who = trade.customer()
        trade.gets(who, "email", AT - after)
        trade.orders(who, AT, order_id=str(after), revenue=10, currency="EUR")
    await trade.write()
    found = {each.key: each.revenue[Rule.LAST] for each in await credited(database, START, UNTIL, By.CHANNEL, Counting())}
    assert found == {"email": 20, None: 20}


async def test_a_message_that_came_back_or_never_went_or_is_no_marketing_earns_nothing(database: Database) -> None:
    trade = Trade(database)
    states = [{"state": state} for state in ("failed", "withheld", "skipped", "unconfirmed")]
    for n, told in enumerate([*states, {"purpose": "transactional"}]):
        who = trade.customer()
        trade.gets(who, "email", AT - DAY, **told)
        trade.orders(who, AT, order_id=str(n), revenue=10, currency="EUR")
    await trade.write()
    (one,) = await credited(database, START, UNTIL, By.CHANNEL, Counting())
    assert (one.key, one.revenue[Rule.LAST]) == (None, 50)


async def test_a_merge_brings_message_and_order_together_and_an_order_told_by_both_counts_once(database: Database) -> None:
    trade = Trade(database)
    phone, known = trade.customer(), trade.customer()
    trade.gets(phone, "push", AT - DAY)
    trade.orders(known, AT, order_id="1", revenue=10, currency="EUR")
    trade.orders(phone, AT + DAY, order_id="1", revenue=12, currency="EUR")
    await trade.write()
    before = await credited(database, START, UNTIL, By.CHANNEL, Counting())
    assert [(each.key, each.revenue[Rule.LAST]) for each in before] == [(None, 12)]
    await trade.merged(known, phone)
    after = await credited(database, START, UNTIL, By.CHANNEL, Counting())
    assert [(each.key, each.revenue[Rule.LAST]) for each in after] == [("push", 12)]


async def test_a_report_prints_its_rule_and_what_followed_nothing(database: Database) -> None:
    await example(database)
    trade = Trade(database)
    trade.profiles = [UUID(int=77)]
    trade.orders(trade.profiles[0], AT, order_id="alone", revenue="50.00", currency="EUR")
    await trade.write()
    report = await attribution.report(database, Asked(now=AT, since=START.date(), until=UNTIL.date()))
    revenue = report.table("revenue")
    assert revenue.column("channel") == ["email", "push", "whatsapp", NOBODY]
    assert [sum(revenue.column(rule)) for rule in Rule] == [250] * 5  # type: ignore[arg-type]
    assert [sum(report.table("orders").column(rule)) for rule in Rule] == [4] * 5  # type: ignore[arg-type]
    assert report.findings[0].startswith(
        "4 orders brought 250.00 EUR before cancellations and refunds; 80.0 % of it followed a message. This is what followed"
    )
    assert not [column for column in revenue.columns if column.aside], "of cancelled orders, too"
    assert any("up to 7 days after it" in rule for rule in report.rules)
    assert any("halve with every 2 days" in rule for rule in report.rules)
    assert report.notes == ()
    by_step = await attribution.report(database, Asked(now=AT, since=START.date(), until=UNTIL.date(), by=("step",)))
    assert by_step.table().column("step")[0] == "carts email:note"


async def test_who_was_erased_is_named(database: Database) -> None:
    await example(database)
    await database.pool.execute(
        "insert into erasure (id, profile_id, profiles, requested_at, requested_by, in_flight)"
        " select id, id, array[id], $1, 'us', 0 from profile order by id limit 1",
        AT,
    )
    asked = Asked(now=AT, since=START.date(), until=UNTIL.date())
    for report in (await attribution.report(database, asked), await attribution.paths_report(database, asked)):
        assert report.notes == ("1 customer was erased since these days began, and what they did is in no row.",)


async def test_what_age_has_taken_is_named(database: Database) -> None:
    await example(database)
    await database.pool.execute(
        "insert into retention (kind, what, before, rows, at) values ('events', 'event_2026w10', $1, 7, $2)", AT - 3 * DAY, AT
    )
    report = await attribution.report(database, Asked(now=AT, since=START.date(), until=UNTIL.date()))
    assert report.notes == (
        "Events from before 2026-03-19 were kept for as long as they may be: what happened then is in no row.",
    )
    later = Asked(now=AT, since=date(2026, 3, 19), until=UNTIL.date())
    assert (await attribution.report(database, later)).notes == ()
    (note,) = [note for note in (await commerce.report(database, later)).notes if note.startswith("Events")]
    assert note.endswith("what happened then is in no row, and who ordered then may be taken for new.")


def test_a_span_that_is_none_is_refused() -> None:
    with pytest.raises(NoReport, match="half_life must be longer than nothing"):
        Counting(half_life=timedelta())


async def test_a_journey_claims_orders_by_the_rule_that_it_declares(database: Database) -> None:
    await example(database)
    rule = Conversion(by=purchases, credit="first")
    (journey,) = {row[0] for row in await database.pool.fetch("select distinct journey from delivery")}
    old, new = (
        Declared(journey, version, each.to_json(), each.types) for version, each in (("v1", Conversion()), ("v2", rule))
    )
    await declare(database, [old], START)
    await declare(database, [new], AT)
    found = await attribution.report(database, Asked(now=UNTIL, since=START.date(), until=UNTIL.date(), by=("journey",)))
    (all_rules,) = [row for row in found.table("revenue").dicts() if row["journey"] == journey]
    (claimed,) = found.table("claimed").dicts()
    assert (claimed["journey"], claimed["rule"], claimed["revenue"]) == (journey, "first", all_rules["first"])
