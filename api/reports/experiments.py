"""The report of experiments and holdouts: what may be concluded of each, what it brought, and what that cost."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

from api.reports.looking import CONVERSION, METRICS, ORDER_VALUE, REVENUE, Added, Looked, look
from journeys.experiments import Decision, Experiment, Finding, Metric, days_to_go, method, verdict
from segments import Effect
from store import Database, queries
from store.reports.counting import LABELS
from store.reports.report import Asked, Cell, Chart, Column, Drawn, Report, Table, Unit, share

_SQL = queries("reports")
#: For how large a lift people needed are told.
LIFT = 0.1
_WHO = (
    Column("experiment", Unit.TEXT, "As in j.experiment; $holdout/ and a journey for its holdout, $holdout for the company's."),
    Column("arm", Unit.TEXT, "The arm that is compared."),
    Column("against", Unit.TEXT, "The arm with which it is compared: the holdout, one named control, or the first by name."),
)
_BROUGHT = (
    Column("exposed", Unit.COUNT, "Customers in the arm, from the first time their message passed the holdout question."),
    Column("exposed_against", Unit.COUNT, "The same of the arm with which it is compared."),
    Column("split_p", Unit.NUMBER, "The sample ratio's smallest p so far: at 0.01 or below it rings.", aside=True),
    Column("judged_by", Unit.TEXT, "The metric by which the journey says it is judged.", aside=True),
    Column("decision", Unit.TEXT, "What that has come to: higher, lower, open, early, not shown, broken or not measured."),
    Column("incremental_conversions", Unit.NUMBER, "(Rate of the arm - rate of the other) by customers in the arm."),
    Column("incremental_conversions_low", Unit.NUMBER, "From, by the bounds that hold at every look.", aside=True),
    Column("incremental_conversions_high", Unit.NUMBER, "To.", aside=True),
    Column("currency", Unit.TEXT, "In which money is counted; nothing where the journey names none.", aside=True),
    Column("revenue_per_recipient", Unit.MONEY, "Revenue less refunds / customers in the arm.", aside=True),
    Column("incremental_revenue", Unit.MONEY, "Difference of revenue per customer by customers in the arm."),
    Column("incremental_revenue_low", Unit.MONEY, "From, by the bounds that hold at every look.", aside=True),
    Column("incremental_revenue_high", Unit.MONEY, "To.", aside=True),
    Column("messages", Unit.COUNT, "Messages sent to the arm's customers by what asks about the experiment.", aside=True),
    Column("cost", Unit.MONEY, "What they cost by declared prices; unknown without prices, or in several moneys.", aside=True),
    Column("margin", Unit.SHARE, "What the journey says is earned of revenue.", aside=True),
    Column("roi", Unit.LIFT, "(Incremental revenue by margin - cost) / cost; unknown without margin or cost."),
    Column("roi_low", Unit.LIFT, "From.", aside=True),
    Column("roi_high", Unit.LIFT, "To.", aside=True),
    Column("people_needed", Unit.COUNT, f"Customers in all arms who show a lift of {LIFT:+.0%} on the other arm's conversion"
           " rate so far, in 80 of 100 such experiments.", aside=True),
    Column("days_to_go", Unit.COUNT, "Days until there are so many, at the pace so far.", aside=True),
    Column("verdict", Unit.TEXT, "What may be concluded, and what not.", aside=True),
)  # fmt: skip
_FOUND = (
    Column("lift", Unit.LIFT, "The first / the second - 1."),
    Column("lift_low", Unit.LIFT, "From, by the bounds that hold at every look."),
    Column("lift_high", Unit.LIFT, "To."),
    Column("p", Unit.NUMBER, "The smallest p so far, valid at every look."),
    Column("decision", Unit.TEXT, "What this has come to."),
    Column("verdict", Unit.TEXT, "What may be concluded, and what not.", aside=True),
)
_MEANS = {
    CONVERSION: ("Conversion rate", Unit.SHARE, "exposed customers with a conversion in the window / exposed customers"),
    "orders": ("Orders per customer", Unit.NUMBER, "orders less cancelled ones in the window / exposed customers (CUPED)"),
    REVENUE: ("Revenue per customer", Unit.MONEY, "revenue less refunds, capped as declared / exposed customers (CUPED)"),
    ORDER_VALUE: ("Order value", Unit.MONEY, "revenue less refunds / orders"),
}  # fmt: skip
RULES = (
    "Compared are customers from the first time their message passed the holdout question, in both arms, by their first arm.",
    "An experiment is read from its first day on.",
    "What counts: what the journey declares (docs/measuring.md), on the day on which it was; an order once.",
    "The declared metric judges; the others stand beside it without a correction, so that of many one may differ by chance.",
    "The sample ratio rings where the arms are not of the shares by which they were drawn: then nothing counts.",
)


async def experiments(database: Database, asked: Asked) -> Report:
    """The report, of a journey or of all, in parts by version or segment where that is asked."""
    looked = await look(database, asked.ends, journey=asked.journey, by=asked.by)
    labels = tuple(LABELS[name] for name in asked.by)
    whose = f" of {asked.journey}" if asked.journey else ""
    tables = [_brought(looked, labels), *(_measured(looked, labels, metric) for metric in METRICS)]
    return Report(
        "experiments",
        f"Experiments and holdouts{whose}",
        (*RULES, *dict.fromkeys(method(each.results[each.judged].experiment) for each in looked if each.results)),
        None,
        asked.ends,
        tuple(tables),
        tuple(f"{each.title}: {_said(each)}" for each in looked),
        (*_unknown(looked, asked), *await taken(database, None, asked.ends, asked.journey)),
    )


async def taken(database: Database, since: date | None, until: date, journey: str | None) -> list[str]:
    """What retention and erasure have taken of some days."""
    row = await database.pool.fetchrow(_SQL["taken"], since, until, journey)
    assert row is not None, "a select without from always answers"
    if not row["people"]:
        return []
    sentence = f"{row['people']:,} exposures are in the sums alone, since their customers were erased"
    if row["known_from"]:
        sentence += f", or their events from before {row['known_from']:%Y-%m-%d} were kept for as long as they may be"
    return [f"{sentence}: they count as they stood then, and later news of them change nothing."]


def _said(looked: Looked) -> str:
    if looked.broken:
        return f"Nothing may be concluded: {looked.broken}; begin anew under another name."
    if looked.rule is None:
        return "Nothing is measured: its journey declares no goal and no conversion."
    if not looked.results:
        return "There is nothing to compare: nobody is in another arm."
    return verdict(looked.results[looked.judged])


def _brought(looked: Sequence[Looked], labels: tuple[Column, ...]) -> Table:
    return Table(
        "experiments",
        "What each arm brought that it would not have brought without",
        (*_WHO[:1], *labels, *_WHO[1:], *_BROUGHT),
        tuple(_row(each, arm) for each in looked for arm in each.treated),
        (
            Chart(
                Drawn.INTERVALS,
                "Incremental conversions",
                ("experiment", *(column.name for column in labels), "arm"),
                ("incremental_conversions",),
                "incremental_conversions_low",
                "incremental_conversions_high",
            ),
        ),
    )


def _row(looked: Looked, arm: str) -> tuple[Cell, ...]:
    cost, _ = looked.cost(arm)
    conversions, revenue = looked.added(CONVERSION, arm), looked.added(REVENUE, arm)
    result = looked.results.get(looked.judged)
    return (
        looked.name,
        *looked.labels,
        arm,
        looked.control,
        looked.exposed.get(arm, 0),
        looked.exposed.get(looked.control, 0),
        result.split.p if result else None,
        looked.judged,
        looked.decision(looked.judged, arm),
        *conversions.cells,
        looked.currency,
        share(looked.total(ORDER_VALUE, arm).y, looked.exposed.get(arm, 0)) if looked.rule else None,
        *revenue.cells,
        looked.sent.get(arm, 0),
        cost,
        looked.rule.margin if looked.rule else None,
        *returned(looked, arm).cells,
        *_still_needed(looked, arm),
        _said(looked),
    )


def returned(looked: Looked, arm: str) -> Added:
    """The return on what the arm's messages cost; unknown where there is no margin, no cost, or another money."""
    (cost, money), margin = looked.cost(arm), looked.rule.margin if looked.rule else None
    if not cost or margin is None or money != looked.currency:
        return Added()
    return Added(*(None if each is None else (each * margin - cost) / cost for each in looked.added(REVENUE, arm).cells))


