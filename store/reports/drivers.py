"""What goes with converting: features of customers as of their exposure, with the rates of who has them and who has not.

Promise: a feature is what was so before the exposure, never what came after it. Nothing is said of fewer than ten people, who
converted or did not. A row is an association, and says so: who has a feature is other in many ways at once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from store.database import Database
from store.errors import NoReport
from store.named import queries
from store.reports.compared import Between, difference, q_values, unlike
from store.reports.gone import midnight, missing
from store.reports.report import Argument, Asked, Cell, Chart, Column, Drawn, Named, Report, Table, Unit

_SQL = queries("drivers")
_LONGEST = 600.0  # seconds
#: Days of a report whose beginning nobody said.
DAYS = 28
#: The least number of people in any cell of a row.
LEAST = 10
#: An association is told in a sentence where its q is at most this.
_TOLD = 0.05
_SENTENCES = 5


@dataclass(frozen=True, slots=True)
class Counting:
    """Which features there are.

    Args:
        before: For how long before the exposure what a customer did is a feature.
        least: The least number of people who have a feature and converted, have it and did not, and so on; ten or more.
    """

    before: timedelta = timedelta(days=28)
    least: int = LEAST

    def __post_init__(self) -> None:
        if self.least < LEAST:
            raise NoReport(f"least={self.least}: nothing is said of fewer than {LEAST} people")
        if self.before <= timedelta():
            raise NoReport("before must be longer than nothing, such as timedelta(days=28)")


@dataclass(frozen=True, slots=True)
class Feature:
    """Of the people with a feature so many converted, and of the others; what is left out is in neither.

    `kind`: trait, segment, channel or event; `name` and, of a trait, `what`: its value as text.
    """

    segment: str
    kind: str
    name: str
    what: str
    people: int
    converted: int
    others: int
    others_converted: int

    @property
    def label(self) -> str:
        """As a person says it."""
        match self.kind:
            case "trait":
                return f"{self.name} is {self.what}"
            case "segment":
                return f"in {self.name}"
            case "channel":
                return f"reachable by {self.name}"
            case _:
                return f"did {self.name}"

    @property
    def difference(self) -> Between:
        """The rate of those who have it less that of the others."""
        return difference((self.converted, self.people), (self.others_converted, self.others))

    @property
    def p(self) -> float:
        """Of its own, as if nothing else had been looked at."""
        return unlike((self.converted, self.people), (self.others_converted, self.others))


@dataclass(frozen=True, slots=True)
class Features:
    """Those of which something may be said, and the names of those of which nothing is: so `few` are left out of them.

    Whoever knows how many there are in all would learn of these few from the row.
    """

    told: tuple[Feature, ...]
    few: tuple[str, ...]


async def features(
    database: Database, journey: str, since: datetime, until: datetime, counting: Counting, *, by_segment: bool = False
) -> Features:
    """The features of a journey's exposed customers, each with ten people or more in each of its cells."""
    rows = await database.pool.fetch(
        _SQL["drivers"], journey, since, until, counting.before, by_segment, counting.least, timeout=_LONGEST
    )
    found = [(Feature(**{name: value for name, value in row.items() if name != "of_few"}), row["of_few"]) for row in rows]
    kept: list[Feature] = []
    for _, values in groupby((each for each, few in found if not few), key=lambda each: (each.segment, each.kind, each.name)):
        kept += _not_betraying(list(values), counting.least)
    return Features(tuple(kept), tuple(dict.fromkeys(_name_of(each) for each, few in found if few)))


def _name_of(feature: Feature) -> str:
    named = feature.name if feature.kind == "trait" else feature.label
    return f"{named} ({feature.segment})" if feature.segment else named


async def report(database: Database, asked: Asked, counting: Counting | None = None) -> Report:
    """The rates with and without each feature, what is most surely associated first."""
    counting, by_segment, journey = counting or Counting(), "segment" in asked.by, asked.journey or ""
    since = asked.begins(DAYS)
    days = (midnight(since), midnight(asked.ends))
    people = await database.pool.fetchval(_SQL["exposed"], journey, *days, timeout=_LONGEST)
    found = await features(database, journey, *days, counting, by_segment=by_segment)
    told = sorted(zip(found.told, q_values([each.p for each in found.told]), strict=True), key=_surest)
    return Report(
        name="drivers",
        title=f"What is associated with converting in {journey}",
        rules=_rules(counting),
        since=since,
        until=asked.ends,
        tables=(_table(told),),
        findings=tuple(_findings(told)),
        notes=(*_few(people, found, counting), *(await missing(database, since))),
    )


