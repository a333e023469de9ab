"""Each kind of predicate as a SQLAlchemy expression; `compiler` puts them into whole statements.

An event leaf becomes an EXISTS that Postgres can turn into a semi-join or an anti-join, with its window as plain bounds
on `ts`: a full evaluation is set-wise, a partial one goes by index, and both touch only the partitions in the window.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import singledispatch
from typing import Any

import sqlalchemy as sa

from segments.happened import Did
from segments.json_sql import any_item, compare
from segments.listed import Listed
from segments.people import MemberOf
from segments.predicate import All, AnyItem, Compare, Either, Not, Predicate
from segments.rows import bounds_of, counted, during, exists, now
from segments.tables import INSTANT, event, profile
from segments.when import When

Expression = sa.ColumnElement[Any]
__all__ = ["Expression", "Selection", "bounds_of", "counted_since", "during", "inside", "moment"]


@dataclass(frozen=True, slots=True)
class Selection:
    """What is known around an expression: the profiles asked about, the instant, and how old the last event of a type can be.

    In `did(A).within(W) & rest`, the rest matters only where an A is younger than W: then the last A is, too, and the
    search for it (by `since_last("A")` in the rest) need not go back further. Where a full evaluation starts from the
    events of a type (`start`), the instant of the `last` of them is there already.
    """

    ids: sa.BindParameter[Any] | None = None
    recent: Mapping[str, timedelta] = field(default_factory=dict)
    last: Mapping[str, Expression] = field(default_factory=dict)
    when: When = field(default_factory=When)
    between: tuple[sa.BindParameter[Any], sa.BindParameter[Any]] | None = None

    def among(self, column: Expression) -> list[Expression]:
        """The restriction to the profiles asked about, for subqueries that are not correlated."""
        if self.between is not None:
            low, high = self.between
            return [column > low, column <= high]
        return [] if self.ids is None else [column == sa.any_(self.ids)]

    def beside(self, siblings: Iterable[Predicate]) -> "Selection":
        """What may be assumed next to these conjuncts."""
        known = dict(self.recent)
        for leaf in siblings:
            if isinstance(leaf, Did) and leaf.window and leaf.at_least_times > 0 and leaf.since is None:
                known[leaf.type] = min(leaf.window, known.get(leaf.type, leaf.window))
        return replace(self, recent=known)


@singledispatch
def inside(predicate: Predicate, selection: Selection) -> Expression:
    """Whether the predicate is true of the row of `profile`."""
    raise NotImplementedError(f"no SQL for {type(predicate).__name__}")


@inside.register
def _(predicate: All, selection: Selection) -> Expression:
    members = predicate.members
    beside = [selection.beside(other for other in members if other is not part) for part in members]
    return sa.and_(*(inside(part, known) for part, known in zip(members, beside, strict=True)))


@inside.register
def _(predicate: Either, selection: Selection) -> Expression:
    return sa.or_(*(inside(part, selection) for part in predicate.members))


@inside.register
def _(predicate: Not, selection: Selection) -> Expression:
    return sa.not_(inside(predicate.part, selection))


@inside.register
def _(predicate: Listed, selection: Selection) -> Expression:
    return inside(predicate.last, selection)


@inside.register
def _(predicate: Compare, selection: Selection) -> Expression:  # noqa: ARG001 - one signature for all leaves
    return compare(predicate, profile.c.traits)


@inside.register
def _(predicate: AnyItem, selection: Selection) -> Expression:  # noqa: ARG001 - one signature for all leaves
    return any_item(predicate, profile.c.traits)


@inside.register
def _(predicate: Did, selection: Selection) -> Expression:
    least, most = predicate.at_least_times, predicate.most
    conditions = [_happened(predicate, selection, least)] if least else []
    if most is not None:
        conditions.append(sa.not_(_happened(predicate, selection, most + 1)))
    if predicate.since is not None and not least:
        anchor = event.alias()
        wanted = during(anchor, predicate.since, None, when=selection.when)
        conditions.append(exists(anchor.c.profile_id == profile.c.id, *wanted))
    return sa.and_(*conditions)


def _happened(leaf: Did, selection: Selection, times: int) -> Expression:
    """At least so many events of the leaf."""
    e = event.alias()
    if times == 1 and leaf.since is not None and leaf.since in selection.last:
        after = [e.c.ts >= selection.last[leaf.since], *_recent(e, leaf.since, selection)]
        return exists(e.c.profile_id == profile.c.id, *counted(e, leaf), *after)
    source, wanted = counted_since(e, leaf, selection)
    if times == 1:
        return exists(e.c.profile_id == profile.c.id, *wanted, source=source)
    often = sa.select(e.c.profile_id).select_from(source).where(*wanted, *selection.among(e.c.profile_id))
    some = often.group_by(e.c.profile_id).having(sa.func.count() >= sa.literal(times)).subquery()
    return exists(some.c.profile_id == profile.c.id, source=some)


def counted_since(e: Any, leaf: Did, selection: Selection) -> tuple[sa.FromClause, list[Expression]]:
    """The events that count for a leaf: where they come from, and which they are."""
    wanted = counted(e, leaf, selection.when)
    if leaf.since is None:
        return e, wanted
    source, since = _since(e, leaf.since, selection)
    return source, wanted + since


def _since(e: Any, anchor: str, selection: Selection) -> tuple[sa.FromClause, list[Expression]]:
    """The join with the last event of a type, and the bounds that follow."""
    a = event.alias()
    within = selection.recent.get(anchor)
    last = (
        sa.select(a.c.profile_id, sa.func.max(a.c.ts).label("ts"))
        .where(*during(a, anchor, within, when=selection.when), *selection.among(a.c.profile_id))
        .group_by(a.c.profile_id)
        .subquery()
    )
    joined = e.join(last, sa.and_(last.c.profile_id == e.c.profile_id, e.c.ts >= last.c.ts))
    return joined, _recent(e, anchor, selection)


def _recent(e: Any, anchor: str, selection: Selection) -> list[Expression]:
    within = selection.recent.get(anchor)
    return [] if within is None else selection.when.younger(e.c.ts, within)


def moment(goal: Predicate, who: Expression, since: Expression) -> Expression:
    """When a goal was reached by one run, or NULL: the meaning of `evaluate.reached_at`."""
    match goal:
        case Did():
            return _moment_of_did(goal, who, since)
        case Listed():
            return moment(goal.last, who, since)
        case MemberOf():
            return moment(goal.inner, who, since)
        case Not():
            return sa.case((moment(goal.part, who, since).is_(None), now()), else_=sa.null())
        case Either():
            return sa.func.least(*(moment(part, who, since) for part in goal.members), type_=INSTANT)
        case All():
            moments = [moment(part, who, since) for part in goal.members]
            return sa.case((sa.and_(*(each.is_not(None) for each in moments)), sa.func.greatest(*moments, type_=INSTANT)))
    raise NotImplementedError(f"no goal of {type(goal).__name__}")


def _moment_of_did(leaf: Did, who: Expression, since: Expression) -> Expression:
    least, most = leaf.at_least_times, leaf.most
    if most is None:
        return _nth(leaf, least, who, since)
    conditions = [_nth(leaf, least, who, since).is_not(None)] if least else []
    conditions.append(_nth(leaf, most + 1, who, since).is_(None))
    if leaf.since is not None and not least:
        conditions.append(_last(leaf.since, who, since).is_not(None))
    return sa.case((sa.and_(*conditions), now()))


def _nth(leaf: Did, n: int, who: Expression, since: Expression) -> Expression:
    e = event.alias()
    wanted = [*counted(e, leaf), *_run(e, who, since)]
    if leaf.since is not None:
        wanted.append(e.c.ts >= _last(leaf.since, who, since))
    return sa.select(e.c.ts).where(*wanted).order_by(e.c.ts).limit(1).offset(n - 1).correlate_except(e).scalar_subquery()


def _last(anchor: str, who: Expression, since: Expression) -> Expression:
    a = event.alias()
    wanted = [*during(a, anchor, None), *_run(a, who, since)]
    return sa.select(sa.func.max(a.c.ts)).where(*wanted).correlate_except(a).scalar_subquery()


def _run(e: Any, who: Expression, since: Expression) -> list[Expression]:
    # The earliest `since` of all rows is a parameter, so that older partitions are never opened.
    return [e.c.profile_id == who, e.c.ts >= since, e.c.ts >= sa.bindparam("since", type_=INSTANT)]
