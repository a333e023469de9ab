"""What a report is: its rule, columns with their units and meanings, rows, what may be drawn of them, and what is missing.

Promise: plain values. Whoever prints one, as text, HTML, CSV or JSON, needs nothing else; nothing in one says who somebody is.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Self

from store.database import Database
from store.errors import NoReport

_TWO = 2
#: What stands in a row. `None` is unknown, or nothing to divide by: never 0.
Cell = str | int | float | Decimal | date | None


#: Before the one there were no events, and nobody asks for what is after the other.
_FIRST, _LAST = date(1970, 1, 1), date(2199, 12, 31)


class Unit(StrEnum):
    """What a column's values are."""

    TEXT = "text"
    #: A whole number of messages, people, orders.
    COUNT = "count"
    #: A number that is no count: customers to go on average, days.
    NUMBER = "number"
    #: A part of a whole: 0.031 is printed as 3.1 %.
    SHARE = "share"
    #: The difference of two shares: 0.01 is printed as +1 points.
    POINTS = "points"
    #: A relative change: 0.1 is printed as +10 %.
    LIFT = "lift"
    #: In the column's `currency`, or in that of the row's column `currency`; in whole units (12.5 is twelve and a half).
    MONEY = "money"
    #: A day (UTC).
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: what its values are, and what each says, in a sentence with its denominator.

    An `aside` one stands in JSON, CSV and the HTML's table, and in no table that must fit a terminal.
    """

    name: str
    unit: Unit
    about: str
    currency: str = ""
    aside: bool = False


class Drawn(StrEnum):
    """As what something may be drawn."""

    #: A bar for each row and value.
    BARS = "bars"
    #: A line for each value over the rows' labels, in their order; a line for each of `by`, where that is given.
    LINES = "lines"
    #: A mark for the value, and a whisker between `low` and `high`.
    INTERVALS = "intervals"


@dataclass(frozen=True, slots=True)
class Chart:
    """What may be drawn of a table, all by the names of its columns: labels from `label`, lengths from `values`."""

    drawn: Drawn
    title: str
    label: tuple[str, ...]
    values: tuple[str, ...]
    low: str = ""
    high: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns: a cell for each column, in their order. `title` is a caption: it says what a row is."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    charts: tuple[Chart, ...] = ()

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"a row of {self.name} has other cells than {[column.name for column in self.columns]}")

    def column(self, name: str) -> list[Cell]:
        """The cells of a column, in the order of the rows."""
        at = [column.name for column in self.columns].index(name)
        return [row[at] for row in self.rows]

    def dicts(self) -> list[dict[str, Cell]]:
        """The rows by the names of their columns."""
        return [{column.name: cell for column, cell in zip(self.columns, row, strict=True)} for row in self.rows]


@dataclass(frozen=True, slots=True)
class Report:
    """A report as of an instant, over the days from `since` up to, but without, `until` (UTC; None: from the first one on).

    `rules` are printed on it: by what is counted, a sentence each. `findings` are what may be concluded, and what not. `notes`
    are what is missing or unknown, and why. The first table is the report; others stand beside it.
    """

    name: str
    title: str
    rules: tuple[str, ...]
    since: date | None
    until: date
    tables: tuple[Table, ...]
    findings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def table(self, name: str | None = None) -> Table:
        """A table by name; without one, the report's own.

        Raises:
            NoReport: it has no such table.
        """
        if name is None:
            return self.tables[0]
        for table in self.tables:
            if table.name == name:
                return table
        raise NoReport(f"the report {self.name} has no table {name}; it has {', '.join(table.name for table in self.tables)}")


class Argument(StrEnum):
    """What a report may be asked for, beside its days."""

    JOURNEY = "journey"
    BY = "by"
    FROM = "from"
    #: Two of a journey's versions, or none.
    VERSIONS = "version"
    #: What was paid to win customers, as source=amount.
    SPEND = "spend"
    #: The journeys that win customers.
    ACQUISITION = "acquisition"
    #: One experiment, day by day.
    EXPERIMENT = "experiment"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a report: when, of which days, of which journey, by what. `until` is the first day that is not in it."""

    now: datetime
    since: date | None = None
    until: date | None = None
    journey: str | None = None
    by: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    spend: tuple[str, ...] = ()
    acquisition: tuple[str, ...] = ()
    experiment: str | None = None

    @classmethod
    def of(
        cls,
        now: datetime,
        *,
        since: str | None = None,
        until: str | None = None,
        journey: str | None = None,
        by: Iterable[str] = (),
        versions: Iterable[str] = (),
        spend: Iterable[str] = (),
        acquisition: Iterable[str] = (),
        experiment: str | None = None,
    ) -> Self:
        """The same from texts, as people write them; several names may stand in one, with commas between them.

        Raises:
            NoReport: a text is no day.
        """
        days = _day("from", since), _day("to", until)
        return cls(now, *days, journey, _names(by), tuple(versions), tuple(spend), _names(acquisition), experiment)

    @property
    def ends(self) -> date:
        """The first day that is not in it; without `until`, today is the last that is."""
        return self.until or self.now.date() + timedelta(days=1)

    def begins(self, days: int) -> date:
        """The first day; without `since`, so many days are in it."""
        return self.since or self.ends - timedelta(days=days)


