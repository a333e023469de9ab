"""What one customer did after they were exposed, as changes by day: converted, orders, money, each beside what they did before.

Promise: pure, and the same for any order in which the events came: only their own times count. An order counts once, by its id,
on the day on which it was first made, however long ago that was, with what its last version says. What is counted is exact,
without any rounding.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any, NamedTuple

from journeys.policies import CANCELLED, REFUNDED, Conversion, Since
from segments.evaluate import reached_at
from segments.facts import Event
from segments.predictions.ordered import currency_in
from store.measuring.values import EXACT, Change

#: How many were exposed; all the other metrics are of these.
EXPOSED = "exposed"
#: One y for each customer, and an x beside it: what they did before; of `order value` their orders in the declared money.
METRICS = ("conversion", "orders", "revenue", "gross", "refunds", "order value")
_NOTHING = Decimal(0)
_MOST, _SMALLEST = Decimal(10) ** 15, Decimal("0.000001")
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?\s*", re.ASCII)


#: What a customer adds to the sums, by day and metric.
Changes = Mapping[tuple[date, str], Change]


@dataclass(frozen=True, slots=True)
class Exposed:
    """When a customer was exposed, and when the run began in which they were."""

    at: datetime
    entered_at: datetime | None = None

    def since(self, rule: Conversion) -> datetime:
        """From when on the customer's events count."""
        return self.entered_at if rule.since == Since.ENTRY and self.entered_at is not None else self.at


class _State(NamedTuple):
    """How a customer stands: what has been counted so far."""

    converted: int = 0
    orders: int = 0
    priced: int = 0  # of these, those in the declared money
    gross: Decimal = _NOTHING
    refunds: Decimal = _NOTHING

    def plus(self, other: "_State") -> "_State":
        return _State(
            self.converted + other.converted,
            self.orders + other.orders,
            self.priced + other.priced,
            self.gross + other.gross,
            self.refunds + other.refunds,
        )

    @property
    def net(self) -> Decimal:
        return self.gross - self.refunds


@dataclass(slots=True)
class _Order:
    """An order: when it was first made, what its last version says, what was taken back of it and when."""

    placed_at: datetime
    amount: Decimal
    priced: bool  # whether its money is the declared one
    back: list[tuple[datetime, str, Decimal | None]] = field(default_factory=list)  # None: all that is left


def changes(rule: Conversion | None, exposed: Exposed, events: Sequence[Event]) -> Changes:
    """What a customer adds to the sums of each day (UTC); without a rule, that they were exposed.

    `events` are the customer's of the types that the rule looks at, and how an order among them was told before; those that
    are no part of it are left out here.
    """
    first = _day(exposed.at)
    found: dict[tuple[date, str], Change] = {(first, EXPOSED): Change(n=1)}
    if rule is None:
        return found
    with localcontext(EXACT):
        since = exposed.since(rule)
        until = since + rule.within
        begins, of_type = since - rule.before, _type(rule)
        before = [event for event in events if begins <= event.ts < since or (event.ts < begins and event.type == of_type)]
        after = [event for event in events if since <= event.ts < until]
        was = _last(_stood(rule, before, begins))
        cap = None if rule.cap is None else Decimal(str(rule.cap))
        last = _metrics(_State(), None, cap)
        for day, state in _by_day(rule, since, until, before, after, first).items():
            now = _metrics(state, was, cap)
            for metric in METRICS:
                if (change := _difference(last[metric], now[metric])) != Change():
                    found[day, metric] = change
            last = now
    return found


def orders_of(rule: Conversion, events: Iterable[Event]) -> set[tuple[str, str]]:
    """By type and id, the orders of which these events tell by an id."""
    of_type = _type(rule)
    return {(of_type, id_) for each in events if each.type == of_type and (id_ := _order_id(each)) is not None}


def looks_from(rule: Conversion, exposed: Exposed, events: Sequence[Event]) -> datetime:
    """The first event at which a customer's value looks: an order that is told again is as old as its first telling."""
    since = exposed.since(rule)
    begins, until = since - rule.before, since + rule.within
    old = [event for event in events if event.ts < begins and _is_order(rule, event)]
    again = {_id(event) for event in events if begins <= event.ts < until and _is_order(rule, event)} if old else ()
    return min([begins, *(event.ts for event in old if _id(event) in again)])


def _by_day(
    rule: Conversion, since: datetime, until: datetime, before: Sequence[Event], after: Sequence[Event], first: date
) -> Mapping[date, _State]:
    """How the customer stands at the end of each day on which something changes, in order; nothing is before the exposure."""
    days = {first: _State()}
    converted_at = reached_at(rule.by, after, since, until) if rule.by is not None else None
    steps = _stood(rule, [*before, *after], since)
    if converted_at is not None and converted_at < until:
        steps = list(_with_conversion(steps, converted_at))
    for at, state in steps:
        days[max(first, _day(at))] = state
    return days


def _with_conversion(steps: list[tuple[datetime, _State]], at: datetime) -> Iterator[tuple[datetime, _State]]:
    earlier = [state for when, state in steps if when <= at]
    yield from ((when, state) for when, state in steps if when <= at)
    yield at, (earlier[-1] if earlier else _State())._replace(converted=1)
    yield from ((when, state._replace(converted=1)) for when, state in steps if when > at)


