"""How leaves find what they ask about customers: one at a time by index, or everybody's in one pass.

Promise: how much is read follows from the question, and not from what Postgres estimates. Of given customers each question is
a subquery about one of them, fenced by an offset so that it is never made a join, and the first and the last event stand at
the ends of an index. Of everybody each question is a set, read once, grouped by customer and joined; `plans` sees to it
that no join goes through one side again for each row of the other.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Self

import sqlalchemy as sa

from segments.language.predicate import Predicate
from segments.leaves.did import Did
from segments.leaves.events import Events
from segments.sql.rows import counted, during
from segments.sql.tables import event, profile
from segments.sql.when import Expression, When

#: Events of a type in a window.
Same = tuple[str, timedelta | None]
#: What makes an event known, and what is taken of it, written for any alias of the table.
OfEvent = Callable[[Any], Sequence[Any]]
_ONE: Expression = sa.literal_column("1")
_NONE: Expression = sa.literal_column("0")


@dataclass(frozen=True, eq=False)
class Selection:
    """What is known around an expression: who is asked about, the instant, and how old the last event of a type can be.

    Without `sets`, customers are asked about one at a time; with them, everybody is, and the sets that the expression speaks
    of are added to the list, to be joined. In `did(A).within(W) & rest`, the rest matters only where an A is younger
    than W: then the last A is, too, and the search for it (by `since_last("A")` in the rest) need not go back further.
    Where a full evaluation starts from the events of a type (`start`), the instant of the `last` of them is there already.
    What several leaves count among the same events is counted in one pass (`tallies`).
    Of crossings that nobody has asked for so far there are no events (`unwritten`); the scores tell what they will say.
    """

    sets: list[sa.Subquery] | None = None
    recent: Mapping[str, timedelta] = field(default_factory=dict)
    tallies: "Mapping[Same, Tally]" = field(default_factory=dict)
    last: Mapping[str, Expression] = field(default_factory=dict)
    when: When = field(default_factory=When)
    unwritten: frozenset[str] = frozenset()

    @property
    def one_by_one(self) -> bool:
        """Whether customers are asked about one at a time."""
        return self.sets is None

    def tally(self, same: Same | None) -> "Tally | None":
        """Where these events are counted for several leaves as of the same instant, if they are."""
        found = None if same is None else self.tallies.get(same)
        return found if found is not None and found.when is self.when else None

    def beside(self, part: Predicate | None, siblings: Iterable[Predicate]) -> Self:
        """What may be assumed next to the other conjuncts."""
        known = dict(self.recent)
        for leaf in siblings:
            if leaf is not part and isinstance(leaf, Did) and leaf.window and leaf.at_least_times > 0 and leaf.since is None:
                known[leaf.type] = min(leaf.window, known.get(leaf.type, leaf.window))
        return replace(self, recent=known)

    def during(self, e: Any, type_: str, window: timedelta | None) -> list[Expression]:
        """The bounds of the events of a type in a window up to the instant asked about."""
        return during(e, type_, window, when=self.when, one_by_one=self.one_by_one)

    def counting(self, e: Any, events: Events) -> tuple[sa.FromClause, list[Expression]]:
        """The events that count: where they come from, and which they are."""
        source, traits = self.traits(e, e) if events.traits else (e, None)
        wanted = counted(e, events, self.when, traits, one_by_one=self.one_by_one)
        if events.since is None:
            return source, wanted
        anchor, within = events.since, self.recent.get(events.since)
        source, since = self.since(e, "last", lambda a: self.during(a, anchor, within), source)
        return source, wanted + since + self._recent(e, anchor)

    def within(self, window: timedelta | None, type_: str) -> Expression:
        """Whether an event of a type has happened in a window, or ever."""
        e = event.alias()
        return self.some(sa.select(e.c.profile_id).where(*self.during(e, type_, window)))

    def so_many(self, events: Events, times: int, most: int | None = None) -> Expression:
        """Whether at least so many events count, and no more than `most`."""
        e = event.alias()
        if times == 1 and most is None and events.since is not None and events.since in self.last:
            after = [e.c.ts >= self.last[events.since], *self._recent(e, events.since)]
            known = [e.c.profile_id == profile.c.id, *counted(e, events, self.when, one_by_one=False), *after]
            return sa.select(_ONE).where(*known).correlate(profile).exists()
        source, wanted = self.counting(e, events)
        return self.some(sa.select(e.c.profile_id).select_from(source).where(*wanted), times, most)

    def _recent(self, e: Any, anchor: str) -> list[Expression]:
        within = self.recent.get(anchor)
        return [] if within is None else self.when.younger(e.c.ts, within)

    def some(self, rows: sa.Select[Any], times: int = 1, most: int | None = None, *, alone: bool = False) -> Expression:
        """Whether there are so many of these rows about the customer, whom their first column names, and no more than `most`.

        `alone` says that there is one row about each at the most.
        """
        if self.sets is None:
            mine = _about(rows, _who(rows))
            enough = fenced(mine, times - 1)
            return enough if most is None else sa.and_(enough, sa.not_(fenced(mine, most)))
        if alone:
            return self._in(rows)
        grouped = rows.group_by(_who(rows))
        grouped = grouped if times == 1 else grouped.having(sa.func.count() >= sa.literal(times))
        return self._in(grouped if most is None else grouped.having(sa.func.count() <= sa.literal(most)))

    def together(self, rows: sa.Select[Any], test: Expression) -> Expression:
        """Whether there are rows about the customer, and all of them together meet a test."""
        who = _who(rows)
        grouped = rows.group_by(who).having(test)
        return _about(grouped, who).exists() if self.sets is None else self._in(grouped)

    def end(self, which: str, known: OfEvent) -> Expression:
        """The instant of the customer's first or last known event, by index; NULL where there is none."""
        e = event.alias()
        first_is_best = e.c.ts.desc() if which == "last" else e.c.ts
        best = sa.select(e.c.ts).where(e.c.profile_id == profile.c.id, *known(e)).order_by(first_is_best).limit(_ONE)
        return best.correlate(profile).scalar_subquery()

    def outermost(self, which: str, known: OfEvent, taken: OfEvent = lambda _: ()) -> sa.Subquery:
        """The first or the last known event, and those of the same instant: `profile_id`, `ts` and what is taken of them."""
        e = event.alias()
        events = sa.select(e.c.profile_id, e.c.ts, *taken(e)).where(*known(e))
        if self.sets is None:
            mine = events.where(e.c.profile_id == profile.c.id, e.c.ts == self.end(which, known))
            return mine.correlate(profile).subquery()
        if not taken(e):
            end = sa.func.max(e.c.ts) if which == "last" else sa.func.min(e.c.ts)
            return sa.select(e.c.profile_id, end.label("ts")).where(*known(e)).group_by(e.c.profile_id).subquery()
        order = e.c.ts.desc() if which == "last" else e.c.ts
        rank = sa.func.rank().over(partition_by=e.c.profile_id, order_by=order).label("rank")
        ranked = events.add_columns(rank).subquery()
        return sa.select(*ranked.c).where(ranked.c.rank == sa.literal(1)).subquery()

    def since(self, e: Any, which: str, known: OfEvent, source: Any) -> tuple[Any, list[Expression]]:
        """What narrows events to those at or after the customer's first or last known one: a join, or a bound."""
        if self.sets is None:
            return source, [e.c.ts >= self.end(which, known)]
        end = self.outermost(which, known)
        return source.join(end, sa.and_(end.c.profile_id == e.c.profile_id, e.c.ts >= end.c.ts)), []

    def traits(self, e: Any, source: Any) -> tuple[Any, Expression]:
        """The traits of whose event it is, and where they come from."""
        if self.sets is None:
            return source, profile.c.traits
        who = profile.alias()
        return source.join(who, who.c.id == e.c.profile_id), who.c.traits

    def _in(self, rows: sa.Select[Any]) -> Expression:
        assert self.sets is not None, "asked about everybody"
        found = rows.subquery()
        self.sets.append(found)
        is_in: Expression = _who(found).is_not(None)
        return is_in


