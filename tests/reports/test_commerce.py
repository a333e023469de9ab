"""KPI-02 by hand, and random shops against DuckDB from rows alone."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from store import Database
from store.errors import NoReport
from store.measuring import sums
from store.reports import commerce
from store.reports.commerce import ALL, Counting, Spend
from store.reports.report import Asked, Report
from tests.reports.trade import DAY, START, RandomTrade, Trade, raw

SINCE, UNTIL = date(2026, 3, 1), date(2026, 6, 29)
NOW = datetime(2026, 6, 29, 12, tzinfo=UTC)


def on(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}T00:00:00+00:00")


async def shop(database: Database) -> None:
    """Six customers. `early` is from before, and the order of `undone` was cancelled: neither is new."""
    trade = Trade(database)
    often, twice, once, late, early, undone = (trade.customer() for _ in range(6))
    for who, day, money in (
        (often, "03-02", 100), (often, "03-12", 50), (often, "04-20", 30), (twice, "03-05", 60), (twice, "05-04", 40),
        (once, "04-10", 20), (late, "06-20", 80), (early, "02-01", 999), (early, "03-10", 70), (undone, "03-10", 500),
    ):  # fmt: skip
        trade.orders(who, on(day), order_id=f"{who.int}-{day}", revenue=money, currency="EUR")
    trade.does(twice, "Order Refunded", on("05-06"), order_id=f"{twice.int}-05-04", total=10, currency="EUR")
    trade.does(undone, "Order Cancelled", on("03-11"), order_id=f"{undone.int}-03-10")
    for who, source in ((often, "google"), (twice, "google"), (once, "newsletter"), (undone, "google")):
        trade.does(who, "Page Viewed", on("03-01") if who != once else on("04-10"), campaign=source)
    trade.does(often, "Page Viewed", on("02-20"), campaign="newsletter")  # not the last
    trade.does(late, "Page Viewed", on("05-01"), campaign="google")  # too long ago
    for _ in range(3):
        trade.gets(often, "push", on("03-04"), journey="welcome", cost=50_000, currency="EUR")
    trade.gets(often, "push", on("03-04"), journey="carts", cost=9_000_000, currency="EUR")
    trade.gets(often, "push", on("02-04"), journey="welcome", cost=9_000_000, currency="EUR")
    await trade.write()
    async with database.transaction() as connection:
        await sums.fold_messages(connection)
    await database.pool.executemany(
        "insert into segment_member (segment, profile_id, entered_at) values ($1, $2, $3)",
        [("loyal", often, NOW), ("loyal", twice, NOW), ("lapsed", once, NOW)],
    )


async def asked(database: Database, counting: Counting | None = None, *by: str) -> Report:
    return await commerce.report(database, Asked(now=NOW, since=SINCE, until=UNTIL, by=by), counting)


def lines(report: Report, table: str, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in report.table(table).dicts()]


async def test_kpi_02_order_value_retention_lifetime_value_and_cost_by_hand(database: Database) -> None:
    await shop(database)
    counting = Counting(spend=(Spend.read("google=100 EUR"), Spend.read("newsletter=15 EUR")), acquisition=("welcome",))
    report = await asked(database, counting)
    (value,) = report.table("order-value").dicts()
    assert (value["customers"], value["orders"], value["revenue"], value["refunds"]) == (5, 8, 450, 10)
    assert value["order_value"] == Decimal("56.25")
    # What customers paid less 56.25 for each order: 11.25, -12.5, -36.25, 23.75, 13.75; squares 2350, by 5, by 1.6², by 5.
    assert (value["low"], value["high"]) == (pytest.approx(56.25 - 11.8766, abs=1e-3), pytest.approx(56.25 + 11.8766, abs=1e-3))
    # Again after 10 and 60 days; not for 80 and 9. After any order: 10, 39, 60; not for 70, 56, 80, 9.
    assert lines(report, "returns", "customers", "again", "repeat_rate", "days_to_second", "days_between") == [
        (4, 2, 0.5, 60, 60)
    ]
    # One of three who were seen for ten days; of the two who were seen for sixty, again one.
    assert lines(report, "again", "days", "seen", "again") == [(30, 2, pytest.approx(1 / 3)), (60, 2, pytest.approx(2 / 3))]
    assert lines(report, "retention", "cohort", "period", "seen", "ordered", "retention") == [
        ("2026-03", 1, 2, 1, 0.5), ("2026-03", 2, 2, 1, 0.5), ("2026-04", 1, 1, 0, 0.0),
        (ALL, 1, 3, 1, 1 / 3), (ALL, 2, 2, 1, 0.5),
    ]  # fmt: skip
    assert lines(report, "lifetime-value", "cohort", "customers", "net_revenue", "lifetime_value") == [
        ("2026-03", 2, 270, 135), ("2026-04", 1, 20, 20), ("2026-06", 1, 80, 80),
    ]  # fmt: skip
    assert lines(report, "cost-of-a-customer", "source", "spend", "messages", "new_customers", "cost") == [
        ("google", 100, None, 2, 50), ("newsletter", 15, None, 1, 15), (ALL, 115, Decimal("0.15"), 4, Decimal("28.7875")),
    ]  # fmt: skip
    assert report.findings == (
        "Of 4 new customers 50.0 % have ordered again so far; half do within 60 days of the first order.",
    )
    assert report.notes == ()


async def test_what_nobody_declared_is_unknown_and_said(database: Database) -> None:
    await shop(database)
    report = await asked(database)
    assert lines(report, "cost-of-a-customer", "source", "spend", "new_customers", "cost") == [(ALL, None, 4, None)]
    assert [note.partition(":")[0] for note in report.notes] == [
        "No spend is declared, so the cost of a customer is unknown, not 0",
        "No journey is named as acquisition, so that no message's cost is in the cost of a customer.",
    ]
    only_messages = await asked(database, Counting(acquisition=("welcome",)))
    assert lines(only_messages, "cost-of-a-customer", "messages", "cost") == [(Decimal("0.15"), None)]


async def test_spend_is_asked_for_as_people_write_it(database: Database) -> None:
    await shop(database)
    words = Asked.of(
        NOW, since="2026-03-01", until="2026-06-29", spend=["google=100 EUR", "newsletter=15 EUR"], acquisition=["welcome"]
    )
    report = await commerce.report(database, words)
    assert lines(report, "cost-of-a-customer", "source", "cost") == [
        ("google", 50),
        ("newsletter", 15),
        (ALL, Decimal("28.7875")),
    ]
    with pytest.raises(NoReport, match="of a journey welcom nothing was ever counted; there are"):
        await commerce.report(database, Asked.of(NOW, acquisition=["welcom"]))


async def test_segments_have_rows_of_their_own(database: Database) -> None:
    await shop(database)
    report = await asked(database, None, "segment")
    assert lines(report, "returns", "segment", "customers", "again") == [(ALL, 4, 2), ("lapsed", 1, 0), ("loyal", 2, 2)]
    assert lines(report, "order-value", "segment", "orders", "low") == [
        (ALL, 8, pytest.approx(44.3734, abs=1e-3)), ("lapsed", 1, None), ("loyal", 5, pytest.approx(49.3477, abs=1e-3)),
    ]  # fmt: skip
    assert (
        report.findings[2]
        == "In loyal, of 2 new customers 100.0 % have ordered again so far; half do within 10 days of the first order."
    )


async def test_a_shop_without_orders_has_nothing_to_divide_by(database: Database) -> None:
    report = await asked(database, Counting(spend=(Spend.read("google=5"),)))
    assert [report.table(name).rows for name in ("order-value", "returns", "again", "retention", "lifetime-value")] == [()] * 5
    assert lines(report, "cost-of-a-customer", "source", "new_customers", "cost") == [("google", 0, None), (ALL, 0, None)]
    assert report.findings == ()


@pytest.mark.parametrize("text", ["google", "google=", "google=much", "=5", "google=-1", "google=NaN", "google=Infinity"])
def test_a_spend_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(NoReport, match="write source=amount"):
        Spend.read(text)


def test_a_spend_may_say_its_currency() -> None:
    assert Spend.read(" google = 12.50 eur ") == Spend("google", Decimal("12.50"), "EUR")
    assert Spend.read("google=12") == Spend("google", Decimal(12))


def test_a_period_of_less_than_a_day_is_refused() -> None:
    with pytest.raises(NoReport, match="a day or longer"):
        Counting(period=timedelta(hours=1))


BY_DUCK = """
with named as (
    select *, upper(coalesce(properties ->> '$.currency', '')) as cur,
           case when json_type(properties, '$.order_id') in ('VARCHAR', 'UBIGINT', 'BIGINT', 'DOUBLE')
                     and properties ->> '$.order_id' <> ''
                then properties ->> '$.order_id' else chr(1) || message_id end as oid,
           money(properties -> '$.revenue') as revenue, money(properties -> '$.total') as total
    from event where type in ('Order Completed', 'Order Refunded', 'Order Cancelled')
), latest as (
    select oid, min(ts) as placed, arg_min(profile_id, (ts, message_id)) as profile_id,
           arg_max(coalesce(revenue, total, 0), (ts, message_id)) as amount, arg_max(cur, (ts, message_id)) as cur
    from named where type = 'Order Completed' group by oid
), orders as (
    select l.oid, l.placed, l.cur, l.amount, coalesce(p.merged_into, p.id) as who,
           coalesce((select case when bool_or(coalesce(total, revenue) is null) then l.amount
                            else least(l.amount, coalesce(sum(case when n.cur = '' or l.cur = '' or n.cur = l.cur
                                                                   then coalesce(total, revenue) else 0 end), 0)) end
                     from named n where n.oid = l.oid and n.type = 'Order Refunded'), 0) as refunded
    from latest l join profile p on p.id = l.profile_id
    where placed < $until and l.oid not in (select oid from named where type = 'Order Cancelled')
)
select who, placed, cur, amount, refunded from orders order by placed, oid
"""


async def by_hand(database: Database, since: datetime, until: datetime, period: timedelta) -> Mapping[str, Any]:
    """From the orders that DuckDB finds in the rows, customer by customer."""
    from tests.reports.test_attribution import MONEY

    duck = await raw(database)
    duck.execute(MONEY)
    mine: dict[str, list[Any]] = {}
    value: dict[str, list[float]] = {}
    for who, at, currency, money, refunded in duck.execute(BY_DUCK, {"until": until}).fetchall():
        mine.setdefault(who, []).append((at, currency, money - refunded))
        if at >= since:
            counted = value.setdefault(currency, [0, 0.0, 0.0])
            value[currency] = [counted[0] + 1, counted[1] + money, counted[2] + refunded]
    new = {who: orders for who, orders in mine.items() if orders[0][0] >= since}
    kept: dict[int, list[int]] = {}
    worth: dict[tuple[str, str], float] = {}
    gaps: list[tuple[int, bool, bool]] = []
    for orders in new.values():
        first = orders[0][0]
        for k in range(1, 61):
            if first + (k + 1) * period <= until:
                back = any(first + k * period <= at < first + (k + 1) * period for at, *_ in orders[1:])
                kept.setdefault(k, []).append(int(back))
        for currency, net in [order[1:] for order in orders]:
            worth[f"{first:%Y-%m}", currency] = worth.get((f"{first:%Y-%m}", currency), 0.0) + net
        times = [at for at, *_ in orders]
        gaps += [((to - at) // DAY, True, n == 0) for n, (at, to) in enumerate(pairwise(times))]
        gaps.append(((until - times[-1]) // DAY, False, len(times) == 1))
    return {"value": value, "customers": len(new), "again": sum(len(each) > 1 for each in new.values()), "kept": kept,
            "worth": worth, "gaps": sorted(gaps)}  # fmt: skip


@pytest.mark.parametrize("seed", range(10))
async def test_random_shops_are_as_duckdb_says_from_the_rows_alone(seed: int, database: Database) -> None:
    trade = RandomTrade(database, Random(seed))
    trade.happen(40)
    await trade.write()
    for survivor, absorbed in ((0, 1), (2, 3), (9, 20)):
        await trade.merged(trade.profiles[survivor], trade.profiles[absorbed])
    since, until = START + trade.random.randrange(10) * DAY, START + trade.random.randrange(25, 41) * DAY
    period = trade.random.choice([DAY, 3 * DAY, 7 * DAY])
    found = await commerce.facts(database, since, until, Counting(period=period))
    expected = await by_hand(database, since, until, period)
    facts = found[ALL]
    assert facts.customers == expected["customers"]
    assert sum(each["again"] for each in facts.cohorts) == expected["again"]
    assert {each["currency"]: (each["orders"], float(each["revenue"]), float(each["refunds"])) for each in facts.orders} == {
        currency: pytest.approx(value) for currency, value in expected["value"].items()
    }
    for part, counted in ((facts.seen, len), (facts.kept, sum)):
        by_period: dict[int, int] = {}
        for each in part:
            by_period[each["k"]] = by_period.get(each["k"], 0) + each["customers"]
        assert by_period == {k: counted(backs) for k, backs in expected["kept"].items() if counted(backs)}
    worth = {(each["cohort"][:7], each["currency"]): float(each["revenue"]) - float(each["refunds"]) for each in facts.worth}
    assert worth == {key: pytest.approx(net, abs=1e-6) for key, net in expected["worth"].items()}
    gaps = [(each["days"], each["ended"], each["first"]) for each in facts.gaps for _ in range(each["many"])]
    assert sorted(gaps) == expected["gaps"]
    assert sum(each["customers"] for each in facts.acquired) == expected["customers"]


async def test_what_was_attributed_and_what_was_valued_are_the_same_orders(database: Database) -> None:
    """Two statements find orders: with those that were cancelled added, they find the same money."""
    from store.reports import attribution

    trade = RandomTrade(database, Random(77))
    trade.happen(40)
    trade.events = [each for each in trade.events if each[2] != "Order Cancelled"]
    await trade.write()
    until = START + 41 * DAY
    valued = {
        each["currency"]: Decimal(each["revenue"])
        for each in (await commerce.facts(database, START, until, Counting()))[ALL].orders
    }
    credited = await attribution.credited(database, START, until, "channel", attribution.Counting())
    assert valued == {
        currency: sum(each.revenue[attribution.Rule.LAST] for each in credited if each.currency == currency)
        for currency in valued
    }
