"""A report as a page to pass on: one file without a script, its charts drawn, every number in a table with a caption.

Promise: it asks no server for anything, and reads in light and in dark.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from api.html import PAGES
from api.reports import printed
from store.reports.report import Chart, Column, Drawn, Report, Table, Unit

_WIDTH, _LABELS, _VALUES, _LINE, _PAD = 640, 230, 90, 22, 8
_LONGEST, _MOST = 34, 40  # characters of a label; rows of a chart
_HEIGHT = 180  # of lines
_SHADES = 5


@dataclass(frozen=True, slots=True)
class Mark:
    """A part of a drawing: what kind, where, and what it says; of `shade` there are a few."""

    kind: str
    x: float = 0
    y: float = 0
    width: float = 0
    height: float = 0
    text: str = ""
    shade: int = 0
    points: str = ""
    anchor: str = "start"


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawn chart: its marks, its height, and what its shades mean."""

    title: str
    height: float
    marks: list[Mark]
    legend: list[tuple[int, str]]


def as_html(report: Report, at: datetime) -> str:
    """The page, as of an instant."""
    return PAGES.get_template("report.html").render(
        report=report,
        title=report.title,
        days=printed.days(report),
        at=at,
        tables=[(table, _heads(table), printed.texts(table), _pictures(table)) for table in map(_narrow, report.tables)],
        numeric=[Unit.COUNT, Unit.NUMBER, Unit.SHARE, Unit.POINTS, Unit.LIFT, Unit.MONEY],
    )


def _narrow(table: Table) -> Table:
    """Without the sentences that stand above all tables already."""
    kept = [n for n, column in enumerate(table.columns) if column.name != "verdict"]
    rows = tuple(tuple(row[n] for n in kept) for row in table.rows)
    return replace(table, columns=tuple(table.columns[n] for n in kept), rows=rows)


def _heads(table: Table) -> list[tuple[Column, str]]:
    return [(column, printed.heading(column)) for column in table.columns]


def _pictures(table: Table) -> list[Picture]:
    return [picture for chart in table.charts if (picture := drawn(chart, table)) is not None]


def drawn(chart: Chart, table: Table) -> Picture | None:
    """A chart of a table; None where there is nothing to draw."""
    match chart.drawn:
        case Drawn.BARS:
            return _bars(chart, table)
        case Drawn.INTERVALS:
            return _intervals(chart, table)
    return _lines(chart, table)


def labels(chart: Chart, table: Table) -> list[str]:
    """What each row of a table is called in a chart."""
    return [" · ".join(str(row[name]) for name in chart.label if row[name]) for row in table.dicts()]


def numbers(table: Table, name: str) -> list[float | None]:
    """The values of a column that can be drawn."""
    return [float(cell) if isinstance(cell, int | float) or hasattr(cell, "as_tuple") else None for cell in table.column(name)]  # type: ignore[arg-type]


def _column(table: Table, name: str) -> Column:
    return next(column for column in table.columns if column.name == name)


def _cut(label: str) -> str:
    return label if len(label) <= _LONGEST else f"{label[: _LONGEST - 1]}…"


def _bars(chart: Chart, table: Table) -> Picture | None:
    values = {name: numbers(table, name)[:_MOST] for name in chart.values}
    most = max((each for column in values.values() for each in column if each is not None), default=0.0)
    if most <= 0:
        return None
    marks, y = [], float(_PAD)
    room = _WIDTH - _LABELS - _VALUES
    for n, label in enumerate(labels(chart, table)[:_MOST]):
        if all(column[n] is None for column in values.values()):
            continue
        marks.append(Mark("text", 0, y + _LINE * len(values) / 2 + 4, text=_cut(label)))
        for shade, (name, column) in enumerate(values.items()):
            told, value = printed.text(column[n], _column(table, name)), column[n] or 0.0
            width = room * max(value, 0.0) / most
            marks.append(Mark("bar", _LABELS, y + 3, width, _LINE - 6, shade=shade % _SHADES))
            marks.append(Mark("text", _LABELS + width + 6, y + _LINE / 2 + 4, text=_counted(told, table, name, n)))
            y += _LINE
        y += _PAD if len(values) > 1 else 0
    return Picture(chart.title, y + _PAD, marks, _legend(table, chart.values))


