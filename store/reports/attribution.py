"""Which messages the orders of a time are given to, by five rules at once, and by whole paths: a claim by a rule, no cause.

Promise: each rule gives every order exactly once, and what followed no message has a row of its own, so that each column
adds up to the orders that there were, to the last decimal. The same log gives the same numbers, in whatever order it came.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from store.database import Database
from store.errors import NoReport
from store.named import queries
from store.reports.gone import midnight, missing, unreadable
from store.reports.paths import Path, markov, removal, shapley
from store.reports.report import Argument, Asked, Cell, Chart, Column, Drawn, Named, Report, Table, Unit, counted, share

_SQL = queries("attribution")
_LONGEST = 600.0  # seconds
_STEP = " > "  # between the channels of a path, as the SQL joins them
#: Days of a report whose beginning nobody said.
DAYS = 28
#: What stands where no message does.
NOBODY = "(no message)"


class By(StrEnum):
    """What of a message the orders are given to."""

    CHANNEL = "channel"
    JOURNEY = "journey"
    STEP = "step"
    TEMPLATE = "template"


class Rule(StrEnum):
    """How an order is given to the messages before it; in the order in which the SQL answers."""

    LAST = "last"
    FIRST = "first"
    LINEAR = "linear"
    POSITION = "position"
    DECAY = "decay"


class Touch(StrEnum):
    """What a message must have come to."""

    SENT = "sent"
    OPENED = "opened"
    CLICKED = "clicked"


@dataclass(frozen=True, slots=True)
class Counting:
    """By what touches and orders are found.

    Args:
        within: How long before an order a message may have gone out.
        half_life: By the rule `decay`, after how long a message counts half.
        touch: What a message must have come to.
        orders: The event of an order.
        transactional: Whether messages count that no marketing is.
    """

    within: timedelta = timedelta(days=7)
    half_life: timedelta = timedelta(days=2)
    touch: Touch = Touch.SENT
    orders: str = "Order Completed"
    transactional: bool = False

    def __post_init__(self) -> None:
        for name in ("within", "half_life"):
            if getattr(self, name) <= timedelta():
                raise NoReport(f"{name} must be longer than nothing, such as timedelta(days=2)")

    @property
    def purposes(self) -> list[str]:
        """Of the messages that count."""
        return ["marketing", "transactional"] if self.transactional else ["marketing"]

    @property
    def sentences(self) -> tuple[str, ...]:
        """The rule, as it is printed."""
        touch = {
            Touch.SENT: "message that a provider took and that did not come back counts from when it was handed over",
            Touch.OPENED: "message that a person opened or clicked counts from the first time; machines are no person",
            Touch.CLICKED: "message of which a person followed a link counts from the first time; machines are no person",
        }[self.touch]
        which = "" if self.transactional else "marketing "
        return (
            f"Orders ({self.orders}) first made on these days (UTC), each once by its id, with the money of its last version.",
            "Refunds and cancellations of these orders, whenever they came, stand apart; cancelled ones are among the orders.",
            f"Each {which}{touch}, for orders up to {_span(self.within)} after it, through merges of customers.",
            "Last, first: the whole order to the last or the first such message. Linear: in equal parts.",
            "Position: 40 % to the first, 40 % to the last, the rest to those between; of two, half to each; one has it all.",
            f"Decay: by weights that halve with every {_span(self.half_life)} before the last such message.",
            "Of messages at one instant, the run's id and then the step decide which is first.",
        )


@dataclass(frozen=True, slots=True)
class Credit:
    """What the rules give to one channel, journey, step or template; `key` None: to no message.

    `touched` orders had it among their touches, of which `cancelled` were cancelled later. By rule: orders, the money of these,
    and what of it went back.
    """

    key: str | None
    currency: str
    touched: int
    cancelled: int
    orders: dict[Rule, Decimal]
    revenue: dict[Rule, Decimal]
    refunds: dict[Rule, Decimal]


async def credited(database: Database, since: datetime, until: datetime, by: By | str, counting: Counting) -> list[Credit]:
    """What each rule gives of the orders first made in [since, until)."""
    rows = await database.pool.fetch(
        _SQL["credited"],
        *(since, until, counting.within, str(by), str(counting.touch), counting.half_life, counting.orders, counting.purposes),
        timeout=_LONGEST,
    )
    return [
        Credit(
            row["key"],
            row["currency"],
            row["touched"],
            row["cancelled"],
            *(dict(zip(Rule, row[what], strict=True)) for what in ("orders", "revenue", "refunds")),
        )
        for row in rows
    ]


async def declared(database: Database) -> dict[str, Rule]:
    """The rule by which each journey's orders are claimed, as its newest version declares it (`Conversion(credit=…)`)."""
    return {row["journey"]: Rule(row["credit"]) for row in await database.pool.fetch(_SQL["declared"])}