def _not_betraying(values: Sequence[Feature], least: int) -> list[Feature]:
    """Values of one trait without the smallest ones, where who has none of those shown would be fewer than `least`."""
    shown = sorted(values, key=lambda each: each.people, reverse=True)
    while len(shown) > 1 and shown[0].kind == "trait":
        rest = shown[0].people + shown[0].others - sum(each.people for each in shown)
        converted = shown[0].converted + shown[0].others_converted - sum(each.converted for each in shown)
        if not any(0 < cell < least for cell in (converted, rest - converted)):
            break
        shown.pop()
    return shown


def _surest(told: tuple[Feature, float]) -> tuple[Any, ...]:
    feature, q = told
    return q, -abs(feature.difference.value), feature.segment, feature.label


def _rules(counting: Counting) -> tuple[str, ...]:
    days = counting.before // timedelta(days=1)
    return (
        "Customers exposed to the journey on these days (UTC), in all arms, each once; converted as it declares, so far.",
        f"A feature was so at exposure: a trait's value, a segment, an address on a channel, an event of {days} days before.",
        "Whose trait was said anew since, or whose segment was not looked at yet, is left out of that feature's row.",
        "Difference: the rate with less the rate without; its interval (95 of 100) is Newcombe's, for this row alone.",
        "q: of all rows up to it, told as associated, so large a share is expected to be chance (Benjamini and Hochberg).",
        f"Nothing is said of fewer than {counting.least} people, with or without it, converted or not.",
        "Associated, never a cause: who has a feature is other in many ways at once. An experiment tells what a change does.",
    )


def _few(people: int, found: Features, counting: Counting) -> Iterable[str]:
    if not people:
        yield (
            "Nobody was exposed to this journey on these days; customers are where it has a holdout or an experiment,"
            " and is measured by something (`conversion=`, `kpi=` or `goal=`)."
        )
    elif not found.told:
        yield f"No feature has {counting.least} people or more in each of its four cells, so nothing is said."
    if found.few:
        yield (
            f"Not told, since fewer than {counting.least} customers would be left out of it, and known by what is told of the"
            f" others: {', '.join(found.few)}."
        )


def _table(told: Sequence[tuple[Feature, float]]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for each, q in told:
        with_, without = each.converted / each.people, each.others_converted / each.others
        rows.append((each.segment, each.label, each.people, with_, each.others, without, *each.difference, each.p, q))
    columns = (
        Column("segment", Unit.TEXT, "The segment by which the customers entered, where that is asked for.", aside=True),
        Column("feature", Unit.TEXT, "What was so of some of them at the exposure."),
        Column("with", Unit.COUNT, "Customers of whom it was so.", aside=True),
        Column("rate_with", Unit.SHARE, "Converted / customers of whom it was so."),
        Column("without", Unit.COUNT, "Customers of whom it was not.", aside=True),
        Column("rate_without", Unit.SHARE, "Converted / customers of whom it was not."),
        Column("difference", Unit.POINTS, "The rate with less the rate without."),
        Column("low", Unit.POINTS, "From here on the difference is, in 95 of 100 such samples."),
        Column("high", Unit.POINTS, "Up to here."),
        Column(
            "p", Unit.NUMBER, "How rarely chance alone shows so large a difference, had one row been looked at.", aside=True
        ),
        Column("q", Unit.NUMBER, "The share of chance findings to expect among all rows up to this one."),
    )
    chart = Chart(
        Drawn.INTERVALS, "Difference of conversion rates", ("segment", "feature"), ("difference",), low="low", high="high"
    )
    return Table("drivers", "Associated with converting", columns, tuple(rows), (chart,))


def _findings(told: Sequence[tuple[Feature, float]]) -> Iterable[str]:
    sure = [each for each, q in told if q <= _TOLD]
    if told and not sure:
        yield f"Of the features looked at ({len(told)}), none is associated with converting so surely that it is told."
    for each in sure[:_SENTENCES]:
        with_, without = each.converted / each.people, each.others_converted / each.others
        which = f" ({each.segment})" if each.segment else ""
        rates = f"{100 * with_:.1f} % with it, {100 * without:.1f} % without"
        yield f"'{each.label}' is associated with converting{which}: {rates}."


REPORT = Named(
    "drivers",
    "What is associated with converting",
    "Per trait, segment, channel and event: the conversion rates with and without it. Associations, no causes.",
    report,
    takes=frozenset({Argument.BY, Argument.FROM}),
    needs=frozenset({Argument.JOURNEY}),
    by=("segment",),
)