def _counted(told: str, table: Table, name: str, row: int) -> str:
    """A value as the table says it."""
    at = [column.name for column in table.columns].index(name)
    return printed.texts(table)[row][at] if told != printed.UNKNOWN else told


def _legend(table: Table, names: Sequence[str]) -> list[tuple[int, str]]:
    if len(names) == 1:
        return []
    return [(shade % _SHADES, printed.heading(_column(table, name))) for shade, name in enumerate(names)]


def _intervals(chart: Chart, table: Table) -> Picture | None:
    middles, lows, highs = (numbers(table, name)[:_MOST] for name in (chart.values[0], chart.low, chart.high))
    known = [each for each in (*middles, *lows, *highs) if each is not None]
    if not known:
        return None
    least, most = min(0.0, *known), max(0.0, *known)
    room = _WIDTH - _LABELS - _VALUES

    def place(value: float) -> float:
        return _LABELS + room * (value - least) / ((most - least) or 1.0)

    rows = labels(chart, table)[:_MOST]
    height = _PAD * 2.0 + _LINE * len(rows)
    marks = [Mark("zero", place(0.0), _PAD, 0, height - 2 * _PAD)]
    column = _column(table, chart.values[0])
    for n, label in enumerate(rows):
        y = _PAD + _LINE * n + _LINE / 2
        marks.append(Mark("text", 0, y + 4, text=_cut(label)))
        if (low := lows[n]) is not None and (high := highs[n]) is not None:
            marks.append(Mark("whisker", place(low), y, place(high) - place(low)))
        if (middle := middles[n]) is not None:
            marks.append(Mark("dot", place(middle), y))
        told = printed.text(middles[n], column)
        marks.append(Mark("text", _WIDTH, y + 4, text=_counted(told, table, chart.values[0], n), anchor="end"))
    return Picture(f"{chart.title}, with bounds", height, marks, [])


def _series(chart: Chart, table: Table) -> Iterator[tuple[str, list[tuple[str, float | None]]]]:
    """Each line by its name, with the labels of its points."""
    rows, of = labels(chart, table), [str(cell) for cell in table.column(chart.by)] if chart.by else []
    for name in chart.values:
        values = list(zip(rows, numbers(table, name), strict=True))
        if not chart.by:
            yield printed.heading(_column(table, name)), values
        for each in dict.fromkeys(of):
            yield each, [value for value, whose in zip(values, of, strict=True) if whose == each]


def _lines(chart: Chart, table: Table) -> Picture | None:
    series = dict(_series(chart, table))
    places = list(dict.fromkeys(label for points in series.values() for label, _ in points))
    most = max((value for points in series.values() for _, value in points if value is not None), default=0.0)
    if most <= 0 or not places:
        return None
    step = (_WIDTH - 2 * _PAD) / max(len(places) - 1, 1)
    marks = []
    for shade, points in enumerate(series.values()):
        told = [(_PAD + step * places.index(label), value) for label, value in points if value is not None]
        path = " ".join(f"{x:.1f},{_PAD + _LINE + _HEIGHT * (1 - value / most):.1f}" for x, value in told)
        marks.append(Mark("line", points=path, shade=shade % _SHADES))
    top = printed.text(most, _column(table, chart.values[0]))
    bottom = _PAD + _LINE + _HEIGHT + _LINE
    marks += [Mark("text", _PAD, _PAD + _LINE / 2, text=top), Mark("text", _PAD, bottom, text=_cut(places[0]))]
    if len(places) > 1:
        marks.append(Mark("text", _WIDTH - _PAD, bottom, text=_cut(places[-1]), anchor="end"))
    named = [(shade % _SHADES, name) for shade, name in enumerate(series)] if len(series) > 1 else []
    return Picture(chart.title, bottom + _PAD, marks, named)
