"""A shop with planted effects: every column of every report is what DuckDB finds in the rows, in whatever order they came.

SEMANTICS 2 (what is counted, from the log alone; credit that adds up to the orders) and 9 (experiments) as their tests ask.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from activities.measuring.folding import COMPANYS
from api.reports.known import report
from store import Database, connect
from store.reports.attribution import NOBODY, By, Counting, Rule, Touch, credited
from store.reports.report import Asked, Cell, Report, Table
from tests.reports.by_duckdb import Oracle, Row, raw
from tests.reports.generated import DAY, NOW, RULES, START, GeneratedShop
from tests.reports.worth_by_duckdb import commerce, drivers
from workers.testing.servers import as_api, fresh_database

SINCE, UNTIL, MIDDLE = START.date(), (NOW + DAY).date(), (START + 20 * DAY).date()


@dataclass
class Shop:
    """A shop whose reports are asked for, and what they must say."""

    database: Database
    oracle: Oracle

    async def report(self, name: str, **what: Any) -> Report:
        return await report(self.database, name, Asked(now=NOW + DAY, **({"until": UNTIL} | what)))


@asynccontextmanager
async def opened(server: str, arrival: Random | None = None) -> AsyncIterator[Database]:
    async with fresh_database(server) as dsn:
        database, api_database = await connect(dsn), await connect(as_api(dsn))
        await GeneratedShop(database, api_database, Random(1)).arrives(arrival)
        yield database
        await api_database.close()
        await database.close()


@pytest.fixture(scope="module")
async def shop(server_dsn: str) -> AsyncIterator[Shop]:
    """The shop as it lived, day by day; nobody changes it."""
    async with opened(server_dsn) as database:
        duck = await raw(database)
        yield Shop(database, Oracle(duck, {"": (COMPANYS,), **RULES}, UNTIL))
        duck.close()


def same(made: Table, expected: Sequence[Row], *keys: str) -> None:
    """The same rows by these names, the same columns but for sentences, the same values."""
    by_key = {tuple(row[key] for key in keys): row for row in made.dicts()}
    assert len(by_key) == len(made.rows)
    assert {tuple(row[key] for key in keys) for row in expected} == by_key.keys(), made.name
    for theirs in expected:
        ours = by_key[tuple(theirs[key] for key in keys)]
        about = made.name, *(theirs[key] for key in keys)
        assert ours.keys() - {"verdict"} == theirs.keys(), about
        other = {name: (ours[name], each) for name, each in theirs.items() if not _alike(ours[name], each)}
        assert other == {}, about


def _alike(one: Cell, other: Cell) -> bool:
    """Both are unknown, or the same text or day, or the same number but for its last digits."""
    if isinstance(one, int | float | Decimal) and isinstance(other, int | float | Decimal):
        return float(one) == pytest.approx(float(other), rel=1e-8, abs=1e-9)
    return one == other


@pytest.mark.parametrize("journey", [None, "carts"])
async def test_kpi_01_messages_are_what_duckdb_finds(shop: Shop, journey: str | None) -> None:
    for by in (("journey", "channel"), ("step", "version"), ("day", "segment"), ("provider",)):
        found = await shop.report("messages", since=SINCE, by=by, journey=journey)
        same(found.table(), shop.oracle.messages(by, SINCE, UNTIL, journey), *by)
    found = await shop.report("messages", since=MIDDLE, until=MIDDLE + 5 * DAY, by=("day",))
    same(found.table(), shop.oracle.messages(("day",), MIDDLE, MIDDLE + 5 * DAY), "day")
    found = await shop.report("deliverability", since=SINCE, journey=journey)
    same(found.table(), shop.oracle.deliverability(SINCE, UNTIL, journey), "channel", "provider")


@pytest.mark.parametrize("journey", ["carts", "winback", "welcome"])
async def test_kpi_01_a_funnel_is_what_duckdb_finds(shop: Shop, journey: str) -> None:
    found = await shop.report("funnel", since=SINCE, journey=journey)
    steps, reasons = shop.oracle.funnel(journey, SINCE, UNTIL)
    same(found.table(), steps, "step", "channel")
    assert found.table().column("step") == [row["step"] for row in steps]
    same(found.table("reasons"), reasons, "step", "outcome", "reason")


@pytest.mark.parametrize("by", [(), ("version",), ("segment",)])
async def test_kpi_04_experiments_are_what_duckdb_finds_by_looking_at_the_end_of_every_day(
    shop: Shop, by: tuple[str, ...]
) -> None:
    for until, journey in ((UNTIL, None), (MIDDLE, None), (UNTIL, "winback")):
        found, expected = (
            await shop.report("experiments", by=by, until=until, journey=journey),
            shop.oracle.experiments(until, journey, by),
        )
        for table in found.tables:
            same(table, expected[table.name], "experiment", *by, "arm")


async def test_kpi_05_versions_and_per_04_the_ranking_are_what_duckdb_finds(shop: Shop) -> None:
    for journey in ("carts", "winback", "drives", "news"):
        same((await shop.report("versions", journey=journey)).table(), shop.oracle.versions(journey, UNTIL), "version")
    for until in (UNTIL, MIDDLE):
        ranked, expected = await shop.report("ranking", until=until), shop.oracle.ranking(until)
        same(ranked.table(), expected, "journey")
        assert ranked.table().column("journey") == [row["journey"] for row in expected]


async def test_kpi_04_what_was_planted_is_found_and_nothing_else(shop: Shop) -> None:
    """A lift; none; arms that came by other shares; shares that were changed; a journey that measures nothing."""
    rows = (await shop.report("experiments")).table().dicts()
    decided = {(row["experiment"], row["arm"]): row["decision"] for row in rows}
    assert decided["$holdout/carts", "written to"] == "higher"
    assert {arm: decided["layout", arm] for arm in ("b", "c")} == {"b": "early", "c": "early"}, "few have not converted"
    assert decided["$holdout/winback", "written to"] in ("open", "early")
    assert decided["$holdout/drives", "written to"] == decided["moved", "y"] == "broken"
    assert decided["$holdout/silent", "written to"] == "not measured"
    assert (await shop.report("ranking")).table().column("journey")[0] == "carts"
    opened = (await shop.report("messages", since=SINCE, by=("channel",))).table().dicts()
    assert sum(row["opened_machine"] for row in opened) > 50, "machines open, and are no people"  # type: ignore[misc]


@pytest.mark.parametrize("by", list(By))
async def test_kpi_01_orders_are_given_to_messages_as_duckdb_says(shop: Shop, by: By) -> None:
    for since, until in ((SINCE, UNTIL), (SINCE + 9 * DAY, MIDDLE)):
        found = await shop.report("attribution", since=since, until=until, by=(str(by),))
        expected = shop.oracle.credit(since, until, str(by))
        for table in found.tables[:3]:
            same(
                _long(table), [_only(row, table.name) | {str(by): row["key"]} for row in expected], str(by), "currency", "rule"
            )
        for claimed in found.table("claimed").dicts() if by is By.JOURNEY else ():
            key = tuple(claimed[name] for name in ("journey", "currency", "rule"))
            (row,) = [each for each in expected if (each["key"], each["currency"], each["rule"]) == key]
            for name in ("orders", "revenue", "refunds"):
                assert float(claimed[name]) == pytest.approx(float(row[name]), rel=1e-9, abs=1e-9)  # type: ignore[arg-type]
    since, until = START + 3 * DAY, START + 40 * DAY
    for counting in (Counting(30 * DAY, DAY / 24, Touch.OPENED), Counting(DAY, 2 * DAY, Touch.CLICKED, transactional=True)):
        given = {
            (each.key or NOBODY, each.currency): each for each in await credited(shop.database, since, until, by, counting)
        }
        asked = {"within": counting.within.total_seconds(), "half": counting.half_life.total_seconds()}
        for row in shop.oracle.credit(
            since, until, str(by), touch=counting.touch, transactional=counting.transactional, **asked
        ):
            each, rule = given[row["key"], row["currency"]], Rule(row["rule"])
            numbers = (each.touched, each.cancelled, *(float(of[rule]) for of in (each.orders, each.revenue, each.refunds)))
            assert numbers == pytest.approx(tuple(map(float, (row[name] for name in _GIVEN))), rel=1e-9, abs=1e-9)


_GIVEN = ("touched", "cancelled", "orders", "revenue", "refunds")


def _only(row: Row, what: str) -> Row:
    return {name: row[name] for name in ("currency", "rule", "touched", "cancelled", what)}


def _long(table: Table) -> Table:
    """A row for each rule, in place of a column."""
    rest = [column for column in table.columns if column.name not in list(Rule)]
    rows = [(*(row[column.name] for column in rest), rule.value, row[rule]) for row in table.dicts() for rule in Rule]
    return Table(
        table.name, "", (*rest, *(type(rest[0])(name, rest[0].unit, ".") for name in ("rule", table.name))), tuple(rows)
    )


@pytest.mark.parametrize("by", [*By, "path"])
async def test_kpi_01_what_each_rule_gives_adds_up_to_the_real_orders_to_the_last_decimal(shop: Shop, by: str) -> None:
    real = shop.oracle.orders(START, NOW)
    given = await credited(shop.database, START, NOW, by, Counting(half_life=timedelta(minutes=1)))
    assert {row["cur"] for row in real} == {each.currency for each in given}
    for row in real:
        of_it = [each for each in given if each.currency == row["cur"]]
        for rule in Rule:
            assert sum(each.orders[rule] for each in of_it) == row["orders"]
            assert sum(each.revenue[rule] for each in of_it) == row["money"]
            assert all(each.revenue[rule] >= 0 for each in of_it)


async def test_kpi_01_whole_paths_are_given_as_walking_them_step_by_step_says(shop: Shop) -> None:
    for since, until in ((SINCE, UNTIL), (SINCE + 9 * DAY, MIDDLE)):
        found = await shop.report("paths", since=since, until=until)
        same(found.table(), shop.oracle.paths(since, until), "channel", "currency")


@pytest.mark.parametrize("by", [(), ("segment",)])
async def test_kpi_02_what_customers_are_worth_and_cost_is_what_duckdb_finds(shop: Shop, by: tuple[str, ...]) -> None:
    keys = {
        "order-value": ("segment", "currency"), "returns": ("segment",), "again": ("segment", "days"),
        "retention": ("segment", "cohort", "period"), "lifetime-value": ("segment", "cohort", "currency"),
        "cost-of-a-customer": ("source", "currency"),
    }  # fmt: skip
    spend, acquisition = {"google": 100.0, "newsletter": 50.0}, ("welcome",)
    for since, until in ((START - 40 * DAY, NOW), (START + 5 * DAY, START + 50 * DAY)):
        told = {"spend": [f"{source}={money} EUR" for source, money in spend.items()], "acquisition": acquisition}
        found = await shop.report("commerce", since=since.date(), until=until.date(), by=by, **told)
        expected = commerce(shop.oracle, since, until, by_segment=bool(by), spend=spend, acquisition=acquisition)
        for table in found.tables:
            same(table, expected[table.name], *keys[table.name])
    bare = await shop.report("commerce", since=SINCE)
    expected = commerce(shop.oracle, START, NOW + DAY)
    same(bare.table("cost-of-a-customer"), expected["cost-of-a-customer"], "source", "currency")


@pytest.mark.parametrize("by", [(), ("segment",)])
async def test_kpi_07_what_goes_with_converting_is_what_duckdb_finds(shop: Shop, by: tuple[str, ...]) -> None:
    for journey, until in (("carts", START + 75 * DAY), ("winback", START + 75 * DAY), ("carts", START + 15 * DAY)):
        found = await shop.report("drivers", since=SINCE, until=until.date(), journey=journey, by=by)
        expected = drivers(shop.oracle, journey, START, until, by_segment=bool(by))
        same(found.table(), expected, "segment", "feature")
    assert {str(row["feature"]).partition(" ")[0] for row in expected} >= {"city", "in", "did"} or by


async def test_any_order_of_arrival_gives_the_same_reports_to_the_last_digit(shop: Shop, server_dsn: str) -> None:
    """What customers and providers say comes shuffled, in other batches, after all was sent, and is added up at the end."""
    async with opened(server_dsn, Random(7)) as database:
        other = Shop(database, shop.oracle)
        for name, what in _all_reports():
            one, again = await shop.report(name, **what), await other.report(name, **what)
            assert one == again, (name, what)


def _all_reports() -> Iterable[tuple[str, dict[str, Any]]]:
    days = {"since": SINCE}
    yield from (
        ("messages", days | {"by": by}) for by in (("journey", "channel"), ("day",), ("version", "segment", "provider"))
    )
    yield from (("experiments", {"by": by}) for by in ((), ("version",), ("segment",)))
    yield from (("attribution", days | {"by": (str(by),)}) for by in By)
    yield from (("commerce", days | {"by": by}) for by in ((), ("segment",)))
    yield from (("drivers", days | {"journey": "carts", "by": by}) for by in ((), ("segment",)))
    yield from (("deliverability", days), ("paths", days), ("ranking", {}))
    yield from ((name, {"journey": journey}) for name in ("funnel", "versions") for journey in ("carts", "winback"))