def _still_needed(looked: Looked, arm: str) -> tuple[int | None, int | None]:
    """People in all arms who show a lift, and days until there are so many; nothing where it is decided."""
    result = looked.results.get(CONVERSION)
    if result is None or looked.decision(CONVERSION, arm) not in (Decision.OPEN, Decision.EARLY):
        return None, None
    rate = share(looked.total(CONVERSION, looked.control).y, looked.exposed.get(looked.control, 0))
    if not rate or rate * (1 + LIFT) >= 1:
        return None, None
    planned = Experiment(looked.name, Metric("conversion rate"), looked.shares, looked.control, effect=Effect(rate, LIFT))
    needed = planned.people_needed
    return needed, None if needed is None else days_to_go(needed, result.people, result.people / result.looks)


def _measured(looked: Sequence[Looked], labels: tuple[Column, ...], metric: str) -> Table:
    title, unit, about = _MEANS[metric]
    return Table(
        metric.replace(" ", "_"),
        title,
        (
            *_WHO[:1],
            *labels,
            _WHO[1],
            replace(_WHO[2], aside=True),
            Column("currency", Unit.TEXT, "In which money is counted; nothing where the journey names none.", aside=True),
            Column("mean", unit, f"Of the arm: {about}."),
            Column("mean_against", unit, "The same of the arm with which it is compared."),
            *(
                Column(name, Unit.NUMBER if unit is Unit.SHARE else unit, say, aside=True)
                for name, say in (("difference", "The first less the second."), ("low", "From."), ("high", "To."))
            ),
            *_FOUND,
        ),
        tuple(_found(each, arm, metric) for each in looked for arm in each.treated),
        (Chart(Drawn.INTERVALS, f"{title}: lift", ("experiment", "arm"), ("lift",), "lift_low", "lift_high"),),
    )


