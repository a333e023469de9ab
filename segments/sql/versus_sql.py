"""The SQL of amounts against amounts: of one customer two numbers; of everybody two groupings side by side.

Promise: exact. A share is never divided out: both sides are multiplied with what is below the line, by its sign.
"""

from typing import Any, NamedTuple

import sqlalchemy as sa

from segments.language.comparing import compared
from segments.leaves.measures import Measured
from segments.leaves.versus import MIRRORED, Versus
from segments.sql.aggregates_sql import measured
from segments.sql.conditions import Selection, happened_ever, inside
from segments.sql.documents import Expression, bound
from segments.sql.selection import fenced
from segments.sql.tables import event, profile


class _Side(NamedTuple):
    """An amount, as a fraction: NULL where it is missing."""

    rows: Any
    above: Expression
    below: Expression


@inside.register
def _(predicate: Versus, selection: Selection) -> Expression:
    if selection.one_by_one:
        return _of_one(predicate, selection)
    if (tally := selection.tally(predicate.same)) is not None:
        one = bound(1, "number")
        left, right = (_Side(None, sa.cast(tally.count(of), sa.Numeric), one) for of in predicate.sides)
        return _test(predicate, left, right)
    if predicate.true_of_nothing:
        return sa.not_(_some(predicate, selection, negated=True))
    return _some(predicate, selection, negated=False)


def _of_one(leaf: Versus, selection: Selection) -> Expression:
    """Both amounts of one customer, each a row whether events count or not, compared."""
    sides, known = [], []
    for what in (leaf.left, leaf.right):
        rows, above, below = _measured(what, selection)
        mine = rows.with_only_columns(above, below, maintain_column_froms=True).where(rows.selected_columns[0] == profile.c.id)
        amounts = mine.correlate(profile).subquery()
        sides.append(_Side(amounts, amounts.c.above, amounts.c.below))
        known += [] if what.of.since is None else [happened_ever(what.of.since, selection)]
    one: sa.Select[Any] = sa.select(sa.literal_column("1")).where(*known, _test(leaf, *sides))
    return fenced(one.select_from(sides[0].rows.join(sides[1].rows, sa.true())))


def _some(leaf: Versus, selection: Selection, *, negated: bool) -> Expression:
    """There are events on a side at least, and the amounts compare (or, negated, do not)."""
    left, right = _side(leaf.left, selection), _side(leaf.right, selection)
    beside = sa.outerjoin(left.rows, right.rows, left.rows.c.profile_id == right.rows.c.profile_id, full=True)
    who = sa.func.coalesce(left.rows.c.profile_id, right.rows.c.profile_id).label("profile_id")
    test = _test(leaf, left, right)
    return selection.some(sa.select(who).select_from(beside).where(sa.not_(test) if negated else test), alone=True)


def _test(leaf: Versus, left: _Side, right: _Side) -> Expression:
    return _ratio(leaf, left, right) if leaf.divided else _multiple(leaf.op, left, right, leaf.value)


def _measured(what: Measured, selection: Selection) -> tuple[sa.Select[Any], Any, Any]:
    rows, amount, times = measured(what, selection)
    return rows, amount.label("above"), (bound(1, "number") if times is None else times).label("below")


def _side(what: Measured, selection: Selection) -> _Side:
    rows, above, below = _measured(what, selection)
    amounts = rows.add_columns(above, below).group_by(rows.selected_columns[0]).subquery()
    if not what.has_zero:
        return _Side(amounts, amounts.c.above, amounts.c.below)
    if what.of.since is not None:
        amounts = _since_ever(what.of.since, amounts, selection)
        return _Side(amounts, amounts.c.above, bound(1, "number"))
    return _Side(amounts, sa.func.coalesce(amounts.c.above, bound(0, "number")), bound(1, "number"))


def _since_ever(anchor: str, amounts: sa.Subquery, selection: Selection) -> sa.Subquery:
    """The amounts, and a 0 for everybody who did the anchor and nothing that counts since."""
    a = event.alias()
    known = sa.select(a.c.profile_id).where(*selection.during(a, anchor, None)).distinct().subquery()
    amount = sa.func.coalesce(amounts.c.above, bound(0, "number")).label("above")
    joined = sa.outerjoin(known, amounts, known.c.profile_id == amounts.c.profile_id)
    return sa.select(known.c.profile_id, amount).select_from(joined).subquery()


def _multiple(op: str, left: _Side, right: _Side, times: Any) -> Expression:
    """`left op times * right`, with what is below either line (a count, never below zero) on the other side."""
    mine, theirs = left.above * right.below, bound(times, "number") * right.above * left.below
    return compared(op, mine, theirs)  # type: ignore[return-value]  # the operators build expressions, too


def _ratio(leaf: Versus, left: _Side, right: _Side) -> Expression:
    zero = bound(0, "number")
    tests = [(">=", leaf.value[0]), ("<=", leaf.value[1])] if leaf.op == "between" else [(leaf.op, leaf.value)]
    upright = sa.and_(*(_multiple(op, left, right, value) for op, value in tests))
    mirrored = sa.and_(*(_multiple(MIRRORED[op], left, right, value) for op, value in tests))
    return sa.case((right.above > zero, upright), (right.above < zero, mirrored), else_=sa.false())
