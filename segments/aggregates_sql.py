"""The SQL of amounts over events, and of the first and the last event: set-wise, one group per customer.

Promise: values that are no numbers are left out before they are cast; sums and comparisons are exact (numeric).
"""

from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from segments.aggregates import Aggregate
from segments.comparing import compared
from segments.conditions import Selection, counted_since, inside
from segments.json_sql import Expression, Value, bound, of_document
from segments.measures import Measured
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
    found = grouped(leaf.measured, selection)
    test = _test(leaf, found.amount, found.times)
    some = found.rows.having(sa.not_(test) if negated else test).subquery()
    return exists(some.c.profile_id == profile.c.id, source=some)


class Grouped(NamedTuple):
    """A measure of every customer who has events that count: `amount`, over `times` where that is not None."""

    rows: sa.Select[Any]
    amount: Expression
    times: Expression | None


def grouped(what: Measured, selection: Selection) -> Grouped:
    """The events that count, one group per customer; no row for who has none."""
    e = event.alias()
    source, wanted = counted_since(e, what.of, selection)
    rows: Any = source
    value = Value.field(e.c.properties, what.path[0]) if what.path else None
    document: Expression = e.c.properties
    path = what.path
    if what.lines:
        depth = len(what.lines[0].path)
        line = Value.each(document, path[:depth], items=True)
        rows = _joined(rows, line)
        wanted = [
            *wanted,
            line.type == bound("object", "text"),
            sa.or_(*(of_document(each.condition, line.json) for each in what.lines)),
        ]
        document, path = line.json, path[depth:]
    if len(what.path) > 1:
        value = Value.each(document, path)
        rows = _joined(rows, value)
    found = sa.select(e.c.profile_id).select_from(rows).where(*wanted, *selection.among(e.c.profile_id))
    return Grouped(found.group_by(e.c.profile_id), *_amount(what.measure, value))


def _joined(rows: Any, value: Value) -> Any:
    json: Any = value.json
    return rows.join(json.scalar_alias, sa.true())


def _amount(measure: str, value: Value | None) -> tuple[Expression, Expression | None]:
    if value is None:
        return sa.cast(sa.func.count(), sa.Numeric), None
    number = sa.case((value.type == bound("number", "text"), sa.cast(value.text, sa.Numeric)))
    match measure:
        case "total":
            return sa.func.coalesce(sa.func.sum(number), sa.literal(0, sa.Numeric)), None
        case "largest":
            return sa.func.max(number), None
        case "smallest":
            return sa.func.min(number), None
        case "average":  # without a division, which would round
            return sa.func.sum(number), sa.func.count(number)
    scalar = sa.case((value.type.in_([bound(kind, "text") for kind in _SCALARS]), value.json))
    return sa.cast(sa.func.count(sa.distinct(sa.type_coerce(scalar, JSONB))), sa.Numeric), None


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
