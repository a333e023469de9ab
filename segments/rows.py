"""Rows of events as SQL: the bounds that time sets, and the conditions on one event, whatever leaf asks for it.

Promise: what `Did.counts` says in Python. Instants that depend on "now" are parameters, worked out for each execution by
the functions that `bounds_of` finds in the parameters' names.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from segments.json_sql import Expression, of_document
from segments.period_sql import PERIOD_BOUND, in_period, period_bound
from segments.predicate import Predicate
from segments.tables import INSTANT, event, profile

if TYPE_CHECKING:
    from segments.happened import Did
    from segments.sequences import Follow

Bound = Callable[[datetime], Any]
_YOUNGER = "younger_than_"
_AHEAD = "not_after_"
_BEGINNING, _END = datetime(1, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def bounds_of(names: Iterable[str]) -> dict[str, Bound]:
    """The parameters among these names whose value follows from the instant asked about."""
    found: dict[str, Bound] = {}
    for name in names:
        if name.startswith(_YOUNGER):
            found[name] = _before(timedelta(microseconds=int(name.removeprefix(_YOUNGER))))
        elif name.startswith(_AHEAD):
            found[name] = _ahead(timedelta(microseconds=int(name.removeprefix(_AHEAD))))
        elif name.startswith(PERIOD_BOUND):
            found[name] = period_bound(name)
    return found


def during(e: Any, named: str, window: timedelta | None, condition: Predicate | None = None) -> list[Expression]:
    """The bounds of the events of a type in a window up to now, and their condition."""
    wanted = [e.c.type == sa.bindparam(None, named, sa.Text, unique=True), e.c.ts <= now()]
    if window is not None:
        wanted.append(e.c.ts > younger_than(window))
    if condition is not None:
        wanted.append(of_document(condition, e.c.properties))
    return wanted


def counted(e: Any, leaf: "Did") -> list[Expression]:
    """What makes an event count for a leaf, `since_last` aside."""
    wanted = during(e, leaf.type, leaf.window, leaf.condition)
    if leaf.stretch is not None:
        start, end = leaf.stretch.start, leaf.stretch.end
        wanted += [] if start is None else [e.c.ts >= sa.bindparam(None, start, INSTANT, unique=True)]
        wanted += [] if end is None else [e.c.ts < sa.bindparam(None, end, INSTANT, unique=True)]
    if leaf.period is not None:
        wanted += in_period(e, leaf.period)
    if leaf.then_ is not None:
        wanted += _followed(e, leaf.then_)
    return wanted


def _followed(e: Any, follow: "Follow") -> list[Expression]:
    later = event.alias()
    wanted = [later.c.profile_id == e.c.profile_id, later.c.ts > e.c.ts, *counted(later, follow.next)]
    if follow.span is not None:
        # A difference of instants is compared, because adding an interval would depend on the session's zone.
        wanted.append(later.c.ts - e.c.ts < sa.bindparam(None, follow.span, sa.Interval, unique=True))
    found = sa.select(sa.literal_column("1")).where(*wanted).correlate_except(later).exists()
    if follow.wanted:
        return [found]
    over = [] if follow.span is None else [e.c.ts <= younger_than(follow.span)]
    return [*over, sa.not_(found)]


def exists(*wanted: Expression, source: sa.FromClause | None = None) -> Expression:
    """Whether there is such a row for the profile."""
    one: sa.Select[Any] = sa.select(sa.literal_column("1")).where(*wanted)
    return (one if source is None else one.select_from(source)).correlate(profile).exists()


def now() -> Expression:
    """The instant asked about."""
    return sa.bindparam("at", type_=INSTANT)


def younger_than(window: timedelta) -> Expression:
    """The instant asked about, minus a window: who is later is younger."""
    return sa.bindparam(f"{_YOUNGER}{window // timedelta(microseconds=1)}", type_=INSTANT)


def not_after(span: timedelta) -> Expression:
    """The instant asked about, plus a span."""
    return sa.bindparam(f"{_AHEAD}{span // timedelta(microseconds=1)}", type_=INSTANT)


def _before(span: timedelta) -> Bound:
    return lambda at: at - span if at - _BEGINNING > span else _BEGINNING


def _ahead(span: timedelta) -> Bound:
    return lambda at: at + span if _END - at > span else _END
