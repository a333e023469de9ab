"""The SQL of amounts over events, and of the first and the last event.

Promise: values that are no numbers are left out before they are cast; sums and comparisons are exact (numeric).
"""

from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from segments.language.comparing import compared
from segments.leaves.aggregates import Aggregate
from segments.leaves.measures import Measured
from segments.leaves.sequences import Outermost
from segments.sql.conditions import Selection, counted_since, happened_ever, inside
from segments.sql.documents import Expression, Value, bound, of_document
from segments.sql.tables import event

_SCALARS = ("string", "number", "boolean")


@inside.register
def _(predicate: Aggregate, selection: Selection) -> Expression:
    if not predicate.true_of_nothing:
        return _some(predicate, selection, negated=False)
    none_against = sa.not_(_some(predicate, selection, negated=True))
    if predicate.of.since is None:
        return none_against
    return sa.and_(none_against, happened_ever(predicate.of.since, selection))


def _some(leaf: Aggregate, selection: Selection, *, negated: bool) -> Expression:
    """There are events of the leaf, and their amount compares (or, negated, does not)."""
    found = measured(leaf.measured, selection)
    test = _test(leaf, found.amount, found.times)
    return selection.together(found.rows, sa.not_(test) if negated else test)


class Amounts(NamedTuple):
    """The events that are measured, by `profile_id`; of them together the `amount`, over `times` where that is not None."""

    rows: sa.Select[Any]
    amount: Expression
    times: Expression | None


def measured(what: Measured, selection: Selection) -> Amounts:
    """The events that count for a measure, and what it is of them together."""
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
    return Amounts(sa.select(e.c.profile_id).select_from(rows).where(*wanted), *_amount(what.measure, value))


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
    """The event at the first (or last) instant; without a condition the last one is any.

    Where a sibling says how young it has to be, the last is looked for no further back.
    """
    window = predicate.window if predicate.which == "last" else None
    recent = selection.recent.get(predicate.type) if predicate.which == "last" else None
    met = predicate.condition
    if met is None and window == predicate.window:
        e = event.alias()
        return selection.some(sa.select(e.c.profile_id).where(*selection.during(e, predicate.type, window)))
    found = selection.outermost(
        predicate.which,
        lambda e: selection.during(e, predicate.type, recent if window is None else window),
        lambda e: [] if met is None else [e.c.properties],
    )
    wanted = [] if predicate.window is None else selection.when.younger(found.c.ts, predicate.window)
    wanted += [] if met is None else [of_document(met, found.c.properties)]
    return selection.some(sa.select(found.c.profile_id).where(*wanted), alone=met is None)
