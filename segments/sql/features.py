"""Features as SQL: of everybody, what each came to at an instant as far as it was known then.

Promise: `Feature.amount` over what had happened and had been received, rounded once, to the nearest double. Features of one
type of event are worked out in one pass over it, but for those that look at others beside.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import nan
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by, distinct_on
from sqlalchemy.sql.visitors import replacement_traverse

from segments.language.events import TRAITS_CHANGED
from segments.language.predicate import Predicate
from segments.leaves.amounts import Measured
from segments.predictions.features import DaysSince, Feature, TraitValue
from segments.predictions.messaged import Messaged
from segments.predictions.ordered import Ordered
from segments.sql.amounts import amount_of, by_customer
from segments.sql.documents import Expression, Value, bound
from segments.sql.messaged import messaged
from segments.sql.ordered import ordered
from segments.sql.rows import Bound, bounds_of, counted
from segments.sql.selection import Selection
from segments.sql.start import everybody
from segments.sql.statements import Statement, compiled
from segments.sql.tables import INSTANT, UUID_, asked, event
from segments.sql.when import AsKnown, now

_DAY: Expression = sa.literal_column("86400.0")
_ZERO: Expression = sa.literal_column("0")
_EACH = "each_then"


@dataclass(frozen=True, slots=True)
class Pass:
    """Features that one statement works out of those in `asked`.

    It returns a row of bytes: the numbers of the customers of whom something is known, in four bytes each, and for each feature
    their values in eight, NaN where it is unknown. Of all others the values are `nothing`.
    """

    features: tuple[Feature, ...]
    statement: Statement

    @property
    def nothing(self) -> tuple[float, ...]:
        """The values of who is not among them."""
        return tuple(0.0 if _is_zero(each) else nan for each in self.features)


@dataclass(frozen=True, slots=True)
class PassThen(Pass):
    """The same of some customers, each as of an instant of their own; `bounds`: what its arrays have of each instant."""

    bounds: Mapping[str, Bound]

    def args(self, who: Sequence[tuple[UUID, datetime]]) -> list[Any]:
        """The arguments for these customers, numbered from 0 on."""
        arrays = {name: [bound(at) for _, at in who] for name, bound in self.bounds.items()}
        return self.statement.args(who[0][1], ns=[*range(len(who))], ids=[each for each, _ in who], **arrays)


def passes(features: Iterable[Feature]) -> list[Pass]:
    """Statements that together work out all of these features, by the parameter `at`."""
    return [Pass(some, _sent(values)) for some, values in _selected(features)]


def passes_then(features: Iterable[Feature]) -> tuple[list[PassThen], list[Feature]]:
    """The same for customers who each have an instant of their own; and features of which that cannot be asked together."""
    found: list[PassThen] = []
    others: list[Feature] = []
    for some, values in _selected(features):
        if (one := _sent_then(some, values)) is None:
            others += some
        else:
            found.append(one)
    return found, others


def _selected(features: Iterable[Feature]) -> list[tuple[tuple[Feature, ...], sa.Select[Any]]]:
    """Features that are worked out together, and by customer their values."""
    together: dict[str, list[Feature]] = {}
    orders: dict[Any, list[Feature]] = {}
    messages: dict[Any, list[Feature]] = {}
    found: list[tuple[tuple[Feature, ...], sa.Select[Any]]] = []
    for each in features:
        if isinstance(each.of, Messaged):
            messages.setdefault(each.of.of.known, []).append(each)
        elif isinstance(each.of, Ordered):
            orders.setdefault(each.of.together, []).append(each)
        elif (plain := _plain(each)) is None:
            found.append(((each,), _alone(each)))
        else:
            together.setdefault(plain, []).append(each)
    found += [(tuple(some), _together(some)) for some in together.values()]
    of_orders = [(some, [each.of for each in some if isinstance(each.of, Ordered)]) for some in orders.values()]
    found += [(tuple(some), ordered(of)) for some, of in of_orders]
    of_messages = [(some, [each.of for each in some if isinstance(each.of, Messaged)]) for some in messages.values()]
    return found + [(tuple(some), messaged(of)) for some, of in of_messages]


def asking(of: Predicate, most: int | None = None) -> Statement:
    """Fill `asked` with those of whom it was true, as far as it was known at `at`, or with so many of them by chance."""
    found = everybody(of, AsKnown()).subquery()
    by_chance = sa.func.hashtextextended(sa.cast(found.c.id, sa.Text), _ZERO)
    n = sa.func.row_number().over(order_by=(by_chance, found.c.id)) - sa.literal_column("1")
    numbered = sa.select(n.label("n"), found.c.id)
    fewer = numbered if most is None else numbered.order_by(by_chance, found.c.id).limit(most)
    return compiled(sa.insert(asked).from_select(["n", "id"], fewer))


def coming_true(label: Predicate) -> Statement:
    """The numbers of those in `asked` of whom it is true at `at`, in four bytes each."""
    found = everybody(label).subquery()
    rows = sa.join(asked, found, found.c.id == asked.c.id)
    return compiled(sa.select(_bytes(sa.func.int4send(asked.c.n), asked.c.n)).select_from(rows))


def _sent(values: sa.Select[Any]) -> Statement:
    """The values of those in `asked`, in the order of their numbers."""
    who, *columns = (found := values.subquery()).c
    return compiled(_numbers(asked.c.n, columns).select_from(sa.join(asked, found, who == asked.c.id)))


def _sent_then(some: tuple[Feature, ...], values: sa.Select[Any]) -> PassThen | None:
    """The values of each of `ids` as of their own instant; None where more than instants follows from that.

    Of each customer they are worked out by themselves: the fence keeps them from being worked out of everybody first.
    """
    names: dict[str, str] = {}
    others: list[str] = []

    def own(element: Any, **_: Any) -> Any:
        if not isinstance(element, sa.BindParameter) or not (element.key == "at" or bounds_of([element.key])):
            return None
        if not isinstance(element.type, sa.DateTime):
            others.append(element.key)
        return sa.literal_column(f"{_EACH}.{names.setdefault(element.key, f'instant_{len(names)}')}", element.type)

    theirs: Any = replacement_traverse(values, {}, own)
    if others:
        return None
    by_everybody = theirs.subquery("by_everybody")
    mine = sa.select(*by_everybody.c).where(next(iter(by_everybody.c)) == sa.literal_column(f"{_EACH}.id", UUID_))
    found = mine.offset(_ZERO).lateral("found")
    arrays: dict[str, Any] = {"ns": sa.Integer(), "ids": UUID_} | {f"{each}s": INSTANT for each in names.values()}
    given: Any = sa.func.unnest(*(sa.bindparam(name, type_=ARRAY(kind)) for name, kind in arrays.items()))
    each = given.table_valued(*(sa.column(name[:-1], kind) for name, kind in arrays.items())).render_derived(name=_EACH)
    _, *columns = found.c
    statement = compiled(_numbers(each.c.n, columns).select_from(each.join(found, sa.true())))
    bounds = {"at": _itself} | bounds_of(names)
    return PassThen(some, statement, {f"{column}s": bounds[name] for name, column in names.items()})


def _itself(at: datetime) -> datetime:
    return at


def _numbers(n: Any, columns: Iterable[Any]) -> sa.Select[Any]:
    """Rows' numbers, and of each column their values, as bytes."""
    known = [sa.func.float8send(sa.func.coalesce(each, sa.cast(bound("NaN", "text"), sa.Double()))) for each in columns]
    return sa.select(*(_bytes(each, n) for each in (sa.func.int4send(n), *known)))