async def paths(database: Database, since: datetime, until: datetime, counting: Counting) -> dict[str, list[Path]]:
    """The paths of channels by the currency of their orders; those that came to no order are with each of them."""
    rows = await database.pool.fetch(
        _SQL["without_order"], since, until, str(counting.touch), counting.orders, counting.purposes, timeout=_LONGEST
    )
    without = [Path(tuple(row["path"].split(_STEP)), row["customers"]) for row in rows]
    found: dict[str, list[Path]] = {}
    for each in await credited(database, since, until, "path", counting):
        if each.key is not None:
            path = Path(tuple(each.key.split(_STEP)), each.touched, each.touched, Fraction(each.revenue[Rule.LAST]))
            found.setdefault(each.currency, list(without)).append(path)
    return found


async def report(database: Database, asked: Asked, counting: Counting | None = None) -> Report:
    """Orders and money by channel (or `asked.by`), as each rule gives them."""
    counting, by = counting or Counting(), By(asked.by[0]) if asked.by else By.CHANNEL
    if len(asked.by) > 1:
        raise NoReport(f"attribution is told apart by one thing at a time: {', '.join(By)}")
    since = asked.begins(DAYS)
    start, end = midnight(since), midnight(asked.ends)
    found = await credited(database, start, end, by, counting)
    return Report(
        name="attribution",
        title=f"Orders by {by}",
        rules=counting.sentences,
        since=since,
        until=asked.ends,
        tables=(
            *(_table(found, by, what) for what in ("revenue", "orders", "refunds")),
            *(_claimed(found, await declared(database)) if by is By.JOURNEY else ()),
        ),
        findings=tuple(_finding(found, currency) for currency in sorted({each.currency for each in found})),
        notes=(*await missing(database, since), *await unreadable(database, start, end, counting.orders)),
    )


async def paths_report(database: Database, asked: Asked, counting: Counting | None = None) -> Report:
    """The money of orders by channel as Shapley's value and as a Markov chain give it."""
    counting = counting or Counting()
    since = asked.begins(DAYS)
    start, end = midnight(since), midnight(asked.ends)
    found = await paths(database, start, end, counting)
    return Report(
        name="paths",
        title="Orders by channel, from whole paths",
        rules=(*counting.sentences[:3], *_OF_PATHS),
        since=since,
        until=asked.ends,
        tables=(_table_of_paths(found),),
        findings=(_CLAIM,) if found else (),
        notes=(*await missing(database, since), *await unreadable(database, start, end, counting.orders)),
    )


#: What every report of this room says of itself.
_CLAIM = "This is what followed messages, not what they caused: a customer may have ordered without them. A holdout tells that."
_OF_PATHS = (
    "A path is the channels that touched before an order, in their order. Orders that followed no message are in no row.",
    "Who ordered nothing on these days is one path, of what went out to them on these days.",
    "Shapley: an order needed every channel on its path, and is shared equally among these, however often each touched.",
    "Markov: a walk from touch to touch, as the paths went on, which remembers the last one.",
    "A channel's removal is by which part fewer walks come to an order where it is closed; money is given in that proportion.",
)
_MEANS = {
    "revenue": ("the money of orders", Unit.MONEY),
    "orders": ("orders; parts of one add up", Unit.NUMBER),
    "refunds": ("what went back of these orders, shared as they are", Unit.MONEY),
}


