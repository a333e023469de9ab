"""KPI-02 by hand, and what is asked of it. A whole shop against DuckDB: `test_generated_shop`."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from store import Database
from store.errors import NoReport
from store.measuring import sums
from store.reports import attribution, commerce
from store.reports.commerce import ALL, Counting, Spend
from store.reports.report import Asked, Report
from tests.reports.trade import Trade

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


async def test_money_that_cannot_be_read_is_said_and_an_order_value_is_never_below_nothing(database: Database) -> None:
    trade = Trade(database)
    small, large, other = (trade.customer() for _ in range(3))
    trade.orders(small, on("03-02"), order_id="a", revenue=0.01, currency="EUR")
    trade.orders(large, on("03-02"), order_id="b", revenue=1_000, currency="EUR")
    trade.orders(other, on("03-03"), order_id="c", revenue="much", currency="EUR")
    trade.orders(other, on("03-03"), order_id="d", revenue="much", currency="EUR")
    trade.orders(other, on("03-04"), order_id="d", total=5, currency="EUR")  # told again, so that it can be read
    trade.orders(other, on("02-03"), order_id="e", revenue="much", currency="EUR")  # of other days
    await trade.write()
    report = await asked(database)
    [value] = report.table("order-value").dicts()
    assert value["low"] == 0
    assert "1 order of these days has no readable amount, and counts as 0." in report.notes
    of_messages = await attribution.report(database, Asked(now=NOW, since=SINCE, until=UNTIL))
    assert "1 order of these days has no readable amount, and counts as 0." in of_messages.notes
    longer = await commerce.report(database, Asked(now=NOW, since=date(2026, 2, 1), until=UNTIL))
    assert "2 orders of these days have no readable amount, and count as 0." in longer.notes


async def test_one_is_one_and_not_several(database: Database) -> None:
    trade = Trade(database)
    trade.orders(trade.customer(), on("03-02"), revenue=5, currency="EUR")
    await trade.write()
    assert (await asked(database)).findings[0].startswith("Of 1 new customer 0.0 % have")
    told = await attribution.report(database, Asked(now=NOW, since=SINCE, until=UNTIL))
    assert told.findings[0].startswith("1 order brought 5.00 EUR")


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


async def test_what_a_device_sends_as_money_or_currency_stops_no_report(database: Database) -> None:
    """A no-break space is no blank to Postgres' numbers, nor are 15,500 digits one that it can read."""
    asked = ["49.90\u00a0", "\u2003 5", "0." + "1" * 15_500 + "e-999", " 7.5\n", "1e400", "-3"]
    each = "select jsonb_build_object('revenue', x) as p from unnest($1::text[]) as x offset 0"
    read = f"select money_in(p, 'revenue') from ({each}) as e"
    assert [row[0] for row in await database.pool.fetch(read, asked)] == [None, None, None, Decimal("7.5"), None, 0]
    told = "select currency_in(jsonb_build_object('currency', $1::text))"
    texts = ["eur", "=cmd|' /c calc'!A1", "\x1b[31m", "EURO", ""]
    assert [await database.pool.fetchval(told, each) for each in texts] == ["EUR", "", "", "", ""]
