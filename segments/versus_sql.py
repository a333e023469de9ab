"""The SQL of amounts against amounts: two groupings side by side, one row per customer who has events on either side.

Promise: exact. A share is never divided out: both sides are multiplied with what is below the line, by its sign.
"""

from typing import Any, NamedTuple

import sqlalchemy as sa

from segments.aggregates_sql import grouped
from segments.comparing import compared
from segments.conditions import Selection, inside
from segments.json_sql import Expression, bound
from segments.measures import Measured
from segments.rows import during, exists
from segments.tables import event, profile
from segments.versus import MIRRORED, Versus


class _Side(NamedTuple):
    """An amount, as a fraction: NULL where it is missing."""

    rows: sa.Subquery
    above: Expression
    below: Expression


@inside.register
def _(predicate: Versus, selection: Selection) -> Expression:
    if predicate.true_of_nothing:
        return sa.not_(_some(predicate, selection, negated=True))
    return _some(predicate, selection, negated=False)


def _some(leaf: Versus, selection: Selection, *, negated: bool) -> Expression:
    """There are events on a side at least, and the amounts compare (or, negated, do not)."""
    left, right = _side(leaf.left, selection), _side(leaf.right, selection)
    beside = sa.outerjoin(left.rows, right.rows, left.rows.c.profile_id == right.rows.c.profile_id, full=True)
    who = sa.func.coalesce(left.rows.c.profile_id, right.rows.c.profile_id).label("profile_id")
    test = _ratio(leaf, left, right) if leaf.divided else _multiple(leaf.op, left, right, leaf.value)
    found = sa.select(who).select_from(beside).where(sa.not_(test) if negated else test).subquery()
    return exists(found.c.profile_id == profile.c.id, source=found)


def _side(what: Measured, selection: Selection) -> _Side:
    rows, amount, times = grouped(what, selection)
    one = bound(1, "number")
    measured = rows.add_columns(amount.label("above"), (one if times is None else times).label("below")).subquery()
    if not what.has_zero:
        return _Side(measured, measured.c.above, measured.c.below)
    if what.of.since is not None:
        measured = _since_ever(what.of.since, measured, selection)
        return _Side(measured, measured.c.above, one)
    return _Side(measured, sa.func.coalesce(measured.c.above, bound(0, "number")), one)


def _since_ever(anchor: str, measured: sa.Subquery, selection: Selection) -> sa.Subquery:
    """The amounts, and a 0 for everybody who did the anchor and nothing that counts since."""
    a = event.alias()
    ever = [*during(a, anchor, None, when=selection.when), *selection.among(a.c.profile_id)]
    known = sa.select(a.c.profile_id).where(*ever).distinct().subquery()
    amount = sa.func.coalesce(measured.c.above, bound(0, "number")).label("above")
    joined = sa.outerjoin(known, measured, known.c.profile_id == measured.c.profile_id)
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
