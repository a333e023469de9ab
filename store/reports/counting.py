"""Messages as the sums by day have them, in groups, and their rates, each with its denominator.

Promise: one definition of each rate, whoever reports it. Where no provider tells of arrival, what is divided by it is unknown.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from store.database import Database
from store.reports.reading import read
from store.reports.report import Cell, Column, Unit, share

#: Of money that was declared, in its currency.
MILLIONTHS = 1_000_000
#: By what messages may be told apart, each with what it says.
LABELS = {
    "day": Column("day", Unit.DAY, "The day (UTC) on which it happened."),
    "journey": Column("journey", Unit.TEXT, "The journey that asked for the message."),
    "version": Column("version", Unit.TEXT, "The version of the catalogue under which it was first asked for."),
    "segment": Column("segment", Unit.TEXT, "The segment by which the run was entered; nothing where it began by API."),
    "step": Column("step", Unit.TEXT, "The step of the journey."),
    "channel": Column("channel", Unit.TEXT, "The channel."),
    "provider": Column("provider", Unit.TEXT, "Who carried it; nothing where nobody did."),
}
ON_ITS_DAY = (
    "Each fact counts on its own day (UTC): of a message sent on Monday and opened on Tuesday, Monday has the sending and"
    " Tuesday the opening. So a rate of few days may be above 100 %."
)
UNKNOWN = (
    "Unknown, not 0 %, is whether messages arrived, and what is divided by those that did, where the provider does not tell it"
    " ({}). Rates of rows that mix them with others are those of the others."
)
NO_PRICE = "No message of these days has a declared price, so what they cost is unknown, not 0."


@dataclass(slots=True)
class Group:
    """Messages that are told apart from others by `labels`: counts by metric and reason, and what they cost by currency.

    `of_telling` are the same counts for providers that tell whether a message arrived.
    """

    labels: tuple[Cell, ...] = ()
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    of_telling: Counter[tuple[str, str]] = field(default_factory=Counter)
    costs: dict[str, Decimal] = field(default_factory=dict)

    def n(self, metric: str, *reasons: str) -> int:
        """Messages of a metric, of all reasons or of some."""
        return _count(self.counts, metric, reasons)

    def told(self, metric: str, *reasons: str) -> int:
        """The same of providers that tell whether a message arrived."""
        return _count(self.of_telling, metric, reasons)

    def by_delivered(self, metric: str, *reasons: str) -> float | None:
        """A part of the messages that arrived; None where nobody tells, or none did."""
        return share(self.told(metric, *reasons), self.told("delivered"))


def _count(counts: Counter[tuple[str, str]], metric: str, reasons: tuple[str, ...]) -> int:
    return sum(n for (name, reason), n in counts.items() if name == metric and (not reasons or reason in reasons))


async def counted(
    database: Database, since: date, until: date, journey: str | None, by: Sequence[str], silent: Iterable[str]
) -> list[Group]:
    """The messages of some days, told apart by names of `LABELS`, in their order."""
    rows = await read(database, "messages", since, until, journey, list(by), sorted(silent))
    found: dict[tuple[Cell, ...], Group] = {}
    for row in rows:
        labels = tuple(row[name] for name in by)
        group = found.setdefault(labels, Group(labels))
        group.counts[row["metric"], row["reason"]] += row["n"]
        group.of_telling[row["metric"], row["reason"]] += row["told"]
        if row["metric"] == "cost":
            group.costs[row["reason"]] = group.costs.get(row["reason"], Decimal(0)) + row["y"] / MILLIONTHS
    return [found[labels] for labels in sorted(found, key=lambda labels: tuple(map(str, labels)))]


#: The columns of messages, in their order, each with what is in it. Those that a terminal has no room for stand aside.
_COUNTS: tuple[tuple[Column, tuple[str, ...]], ...] = (
    (Column("due", Unit.COUNT, "Messages that fell due, whatever became of them.", aside=True), ("due",)),
    (Column("sent", Unit.COUNT, "Messages that a provider took, also where they came back later."), ("sent",)),
    (Column("withheld", Unit.COUNT, "Messages to customers of a holdout: never among the sent.", aside=True), ("withheld",)),
    (Column("skipped", Unit.COUNT, "Messages that the gate forbade: never among the sent.", aside=True), ("skipped",)),
    (
        Column("failed", Unit.COUNT, "Messages refused, or not sent in time: never among the sent.", aside=True),
        ("failed",),
    ),
    (Column("unconfirmed", Unit.COUNT, "Messages that a provider may have: not among the sent.", aside=True), ("unconfirmed",)),
    (Column("raced", Unit.COUNT, "Sent messages whose goal had been reached before they went.", aside=True), ("raced",)),
    (Column("delivered", Unit.COUNT, "Messages of which it is told that they arrived.", aside=True), ("delivered",)),
    (Column("bounced_hard", Unit.COUNT, "Messages that came back for good.", aside=True), ("bounced", "hard")),
    (Column("bounced_soft", Unit.COUNT, "Messages that came back for now.", aside=True), ("bounced", "soft")),
    (Column("bounced_unsaid", Unit.COUNT, "Messages that came back, nobody says how.", aside=True), ("bounced", "")),
    (Column("opened_human", Unit.COUNT, "Messages opened at least once by a person.", aside=True), ("opened", "human")),
    (Column("opened_machine", Unit.COUNT, "Messages opened at least once by a machine.", aside=True), ("opened", "machine")),
    (
        Column("opened_unknown", Unit.COUNT, "Messages opened by a person or a machine, nobody knows which.", aside=True),
        ("opened", "unknown"),
    ),
    (Column("clicked_human", Unit.COUNT, "Messages of which a person followed a link.", aside=True), ("clicked", "human")),
    (Column("clicked_machine", Unit.COUNT, "Messages of which a machine followed a link.", aside=True), ("clicked", "machine")),
    (Column("complained", Unit.COUNT, "Messages that were reported as unwanted.", aside=True), ("complained",)),
    (Column("unsubscribed", Unit.COUNT, "Messages after which somebody unsubscribed.", aside=True), ("unsubscribed",)),
    (Column("replied", Unit.COUNT, "Messages that somebody answered.", aside=True), ("replied",)),
)
_RATES = (
    Column("delivery_rate", Unit.SHARE, "Delivered / sent messages, of providers that tell of arrival."),
    Column("bounce_rate", Unit.SHARE, "Bounced (hard, soft or unsaid) / sent messages.", aside=True),
    Column("open_rate", Unit.SHARE, "Messages opened by a person / delivered messages."),
    Column("open_rate_machine", Unit.SHARE, "Messages opened by a machine / delivered messages.", aside=True),
    Column(
        "open_rate_unknown", Unit.SHARE, "Messages opened by a person or a machine, nobody knows which / delivered.", aside=True
    ),
    Column("ctr", Unit.SHARE, "Messages of which a person followed a link / delivered messages."),
    Column("ctor", Unit.SHARE, "Messages of which a person followed a link / messages opened by a person."),
    Column("unsubscribe_rate", Unit.SHARE, "Messages after which somebody unsubscribed / delivered messages."),
    Column("complaint_rate", Unit.SHARE, "Messages reported as unwanted / delivered messages."),
)
#: The rates, as rules that are printed.
RULES = tuple(f"{column.name}: {column.about}" for column in _RATES)


def currencies(groups: Iterable[Group]) -> list[str]:
    """In which money messages cost something."""
    return sorted({currency for group in groups for currency in group.costs})


def columns(groups: Sequence[Group]) -> tuple[Column, ...]:
    """The columns of messages: counts, rates, and what they cost, a column for each currency."""
    costs = (
        Column(f"cost_{each}", Unit.MONEY, f"What messages cost by declared prices in {each}.", currency=each)
        for each in currencies(groups)
    )
    return (*(column for column, _ in _COUNTS), *_RATES, *costs)


def cells(group: Group, groups: Sequence[Group]) -> tuple[Cell, ...]:
    """The values of a group under `columns(groups)`."""
    counts = [group.n(*counted) for _, counted in _COUNTS]
    rates = [
        share(group.told("delivered"), group.told("sent")),
        share(group.n("bounced"), group.n("sent")),
        group.by_delivered("opened", "human"),
        group.by_delivered("opened", "machine"),
        group.by_delivered("opened", "unknown"),
        group.by_delivered("clicked", "human"),
        share(group.n("clicked", "human"), group.n("opened", "human")),
        group.by_delivered("unsubscribed"),
        group.by_delivered("complained"),
    ]
    return (*counts, *rates, *(group.costs.get(each) for each in currencies(groups)))


def untold(groups: Iterable[Group], silent: Iterable[str]) -> list[str]:
    """What is to be said of messages whose arrival nobody tells."""
    untold = any(group.n("sent") > group.told("sent") for group in groups)
    return [UNKNOWN.format(", ".join(sorted(silent)))] if untold else []


def unknown(groups: Iterable[Group], silent: Iterable[str]) -> list[str]:
    """The same, and of what has no price."""
    told = list(groups)
    no_price = any(group.n("sent") for group in told) and not currencies(told)
    return [*untold(told, silent), *([NO_PRICE] if no_price else [])]
