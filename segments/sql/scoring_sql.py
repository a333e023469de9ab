"""The SQL of scores: the points of every true rule, added up exactly."""

from functools import reduce
from operator import add

import sqlalchemy as sa

from segments.language.comparing import compared
from segments.leaves.score import Scored
from segments.sql.conditions import Selection, inside
from segments.sql.documents import Expression, bound


@inside.register
def _(predicate: Scored, selection: Selection) -> Expression:
    nothing = bound(0, "number")
    earned = [
        sa.case((inside(rule.when, selection), bound(rule.points, "number")), else_=nothing) for rule in predicate.score.rules
    ]
    # The operators build expressions, too.
    return compared(predicate.op, reduce(add, earned), bound(predicate.value, "number"))  # type: ignore[return-value]
