"""What customers are worth and how they come back: order value, repeat rate, time between orders, retention, value, cost.

Promise: who was not seen for long enough counts for as long as they were, neither as lost nor as having stayed. Money of one
currency is never added to that of another. What nobody declared, such as what advertising cost, is unknown and not nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Self

from store.database import Database
from store.errors import NoReport
from store.named import queries
from store.reports.compared import Pairs, ratio
from store.reports.counting import MILLIONTHS
from store.reports.gone import midnight, missing, unreadable
from store.reports.lasting import Seen, Step, between_at, curve, left_at, median
from store.reports.report import Argument, Asked, Cell, Chart, Column, Drawn, Named, Report, Table, Unit, counted, share

_SQL = queries("commerce")
_LONGEST = 600.0  # seconds
_DAY = timedelta(days=1)
#: Days of a report whose beginning nobody said.
DAYS = 365
#: What all customers together are called where rows are told apart.
ALL = "(all)"


#: Of money there is less than this in an amount.
_MOST = Decimal(10) ** 15


@dataclass(frozen=True, slots=True)
class Spend:
    """What was paid to win customers by a source, such as `google`; the same word as in `context.campaign.source` of events."""

    source: str
    amount: Decimal
    currency: str = ""

    @classmethod
    def read(cls, text: str) -> Self:
        """From `google=1200.50` or `google=1200.50 EUR`.

        Raises:
            NoReport: it is not of that form.
        """
        source, found, rest = text.partition("=")
        amount, _, currency = rest.strip().partition(" ")
        try:
            money = Decimal(amount)
        except InvalidOperation:
            money = Decimal("NaN")
        if not (source.strip() and found and money.is_finite() and 0 <= money < _MOST):
            raise NoReport(f"no spend: {text!r}; write source=amount, such as google=1200.50 or 'google=1200.50 EUR'")
        return cls(source.strip(), money, currency.strip().upper())


@dataclass(frozen=True, slots=True)
class Counting:
    """By what orders are found, and what winning customers cost.

    Args:
        orders: The event of an order.
        period: The length of a period of the retention curve.
        spend: What was paid by source, for the days of the report.
        acquisition: The journeys that win customers: what their messages cost is added to the spend.
        came_within: For how long before their first order customers are asked for the campaign by which they came.
    """

    orders: str = "Order Completed"
    period: timedelta = timedelta(days=30)
    spend: tuple[Spend, ...] = ()
    acquisition: tuple[str, ...] = ()
    came_within: timedelta = timedelta(days=30)

    def __post_init__(self) -> None:
        if self.period < timedelta(days=1):
            raise NoReport("a period of the retention curve must be a day or longer, such as timedelta(days=30)")


@dataclass(frozen=True, slots=True)
class Facts:
    """The lines of each part of the statement `commerce`, for one segment or for all customers."""

    orders: tuple[Mapping[str, Any], ...] = ()
    cohorts: tuple[Mapping[str, Any], ...] = ()
    worth: tuple[Mapping[str, Any], ...] = ()
    seen: tuple[Mapping[str, Any], ...] = ()
    kept: tuple[Mapping[str, Any], ...] = ()
    gaps: tuple[Mapping[str, Any], ...] = ()
    #: Of all customers, whatever segments they are in.
    acquired: tuple[Mapping[str, Any], ...] = ()

    @property
    def customers(self) -> int:
        """Whose first order is on these days."""
        return sum(each["customers"] for each in self.cohorts)

    def lasting(self, *, first: bool) -> list[Step]:
        """How long the next order takes, in whole days: after the first one, or after any."""
        return curve(Seen(each["days"], each["ended"], each["many"]) for each in self.gaps if each["first"] or not first)


async def facts(
    database: Database, since: datetime, until: datetime, counting: Counting, *, by_segment: bool = False
) -> dict[str, Facts]:
    """What there is to know of the customers of these days, under `ALL`, and for each segment that they are in now."""
    rows = await database.pool.fetch(
        _SQL["commerce"], since, until, counting.period, counting.orders, by_segment, counting.came_within, timeout=_LONGEST
    )
    found: dict[str, dict[str, list[Mapping[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        found[row["told"].get("segment") or ALL][row["part"]].append(row["told"])
    return {name: Facts(**{part: tuple(lines) for part, lines in parts.items()}) for name, parts in sorted(found.items())}


async def report(database: Database, asked: Asked, counting: Counting | None = None) -> Report:
    """Order value, repeat rate, time between orders, retention, lifetime value and cost of customers."""
    if counting is None:
        counting = Counting(spend=tuple(map(Spend.read, asked.spend)), acquisition=asked.acquisition)
    await _insist_on(database, counting.acquisition)
    by_segment = "segment" in asked.by
    since, start, end = asked.begins(DAYS), midnight(asked.begins(DAYS)), min(midnight(asked.ends), asked.now)
    found = await facts(database, start, end, counting, by_segment=by_segment)
    everybody = found.get(ALL, Facts())
    costs = await database.pool.fetch(_SQL["message_costs"], start, end, list(counting.acquisition), timeout=_LONGEST)
    money = {row["currency"]: Decimal(row["cost"]) / MILLIONTHS for row in costs}
    return Report(
        name="commerce",
        title="What customers are worth and how they come back",
        rules=_rules(counting),
        since=since,
        until=asked.ends,
        tables=(
            _values(found),
            _returns(found),
            _again(found, counting),
            _retention(found),
            _lifetime(found),
            _costs(counting, everybody, money),
        ),
        findings=tuple(_findings(found)),
        notes=(
            *(_undeclared(counting)),
            *(await missing(database, since, firsts=True)),
            *(await unreadable(database, start, end, counting.orders)),
        ),
    )


async def _insist_on(database: Database, journeys: Sequence[str]) -> None:
    known = [row["journey"] for row in await database.pool.fetch(queries("reports")["journeys"])]
    if unknown := [each for each in journeys if each not in known]:
        raise NoReport(f"of a journey {unknown[0]} nothing was ever counted; there are {', '.join(known) or 'none yet'}")


def _rules(counting: Counting) -> tuple[str, ...]:
    days = counting.period // _DAY
    came = counting.came_within // _DAY
    return (
        f"Orders ({counting.orders}), each once by its id, with the money of its last version; cancelled ones are none.",
        "Order value: the money of the orders of these days / these orders; refunds stand apart, whenever they came.",
        "Its interval (95 of 100) is that of drawing customers and not orders, by the delta method.",
        "Customers of these days are those whose first order ever is on them; their cohort is the month (UTC) of it.",
        "Repeat rate: customers with two orders or more / customers, so far. Customers who came lately had less time.",
        "A second order, time between orders: the day by which half have ordered again, by Kaplan and Meier, in whole days.",
        "Who has not ordered again counts for as long as they were seen.",
        f"Retention: of those seen for all of the k-th {days} days after their first order, the share who ordered then.",
        "Lifetime value so far: the money of a cohort's orders up to the end of these days, less refunds / its customers.",
        f"New customers came by the last campaign source that their events named in the {came} days up to their first order.",
        "Cost of a customer: what is declared as spent on a source / new customers who came by it.",
        "Of all: every spend, and what the messages of the journeys named as acquisition cost / all new customers.",
    )


def _undeclared(counting: Counting) -> Iterable[str]:
    if not counting.spend:
        yield "No spend is declared, so the cost of a customer is unknown, not 0: say spend google=1200 for these days."
    if not counting.acquisition:
        yield "No journey is named as acquisition, so that no message's cost is in the cost of a customer."


_SEGMENT = Column("segment", Unit.TEXT, f"The segment that the customers are in now; {ALL}: of all customers.")
_CURRENCY = Column("currency", Unit.TEXT, "ISO 4217, as the order says; empty where it says none.")


def _values(found: Mapping[str, Facts]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for segment, each in found.items():
        for line in sorted(each.orders, key=lambda line: line["currency"]):
            revenue, refunds, orders = Decimal(line["revenue"]), Decimal(line["refunds"]), int(line["orders"])
            customers = line["customers"]
            sums = Pairs(customers, float(revenue), orders, line["yy"], line["xx"], line["xy"])
            # Of one customer, no spread is known.
            value = ratio(sums) if customers > 1 else None
            low, high = (max(value.low, 0.0), value.high) if value else (None, None)  # no order is below nothing
            mean = revenue / orders if orders else None
            rows.append((segment, line["currency"], customers, orders, revenue, refunds, mean, low, high))
    columns = (
        _SEGMENT,
        _CURRENCY,
        Column("customers", Unit.COUNT, "Customers with an order on these days.", aside=True),
        Column("orders", Unit.COUNT, "Orders of these days."),
        Column("revenue", Unit.MONEY, "The money of these orders."),
        Column("refunds", Unit.MONEY, "What of it went back, whenever that was."),
        Column("order_value", Unit.MONEY, "Revenue / orders."),
        Column("low", Unit.MONEY, "From here on the order value is, in 95 of 100 such samples of customers."),
        Column("high", Unit.MONEY, "Up to here."),
    )
    chart = Chart(Drawn.INTERVALS, "Order value", ("segment", "currency"), ("order_value",), low="low", high="high")
    return Table("order-value", "Order value", columns, tuple(rows), (chart,))


def _returns(found: Mapping[str, Facts]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for segment, each in found.items():
        again = sum(line["again"] for line in each.cohorts)
        second, next_ = median(each.lasting(first=True)), median(each.lasting(first=False))
        rows.append((segment, each.customers, again, share(again, each.customers), second, next_))
    columns = (
        _SEGMENT,
        Column("customers", Unit.COUNT, "Customers whose first order is on these days."),
        Column("again", Unit.COUNT, "Those of them with two orders or more, so far."),
        Column("repeat_rate", Unit.SHARE, "Again / customers."),
        Column(
            "days_to_second", Unit.NUMBER, "Days by which half have made a second order; unknown where they were seen for less."
        ),
        Column("days_between", Unit.NUMBER, "The same from any order to the next."),
    )
    return Table("returns", "Coming back", columns, tuple(rows))


def _again(found: Mapping[str, Facts], counting: Counting) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for segment, each in found.items():
        steps, firsts = each.lasting(first=True), [line for line in each.gaps if line["first"]]
        longest = max((line["days"] for line in firsts), default=0)
        for day in range(counting.period // _DAY, longest + 1, counting.period // _DAY):
            seen = sum(line["many"] for line in firsts if line["days"] >= day)
            low, high = between_at(steps, day)
            rows.append((segment, day, seen, 1 - left_at(steps, day), 1 - high, 1 - low))
    columns = (
        _SEGMENT,
        Column("days", Unit.COUNT, "Days since the first order."),
        Column("seen", Unit.COUNT, "Customers who were seen for so long and had not ordered again before.", aside=True),
        Column("again", Unit.SHARE, "Who has ordered again by then, of all customers, by Kaplan and Meier."),
        Column("low", Unit.SHARE, "From here on it is, in 95 of 100 such groups."),
        Column("high", Unit.SHARE, "Up to here."),
    )
    chart = Chart(Drawn.INTERVALS, "Have ordered again", ("segment", "days"), ("again",), low="low", high="high")
    return Table("again", "A second order", columns, tuple(rows), (chart,))


def _retention(found: Mapping[str, Facts]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for segment, each in found.items():
        together: dict[int, tuple[int, int]] = {}
        kept = {(line["cohort"], line["k"]): line["customers"] for line in each.kept}
        for line in sorted(each.seen, key=lambda line: (line["cohort"], line["k"])):
            seen, ordered = line["customers"], kept.get((line["cohort"], line["k"]), 0)
            rows.append((segment, line["cohort"][:7], line["k"], seen, ordered, share(ordered, seen)))
            before = together.get(line["k"], (0, 0))
            together[line["k"]] = (before[0] + seen, before[1] + ordered)
        rows += [(segment, ALL, k, seen, ordered, share(ordered, seen)) for k, (seen, ordered) in sorted(together.items())]
    columns = (
        _SEGMENT,
        Column("cohort", Unit.TEXT, f"The month of the first order; {ALL}: all cohorts that were seen for so long."),
        Column("period", Unit.COUNT, "The how manieth period after the first order."),
        Column("seen", Unit.COUNT, "Customers who were seen for all of this period."),
        Column("ordered", Unit.COUNT, "Those of them with an order in it."),
        Column("retention", Unit.SHARE, "Ordered / seen."),
    )
    chart = Chart(Drawn.LINES, "Retention", ("period",), ("retention",), by="cohort")
    return Table("retention", "Retention by cohort", columns, tuple(rows), (chart,))


def _lifetime(found: Mapping[str, Facts]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for segment, each in found.items():
        customers = {line["cohort"]: line["customers"] for line in each.cohorts}
        for line in sorted(each.worth, key=lambda line: (line["cohort"], line["currency"])):
            net = Decimal(line["revenue"]) - Decimal(line["refunds"])
            many = customers[line["cohort"]]
            rows.append((segment, line["cohort"][:7], line["currency"], many, net, net / many))
    columns = (
        _SEGMENT,
        Column("cohort", Unit.TEXT, "The month of the first order."),
        _CURRENCY,
        Column("customers", Unit.COUNT, "Customers of the cohort."),
        Column("net_revenue", Unit.MONEY, "The money of all their orders so far, less refunds."),
        Column("lifetime_value", Unit.MONEY, "Net revenue / customers."),
    )
    chart = Chart(Drawn.BARS, "Lifetime value so far", ("cohort", "currency"), ("lifetime_value",))
    return Table("lifetime-value", "Lifetime value so far", columns, tuple(rows), (chart,))


def _costs(counting: Counting, of_all: Facts, messages: Mapping[str, Decimal]) -> Table:
    acquired = {line["source"]: line["customers"] for line in of_all.acquired}
    rows: list[tuple[Cell, ...]] = []
    total: dict[str, Decimal] = {}
    of_source: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for each in counting.spend:
        of_source[each.source, each.currency] += each.amount
        total[each.currency] = total.get(each.currency, Decimal(0)) + each.amount
    for (source, currency), spent in sorted(of_source.items()):
        many = acquired.get(source, 0)
        rows.append((source, currency, spent, None, many, spent / many if many else None))
    everybody = sum(acquired.values())
    for currency in sorted({*total, *messages}):
        paid, sent = total.get(currency), messages.get(currency)
        cost = None if paid is None or not everybody else (paid + (sent or Decimal(0))) / everybody
        rows.append((ALL, currency, paid, sent, everybody, cost))
    if not total and not messages:
        rows.append((ALL, "", None, None, everybody, None))
    columns = (
        Column("source", Unit.TEXT, f"The campaign source that the spend names; {ALL}: all customers, whatever they came by."),
        Column("currency", Unit.TEXT, "ISO 4217, as the spend and the prices say."),
        Column("spend", Unit.MONEY, "What is declared as spent; unknown where nothing is."),
        Column("messages", Unit.MONEY, "What the messages of the acquisition journeys cost that went out on these days."),
        Column("new_customers", Unit.COUNT, "Customers whose first order ever is on these days."),
        Column("cost", Unit.MONEY, "Spend and messages / new customers; unknown where no spend is declared."),
    )
    return Table("cost-of-a-customer", "Cost of a new customer", columns, tuple(rows))


def _findings(found: Mapping[str, Facts]) -> Iterable[str]:
    for segment, each in found.items():
        if each.customers:
            again = sum(line["again"] for line in each.cohorts)
            middle = median(each.lasting(first=True))
            when = (
                "nobody was seen until half had" if middle is None else f"half do within {middle:.0f} days of the first order"
            )
            which = "Of" if segment == ALL else f"In {segment}, of"
            part = 100 * again / each.customers
            yield f"{which} {counted(each.customers, 'new customer')} {part:.1f} % have ordered again so far; {when}."


REPORT = Named(
    "commerce",
    "What customers are worth and how they come back",
    "Order value, repeat rate, time between orders, retention by cohort, lifetime value so far, cost of a new customer.",
    report,
    takes=frozenset({Argument.BY, Argument.FROM, Argument.SPEND, Argument.ACQUISITION}),
    by=("segment",),
)
