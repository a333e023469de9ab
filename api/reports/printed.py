"""A report's values as people and programs read them: text with its unit, JSON, CSV.

Promise: what is unknown is a dash, null, or an empty cell: never 0.
"""

import csv
import io
from datetime import date
from decimal import Decimal
from typing import Any

from store.reports.report import Cell, Column, Report, Table, Unit

UNKNOWN = "–"  # noqa: RUF001 - a dash, as print has it
_HUNDRED = 100


def text(cell: Cell, column: Column, currency: str = "") -> str:
    """A value with its unit, as narrow as it can be told; `currency` is what the row says, where the column says none."""
    if cell is None:
        return UNKNOWN
    if not isinstance(cell, int | float | Decimal):
        return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in str(cell))
    number = float(cell)
    told = {
        Unit.COUNT: f"{cell:,}",
        Unit.MONEY: f"{cell:,.2f} {column.currency or currency}".rstrip(),
        Unit.SHARE: f"{_short(number * _HUNDRED)} %",
        Unit.POINTS: f"{_short(number * _HUNDRED, '+')} points",
        Unit.LIFT: f"{_short(number * _HUNDRED, '+')} %",
    }
    return told.get(column.unit, _short(number))


def texts(table: Table) -> list[list[str]]:
    """All values of a table."""
    names = [column.name for column in table.columns]
    at = names.index("currency") if "currency" in names else None
    return [
        [text(cell, column, "" if at is None else str(row[at] or "")) for cell, column in zip(row, table.columns, strict=True)]
        for row in table.rows
    ]


def heading(column: Column) -> str:
    """The name of a column in words."""
    return column.name.replace("_", " ")


def days(report: Report) -> str:
    """Which days it is of, the last one included."""
    last = report.until.fromordinal(report.until.toordinal() - 1)
    return f"{report.since} to {last} (UTC)" if report.since else f"from the first day to {last} (UTC)"


def plain(cell: Cell) -> str | int | float | None:
    """A value as JSON has it: money as a number, a day as text."""
    if isinstance(cell, Decimal):
        return float(cell)
    return cell.isoformat() if isinstance(cell, date) else cell


def as_json(report: Report) -> dict[str, Any]:
    """The report with all that is in it; a row is an object by the names of its columns."""
    return {
        "name": report.name,
        "title": report.title,
        "from": report.since and report.since.isoformat(),
        "to": report.until.isoformat(),
        "rules": list(report.rules),
        "findings": list(report.findings),
        "notes": list(report.notes),
        "tables": [_table(table) for table in report.tables],
    }


def _table(table: Table) -> dict[str, Any]:
    return {
        "name": table.name,
        "title": table.title,
        "columns": [
            {"name": each.name, "unit": str(each.unit), "currency": each.currency or None, "about": each.about}
            for each in table.columns
        ],
        "rows": [{name: plain(cell) for name, cell in row.items()} for row in table.dicts()],
        "charts": [
            {
                "drawn": str(each.drawn),
                "title": each.title,
                "label": list(each.label),
                "values": list(each.values),
                "low": each.low or None,
                "high": each.high or None,
                "by": each.by or None,
            }
            for each in table.charts
        ],
    }


def as_csv(table: Table) -> str:
    """A table with its columns' names; numbers as they are, so that a share is 0.031."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([column.name for column in table.columns])
    writer.writerows([_inert(plain(cell)) for cell in row] for row in table.rows)
    return out.getvalue()


#: By which a spreadsheet takes a cell for a formula: also in full width, and after what it leaves out.
_FORMULAS = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")  # noqa: RUF001 - they are meant


def _inert(cell: str | float | None) -> str | float:
    """A cell that no spreadsheet takes for a formula, whatever a customer's device has sent."""
    if cell is None:
        return ""
    formula = isinstance(cell, str) and (cell.startswith(_FORMULAS) or cell.lstrip().startswith(_FORMULAS))
    return f"'{cell}" if formula else cell


def _short(value: float, sign: str = "") -> str:
    """Three digits, or all before the point."""
    return f"{value:{sign},.0f}" if abs(value) >= _HUNDRED else f"{value:{sign}.3g}"
