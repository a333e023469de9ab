"""The report of experiments and holdouts: what may be concluded of each, what it brought, and what that cost."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from math import isinf

from activities.measuring.looking import CONVERSION, METRICS, ORDER_VALUE, REVENUE, Added, Looked, day_by_day, look
from journeys.arms import HOLDOUT, WITHHELD
from journeys.experiments import (
    Comparison,
    Decision,
    Finding,
    Question,
    Result,
    Sums,
    days_to_go,
    decision,
    method,
    people_from,
    verdict,
)
from segments import Effect
from store import Database, queries
from store.errors import NoReport
from store.measuring import experiments as decided
from store.measuring.experiments import Decided
from store.reports.counting import LABELS
from store.reports.report import Asked, Cell, Chart, Column, Drawn, Report, Table, Unit, counted, share

_SQL = queries("reports")
#: For how large a lift people needed are told, where none is declared.
LIFT = 0.1
#: What an arm's messages return.
RETURN = (
    "(Incremental revenue by margin - cost) / cost; unknown without margin or cost, or where the other arm had messages, too."
)
_TWO = 2
_PART = "It is a part: its bounds are made as those of the whole, and what is to be concluded the whole alone says."
_STANDING = "{:,} exposures count as they last did: the rule of now asks for events that are gone."
_SHOWN = (Decision.HIGHER, Decision.LOWER)
_WHO = (
    Column("experiment", Unit.TEXT, "As in j.experiment; $holdout/ and a journey for its holdout, $holdout for the company's."),
    Column("arm", Unit.TEXT, "The arm that is compared; of factors the level, over all arms that it is in."),
    Column(
        "against",
        Unit.TEXT,
        "With which it is compared: the declared control, else the holdout, one named control, or the first"
        " by name; of the interaction of two factors what both would add up to.",
    ),
)
_BROUGHT = (
    Column("exposed", Unit.COUNT, "Customers in the arm, from the first time their message passed the holdout question."),
    Column("exposed_against", Unit.COUNT, "The same of the arm with which it is compared."),
    Column("split_p", Unit.NUMBER, "The sample ratio's smallest p so far: at 0.01 or below it rings.", aside=True),
    Column("judged_by", Unit.TEXT, "The metric by which the journey says it is judged.", aside=True),
    Column("decision", Unit.TEXT, "What that has come to: higher, lower, open, early, not shown, part, broken, not measured."),
    Column("incremental_conversions", Unit.NUMBER, "(Rate of the arm - rate of the other) by customers in the arm."),
    Column("incremental_conversions_low", Unit.NUMBER, "From, by the bounds that hold at every look.", aside=True),
    Column("incremental_conversions_high", Unit.NUMBER, "To.", aside=True),
    Column("currency", Unit.TEXT, "In which money is counted; nothing where the journey names none.", aside=True),
    Column("revenue_per_recipient", Unit.MONEY, "Revenue less refunds / exposed customers in the arm.", aside=True),
    Column("incremental_revenue", Unit.MONEY, "Difference of revenue per customer (adjusted: CUPED) by customers in the arm."),
    Column("incremental_revenue_low", Unit.MONEY, "From, by the bounds that hold at every look.", aside=True),
    Column("incremental_revenue_high", Unit.MONEY, "To.", aside=True),
    Column("messages", Unit.COUNT, "Messages sent to the arm's customers by what asks about the experiment.", aside=True),
    Column("cost", Unit.MONEY, "What they cost by declared prices; unknown without prices, or in several moneys.", aside=True),
    Column("margin", Unit.SHARE, "What the journey says is earned of revenue.", aside=True),
    Column("roi", Unit.LIFT, RETURN),
    Column("roi_low", Unit.LIFT, "From.", aside=True),
    Column("roi_high", Unit.LIFT, "To.", aside=True),
    Column("plan", Unit.TEXT, "What was declared before: when it is over, what it is to find.", aside=True),
    Column("over", Unit.TEXT, "Whether the declared end has come: yes or no; unknown without one, and of a part.", aside=True),
    Column("people_needed", Unit.COUNT, "Customers in all arms who show, in 80 of 100 such experiments, the declared lift of"
           f" what it is judged by, else one of {100 * LIFT:+.0f} %; by what the other arm came to so far.", aside=True),
    Column("days_to_go", Unit.COUNT, "Days until there are so many, at the pace so far.", aside=True),
    Column("verdict", Unit.TEXT, "What may be concluded, and what not.", aside=True),
)  # fmt: skip
_FOUND = (
    Column("lift", Unit.LIFT, "The first / the second - 1; unknown where one of them may be 0, by its own bounds."),
    Column("lift_low", Unit.LIFT, "From, by the bounds that hold at every look."),
    Column("lift_high", Unit.LIFT, "To."),
    Column("p", Unit.NUMBER, "The smallest p so far, valid at every look; nothing where at none there were enough."),
    Column("decision", Unit.TEXT, "What this has come to."),
    Column("verdict", Unit.TEXT, "What may be concluded, and what not.", aside=True),
)
_DECIDED = (
    _WHO[0],
    _WHO[1],
    Column("against", Unit.TEXT, "With which it was compared."),
    Column("judged_by", Unit.TEXT, "The metric by which it is judged."),
    Column(
        "decision",
        Unit.TEXT,
        "What was shown, or what it had come to at its declared end: higher, lower, not shown, early, broken.",
    ),
    Column("look", Unit.COUNT, "On which of its days, from 1."),
    Column("day", Unit.DAY, "Which day that was."),
    Column("people", Unit.COUNT, "Customers in the arms that it is about, when it was written down."),
    Column("difference", Unit.NUMBER, "The first less the second, as of that look; of a rate 0.01 is a point."),
    Column("low", Unit.NUMBER, "From, by the bounds that held then."),
    Column("high", Unit.NUMBER, "To."),
    Column("lift", Unit.LIFT, "The first / the second - 1."),
    Column("lift_low", Unit.LIFT, "From.", aside=True),
    Column("lift_high", Unit.LIFT, "To.", aside=True),
    Column("p", Unit.NUMBER, "The smallest p up to that look.", aside=True),
    Column("version", Unit.TEXT, "Of the catalogue, by whose declaration it was read.", aside=True),
    Column("written_down", Unit.DAY, "The day on which this was written down, by itself.", aside=True),
)
_DAYS = (
    _WHO[1],
    Column("against", Unit.TEXT, "With which it is compared."),
    Column("day", Unit.DAY, "At whose end (UTC) it stood so."),
    Column("people", Unit.COUNT, "Customers in these arms by then."),
    Column("lift", Unit.LIFT, "The first / the second - 1, of what it is judged by."),
    Column("lift_low", Unit.LIFT, "From, by the bounds that hold at every look; nothing where there are none yet."),
    Column("lift_high", Unit.LIFT, "To."),
    Column("p", Unit.NUMBER, "The smallest p up to that day."),
    Column("decision", Unit.TEXT, "What it had come to."),
)
_ADJUSTED = "adjusted by what they did before (CUPED) where it has bounds"
_MEANS = {
    CONVERSION: ("Conversion rate", Unit.SHARE, "exposed customers with a conversion in the window / exposed customers"),
    "orders": ("Orders per customer", Unit.NUMBER, f"orders less cancelled ones / exposed customers, {_ADJUSTED}"),
    REVENUE: ("Revenue per customer", Unit.MONEY, f"revenue less refunds, at most the cap / exposed customers, {_ADJUSTED}"),
    ORDER_VALUE: ("Order value", Unit.MONEY, "revenue less refunds / orders in the declared currency"),
}  # fmt: skip
RULES = (
    "Compared are customers from the first time their message passed the holdout question, in both arms, by their first arm.",
    "Whom a holdout withholds is in no arm of what a journey asks about: no message tells the arms apart for them.",
    "An experiment is read from its first day on, as of the end of each day (UTC): no comparison has today in it.",
    "What counts: what the journey declares (docs/measuring.md), on the day on which it was; an order once.",
    "The declared metric judges; the others stand beside it without a correction, so that of many one may differ by chance.",
    "The sample ratio rings where the arms are not of the shares by which they were drawn: then nothing counts.",
)


async def experiments(database: Database, asked: Asked) -> Report:
    """The report, of a journey or of all, in parts by version or segment where that is asked; or of one, also day by day.

    Raises:
        NoReport: there is no experiment of that name.
    """
    looked = await _looked(database, asked)
    kept = [each for each in await decided.decisions(database, [each.name for each in looked]) if _by_then(each, asked)]
    labels = tuple(LABELS[name] for name in asked.by)
    whose = f" of {asked.journey}" if asked.journey else ""
    tables = [_brought(looked, labels), *(_measured(looked, labels, metric) for metric in METRICS), _decisions(kept)]
    tables += [_day_by_day(each) for each in looked if asked.experiment is not None and not each.labels]
    return Report(
        "experiments",
        f"Experiments and holdouts{whose}",
        (*RULES, *_methods(looked), *_columns(tables)),
        None,
        asked.ends,
        tuple(tables),
        tuple(_findings(looked)),
        (
            *not_over(looked, asked),
            *_unknown(looked, asked),
            *await _with_nobody(database, asked, looked),
            *_otherwise(looked, kept),
            *await taken(database, None, asked.ends, asked.journey),
        ),
    )


async def _looked(database: Database, asked: Asked) -> list[Looked]:
    """All of them, or the one that is asked for, with its days."""
    anew = () if asked.experiment is None else (asked.experiment,)
    found = await look(database, asked.ends, asked.now.date(), journey=asked.journey, by=asked.by, anew=anew)
    if asked.experiment is None:
        return found
    one = [each for each in found if each.name == asked.experiment]
    if not one and not await database.pool.fetchval(_SQL["is_declared"], asked.experiment):
        there = ", ".join(dict.fromkeys(each.name for each in found)) or "none yet"
        raise NoReport(f"there is no experiment {asked.experiment}; there are {there}")
    return one


def _day_by_day(looked: Looked) -> Table:
    """How its bounds came to be what they are."""
    days = ((day, result, found) for day, result in day_by_day(looked) for found in result.findings)
    return Table("days", f"{looked.name}: day by day", _DAYS, tuple(_stood(*each) for each in days))


def _stood(day: date, result: Result, found: Finding) -> tuple[Cell, ...]:
    low, high = found.lift_interval or (None, None)
    lift = (None if each is None or isinf(each) else each for each in (found.lift, low, high))
    people = sum(group.people for group in found.groups)
    return (found.question.name, found.question.against, day, people, *lift, found.p, str(decision(result, found)))


def _columns(tables: Sequence[Table]) -> Iterator[str]:
    """By which rule each column is that a terminal shows, once; of means by their table."""
    told: dict[str, str] = {}
    for table in tables:
        for column in table.columns:
            name = f"{table.title}, mean" if column.name == "mean" else column.name.replace("_", " ")
            if table.rows and not column.aside:
                told.setdefault(name, column.about)
    yield from (f"{name}: {about}" for name, about in told.items())


async def _with_nobody(database: Database, asked: Asked, looked: Sequence[Looked]) -> list[str]:
    """What is declared and nobody is in; of one journey its holdout, since it is not told who asks about the others."""
    known, own = {each.name for each in looked}, f"{HOLDOUT}/{asked.journey}"
    rows = [] if asked.by else await database.pool.fetch(_SQL["in_force"], asked.ends)
    names = [row["experiment"] for row in rows if row["experiment"] not in known]
    names = [name for name in names if asked.experiment in (None, name)]
    names = [name for name in names if asked.journey is None or name == own]
    return [f"Declared, and nobody is in it yet: {', '.join(names)}."] if names else []


def _by_then(each: Decided, asked: Asked) -> bool:
    return each.day is None or each.day < asked.ends


def _methods(looked: Sequence[Looked]) -> Iterator[str]:
    """How they are read: what several have in common once, without their names where that is all of them."""
    told: dict[str, list[str]] = {}
    for each in looked:
        if each.results:
            told.setdefault(method(each.results[each.judged].experiment), []).append(each.title)
    yield from (said if len(told) == 1 else f"{', '.join(names)}: {said}" for said, names in told.items())


async def taken(database: Database, since: date | None, until: date, journey: str | None) -> list[str]:
    """What retention and erasure have taken of some days."""
    row = await database.pool.fetchrow(_SQL["taken"], since, until, journey)
    assert row is not None, "a select without from always answers"
    standing = [_STANDING.format(row["standing"])] if row["standing"] else []
    if not row["people"]:
        return standing
    are = "is" if row["people"] == 1 else "are"
    sentence = f"{counted(row['people'], 'exposure')} {are} in the sums alone, since their customers were erased"
    if row["known_from"]:
        sentence += f", or their events from before {row['known_from']:%Y-%m-%d} were kept for as long as they may be"
    return [f"{sentence}: they count as they stood then, and later news of them change nothing.", *standing]


def not_over(looked: Sequence[Looked], asked: Asked) -> list[str]:
    """How many came today."""
    came = sum(each.came(asked.now.date()) for each in looked)
    if not came:
        return []
    are = "is" if came == 1 else "are"
    told = f"{counted(came, 'exposure')} of today {are} counted, and looked at when the day is over (UTC)"
    return [f"{told}: verdicts, p, bounds, means and money are of the days before."]


def _findings(looked: Sequence[Looked]) -> Iterator[str]:
    """A sentence for each experiment; parts of which the same is said have it once."""
    told: dict[tuple[str, ...], list[str]] = {}
    for each in looked:
        told.setdefault((_said(each), *([] if each.labels else [each.name])), []).append(each.title)
    yield from (f"{', '.join(titles)}: {said}" for (said, *_), titles in told.items())


def _said(looked: Looked, metric: str | None = None) -> str:
    if looked.broken:
        return f"Nothing may be concluded: {looked.broken}; begin anew under another name."
    if looked.rule is None:
        return "Nothing is measured: its journey declares no goal and no conversion."
    if not looked.results:
        return "There is nothing to compare: nobody is in another arm."
    result = looked.results[metric or looked.judged]
    return verdict(result) if not looked.labels or result.split.alarm_at is not None else _PART


def _brought(looked: Sequence[Looked], labels: tuple[Column, ...]) -> Table:
    return Table(
        "experiments",
        "What each arm brought that it would not have brought without",
        (*_WHO[:1], *labels, *_WHO[1:], *_BROUGHT),
        tuple(_row(each, asked) for each in looked for asked in each.questions if len(asked.groups) == _TWO),
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


def _row(looked: Looked, asked: Question) -> tuple[Cell, ...]:
    treated, control = asked.groups
    cost, _ = looked.cost(*treated)
    conversions, revenue = looked.added(CONVERSION, asked), looked.added(REVENUE, asked)
    result = looked.results.get(looked.judged)
    plan = looked.plan
    return (
        looked.name,
        *looked.labels,
        asked.name,
        asked.against,
        looked.people(treated),
        looked.people(control),
        result.split.p if result else None,
        looked.judged,
        looked.decision(looked.judged, asked),
        *conversions.cells,
        looked.currency,
        by_customer(looked.total(ORDER_VALUE, *treated)) if looked.rule else None,
        *revenue.cells,
        sum(looked.sent.get(arm, 0) for arm in treated),
        cost,
        looked.rule.margin if looked.rule else None,
        *returned(looked, asked).cells,
        str(plan) if plan else None,
        None if result is None or plan is None or not plan.ends or looked.labels else "yes" if result.over else "no",
        *_still_needed(looked, asked),
        _said(looked),
    )


def returned(looked: Looked, of: str | Question) -> Added:
    """The return on what the messages of the arms cost; unknown where there is no margin, no cost, or another money.

    So it is where messages are compared with messages: these cost, too, and what is spent beyond them is little or nothing.
    """
    treated, control = of.groups if isinstance(of, Question) else ((of,), (looked.control,))
    (cost, money), margin = looked.cost(*treated), looked.rule.margin if looked.rule else None
    by_messages = control != (WITHHELD,) and any(looked.sent.get(arm) for arm in control)
    if not cost or margin is None or money != looked.currency or by_messages:
        return Added()
    return Added(*(None if each is None else (each * margin - cost) / cost for each in looked.added(REVENUE, of).cells))


def _still_needed(looked: Looked, asked: Question) -> tuple[int | None, int | None]:
    """People in all arms who show a lift of what it is judged by, and days to go; nothing where it is decided, or a part."""
    result = looked.results.get(looked.judged)
    if result is None or looked.labels or looked.decision(looked.judged, asked) not in (Decision.OPEN, Decision.EARLY):
        return None, None
    needed = _needed(looked, asked, result.experiment)
    return needed, None if needed is None else days_to_go(needed, result.people, result.a_day)


def _needed(looked: Looked, asked: Question, planned: Comparison) -> int | None:
    control = looked.total(looked.judged, *asked.groups[1])
    if not planned.is_rate:
        effect = looked.plan and looked.plan.effect
        return people_from(planned, control, effect.lift if effect else LIFT)
    if planned.effect is None:
        rate = by_customer(control)
        if not rate or rate * (1 + LIFT) >= 1:
            return None
        planned = replace(planned, effect=Effect(rate, LIFT))
    return planned.people_needed


def _decisions(kept: Sequence[Decided]) -> Table:
    return Table("decisions", "What was written down when it was decided", _DECIDED, tuple(map(_written, kept)))


def _written(each: Decided) -> tuple[Cell, ...]:
    figures = each.figures
    return (
        each.experiment,
        each.question,
        each.against,
        each.metric,
        each.decision,
        each.look,
        each.day,
        each.people,
        figures.get("difference"),
        *(figures.get("interval") or (None, None)),
        figures.get("lift"),
        *(figures.get("lift_interval") or (None, None)),
        figures.get("p"),
        each.version,
        each.decided_at.date(),
    )


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
                Column(name, Unit.POINTS if unit is Unit.SHARE else unit, say, aside=True)
                for name, say in (("difference", "The first less the second."), ("low", "From."), ("high", "To."))
            ),
            *_FOUND,
        ),
        tuple(_found(each, asked, metric) for each in looked for asked in each.questions),
        (Chart(Drawn.INTERVALS, f"{title}: lift", ("experiment", "arm"), ("lift",), "lift_low", "lift_high"),),
    )


def _found(looked: Looked, asked: Question, metric: str) -> tuple[Cell, ...]:
    found = looked.counting(metric, asked)
    means = _seen(looked, asked, metric)
    if found is not None and found.means is not None:
        means = found.means if len(found.means) == _TWO else (None, None)
    return (
        looked.name,
        *looked.labels,
        asked.name,
        asked.against,
        looked.currency,
        *means,
        *(_bounds(found) if found else (None,) * 6),
        found.p if found else None,
        looked.decision(metric, asked),
        _said(looked, metric),
    )


def _bounds(found: Finding) -> tuple[float | None, ...]:
    nothing = (None, None)
    return (found.difference, *(found.interval or nothing), found.lift, *(found.lift_interval or nothing))


def _seen(looked: Looked, asked: Question, metric: str) -> tuple[float | None, ...]:
    """The means where there are too few for bounds."""
    if looked.rule is None or len(asked.groups) != _TWO:
        return None, None
    pair = [looked.total(metric, *group) for group in asked.groups]
    return tuple(share(sums.y, sums.x) if metric == ORDER_VALUE else by_customer(sums) for sums in pair)


def by_customer(sums: Sums) -> float | None:
    """The mean of one."""
    return share(sums.y, sums.people)


def _otherwise(looked: Sequence[Looked], kept: Sequence[Decided]) -> Iterator[str]:
    """What was declared or found otherwise since."""
    for each in looked:
        if each.changed:
            by = f"by the plan of version {each.version}" if each.declared else "as if nothing were declared"
            yield (
                f"{each.title}: another plan was declared after its first customer had come; it is read {by}, since a plan"
                " counts when it is made before. Begin anew under another name."
            )
        for one in (one for one in kept if one.experiment == each.name and not each.labels and one.decision in _SHOWN):
            now = next(
                (each.decision(one.metric, asked) for asked in each.questions if asked[:2] == (one.question, one.against)), None
            )
            if now != one.decision:
                yield (
                    f"{each.title}: that {one.question} is {one.decision} was written down by the sums of {one.day}; by those"
                    f" of now, which late events have changed, it is {now}. What was written down stands."
                )


def _unknown(looked: Sequence[Looked], asked: Asked) -> Iterator[str]:
    if asked.by and len(looked) > 1:
        yield f"{len(looked)} parts were looked at: where nothing differs in any, one in 20 may show something all the same."
    if any(each.rule is not None and each.rule.margin is None for each in looked):
        yield "Where a journey declares no margin (Conversion(margin=0.35)) there is no return: roi is unknown."
    if any(each.rule is not None and not each.currency for each in looked):
        yield "Where a journey names no currency all money is taken for the same, and none is compared with what messages cost."
    if any(
        len({money for arm in asked.groups[0] for money in each.costs.get(arm, {})}) > 1
        for each in looked
        for asked in each.questions
    ):
        yield "Where messages cost in several moneys, what they cost together is unknown."
    if any(each.rule is not None and each.rule.cap is not None for each in looked):
        yield "Where a journey declares a cap, incremental revenue is of money up to it; revenue_per_recipient has all of it."
