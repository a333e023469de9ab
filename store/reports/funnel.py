"""A journey step by step: messages due, sent, delivered, opened and clicked; why others were not sent; who is where now."""

from collections.abc import Collection, Mapping
from datetime import timedelta

from store.database import Database
from store.named import queries
from store.reports import counting
from store.reports.counting import LABELS, Group
from store.reports.gone import midnight
from store.reports.messages import DAYS
from store.reports.report import Asked, Cell, Chart, Column, Drawn, Report, Table, Unit

_SQL = queries("reports")
_BY = ("step", "channel")
_LATEST = timedelta.max
_NOT_SENT = ("withheld", "skipped", "failed", "unconfirmed")
_STEPS = (
    LABELS["step"],
    LABELS["channel"],
    Column("due", Unit.COUNT, "Messages that fell due, whatever became of them."),
    Column("sent", Unit.COUNT, "Messages that a provider took, also where they came back later."),
    Column("delivered", Unit.COUNT, "Messages of which it is told that they arrived, by providers that tell; else unknown."),
    Column("opened", Unit.COUNT, "Messages opened at least once by a person."),
    Column("clicked", Unit.COUNT, "Messages of which a person followed a link."),
    Column("not_sent", Unit.COUNT, "Messages withheld, skipped, failed or unconfirmed; why stands in the other table."),
    Column("converted", Unit.COUNT, "Runs that ended by their goal, and this was the last message that had gone out in them."),
    Column("people_now", Unit.COUNT, "Customers whose last settled step this is and who are in the journey now."),
)
_REASONS = (
    LABELS["step"],
    Column("outcome", Unit.TEXT, "withheld, skipped, failed or unconfirmed."),
    Column("reason", Unit.TEXT, "Why it was not sent."),
    Column("messages", Unit.COUNT, "How many."),
)
_RULES = (
    counting.ON_ITS_DAY,
    "Steps stand in the order in which they fall due after the entry, at the earliest, as some of their messages tell.",
    "converted: runs that ended by their goal on these days, each once; a claim, and no cause.",
    "It is not what `experiments` counts: conversions as the journey declares them, of whoever was exposed.",
    "people_now: open runs by the last of their steps that is settled, as of now; all else is of the days of the report.",
)


async def funnel(database: Database, asked: Asked, *, silent: Collection[str], people: int | None = None) -> Report:
    """The report; `silent` are the providers that tell nobody whether a message arrived.

    Who is where now, and who converted, is told of all, or of so many `people` who came last.
    """
    since = asked.begins(DAYS)
    groups = await counting.counted(database, since, asked.ends, asked.journey, _BY, silent)
    now = {row["step"]: row["people"] for row in await database.pool.fetch(_SQL["people_now"], asked.journey, people)}
    window = midnight(since), midnight(asked.ends)
    reached = await database.pool.fetch(_SQL["converted_by"], asked.journey, people, *window)
    converted = {row["step"]: row["people"] for row in reached}
    names = sorted(({str(group.labels[0]) for group in groups} | {*now} | {*converted}) - {""})
    order = {row["step"]: row["after_entry"] for row in await database.pool.fetch(_SQL["after_entry"], asked.journey, names)}
    groups.sort(key=lambda group: (_after(order, group), group.labels))
    steps = Table(
        "steps",
        f"Steps of {asked.journey}, in their order",
        _STEPS,
        (
            _before_the_first(converted, now),
            *(_cells(group, converted, now) for group in groups),
            *_without_messages(groups, converted, now),
        ),
        (Chart(Drawn.BARS, "From due to clicked", ("step",), ("due", "sent", "delivered", "opened", "clicked")),),
    )
    reasons = Table("reasons", "Why messages were not sent", _REASONS, tuple(_reasons(groups)))
    return Report(
        "funnel",
        f"Funnel of {asked.journey}",
        _RULES,
        since,
        asked.ends,
        (steps, reasons),
        notes=tuple(counting.untold(groups, silent)),
    )


def _after(order: Mapping[str, timedelta | None], group: Group) -> timedelta:
    return order.get(str(group.labels[0])) or _LATEST


def _untold(group: Group) -> bool:
    return group.n("sent") > 0 and group.told("sent") == 0


def _before_the_first(converted: Mapping[str, int], now: Mapping[str, int]) -> tuple[Cell, ...]:
    return ("(before the first)", "", *[None] * 6, converted.get("", 0), now.get("", 0))


def _cells(group: Group, converted: Mapping[str, int], now: Mapping[str, int]) -> tuple[Cell, ...]:
    step, channel = group.labels
    return (
        step,
        channel,
        group.n("due"),
        group.n("sent"),
        None if _untold(group) else group.n("delivered"),
        group.n("opened", "human"),
        group.n("clicked", "human"),
        sum(group.n(outcome) for outcome in _NOT_SENT),
        converted.get(str(step), 0),
        now.get(str(step), 0),
    )


def _without_messages(groups: list[Group], converted: Mapping[str, int], now: Mapping[str, int]) -> list[tuple[Cell, ...]]:
    """Steps of whose messages none is of these days, and at which somebody is, or after which somebody converted."""
    others = sorted({*now, *converted} - {group.labels[0] for group in groups} - {""})
    return [(step, "", *[0] * 6, converted.get(step, 0), now.get(step, 0)) for step in others]


def _reasons(groups: list[Group]) -> list[tuple[Cell, ...]]:
    found: list[tuple[Cell, ...]] = []
    for group in groups:
        why = [(outcome, reason, n) for (outcome, reason), n in group.counts.items() if outcome in _NOT_SENT and n]
        found += [(group.labels[0], *each) for each in sorted(why, key=lambda each: (-each[2], each))]
    return found
