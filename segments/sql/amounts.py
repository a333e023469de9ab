"""Amounts over events as SQL: what some events come to together, and amounts side by side.

Promise: values that are no numbers are left out before they are cast; sums and comparisons are exact (numeric). What is below
the line is never divided by: both sides are multiplied with it, by its sign.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from segments.language.comparing import MIRRORED, compared
from segments.leaves.amounts import Measured
from segments.sql.documents import Expression, Value, bound, meets
from segments.sql.selection import Selection, fenced
from segments.sql.tables import event, profile

_SCALARS = ("string", "number", "boolean")
_ONE: Expression = sa.literal_column("1")


@dataclass(frozen=True, eq=False)
class Number:
    """A number, as a fraction where something is below its line; NULL where it is missing."""

    above: Expression
    below: Expression | None = None

    def compares(self, op: str, value: Any) -> Expression:
        """With a number, two of them, or another of these."""
        if op == "between":
            return sa.and_(self.compares(">=", value[0]), self.compares("<=", value[1]))
        other = value if isinstance(value, Number) else Number(bound(value, "number"))
        return compared(op, _times(self.above, other.below), _times(other.above, self.below))  # type: ignore[return-value]  # operators build it

    def __mul__(self, times: Any) -> "Number":
        return Number(bound(times, "number") * self.above, self.below)

    def __truediv__(self, other: "Number") -> "Share":
        return Share(self, other)


class Share(NamedTuple):
    """One number divided by another; no comparison is true where the other is 0."""

    left: Number
    right: Number

    def compares(self, op: str, value: Any) -> Expression:
        """With a number, or two of them."""
        zero, tests = bound(0, "number"), [(">=", value[0]), ("<=", value[1])] if op == "between" else [(op, value)]
        upright = sa.and_(*(self.left.compares(op, self.right * each) for op, each in tests))
        mirrored = sa.and_(*(self.left.compares(MIRRORED[op], self.right * each) for op, each in tests))
        return sa.case((self.right.above > zero, upright), (self.right.above < zero, mirrored), else_=sa.false())


def points(earned: Iterable[tuple[Any, Any]]) -> Number:
    """The points of what is true, added up."""
    nothing = bound(0, "number")
    each = [sa.case((truth, bound(points, "number")), else_=nothing) for truth, points in earned]
    return Number(sum(each[1:], each[0]))


def one_meets(what: Measured, test: Callable[..., Any], selection: Selection, *, of_nothing: bool) -> Expression:
    """Whether the events that count come to something that meets the test; none need to where `of_nothing` says so."""
    rows, amount = _measured(what, selection)
    if not of_nothing:
        return selection.together(rows, test(amount))
    none_against = sa.not_(selection.together(rows, sa.not_(test(amount))))
    return none_against if what.of.since is None else sa.and_(none_against, selection.within(None, what.of.since))


def by_customer(what: Measured, selection: Selection) -> sa.Subquery:
    """The amount of each customer who has one: `profile_id`, and a fraction of `above` and `below` (1 where it has none)."""
    return _grouped(what, selection)


def both_meet(sides: Sequence[Measured], test: Callable[..., Any], selection: Selection, *, of_nothing: bool) -> Expression:
    """Whether two amounts of a customer meet the test; of everybody, two groupings side by side."""
    if selection.one_by_one:
        return _of_one(sides, test, selection)
    if sides[0].same == sides[1].same and (tally := selection.tally(sides[0].same)) is not None:
        one = bound(1, "number")
        counts: Expression = test(*(Number(sa.cast(tally.count(each.of), sa.Numeric), one) for each in sides))
        return counts
    left, right = (_grouped(each, selection) for each in sides)
    beside = sa.outerjoin(left, right, left.c.profile_id == right.c.profile_id, full=True)
    who = sa.func.coalesce(left.c.profile_id, right.c.profile_id).label("profile_id")
    numbers = [_number(side, each) for side, each in zip((left, right), sides, strict=True)]
    met = sa.not_(test(*numbers)) if of_nothing else test(*numbers)
    found = selection.some(sa.select(who).select_from(beside).where(met), alone=True)
    return sa.not_(found) if of_nothing else found


def _of_one(sides: Sequence[Measured], test: Callable[..., Any], selection: Selection) -> Expression:
    """Both amounts of one customer, each a row whether events count or not."""
    rows, numbers, known = [], [], []
    for what in sides:
        found, above, below = _fraction(what, selection)
        mine = found.with_only_columns(above, below, maintain_column_froms=True)
        amounts = mine.where(found.selected_columns[0] == profile.c.id).correlate(profile).subquery()
        rows.append(amounts)
        numbers.append(Number(amounts.c.above, amounts.c.below))
        known += [] if what.of.since is None else [selection.within(None, what.of.since)]
    return fenced(sa.select(_ONE).where(*known, test(*numbers)).select_from(rows[0].join(rows[1], sa.true())))


def _fraction(what: Measured, selection: Selection) -> tuple[sa.Select[Any], Any, Any]:
    rows, amount = _measured(what, selection)
    below = bound(1, "number") if amount.below is None else amount.below
    return rows, amount.above.label("above"), below.label("below")


def _grouped(what: Measured, selection: Selection) -> sa.Subquery:
    """The amount of each customer who has one; of all who did its anchor, where it goes by one and is 0 of nothing."""
    rows, above, below = _fraction(what, selection)
    amounts = rows.add_columns(above, below).group_by(rows.selected_columns[0]).subquery()
    if what.of.since is None or not what.has_zero:
        return amounts
    a = event.alias()
    known = sa.select(a.c.profile_id).where(*selection.during(a, what.of.since, None)).distinct().subquery()
    joined = sa.outerjoin(known, amounts, known.c.profile_id == amounts.c.profile_id)
    return sa.select(known.c.profile_id, _or_zero(amounts).label("above")).select_from(joined).subquery()


def _number(amounts: sa.Subquery, what: Measured) -> Number:
    if not what.has_zero:
        return Number(amounts.c.above, amounts.c.below)
    return Number(amounts.c.above if what.of.since is not None else _or_zero(amounts), bound(1, "number"))


def _or_zero(amounts: sa.Subquery) -> Expression:
    return sa.func.coalesce(amounts.c.above, bound(0, "number"))


def _measured(what: Measured, selection: Selection) -> tuple[sa.Select[Any], Number]:
    """The events that count, by `profile_id`, and what they come to together."""
    e = event.alias()
    source, wanted = selection.counting(e, what.of)
    rows: Any = source
    value = Value.field(e.c.properties, what.path[0]) if what.path else None
    document: Expression = e.c.properties
    path = what.path
    if what.lines:
        depth = len(what.lines[0].path)
        line = Value.each(document, path[:depth], items=True)
        rows = _joined(rows, line)
        is_asked_for = sa.or_(*(meets(each.condition, line.json) for each in what.lines))
        wanted = [*wanted, line.type == bound("object", "text"), is_asked_for]
        document, path = line.json, path[depth:]
    if len(what.path) > 1:
        value = Value.each(document, path)
        rows = _joined(rows, value)
    return sa.select(e.c.profile_id).select_from(rows).where(*wanted), amount_of(what.measure, value)


def _joined(rows: Any, value: Value) -> Any:
    json: Any = value.json
    return rows.join(json.scalar_alias, sa.true())


def amount_of(measure: str, value: Value | None, own: Expression | None = None) -> Number:
    """What some events come to together; with `own`, those of which it is true."""

    def over(aggregate: Any) -> Any:
        return aggregate if own is None else aggregate.filter(own)

    if value is None:
        return Number(sa.cast(over(sa.func.count()), sa.Numeric))
    number = sa.case((value.type == bound("number", "text"), sa.cast(value.text, sa.Numeric)))
    match measure:
        case "total":
            return Number(sa.func.coalesce(over(sa.func.sum(number)), sa.literal(0, sa.Numeric)))
        case "largest":
            return Number(over(sa.func.max(number)))
        case "smallest":
            return Number(over(sa.func.min(number)))
        case "average":
            return Number(over(sa.func.sum(number)), over(sa.func.count(number)))
    scalar = sa.case((value.type.in_([bound(kind, "text") for kind in _SCALARS]), value.json))
    return Number(sa.cast(over(sa.func.count(sa.distinct(sa.type_coerce(scalar, JSONB)))), sa.Numeric))


def _times(amount: Expression, below: Expression | None) -> Expression:
    return amount if below is None else amount * below