def _found(looked: Looked, arm: str, metric: str) -> tuple[Cell, ...]:
    result, found = looked.results.get(metric), looked.counting(metric, arm)
    means = _seen(looked, arm, metric) if found is None or found.means is None else found.means
    return (
        looked.name,
        *looked.labels,
        arm,
        looked.control,
        looked.currency,
        *means,
        *(_bounds(found) if found else (None,) * 6),
        found.p if found else None,
        looked.decision(metric, arm),
        verdict(result) if result else _said(looked),
    )


def _bounds(found: Finding) -> tuple[float | None, ...]:
    nothing = (None, None)
    return (found.difference, *(found.interval or nothing), found.lift, *(found.lift_interval or nothing))


def _seen(looked: Looked, arm: str, metric: str) -> tuple[float | None, float | None]:
    """The means where there are too few for bounds."""
    pair = [(looked.total(metric, each), looked.exposed.get(each, 0)) for each in (arm, looked.control)]
    if looked.rule is None:
        return None, None
    one, other = (share(sums.y, sums.x if metric == ORDER_VALUE else people) for sums, people in pair)
    return one, other


def _unknown(looked: Sequence[Looked], asked: Asked) -> Iterator[str]:
    if asked.by and len(looked) > 1:
        yield f"{len(looked)} parts were looked at: where nothing differs in any, one in 20 may show something all the same."
    if any(each.rule is not None and each.rule.margin is None for each in looked):
        yield "Where a journey declares no margin (Conversion(margin=0.35)) there is no return: roi is unknown."
    if any(each.rule is not None and not each.currency for each in looked):
        yield "Where a journey names no currency all money is taken for the same, and none is compared with what messages cost."
    if any(len(each.costs.get(arm, {})) > 1 for each in looked for arm in each.treated):
        yield "Where messages cost in several moneys, what they cost together is unknown."
    if any(each.rule is not None and each.rule.cap is not None for each in looked):
        yield "Where a journey declares a cap, incremental revenue is of money up to it; revenue_per_recipient has all of it."