class Tally:
    """Events of a type in a window, read once: how many of them each of several leaves counts, by customer."""

    def __init__(self, same: Same, selection: Selection, name: str, shown_as: str | None = None) -> None:
        self.name = name
        self._shown_as = shown_as or self.name
        self.when = selection.when
        self._selection, self._e = selection, event.alias()
        self._base = selection.during(self._e, *same)
        self._source: Any = self._e
        self._traits: Expression | None = None
        self._counts: list[tuple[Events, Expression]] = []

    def count(self, leaf: Events) -> Expression:
        """How many events count for the leaf, 0 where there are none."""
        known = [counted for counted, _ in self._counts]
        if leaf not in known:
            self._counts.append((leaf, self._count(leaf)))
            known.append(leaf)
        times = sa.literal_column(f"{self._shown_as}.n{known.index(leaf)}", sa.BigInteger)
        return sa.func.coalesce(times, sa.literal(0, sa.BigInteger))

    def subquery(self) -> sa.Subquery:
        """The customers with such events, and the counts."""
        counts = [amount.label(f"n{n}") for n, (_, amount) in enumerate(self._counts)]
        rows = sa.select(self._e.c.profile_id, *counts).select_from(self._source).where(*self._base)
        return rows.group_by(self._e.c.profile_id).subquery(self.name)

    def _count(self, leaf: Events) -> Expression:
        if leaf.traits and self._traits is None:
            self._source, self._traits = self._selection.traits(self._e, self._source)
        own = counted(self._e, leaf, self.when, self._traits, one_by_one=False)[len(self._base) :]
        return sa.func.count().filter(*own) if own else sa.func.count()


def fenced(rows: sa.Select[Any], passed: int = 0) -> Expression:
    """Whether there is such a row beyond so many that are passed over; the offset keeps Postgres from making it a join."""
    return rows.offset(sa.literal(passed) if passed else _NONE).exists()


def _about(rows: sa.Select[Any], who: Expression) -> sa.Select[Any]:
    mine = rows.with_only_columns(_ONE, maintain_column_froms=True).where(who == profile.c.id)
    return mine.correlate(profile)


def _who(rows: "sa.Select[Any] | sa.Subquery") -> Any:
    return next(iter(rows.selected_columns if isinstance(rows, sa.Select) else rows.c))
