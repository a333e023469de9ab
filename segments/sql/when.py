"""The instant at which something is asked, as SQL: the one asked about, a while before it, or each of several steps.

Promise: what follows from the instant asked about is a parameter. A row's own instant is moved by hours and seconds and
never by days, so that the session's zone does not matter.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa

from segments.language.events import HISTORY
from segments.sql.tables import INSTANT

Expression = sa.ColumnElement[Any]
YOUNGER: Final = "younger_than_"
AHEAD: Final = "not_after_"
#: How the query that goes through steps calls them, and their column.
STEP: Final = "step"
STEP_AT: Final = "instant"
_NOTHING, _MICROSECOND, _HOUR = timedelta(0), timedelta(microseconds=1), timedelta(hours=1)


def now() -> Expression:
    """The instant asked about."""
    return sa.bindparam("at", type_=INSTANT)


def younger_than(window: timedelta) -> Expression:
    """The instant asked about, minus a window: who is later is younger."""
    return sa.bindparam(f"{YOUNGER}{window // _MICROSECOND}", type_=INSTANT)


def not_after(span: timedelta) -> Expression:
    """The instant asked about, plus a span."""
    return sa.bindparam(f"{AHEAD}{span // _MICROSECOND}", type_=INSTANT)


def elapsed(span: timedelta) -> Expression:
    """A span as an interval of hours and seconds, exact to the microsecond."""
    hours, rest = divmod(span, _HOUR)
    none: Expression = sa.literal_column("0")
    whole = sa.bindparam(None, hours, sa.Integer, unique=True)
    seconds: Expression = sa.bindparam(None, rest.total_seconds(), sa.Double(), unique=True)
    return sa.func.make_interval(none, none, none, none, whole, none, seconds, type_=sa.Interval())


@dataclass(frozen=True, slots=True)
class When:
    """So long before the instant asked about."""

    back: timedelta = _NOTHING

    def instant(self) -> Expression:
        """That instant; one that is ahead of what is asked about, where it lies so long before it below zero."""
        if self.back < _NOTHING:
            return not_after(-self.back)
        return younger_than(self.back) if self.back else now()

    def ago(self, span: timedelta) -> Expression:
        """A span before that instant."""
        return When(self.back + span).instant()

    def bounds(self, ts: Expression, window: timedelta | None) -> list[Expression]:
        """What makes something have happened by then, in a window."""
        return [ts <= self.instant(), *([] if window is None else self.younger(ts, window))]

    def younger(self, ts: Expression, window: timedelta) -> list[Expression]:
        """What makes something younger than a window at that instant."""
        return [ts > self.ago(window)]


@dataclass(frozen=True, slots=True)
class AtSteps(When):
    """At the instant of each row of `step`, none of them further back than that."""

    def instant(self) -> Expression:
        """The row's instant."""
        return sa.literal_column(f"{STEP}.{STEP_AT}", INSTANT)

    def ago(self, span: timedelta) -> Expression:
        """A span before the row's instant."""
        return self.instant() - elapsed(span)

    def bounds(self, ts: Expression, window: timedelta | None) -> list[Expression]:
        """The row's own, and around them those of all steps, so that other partitions are never opened."""
        return [*When.bounds(self, ts, window), ts <= now()]

    def younger(self, ts: Expression, window: timedelta) -> list[Expression]:
        """The row's own bound, and the one of all steps."""
        return [ts > self.ago(window), ts > younger_than(self.back + window)]


@dataclass(frozen=True, slots=True)
class AsKnown(When):
    """At an instant of the past, as far as it was known then: what was received later had not happened.

    But for history: of what was brought in as such, whoever did so claims that it was known when it happened.
    """

    def bounds(self, ts: Expression, window: timedelta | None) -> list[Expression]:
        """What makes something have happened and been received by then, in a window."""
        of: Any = ts
        row = of.table.c
        claimed = sa.func.starts_with(row.source, sa.literal_column(f"'{HISTORY}'"))
        return [*When.bounds(self, ts, window), sa.or_(row.received_at <= self.instant(), claimed)]