def _stood(rule: Conversion, events: Sequence[Event], since: datetime) -> list[tuple[datetime, _State]]:
    """How orders and money stand after each thing that counts, in order. What was first made before is no order."""
    moves: list[tuple[datetime, _State]] = []
    for order in _orders(rule, events):
        if order.placed_at >= since:
            moves.append((order.placed_at, _State(orders=1, priced=int(order.priced), gross=order.amount)))
            moves += _taken_back(order)
    moves.sort(key=lambda move: move[0])
    stood: list[tuple[datetime, _State]] = []
    for at, move in moves:
        last = stood[-1][1] if stood else _State()
        stood.append((at, last.plus(move)))
    return stood


def _orders(rule: Conversion, events: Sequence[Event]) -> Iterable[_Order]:
    """The orders by their ids, with what was taken back of them."""
    orders: dict[str, _Order] = {}
    for event in sorted(events, key=lambda event: (event.ts, event.message_id)):
        if _is_order(rule, event):
            amount = _amount(event.properties, rule.currency, "revenue", "total") or _NOTHING
            priced = not _is_other_money(event.properties, rule.currency)
            order = orders.setdefault(_id(event), _Order(event.ts, amount, priced))
            order.amount, order.priced = amount, priced
    for event in events:
        if event.type in (REFUNDED, CANCELLED) and (found := orders.get(_id(event))) is not None:
            told = _amount(event.properties, rule.currency, "total", "revenue") if event.type == REFUNDED else None
            found.back.append((event.ts, event.type, told))
    return orders.values()


def _is_order(rule: Conversion, event: Event) -> bool:
    return event.type == _type(rule) and reached_at(rule.orders, [event], event.ts, event.ts) is not None


def _type(rule: Conversion) -> str:
    return str(rule.orders.to_json()["did"])


def _taken_back(order: _Order) -> Iterator[tuple[datetime, _State]]:
    """What refunds and cancellations take, never more than there is; an order is cancelled once."""
    left, cancelled = order.amount, False
    for at, type_, told in sorted(order.back, key=lambda back: (back[0], back[1], back[2] is None, back[2] or 0)):
        taken = left if told is None else min(told, left)
        left -= taken
        fewer = int(type_ == CANCELLED and not cancelled)
        yield max(at, order.placed_at), _State(orders=-fewer, priced=-fewer * order.priced, refunds=taken)
        cancelled = cancelled or type_ == CANCELLED


def _metrics(state: _State, was: _State | None, cap: Decimal | None) -> dict[str, tuple[Decimal, Decimal]]:
    """Y and x of each metric; without what was before, at the very beginning, all is nothing."""
    before = was or _State()
    orders = Decimal(state.orders)
    return {
        "conversion": (Decimal(state.converted), Decimal(before.orders)),
        "orders": (orders, Decimal(before.orders)),
        "revenue": (_capped(state.net, cap), _capped(before.net, cap)),
        "gross": (state.gross, before.gross),
        "refunds": (state.refunds, before.refunds),
        "order value": (state.net, Decimal(state.priced)),
    }


def _capped(money: Decimal, cap: Decimal | None) -> Decimal:
    return money if cap is None else min(money, cap)


def _difference(was: tuple[Decimal, Decimal], now: tuple[Decimal, Decimal]) -> Change:
    (y0, x0), (y1, x1) = was, now
    moved = (y1 - y0, y1 * y1 - y0 * y0, x1 - x0, x1 * x1 - x0 * x0, x1 * y1 - x0 * y0)
    return Change(0, *moved, int(y1 != 0) - int(y0 != 0))


def _last(stood: Sequence[tuple[datetime, _State]]) -> _State:
    return stood[-1][1] if stood else _State()


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()


def _id(event: Event) -> str:
    """What tells an order from others; one without an id is an order of its own."""
    id_ = _order_id(event)
    return f"\0{event.message_id}" if id_ is None else id_


def _order_id(event: Event) -> str | None:
    told = event.properties.get("order_id")
    named = isinstance(told, str | int | float) and not isinstance(told, bool) and told != ""
    return str(told) if named else None


def _amount(properties: Mapping[str, Any], currency: str | None, *names: str) -> Decimal | None:
    """The first of these properties that is a number, not below nothing; none in another currency that it names."""
    if _is_other_money(properties, currency):
        return _NOTHING
    return next((money for name in names if (money := _money(properties.get(name))) is not None), None)


def _is_other_money(properties: Mapping[str, Any], currency: str | None) -> bool:
    return currency is not None and currency_in(properties) not in ("", currency.upper())


def _money(value: Any) -> Decimal | None:
    """As `money_in` reads it, which orders in reports go by."""
    if isinstance(value, bool) or not isinstance(value, int | float | str) or not _NUMBER.fullmatch(str(value)):
        return None
    money = Decimal(str(value).strip())
    return max(money.quantize(_SMALLEST, ROUND_HALF_UP), _NOTHING) if abs(money) < _MOST else None
