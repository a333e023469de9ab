"""The words of `segments.language.query`, kept: what leaves ask of customers becomes expressions of SQLAlchemy's.

Promise: no word is one leaf's own, so that a new leaf needs nothing here. Every value is a parameter, and customers are
found by the `Selection`, so that no plan hangs on an estimate.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from segments.language.predicate import Predicate
from segments.leaves.amounts import Measured
from segments.leaves.events import Events
from segments.leaves.places import Position
from segments.leaves.top import Top
from segments.sql.amounts import Number, both_meet, one_meets, points
from segments.sql.documents import Document, Expression, Value, bound, instant_or_null, meets
from segments.sql.periods import today
from segments.sql.places import Place, located
from segments.sql.ranking import ranked
from segments.sql.rows import named
from segments.sql.selection import Selection, fenced
from segments.sql.tables import INSTANT, event, profile, tables
from segments.sql.when import STEP, STEP_AT, AtSteps, When, elapsed
from segments.time.calendar import Period

Test = Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Query(Selection, Document):
    """A question about the row of `profile`, by one leaf or by many."""

    json: Expression = profile.c.traits

    def document(self, column: str, *fields: str) -> Document:
        found: Expression = profile.c[column]
        for name in fields:
            found = Value.field(found, name).json
        return Document(found)

    def known_since(self, trait: str) -> Expression:
        began = instant_or_null(Value.field(self.document("traits_from", trait).json, "since"))
        said = instant_or_null(Value.field(profile.c.traits_at, trait))
        return sa.func.coalesce(began, said, profile.c.created_at, type_=INSTANT)

    def has(self, table: str, **columns: Any) -> Expression:
        rows = tables[table]
        return self.some(sa.select(rows.c.profile_id).where(*(_is(rows.c[name], value) for name, value in columns.items())))

    def drawn(self, salt: str, below: bytes | None) -> Expression:
        if below is None:
            return sa.true()
        salted = _bytes(salt.encode()).op("||")(sa.func.uuid_send(sa.func.coalesce(profile.c.drawn_as, profile.c.id)))
        return sa.func.sha256(salted) < _bytes(below)

    def happened(self, events: Events, least: int = 1, most: int | None = None) -> Expression:
        if (tally := self.tally(events.same)) is not None:
            times = tally.count(events)
            return sa.and_(times >= sa.literal(least), times <= sa.literal(most) if most is not None else sa.true())
        if least or most is None:
            return self.so_many(events, least, most)
        seldom = sa.not_(self.so_many(events, most + 1))
        return seldom if events.since is None else sa.and_(seldom, self.within(None, events.since))

    def first_or_last(self, which: str, named: str, window: timedelta | None, condition: Predicate | None) -> Expression:
        """Where a sibling says how young it has to be, the last is looked for no further back."""
        is_last = which == "last"
        if condition is None and (is_last or window is None):
            return self.within(window, named)
        reach = (window or self.recent.get(named)) if is_last else None
        found = self.outermost(
            which, lambda e: self.during(e, named, reach), lambda e: [] if condition is None else [e.c.properties]
        )
        wanted = [] if window is None else self.when.younger(found.c.ts, window)
        wanted += [] if condition is None else [meets(condition, found.c.properties)]
        return self.some(sa.select(found.c.profile_id).where(*wanted), alone=condition is None)

    def amounts(self, of: Sequence[Measured], test: Test, *, of_nothing: bool = False) -> Expression:
        if len(of) == 1:
            return one_meets(of[0], test, self, of_nothing=of_nothing)
        return both_meet(of, test, self, of_nothing=of_nothing)

    def ranked(self, top: Top) -> Expression:
        return ranked(top, self)

    def points(self, earned: Iterable[tuple[Any, Any]]) -> Number:
        return points(earned)

    def located(self, position: Position, test: Callable[[Place], Any]) -> Expression:
        return located(position, test, self)

    def ago(self, span: timedelta) -> Expression:
        return self.when.ago(span)

    def today(self, day: Period) -> Expression:
        return today(day)

    def year(self, day: Any) -> Expression:
        return sa.cast(sa.func.date_part(bound("year", "text"), day), sa.Integer)

    def birthday(self, day: Any, years: Any) -> Expression:
        return sa.cast(_later(day, years), sa.Date)

    def years_since(self, day: Any, today: Any) -> Number:
        years = self.year(today) - self.year(day)
        return Number(years - sa.cast(_later(day, years) > today, sa.Integer))

    def as_of(self, span: timedelta) -> "Query":
        return replace(self, when=When(span), recent={}, last={}, unwritten=frozenset())

    def at_a_step(self, edges: Iterable[tuple[str, timedelta]], span: timedelta, test: Test) -> Expression:
        """The steps of whom it was true before are looked at one by one."""
        steps = sa.union_all(*(_steps(type_, window, span) for type_, window in sorted(edges))).subquery(STEP)
        met = test(Query(when=AtSteps(span)))
        return fenced(sa.select(sa.literal_column("1")).select_from(steps).where(met).correlate(profile))

    def in_turn(self, first: Any, second: Any) -> Expression:
        return sa.case((first, second), else_=sa.false())


def _later(day: Expression, years: Expression) -> Expression:
    """So many years later; Postgres, too, makes the 29th of February the 28th."""
    return day + sa.func.make_interval(years, type_=sa.Interval())


def _steps(type_: str, window: timedelta, span: timedelta) -> sa.Select[Any]:
    """The instants in the span at which events of a type come true, or grow as old as a window."""
    e = event.alias()
    instant = e.c.ts + elapsed(window) if window else e.c.ts
    wanted = [named(e, type_, one_by_one=True), *When(window).bounds(e.c.ts, span)]
    return sa.select(instant.label(STEP_AT)).where(e.c.profile_id == profile.c.id, *wanted).correlate(profile)


def _is(column: Expression, value: str | float | list[str] | None) -> Expression:
    if value is None:
        return column.is_(None)
    if isinstance(value, float):
        return column >= sa.bindparam(None, value, sa.Double, unique=True)
    one_of = (
        sa.any_(sa.bindparam(None, value, ARRAY(sa.Text), unique=True)) if isinstance(value, list) else bound(value, "text")
    )
    return column == one_of


def _bytes(value: bytes) -> Expression:
    return sa.bindparam(None, value, sa.LargeBinary, unique=True)
