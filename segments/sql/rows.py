"""Rows of events as SQL: the bounds that time sets, and the conditions on one event, whatever leaf asks for it.

Promise: what `Events.counts` says in Python. Instants that depend on "now" are parameters, worked out for each execution by
the functions that `bounds_of` finds in the parameters' names.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa

from segments.language.predicate import Predicate
from segments.language.spans import earlier
from segments.leaves.events import Events, Follow
from segments.sql.documents import Expression, meets
from segments.sql.hours import WALL_BOUND, at_wall, wall_bound
from segments.sql.periods import PERIOD_BOUND, in_period, period_bound
from segments.sql.tables import INSTANT, event
from segments.sql.when import AHEAD, YOUNGER, When

Bound = Callable[[datetime], Any]
_NOW = When()
_END = datetime.max.replace(tzinfo=UTC)


def bounds_of(names: Iterable[str]) -> dict[str, Bound]:
    """The parameters among these names whose value follows from the instant asked about."""
    found: dict[str, Bound] = {}
    for name in names:
        if name.startswith(YOUNGER):
            found[name] = partial(earlier, span=timedelta(microseconds=int(name.removeprefix(YOUNGER))))
        elif name.startswith(AHEAD):
            found[name] = _ahead(timedelta(microseconds=int(name.removeprefix(AHEAD))))
        elif name.startswith(PERIOD_BOUND):
            found[name] = period_bound(name)
        elif name.startswith(WALL_BOUND):
            found[name] = wall_bound(name)
    return found


def named(e: Any, type_: str, *, one_by_one: bool) -> Expression:
    """Whether an event is of a type; how that is written decides by which index it is found (see the schema)."""
    type_of: Expression = sa.collate(e.c.type, "C") if one_by_one else e.c.type
    return type_of == sa.bindparam(None, type_, sa.Text, unique=True)


def during(
    e: Any,
    type_: str,
    window: timedelta | None,
    condition: Predicate | None = None,
    when: When = _NOW,
    *,
    one_by_one: bool = True,
) -> list[Expression]:
    """The bounds of the events of a type in a window up to an instant, and their condition."""
    wanted = [named(e, type_, one_by_one=one_by_one), *when.bounds(e.c.ts, window)]
    if condition is not None:
        wanted.append(meets(condition, e.c.properties))
    return wanted


def counted(
    e: Any, leaf: Events, when: When = _NOW, traits: Expression | None = None, *, one_by_one: bool = True
) -> list[Expression]:
    """What makes an event count for a leaf, `since_last` aside.

    The customer's traits say the zone, where `leaf.traits` asks for one. What follows an event is looked for event by event,
    or (of everybody, not `one_by_one`) by a join.
    """
    wanted = during(e, leaf.type, leaf.window, leaf.condition, when, one_by_one=one_by_one)
    if leaf.stretch is not None:
        start, end = leaf.stretch.start, leaf.stretch.end
        wanted += [] if start is None else [e.c.ts >= sa.bindparam(None, start, INSTANT, unique=True)]
        wanted += [] if end is None else [e.c.ts < sa.bindparam(None, end, INSTANT, unique=True)]
    if leaf.period is not None:
        wanted += in_period(e, leaf.period, traits)
    wanted += at_wall(e, leaf, when.back, traits)
    if leaf.then_ is not None:
        wanted += _followed(e, leaf, leaf.then_, when, one_by_one=one_by_one)
    return wanted


def _followed(e: Any, leaf: Events, follow: Follow, when: When, *, one_by_one: bool) -> list[Expression]:
    later = event.alias()
    wanted = [later.c.profile_id == e.c.profile_id, later.c.ts > e.c.ts]
    wanted += counted(later, follow.next, when, one_by_one=one_by_one)
    if leaf.window is not None:  # follows, but tells Postgres which partitions it need not open
        wanted += when.younger(later.c.ts, leaf.window)
    if follow.span is not None:
        # A difference of instants is compared, because adding an interval would depend on the session's zone.
        wanted.append(later.c.ts - e.c.ts < sa.bindparam(None, follow.span, sa.Interval, unique=True))
    rows: sa.Select[Any] = sa.select(sa.literal_column("1")).where(*wanted).correlate_except(later)
    found = (rows.offset(sa.literal_column("0")) if one_by_one else rows).exists()
    if follow.wanted:
        return [found]
    over = [] if follow.span is None else [e.c.ts <= when.ago(follow.span)]
    return [*over, sa.not_(found)]


def _ahead(span: timedelta) -> Bound:
    return lambda at: at + span if _END - at > span else _END
