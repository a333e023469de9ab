"""The SQL of amounts over events, and of the first and the last event: set-wise, one group per customer.

Promise: values that are no numbers are left out before they are cast; sums and comparisons are exact (numeric).
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from segments.aggregates import Aggregate
from segments.comparing import compared
from segments.conditions import Selection, counted_since, inside
from segments.json_sql import Expression, Value, bound
from segments.rows import during, exists
from segments.sequences import Outermost
from segments.tables import event, profile

_SCALARS = ("string", "number", "boolean")


@inside.register
def _(predicate: Aggregate, selection: Selection) -> Expression:
    if not predicate.true_of_nothing:
        return _some(predicate, selection, negated=False)
    none_against = sa.not_(_some(predicate, selection, negated=True))
    if predicate.of.since is None:
        return none_against
    anchor = event.alias()
    wanted = during(anchor, predicate.of.since, None, when=selection.when)
    return sa.and_(none_against, exists(anchor.c.profile_id == profile.c.id, *wanted))


def _some(leaf: Aggregate, selection: Selection, *, negated: bool) -> Expression:
    """There are events of the leaf, and their amount compares (or, negated, does not)."""
    e = event.alias()
    source, wanted = counted_since(e, leaf.of, selection)
    value = Value.field(e.c.properties, leaf.path[0])
    rows: Any = source
    if len(leaf.path) > 1:
        value = Value.each(e.c.properties, leaf.path)
        json: Any = value.json
        rows = source.join(json.scalar_alias, sa.true())
    test = _amount(leaf, value)
    grouped = sa.select(e.c.profile_id).select_from(rows).where(*wanted, *selection.among(e.c.profile_id))
    some = grouped.group_by(e.c.profile_id).having(sa.not_(test) if negated else test).subquery()
    return exists(some.c.profile_id == profile.c.id, source=some)


def _amount(leaf: Aggregate, value: Value) -> Expression:
    number = sa.case((value.type == bound("number", "text"), sa.cast(value.text, sa.Numeric)))
    match leaf.measure:
        case "total":
            return _test(leaf, sa.func.coalesce(sa.func.sum(number), sa.literal(0, sa.Numeric)))
        case "largest":
            return _test(leaf, sa.func.max(number))
        case "smallest":
            return _test(leaf, sa.func.min(number))
        case "average":  # without a division, which would round
            return _test(leaf, sa.func.sum(number), sa.func.count(number))
    scalar = sa.case((value.type.in_([bound(kind, "text") for kind in _SCALARS]), value.json))
    return _test(leaf, sa.func.count(sa.distinct(sa.type_coerce(scalar, JSONB))))


def _test(leaf: Aggregate, amount: Expression, times: Expression | None = None) -> Expression:
    ends = [bound(each, "number") for each in (leaf.value if leaf.op == "between" else (leaf.value,))]
    ends = ends if times is None else [end * times for end in ends]
    if leaf.op == "between":
        return sa.and_(amount >= ends[0], amount <= ends[1])
    return compared(leaf.op, amount, ends[0])  # type: ignore[return-value]  # the operators build expressions, too


@inside.register
def _(predicate: Outermost, selection: Selection) -> Expression:
    """The event at the first (or last) instant, joined to that instant."""
    a, e = event.alias(), event.alias()
    end = sa.func.min(a.c.ts) if predicate.which == "first" else sa.func.max(a.c.ts)
    window = predicate.window if predicate.which == "last" else None
    known = sa.select(a.c.profile_id, end.label("ts")).where(*during(a, predicate.type, window, when=selection.when))
    outer = known.where(*selection.among(a.c.profile_id)).group_by(a.c.profile_id).subquery()
    source = e.join(outer, sa.and_(outer.c.profile_id == e.c.profile_id, e.c.ts == outer.c.ts))
    wanted = during(e, predicate.type, predicate.window, predicate.condition, selection.when)
    return exists(e.c.profile_id == profile.c.id, *wanted, source=source)
