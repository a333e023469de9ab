"""Goals as SQL: when each of several runs reached its own."""

from typing import Any

import sqlalchemy as sa

from segments.language.predicate import All, Either, Not, Predicate
from segments.leaves.did import Did
from segments.leaves.people import MemberOf
from segments.leaves.standing import Standing
from segments.sql.documents import Expression
from segments.sql.rows import counted, during
from segments.sql.tables import INSTANT, event
from segments.sql.when import now


def moment(goal: Predicate, who: Expression, since: Expression) -> Expression:
    """When a goal was reached by one run, or NULL: the meaning of `evaluate.reached_at`."""
    match goal:
        case Did():
            return _moment_of_did(goal, who, since)
        case Standing():
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
