"""Each kind of predicate as a SQLAlchemy expression; `compiler` puts them into whole statements.

An event leaf finds its events by the `selection`, customer by customer or everybody's at once, with its window as plain bounds
on `ts`, so that only the partitions in the window are touched.
"""

from dataclasses import replace
from functools import singledispatch
from typing import Any

import sqlalchemy as sa

from segments.language.documents import AnyItem, Compare
from segments.language.predicate import All, Either, Not, Predicate
from segments.leaves.did import Did
from segments.leaves.events import Events
from segments.leaves.listed import Listed
from segments.leaves.people import MemberOf
from segments.sql.documents import any_item, compare
from segments.sql.rows import bounds_of, counted, during, now
from segments.sql.selection import Selection
from segments.sql.tables import INSTANT, event, profile

Expression = sa.ColumnElement[Any]
__all__ = ["Expression", "Selection", "bounds_of", "counted_since", "during", "happened_ever", "inside", "moment"]


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
    if (tally := selection.tally(predicate.same)) is not None:
        times = tally.count(replace(predicate, least=None, most=None))
        return sa.and_(times >= sa.literal(least), times <= sa.literal(most) if most is not None else sa.true())
    if least or most is None:
        return _happened(predicate, selection, least, most)
    seldom = sa.not_(_happened(predicate, selection, most + 1))
    return seldom if predicate.since is None else sa.and_(seldom, happened_ever(predicate.since, selection))


def happened_ever(named: str, selection: Selection) -> Expression:
    """Whether an event of a type has ever happened."""
    e = event.alias()
    return selection.some(sa.select(e.c.profile_id).where(*selection.during(e, named, None)))


def _happened(leaf: Did, selection: Selection, times: int, most: int | None = None) -> Expression:
    """At least so many events of the leaf, and no more than `most`."""
    e = event.alias()
    if times == 1 and most is None and leaf.since is not None and leaf.since in selection.last:
        after = [e.c.ts >= selection.last[leaf.since], *_recent(e, leaf.since, selection)]
        counting = counted(e, leaf, selection.when, one_by_one=False)
        one: sa.Select[Any] = sa.select(sa.literal_column("1")).where(e.c.profile_id == profile.c.id, *counting, *after)
        return one.correlate(profile).exists()
    source, wanted = counted_since(e, leaf, selection)
    return selection.some(sa.select(e.c.profile_id).select_from(source).where(*wanted), times, most)


def counted_since(e: Any, leaf: Events, selection: Selection) -> tuple[sa.FromClause, list[Expression]]:
    """The events that count for a leaf: where they come from, and which they are."""
    source, traits = selection.traits(e, e) if leaf.traits else (e, None)
    wanted = counted(e, leaf, selection.when, traits, one_by_one=selection.one_by_one)
    if leaf.since is None:
        return source, wanted
    anchor, within = leaf.since, selection.recent.get(leaf.since)
    source, since = selection.since(e, "last", lambda a: selection.during(a, anchor, within), source)
    return source, wanted + since + _recent(e, anchor, selection)


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
    newest = sa.select(a.c.ts).where(*wanted).order_by(a.c.ts.desc()).limit(sa.literal_column("1"))
    return newest.correlate_except(a).scalar_subquery()


def _run(e: Any, who: Expression, since: Expression) -> list[Expression]:
    # The earliest `since` of all rows is a parameter, so that older partitions are never opened.
    return [e.c.profile_id == who, e.c.ts >= since, e.c.ts >= sa.bindparam("since", type_=INSTANT)]