@dataclass(frozen=True, slots=True)
class Named:
    """A report that there is: what it answers, what it takes, by what its rows may be told apart, and what makes it.

    `needs` are arguments without which it says nothing. `make` may raise `NoReport`.
    """

    name: str
    title: str
    about: str
    make: "Callable[[Database, Asked], Awaitable[Report]]"
    takes: frozenset[Argument] = field(default_factory=frozenset)
    needs: frozenset[Argument] = field(default_factory=frozenset)
    by: Sequence[str] = ()

    def check(self, asked: Asked) -> None:
        """Whether it can answer this at all.

        Raises:
            NoReport: it takes no such argument, or needs one; or there is no day to look at.
        """
        given = {
            Argument.JOURNEY: asked.journey,
            Argument.BY: asked.by,
            Argument.FROM: asked.since,
            Argument.VERSIONS: asked.versions,
            Argument.SPEND: asked.spend,
            Argument.ACQUISITION: asked.acquisition,
            Argument.EXPERIMENT: asked.experiment,
        }
        for argument, value in given.items():
            if value and argument not in self.takes | self.needs:
                raise NoReport(f"the report {self.name} takes no {argument}; it takes {self._said(self.takes | self.needs)}")
            if not value and argument in self.needs:
                raise NoReport(f"the report {self.name} needs a {argument}")
        if unknown := [each for each in asked.by if each not in self.by]:
            raise NoReport(f"the report {self.name} is not told apart by {unknown[0]}; there are {', '.join(self.by)}")
        if asked.versions and len(asked.versions) != _TWO:
            raise NoReport("name two versions, or none for the two that began last")
        if asked.since is not None and asked.since >= asked.ends:
            raise NoReport(f"from {asked.since} to {asked.ends} there is no day: a report ends before the day in `to`")

    @staticmethod
    def _said(arguments: frozenset[Argument]) -> str:
        return ", ".join(("to", *sorted(arguments)))


def _names(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for text in texts for each in text.split(",") if (name := each.strip()))


def _day(name: str, text: str | None) -> date | None:
    try:
        day = date.fromisoformat(text) if text else None
    except ValueError:
        raise NoReport(f"{name}: {text} is no day; write 2026-03-01") from None
    if day is not None and not _FIRST <= day <= _LAST:
        raise NoReport(f"{name}: {text} is a day of which nothing can be known; write one from {_FIRST} to {_LAST}")
    return day


def share(part: float | Decimal, whole: float | Decimal) -> float | None:
    """A part of a whole; None where there is nothing to divide by."""
    return float(part) / float(whole) if whole else None


def counted(number: int, one: str) -> str:
    """So many of something, as a sentence says it: 1 order, 2,000 orders."""
    return f"{number:,} {one}{'' if number == 1 else 's'}"
