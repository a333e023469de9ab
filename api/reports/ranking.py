"""Journeys by what they bring for what they cost: incremental conversions by messages sent, as their holdouts tell."""

from activities.measuring.looking import CONVERSION, REVENUE, Added, Looked, look
from api.reports.experiments import RETURN, not_over, returned, taken
from journeys.arms import HOLDOUT, WRITTEN
from journeys.experiments import Decision
from store import Database
from store.reports import counting
from store.reports.messages import DAYS
from store.reports.report import Asked, Cell, Chart, Column, Drawn, Report, Table, Unit

_THOUSAND = 1000
#: Where a journey stands by what its holdout has shown: first those that raise, last those of which nothing may be said.
_ORDER = (Decision.HIGHER, Decision.OPEN, Decision.EARLY, Decision.NOT_SHOWN, Decision.LOWER)
_COLUMNS = (
    Column("rank", Unit.COUNT, "Its place by the rule; nothing where nothing may be said."),
    Column("journey", Unit.TEXT, "The journey."),
    Column("decision", Unit.TEXT, "What its holdout has shown of the conversion rate: higher, open, early, lower, broken."),
    Column("lift", Unit.LIFT, "The conversion rate of those written to / that of the holdout - 1."),
    Column("incremental_conversions", Unit.NUMBER, "Difference of the rates by customers written to."),
    Column("messages", Unit.COUNT, "Messages sent to them: the effort."),
    Column("per_1000_messages", Unit.NUMBER, "Incremental conversions by thousand messages sent."),
    Column("per_1000_low", Unit.NUMBER, "From, by the bounds that hold at every look."),
    Column("per_1000_high", Unit.NUMBER, "To."),
    Column("currency", Unit.TEXT, "In which money is counted; nothing where the journey names none.", aside=True),
    Column("cost", Unit.MONEY, "What the messages cost by declared prices; unknown without prices.", aside=True),
    Column("incremental_revenue", Unit.MONEY, "Difference of revenue per customer by customers written to.", aside=True),
    Column("revenue_by_cost", Unit.NUMBER, "Incremental revenue for each unit of cost, in one currency.", aside=True),
    Column("roi", Unit.LIFT, RETURN, aside=True),
)
_RULES = (
    "Effort: messages sent to customers outside of the holdout, from the first day of the holdout on.",
    "Effect: what they did more than the holdout, which is incremental conversions, and not all conversions.",
    "First stand journeys whose raise is shown, then those still open, then those that lower.",
    "Within each, the order is by incremental conversions by thousand messages.",
)


async def ranking(database: Database, asked: Asked) -> Report:
    """The report, of all journeys with a holdout of their own."""
    looked = await look(database, asked.ends, asked.now.date(), metrics=(CONVERSION, REVENUE))
    measured = [each for each in looked if each.name.startswith(f"{HOLDOUT}/")]
    measured.sort(key=_place)
    rows = tuple(_row(n, each) for n, each in enumerate(measured, 1))
    table = Table(
        "ranking",
        "Journeys by incremental conversions for their messages",
        _COLUMNS,
        rows,
        (
            Chart(
                Drawn.INTERVALS,
                "Incremental conversions by thousand messages",
                ("journey",),
                ("per_1000_messages",),
                "per_1000_low",
                "per_1000_high",
            ),
        ),
    )
    return Report(
        "ranking",
        "Journeys by lift for effort",
        _RULES,
        None,
        asked.ends,
        (table,),
        notes=(
            *not_over(measured, asked),
            *await _unmeasured(database, asked, measured),
            *await taken(database, None, asked.ends, None),
        ),
    )


def effort(looked: Looked) -> Added:
    """Incremental conversions by thousand messages, with their bounds."""
    return looked.added(CONVERSION, WRITTEN).each(looked.sent.get(WRITTEN, 0) / _THOUSAND)


def _place(looked: Looked) -> tuple[int, float, str]:
    come_to, by_effort = looked.decision(CONVERSION, WRITTEN), effort(looked).value
    known = [str(each) for each in _ORDER]
    return known.index(come_to) if come_to in known else len(known), -(by_effort or 0.0), looked.name


def _row(place: int, looked: Looked) -> tuple[Cell, ...]:
    found, by_effort = looked.counting(CONVERSION, WRITTEN), effort(looked)
    (cost, money), revenue = looked.cost(WRITTEN), looked.added(REVENUE, WRITTEN)
    return (
        place if by_effort.value is not None else None,
        looked.name.removeprefix(f"{HOLDOUT}/"),
        looked.decision(CONVERSION, WRITTEN),
        found.lift if found else None,
        looked.added(CONVERSION, WRITTEN).value,
        looked.sent.get(WRITTEN, 0),
        *by_effort.cells,
        looked.currency,
        cost,
        revenue.value,
        revenue.each(cost).value if money == looked.currency else None,
        returned(looked, WRITTEN).value,
    )


async def _unmeasured(database: Database, asked: Asked, measured: list[Looked]) -> list[str]:
    """Journeys that send and have no holdout."""
    have = {each.name.removeprefix(f"{HOLDOUT}/") for each in measured}
    sending = await counting.counted(database, asked.begins(DAYS), asked.ends, None, ("journey",), ())
    names = [str(group.labels[0]) for group in sending if group.n("sent") and group.labels[0] not in have]
    return [f"Not measured, since they have no holdout of their own: {', '.join(names)}."] if names else []