def _table(found: Sequence[Credit], by: By, what: str) -> Table:
    meaning, unit = _MEANS[what]
    rows: list[tuple[Cell, ...]] = []
    for each in sorted(found, key=lambda each: (each.currency, each.key is None, -each.revenue[Rule.LAST], each.key or "")):
        given: dict[Rule, Decimal] = getattr(each, what)
        rows.append((each.key or NOBODY, each.currency, each.touched, each.cancelled, *(given[rule] for rule in Rule)))
    columns = (
        Column(str(by), Unit.TEXT, f"The {by} of a message; {NOBODY}: orders that followed none."),
        Column("currency", Unit.TEXT, "ISO 4217, as the order says; empty where it says none."),
        Column("touched", Unit.COUNT, "Orders that followed it, perhaps others too: one may be in several rows."),
        Column("cancelled", Unit.COUNT, "Of these, orders that were cancelled later."),
        *(Column(str(rule), unit, f"By the rule {rule}, {meaning}. It adds up to those of all orders.") for rule in Rule),
    )
    charts = (Chart(Drawn.BARS, f"{what.capitalize()} by {by}", (by, "currency"), tuple(Rule)),) if what == "revenue" else ()
    return Table(what, f"{what.capitalize()} by {by}", columns, tuple(rows), charts)


def _claimed(found: Sequence[Credit], rules: Mapping[str, Rule]) -> Iterator[Table]:
    rows = [
        (each.key, each.currency, rule, each.orders[rule], each.revenue[rule], each.refunds[rule])
        for each in sorted(found, key=lambda each: (each.currency, each.key or ""))
        if each.key is not None and (rule := rules.get(each.key)) is not None
    ]
    columns = (
        Column("journey", Unit.TEXT, "The journey of a message."),
        Column("currency", Unit.TEXT, "ISO 4217, as the order says; empty where it says none."),
        Column("rule", Unit.TEXT, "The rule that the journey declares, by Conversion(credit=…); last where it says nothing."),
        Column("orders", Unit.NUMBER, "Orders by that rule; of several rules they do not add up to all orders."),
        Column("revenue", Unit.MONEY, "The money of these orders."),
        Column("refunds", Unit.MONEY, "What went back of them."),
    )
    if rows:
        yield Table("claimed", "What each journey claims by the rule that it declares", columns, tuple(rows))


def _table_of_paths(found: dict[str, list[Path]]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for currency, ways in sorted(found.items()):
        by_shapley, by_markov, effects = shapley(ways), markov(ways), removal(ways)
        rows += [
            (channel, currency, *(_decimal(each.get(channel, Fraction(0))) for each in (by_shapley, by_markov)), float(effect))
            for channel, effect in sorted(effects.items())
        ]
    columns = (
        Column("channel", Unit.TEXT, "The channel of a message."),
        Column("currency", Unit.TEXT, "ISO 4217, as the order says; empty where it says none."),
        Column("shapley", Unit.MONEY, "Its share of the money of the orders that followed messages, as Shapley's value."),
        Column("markov", Unit.MONEY, "The same in the proportion of the removals."),
        Column("removal", Unit.SHARE, "By which part fewer walks come to an order without it."),
    )
    chart = Chart(Drawn.BARS, "Revenue by channel", ("channel", "currency"), ("shapley", "markov"))
    return Table("paths", "Revenue by channel", columns, tuple(rows), (chart,))


def _finding(found: Sequence[Credit], currency: str) -> str:
    of_it = [each for each in found if each.currency == currency]
    revenue = sum((each.revenue[Rule.LAST] for each in of_it), Decimal(0))
    orders = sum((each.orders[Rule.LAST] for each in of_it), Decimal(0))
    alone = sum((each.revenue[Rule.LAST] for each in of_it if each.key is None), Decimal(0))
    part = share(revenue - alone, revenue)
    followed = "no money came with them" if part is None else f"{100 * part:.1f} % of it followed a message"
    brought = f"{counted(int(orders), 'order')} brought {revenue:,.2f} {currency}".rstrip()
    return f"{brought} before cancellations and refunds; {followed}. {_CLAIM}"


def _decimal(fraction: Fraction) -> Decimal:
    return Decimal(fraction.numerator) / Decimal(fraction.denominator)


def _span(span: timedelta) -> str:
    days, rest = divmod(span, timedelta(days=1))
    said = [f"{days} day{'s' if days != 1 else ''}"] if days else []
    if rest:
        said.append(f"{rest / timedelta(hours=1):g} hours")
    return " ".join(said)


REPORT = Named(
    "attribution",
    "Orders by channel, journey, step or template",
    "To which messages orders are given by last touch, first touch, linear, position and decay.",
    report,
    takes=frozenset({Argument.BY, Argument.FROM}),
    by=tuple(By),
)
PATHS = Named(
    "paths",
    "Orders by channel, from whole paths",
    "To which channels orders are given by Shapley's value and by a Markov chain; made from the log, for who has time.",
    paths_report,
    takes=frozenset({Argument.FROM}),
)
