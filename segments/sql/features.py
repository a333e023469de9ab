"""Features as SQL: of everybody, what each came to at an instant as far as it was known then.

Promise: `Feature.amount` over what had happened and had been received, rounded once, to the nearest double. Features of one
type of event are worked out in one pass over it, but for those that look at others beside.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from segments.language.events import TRAITS_CHANGED
from segments.leaves.amounts import Measured
from segments.predictions.features import DaysSince, Feature, TraitValue
from segments.sql.amounts import amount_of, by_customer
from segments.sql.documents import Expression, Value, bound
from segments.sql.rows import counted
from segments.sql.selection import Selection
from segments.sql.statements import Statement, compiled
from segments.sql.tables import event
from segments.sql.when import AsKnown, now

_DAY: Expression = sa.literal_column("86400.0")


@dataclass(frozen=True, slots=True)
class Pass:
    """Features that one statement works out; it returns `profile_id` and their values in this order, NULL where unknown.

    Customers of whom nothing is to be counted have no row: their values are `nothing`.
    """

    features: tuple[Feature, ...]
    statement: Statement

    @property
    def nothing(self) -> tuple[float | None, ...]:
        """The values of who has no row."""
        return tuple(0.0 if _is_zero(each) else None for each in self.features)


def passes(features: Iterable[Feature]) -> list[Pass]:
    """Statements that together work out all of these features of everybody, by the parameter `at`."""
    together: dict[str, list[Feature]] = {}
    found = []
    for each in features:
        if (plain := _plain(each)) is None:
            found.append(Pass((each,), compiled(_alone(each))))
        else:
            together.setdefault(plain, []).append(each)
    return found + [Pass(tuple(some), compiled(_together(some))) for some in together.values()]


def _is_zero(each: Feature) -> bool:
    """Of who did nothing; of who did not do what it goes by (`since_last`) it is not known."""
    return isinstance(each.of, Measured) and each.of.has_zero and each.of.of.since is None


def _plain(each: Feature) -> str | None:
    """The type of event, where the feature is of one row after the other of it."""
    if isinstance(each.of, TraitValue):
        return None
    alone = each.of.of.since is not None or each.of.of.then_ is not None
    if isinstance(each.of, Measured):
        alone = alone or bool(each.of.lines) or len(each.of.path) > 1
    return None if alone else each.of.of.type


def _together(some: Sequence[Feature]) -> sa.Select[Any]:
    """One pass over a type of event; which of them a feature counts is its filter."""
    e = event.alias()
    events = [each.of.of for each in some if not isinstance(each.of, TraitValue)]
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
    return _double(
        amount.above if amount.below is None else amount.above / sa.func.nullif(amount.below, sa.literal_column("0"))
    )


def _alone(each: Feature) -> sa.Select[Any]:
    selection = Selection(sets=[], when=AsKnown())
    match each.of:
        case TraitValue(trait):
            return _trait(trait)
        case DaysSince(of, which):
            e = event.alias()
            source, wanted = selection.counting(e, of)
            end = _days(sa.func.max(e.c.ts) if which == "last" else sa.func.min(e.c.ts))
            return sa.select(e.c.profile_id, end).select_from(source).where(*wanted).group_by(e.c.profile_id)
        case Measured() as what:
            amounts = by_customer(what, selection)
            below = amounts.c.get("below")
            above = amounts.c.above
            value = above if below is None else above / sa.func.nullif(below, sa.literal_column("0"))
            return sa.select(amounts.c.profile_id, _double(value))


def _trait(trait: str) -> sa.Select[Any]:
    """The number that the last identify call with the trait said."""
    e = event.alias()
    value = Value.field(e.c.properties, trait)
    said = [e.c.type == bound(TRAITS_CHANGED, "text"), *AsKnown().bounds(e.c.ts, None), value.json.is_not(None)]
    number = sa.case((value.type == bound("number", "text"), _double(sa.cast(value.text, sa.Numeric))))
    last = (e.c.profile_id, e.c.ts.desc(), e.c.received_at.desc(), e.c.source.desc(), e.c.message_id.desc())
    return sa.select(e.c.profile_id, number.label("value")).where(*said).distinct(e.c.profile_id).order_by(*last)


def _days(end: Any, own: Expression | None = None) -> Expression:
    instant = end if own is None else end.filter(own)
    seconds = sa.func.date_part(bound("epoch", "text"), now() - instant)
    return _double(seconds / _DAY)


def _double(value: Any) -> Expression:
    return sa.cast(value, sa.Double())
