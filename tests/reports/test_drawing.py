"""What is drawn of a report, in characters and as a page: bars, whiskers and lines where the numbers are, in any width."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from api.reports import printed
from api.reports.known import REPORTS, report
from api.reports.page import as_html, drawn
from store import Database
from store.reports.report import Asked, Chart, Column, Drawn, Report, Table, Unit
from tests.reports.planted import START, UNTIL, plant
from workers.cli.reports import drawing

DAY = timedelta(days=1)
COLUMNS = (
    Column("day", Unit.DAY, "A day."),
    Column("who", Unit.TEXT, "Who."),
    Column("currency", Unit.TEXT, "Which money.", aside=True),
    Column("people", Unit.COUNT, "How many."),
    Column("rate", Unit.SHARE, "Which part."),
    Column("lift", Unit.LIFT, "How much more."),
    Column("low", Unit.LIFT, "From."),
    Column("high", Unit.LIFT, "To."),
    Column("money", Unit.MONEY, "How much."),
)
BARS = Chart(Drawn.BARS, "Bars", ("who",), ("people",))
WHISKERS = Chart(Drawn.INTERVALS, "Whiskers", ("who",), ("lift",), "low", "high")
LINES = Chart(Drawn.LINES, "Lines", ("day",), ("people",), by="who")


def a_report(*rows: tuple[Any, ...], charts: tuple[Chart, ...] = (BARS, WHISKERS, LINES)) -> Report:
    table = Table("one", "Rows", COLUMNS, tuple((START.date() + n * DAY, *row) for n, row in enumerate(rows)), charts)
    return Report("toy", "A toy", ("By no rule.",), START.date(), UNTIL, (table,), ("It may be.",), ("Much.",))


TWO = a_report(
    ("ana", "EUR", 1000, 0.031, 0.5, 0.25, 0.75, Decimal("4606.75")), ("bo", "USD", 500, None, -0.25, -0.5, 0.5, None)
)


def shown(made: Report, width: int = 80) -> str:
    console = Console(width=width, highlight=False, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    for part in drawing.drawn(made, width):
        console.print(part)
    return console.export_text()


def test_values_are_told_with_their_units_and_the_unknown_is_a_dash() -> None:
    texts = printed.texts(TWO.table())
    assert texts[0] == ["2026-03-02", "ana", "EUR", "1,000", "3.1 %", "+50 %", "+25 %", "+75 %", "4,606.75 EUR"]
    assert texts[1][4:] == [printed.UNKNOWN, "-25 %", "-50 %", "+50 %", printed.UNKNOWN]
    count, number, share, lift = (Column("x", unit, "X.") for unit in (Unit.COUNT, Unit.NUMBER, Unit.SHARE, Unit.LIFT))
    assert printed.text(0.00123456, number) == "0.00123"
    assert printed.text(142.2222, number) == "142"
    assert printed.text(1234567, count) == "1,234,567"
    assert printed.text(1.5, share) == "150 %"
    assert printed.text(12.5, lift) == "+1,250 %"
    assert printed.text(-0.0398, Column("x", Unit.POINTS, "X.")) == "-3.98 points"
    assert printed.text(Decimal("3.5"), Column("cost_EUR", Unit.MONEY, "X.", currency="EUR")) == "3.50 EUR"


def test_csv_has_numbers_as_they_are_and_nothing_where_nothing_is_known() -> None:
    assert printed.as_csv(TWO.table()).splitlines() == [
        "day,who,currency,people,rate,lift,low,high,money",
        "2026-03-02,ana,EUR,1000,0.031,0.5,0.25,0.75,4606.75",
        "2026-03-03,bo,USD,500,,-0.25,-0.5,0.5,",
    ]


def test_bars_are_as_long_as_their_values_and_whiskers_stand_where_their_bounds_are() -> None:
    lines = shown(TWO).splitlines()
    bars = [line.count("█") for line in lines if ("█" in line and "ana" in line) or ("bo  " in line and "█" in line)]
    assert bars[0] == pytest.approx(2 * bars[1], abs=1)
    ana, bo = [line for line in lines if "●" in line]
    assert "┊" in ana
    assert "┼" in bo
    assert ana.index("┊") < ana.index("├") < ana.index("●") < ana.index("┤")
    assert bo.index("├") < bo.index("●") < bo.index("┼") < bo.index("┤")
    assert ana.index("┊") == bo.index("┼"), "0 is at the same place"


def test_a_chart_of_nothing_is_not_drawn() -> None:
    nothing = a_report(("ana", "EUR", 0, None, None, None, None, None))
    assert [drawn(chart, nothing.table()) for chart in nothing.table().charts] == [None, None, None]
    assert not re.search("Bars|Whiskers|Lines", shown(nothing))
    assert "nothing of these days" in shown(a_report())


def test_lines_of_several_names_are_told_apart() -> None:
    rows = [
        (who, "EUR", people, None, None, None, None, None) for who, people in (("ana", 1), ("bo", 8), ("ana", 8), ("bo", 4))
    ]
    made = a_report(*rows)
    assert re.search(r"ana +▂█ 8", shown(made))
    assert re.search(r"bo +█▅ 4", shown(made))
    picture = drawn(LINES, made.table())
    assert picture is not None
    assert picture.legend == [(0, "ana"), (1, "bo")]
    assert [len(mark.points.split()) for mark in picture.marks if mark.kind == "line"] == [2, 2]


@pytest.mark.parametrize("width", [80, 60, 120])
async def test_every_report_fits_the_terminal_and_leaves_no_number_out(database: Database, width: int) -> None:
    await plant(database)
    for name in REPORTS:
        what: dict[str, Any] = {"journey": "carts"} if REPORTS[name].needs else {}
        made = await report(database, name, Asked(now=START, until=UNTIL, **what))
        text = shown(made, width)
        assert max(map(cell_len, text.splitlines())) <= width
        joined = re.sub(r"\s+", "", text)
        for table in made.tables:
            for row in printed.texts(table):
                for column, cell in zip(table.columns, row, strict=True):
                    assert column.aside or width < 80 or re.sub(r"\s+", "", cell) in joined, (name, column.name, cell)
        for each in (*made.rules, *made.findings, *made.notes):
            assert re.sub(r"\s+", "", each) in joined


def test_a_page_stands_alone_and_says_everything() -> None:
    page = as_html(TWO, START)
    assert not re.search(r"<script|<link|<img|@import|url\(|https?://", page)
    assert page.count("<svg") == 3
    assert page.count("<caption>Rows</caption>") == 1
    for said in ("A toy", "By no rule.", "It may be.", "Much.", "4,606.75 EUR", "2026-03-02 to 2026-03-21 (UTC)"):
        assert said in page
    for column in COLUMNS:
        assert f"<dd>{column.about}</dd>" in page


def test_what_a_journey_is_called_is_no_html() -> None:
    page = as_html(a_report(("<b>ana</b>", "EUR", 1, None, None, None, None, None)), START)
    assert "<b>ana" not in page
    assert "&lt;b&gt;ana" in page