def _bytes(each: Any, n: Any) -> Expression:
    nothing = sa.cast(bound("", "text"), sa.LargeBinary)
    joined = sa.func.string_agg(each, aggregate_order_by(nothing, n), type_=sa.LargeBinary)
    return sa.func.coalesce(joined, nothing)


def _is_zero(each: Feature) -> bool:
    """Of who did nothing; of who did not do what it goes by (`since_last`) it is not known."""
    if isinstance(each.of, Ordered):
        return each.of.which in ("purchases", "spent")
    if isinstance(each.of, Messaged):
        return True
    return isinstance(each.of, Measured) and each.of.has_zero and each.of.of.since is None


def _plain(each: Feature) -> str | None:
    """The type of event, where the feature is of one row after the other of it."""
    if isinstance(each.of, TraitValue | Ordered | Messaged):
        return None
    alone = each.of.of.since is not None or each.of.of.then_ is not None
    if isinstance(each.of, Measured):
        alone = alone or bool(each.of.lines) or len(each.of.path) > 1
    return None if alone else each.of.of.type


def _together(some: Sequence[Feature]) -> sa.Select[Any]:
    """One pass over a type of event; which of them a feature counts is its filter."""
    e = event.alias()
    events = [each.of.of for each in some if isinstance(each.of, Measured | DaysSince)]
    windows = [each.window for each in events]
    widest = None if None in windows else max(window for window in windows if window is not None)
    base = AsKnown().bounds(e.c.ts, widest)
    columns = []
    for each, of in zip(some, events, strict=True):
        own = sa.and_(sa.true(), *counted(e, of, one_by_one=False)[1:])
        columns.append(_column(each.of, e, own))
    rows = sa.select(e.c.profile_id, *columns).where(e.c.type == bound(events[0].type, "text"), *base)
    return rows.group_by(e.c.profile_id)


