"""A report in a terminal: tables that fit its width, bars and whiskers of characters, rules and notes below.

Promise: nothing is cut. A table that is too wide goes on below with its labels, and one of few rows is turned on its side.
"""

from collections.abc import Iterator, Sequence
from itertools import takewhile
from textwrap import fill

from rich.table import Table as Rich
from rich.text import Text

from api.reports import printed
from api.reports.page import labels, numbers
from store.reports.report import Chart, Column, Drawn, Report, Table, Unit

Part = Rich | Text
_SAID = (Unit.TEXT, Unit.DAY)
_FEW_ROWS, _MANY_COLUMNS = 3, 8
_LABEL, _MOST, _GAP = 24, 20, 2  # characters of a chart's label; rows of a chart; characters between columns
_LEAST = 10  # characters of a line with bounds, however long the values beside it


def drawn(report: Report, width: int) -> Iterator[Part]:
    """The report, part by part, in so many characters."""
    yield Text(report.title, style="bold")
    yield Text(f"{printed.days(report)}\n")
    for each in report.findings:
        yield _sentence(each, width)
    for table in report.tables:
        if table.rows or table is report.tables[0]:
            yield Text(f"\n{table.title}", style="bold")
            yield from _table(table, width)
            yield from (part for chart in table.charts for part in _chart(chart, table, width))
    yield Text("\nBy which rules", style="bold")
    yield from (_sentence(each, width) for each in report.rules)
    if report.notes:
        yield Text("\nWhat is missing or unknown", style="bold")
        yield from (_sentence(each, width) for each in report.notes)


def _sentence(text: str, width: int) -> Text:
    return Text(fill(text, width, initial_indent="* ", subsequent_indent="  ", break_on_hyphens=False))


def _table(table: Table, width: int) -> Iterator[Part]:
    shown = [n for n, column in enumerate(table.columns) if not column.aside]
    texts = printed.texts(table)
    if not texts:
        yield Text("nothing of these days")
    elif len(texts) <= _FEW_ROWS and len(shown) > _MANY_COLUMNS:
        yield _on_its_side(table, shown, texts)
    else:
        yield from _pieces(table, shown, texts, width)


def _on_its_side(table: Table, shown: Sequence[int], texts: Sequence[Sequence[str]]) -> Rich:
    drawn = Rich(box=None, show_header=False, padding=(0, _GAP, 0, 0))
    drawn.add_column()
    for _ in texts:
        drawn.add_column(overflow="fold")
    for n in shown:
        drawn.add_row(Text(printed.heading(table.columns[n])), *(Text(row[n]) for row in texts))
    return drawn


def _pieces(table: Table, shown: Sequence[int], texts: Sequence[Sequence[str]], width: int) -> Iterator[Rich]:
    """The columns that fit, then the next ones, each time after those that name a row."""
    named = list(takewhile(lambda n: table.columns[n].unit in _SAID, shown))
    wide = {n: max(_word(table.columns[n]), *(len(row[n]) for row in texts)) + _GAP for n in shown}
    room = width - sum(min(wide[n], _LABEL) for n in named)
    piece: list[int] = []
    for n in shown[len(named) :]:
        if piece and sum(wide[each] for each in (*piece, n)) > room:
            yield _piece(table, [*named, *piece], texts)
            piece = []
        piece.append(n)
    yield _piece(table, [*named, *piece], texts)


def _word(column: Column) -> int:
    """How wide its heading is at least."""
    return max(map(len, printed.heading(column).split()))


def _piece(table: Table, shown: Sequence[int], texts: Sequence[Sequence[str]]) -> Rich:
    drawn = Rich(box=None, padding=(0, _GAP, 0, 0))
    for n in shown:
        said, heading = table.columns[n].unit in _SAID, Text("\n".join(printed.heading(table.columns[n]).split()))
        least = min(max(_word(table.columns[n]), *(len(row[n]) for row in texts)), _LABEL)
        drawn.add_column(
            heading,
            justify="left" if said else "right",
            min_width=least,
            no_wrap=not said,
            overflow="fold",
            vertical="bottom",
        )
    for row in texts:
        drawn.add_row(*(Text(row[n]) for n in shown))
    return drawn


