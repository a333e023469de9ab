"""Two versions of a journey side by side: what became of the messages of each, and what it brought against its holdout."""

from collections.abc import Collection, Sequence
from datetime import date
from itertools import combinations

from activities.measuring.looking import CONVERSION, ORDER_VALUE, REVENUE, Looked, look
from api.reports.experiments import RETURN, by_customer, not_over, returned, taken
from journeys.arms import HOLDOUT, WITHHELD, WRITTEN
from store import Database, queries
from store.errors import NoReport
from store.reports import counting
from store.reports.counting import Group
from store.reports.report import Asked, Cell, Chart, Column, Drawn, Report, Table, Unit

_SQL = queries("reports")
_TWO = 2
_NAME = (
    Column("version", Unit.TEXT, "The version of the catalogue."),
    Column("first_day", Unit.DAY, "The first day on which something of it was due, or somebody exposed."),
    Column("last_day", Unit.DAY, "The last one."),
)
_BROUGHT = (
    Column("exposed", Unit.COUNT, "Customers in the arm that is written to; all are in it where there is no holdout."),
    Column("exposed_holdout", Unit.COUNT, "Customers in the version's own holdout."),
    Column("conversion_rate", Unit.SHARE, "Exposed customers with a conversion in the window / exposed customers, written to."),
    Column("conversion_rate_holdout", Unit.SHARE, "The same of the holdout."),
    Column("lift", Unit.LIFT, "The first / the second - 1."),
    Column("lift_low", Unit.LIFT, "From, by the bounds that hold at every look."),
    Column("lift_high", Unit.LIFT, "To."),
    Column(
        "decision",
        Unit.TEXT,
        "part (what is to be concluded `experiments` says, of all versions), early, broken or not measured; of the only"
        " version what its conversion rate has come to.",
    ),
    Column("incremental_conversions", Unit.NUMBER, "Difference of the rates by exposed customers, written to."),
    Column("currency", Unit.TEXT, "In which money is counted; nothing where the journey names none.", aside=True),
    Column("revenue_per_recipient", Unit.MONEY, "Revenue less refunds / exposed customers, written to."),
    Column("incremental_revenue", Unit.MONEY, "Difference of revenue per customer by exposed customers, written to."),
    Column("roi", Unit.LIFT, RETURN),
)
_RULES = (
    "What a version does is told by the lift against its own holdout.",
    "Each is read by what is declared of the journey's holdout, as in the report of experiments.",
    "Customers were not drawn into versions by lot, they came on other days: a difference need not be the version's doing.",
    "All days of each version up to the day of the report; who was exposed counts for the version of that run.",
)


async def versions(database: Database, asked: Asked, *, silent: Collection[str]) -> Report:
    """The report, of two versions, or else of the two that began last."""
    journey = asked.journey or ""
    known = {row["version"]: row for row in await database.pool.fetch(_SQL["versions"], journey)}
    chosen = _chosen(journey, list(known), asked.versions)
    begins = min((known[name]["first"] for name in chosen), default=asked.ends)
    groups = {
        str(group.labels[0]): group
        for group in await counting.counted(database, begins, asked.ends, journey, ("version",), silent)
    }
    metrics = (CONVERSION, REVENUE, ORDER_VALUE)
    found = await look(database, asked.ends, asked.now.date(), journey=journey, by=("version",), metrics=metrics)
    looked = {each.labels[0]: each for each in found if _own(each)}
    shown, alone = [groups.get(name, Group((name,))) for name in chosen], len(looked) == 1
    rows = tuple(
        (
            name,
            known[name]["first"],
            known[name]["last"],
            *counting.cells(group, shown),
            *_cells(looked.get(name), alone=alone),
        )
        for name, group in zip(chosen, shown, strict=True)
    )
    table = Table(
        "versions",
        f"Versions of {journey}, side by side",
        (*_NAME, *counting.columns(shown), *_BROUGHT),
        rows,
        (
            Chart(
                Drawn.INTERVALS,
                "Lift of the conversion rate against its holdout",
                ("version",),
                ("lift",),
                "lift_low",
                "lift_high",
            ),
        ),
    )
    return Report(
        "versions",
        f"Versions of {journey}",
        (*_RULES, *counting.RULES),
        begins,
        asked.ends,
        (table,),
        (*_alone(journey, chosen, begins), *_compared([looked[name] for name in chosen if name in looked])),
        (
            *not_over(list(looked.values()), asked),
            *counting.unknown(shown, silent),
            *await taken(database, None, asked.ends, journey),
        ),
    )


def _own(looked: Looked) -> bool:
    return looked.name.startswith(f"{HOLDOUT}/")


def _chosen(journey: str, known: Sequence[str], asked: Sequence[str]) -> list[str]:
    if unknown := [name for name in asked if name not in known]:
        raise NoReport(f"of {journey} there are no sums of version {unknown[0]}; there are {', '.join(known) or 'none'}")
    return list(asked) if asked else list(known[-_TWO:])


def _cells(looked: Looked | None, *, alone: bool) -> tuple[Cell, ...]:
    if looked is None:
        return (None,) * len(_BROUGHT)
    found = looked.counting(CONVERSION, WRITTEN)
    rates = [by_customer(looked.total(CONVERSION, arm)) for arm in (WRITTEN, WITHHELD)]
    return (
        looked.exposed.get(WRITTEN, 0),
        looked.exposed.get(WITHHELD, 0),
        *(rates if looked.rule else (None, None)),
        found.lift if found else None,
        *((found and found.lift_interval) or (None, None)),
        looked.decision(CONVERSION, WRITTEN, alone=alone),
        looked.added(CONVERSION, WRITTEN).value,
        looked.currency,
        by_customer(looked.total(ORDER_VALUE, WRITTEN)) if looked.rule else None,
        looked.added(REVENUE, WRITTEN).value,
        returned(looked, WRITTEN).value,
    )


def _alone(journey: str, chosen: Sequence[str], begins: date) -> list[str]:
    if len(chosen) != 1:
        return []
    return [f"Of {journey} there is only one version, {chosen[0]}, since {begins}: there is none yet to compare it with."]


def _compared(looked: Sequence[Looked]) -> list[str]:
    """Whether one of two versions does more than the other: their bounds are apart, each of which holds at every look."""
    found = [(each.labels[0], finding.lift_interval) for each in looked if (finding := each.counting(CONVERSION, WRITTEN))]
    told = []
    for (one, bounds), (other, others) in combinations(found, _TWO):
        if bounds is None or others is None:
            told.append(f"It may not be concluded yet whether {one} does more than {other}: of one there are no bounds.")
        elif bounds.low > others.high or others.low > bounds.high:
            more, less = (one, other) if bounds.low > others.high else (other, one)
            told.append(
                f"It may be concluded that the lift of {more} is above that of {less}: their bounds do not overlap. Whether the"
                " version does it, or the days on which its customers came, may not."
            )
        else:
            told.append(f"It may not be concluded that one of {one} and {other} does more: the bounds of their lifts overlap.")
    return told