def _column(of: Any, e: Any, own: Expression) -> Expression:
    if isinstance(of, DaysSince):
        return _days(sa.func.max(e.c.ts) if of.which == "last" else sa.func.min(e.c.ts), own)
    value = Value.field(e.c.properties, of.path[0]) if of.path else None
    amount = amount_of(of.measure, value, own)
    return _double(amount.above if amount.below is None else amount.above / sa.func.nullif(amount.below, _ZERO))


def _alone(each: Feature) -> sa.Select[Any]:
    selection = Selection(sets=[], when=AsKnown())
    match each.of:
        case TraitValue(trait):
            return _trait(trait)
        case Ordered() as of_orders:
            return ordered([of_orders])
        case Messaged() as of_messages:
            return messaged([of_messages])
        case DaysSince(of, which):
            e = event.alias()
            source, wanted = selection.counting(e, of)
            end = _days(sa.func.max(e.c.ts) if which == "last" else sa.func.min(e.c.ts))
            return sa.select(e.c.profile_id, end).select_from(source).where(*wanted).group_by(e.c.profile_id)
        case Measured() as what:
            amounts = by_customer(what, selection)
            below = amounts.c.get("below")
            above = amounts.c.above
            value = above if below is None else above / sa.func.nullif(below, _ZERO)
            return sa.select(amounts.c.profile_id, _double(value))


def _trait(trait: str) -> sa.Select[Any]:
    """The number that the last identify call with the trait said."""
    e = event.alias()
    value = Value.field(e.c.properties, trait)
    said = [e.c.type == bound(TRAITS_CHANGED, "text"), *AsKnown().bounds(e.c.ts, None), value.json.is_not(None)]
    number = sa.case((value.type == bound("number", "text"), _double(sa.cast(value.text, sa.Numeric))))
    last = (e.c.profile_id, e.c.ts.desc(), e.c.received_at.desc(), e.c.source.desc(), e.c.message_id.desc())
    return sa.select(e.c.profile_id, number).where(*said).ext(distinct_on(e.c.profile_id)).order_by(*last)


def _days(end: Any, own: Expression | None = None) -> Expression:
    instant = end if own is None else end.filter(own)
    seconds = sa.func.date_part(bound("epoch", "text"), now() - instant)
    return _double(seconds / _DAY)


def _double(value: Any) -> Expression:
    return sa.cast(value, sa.Double())