def _chart(chart: Chart, table: Table, width: int) -> Iterator[Part]:
    match chart.drawn:
        case Drawn.BARS:
            rows = _bars(chart, table, width)
        case Drawn.INTERVALS:
            rows = _intervals(chart, table, width)
        case _:
            rows = _lines(chart, table, width)
    if found := list(rows):
        yield Text(f"\n{chart.title}", style="italic")
        yield from (Text(row) for row in found)


def _named(chart: Chart, table: Table) -> list[str]:
    return [label if len(label) <= _LABEL else f"{label[: _LABEL - 1]}…" for label in labels(chart, table)][:_MOST]


def _bars(chart: Chart, table: Table, width: int) -> Iterator[str]:
    texts, names = printed.texts(table), [column.name for column in table.columns]
    most = max((each for name in chart.values for each in numbers(table, name) if each is not None), default=0.0)
    if most <= 0:
        return
    told = max(len(row[names.index(name)]) for row in texts for name in chart.values)
    which = max(len(printed.heading(table.columns[names.index(name)])) for name in chart.values) if len(chart.values) > 1 else 0
    room = width - _LABEL - told - which - 3
    for n, label in enumerate(_named(chart, table)):
        for name in chart.values if any(numbers(table, each)[n] is not None for each in chart.values) else ():
            at = names.index(name)
            value = numbers(table, name)[n] or 0.0
            heading = printed.heading(table.columns[at]) if which else ""
            first = label if name == chart.values[0] else ""
            bar = "█" * round(room * max(value, 0.0) / most)
            yield f"{first:<{_LABEL}} {heading:<{which}} {bar} {texts[n][at]}".rstrip()


def _intervals(chart: Chart, table: Table, width: int) -> Iterator[str]:
    texts, names = printed.texts(table), [column.name for column in table.columns]
    middles, lows, highs = (numbers(table, name) for name in (chart.values[0], chart.low, chart.high))
    known = [each for each in (*middles, *lows, *highs) if each is not None]
    if not known:
        return
    at = names.index(chart.values[0])
    room = max(width - _LABEL - max(len(row[at]) for row in texts) - 3, _LEAST)
    least, most = min(0.0, *known), max(0.0, *known)

    def place(value: float) -> int:
        return round((room - 1) * (value - least) / ((most - least) or 1.0))

    for n, label in enumerate(_named(chart, table)):
        line = [" "] * room
        line[place(0.0)] = "┊"
        low, high, middle = lows[n], highs[n], middles[n]
        if low is not None and high is not None:
            line[place(low) : place(high) + 1] = ["├", *"─" * (place(high) - place(low) - 1), "┤"][
                : place(high) - place(low) + 1
            ]
            if place(low) < place(0.0) < place(high):
                line[place(0.0)] = "┼"
        if middle is not None:
            line[place(middle)] = "●"
        yield f"{label:<{_LABEL}} {''.join(line)} {texts[n][at]}"


_STEPS = "▁▂▃▄▅▆▇█"


def _lines(chart: Chart, table: Table, width: int) -> Iterator[str]:
    """A row of small bars for each line, with its last value."""
    of = [str(cell) for cell in table.column(chart.by)] if chart.by else []
    texts, names = printed.texts(table), [column.name for column in table.columns]
    most = max((each for name in chart.values for each in numbers(table, name) if each is not None), default=0.0)
    if most <= 0:
        return
    for name in chart.values:
        at, values = names.index(name), numbers(table, name)
        for each in dict.fromkeys(of) if of else [printed.heading(table.columns[at])]:
            rows = [n for n in range(len(values)) if not of or of[n] == each][-(width - _LABEL - 20) :]
            steps = "".join(
                " " if values[n] is None else _STEPS[round((len(_STEPS) - 1) * max(values[n] or 0.0, 0.0) / most)] for n in rows
            )
            yield f"{each[:_LABEL]:<{_LABEL}} {steps} {texts[rows[-1]][at]}"
