"""Where a full evaluation starts: not at every customer, but at those who did what the definition asks for in any case.

Promise: the same customers come out. Only a conjunct that has to be true can be the start; what the others ask of everybody
is joined to it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.sql.operators import is_not
from sqlalchemy.sql.visitors import iterate

from segments.language.predicate import All, Not, Predicate
from segments.leaves.did import Did
from segments.leaves.versus import Versus
from segments.sql.documents import meets
from segments.sql.query import Query
from segments.sql.rows import during
from segments.sql.selection import Same, Tally, fenced
from segments.sql.tables import INSTANT, event, profile
from segments.sql.when import When

Condition = sa.ColumnElement[Any]
_DOING = "doing"
_NOW = When()


def everybody(predicate: Predicate, when: When = _NOW, unwritten: frozenset[str] = frozenset()) -> sa.Select[Any]:
    """All living profiles of whom it is true; of crossings that are `unwritten` the scores tell."""
    plain = Query(sets=[], when=when, unwritten=unwritten)
    parts = predicate.members if isinstance(predicate, All) else (predicate,)
    counted = next((part.same for part in parts if isinstance(part, Versus) and not part.true_of_nothing), None)
    asked = _asking(parts, plain, counted)
    if asked.reads and counted is not None:
        asked = _asking(parts, plain)
    first = min((part for part in parts if _can_start(part)), key=_window, default=None)
    rest = [part for part in parts if part is not first]
    if isinstance(first, Did) and any(_goes_by(first, part) for part in rest):
        return _since(first, rest, plain, reads=asked.reads)
    found = living(sa.and_(*asked.conditions))
    if asked.start is not None:
        others = sa.and_(sa.true(), *(each for each in asked.conditions if not _is_in(each, asked.start)))
        found = sa.select(profile.c.id).where(others).add_cte(in_place_of_profile(asked.start))
    return found.select_from(_joined(profile, [each for each in asked.sets if each is not asked.start]))


class _Asked(NamedTuple):
    """What is asked about everybody; `reads` more of a profile than the id, or may start from everybody in a set instead."""

    conditions: list[Condition]
    sets: list[sa.Subquery]
    reads: bool
    start: sa.Subquery | None


def _asking(parts: Sequence[Predicate], query: Query, first: Same | None = None) -> _Asked:
    """The conditions, and the sets that they speak of.

    Amounts against amounts of the same events are counted in one pass, and what else counts these, too. Those of `first` stand
    in place of the profiles.
    """
    plain = replace(query, sets=[])
    shared = dict.fromkeys(part.same for part in parts if isinstance(part, Versus) and part.same is not None)
    tallies = {
        same: Tally(same, plain, f"tally_{n}", shown_as=profile.name if same == first else None)
        for n, same in enumerate(shared)
    }
    asked = replace(plain, tallies=tallies)
    conditions: list[Any] = [part.sql(asked.beside(part, parts)) for part in parts]
    counted = {same: tally.subquery() for same, tally in tallies.items()}
    sets = [*counted.values(), *(asked.sets or ())]
    start = None if first is None else counted[first]  # it reads the profiles itself, if any
    reads = looks_at_profiles(*conditions, *(each.element for each in sets if each is not start))
    if start is None:
        start = next((each for each in sets if any(_is_in(it, each) for it in conditions)), None)
    return _Asked(conditions, sets, reads, None if reads else start)


def _since(first: Did, rest: Sequence[Predicate], query: Query, *, reads: bool) -> sa.Select[Any]:
    """Starting from who did it last and when, which the rest goes by."""
    doing = _doing(first, query.when).subquery(_DOING)
    last = sa.literal_column(f"{_DOING if reads else profile.name}.last", INSTANT)
    known = replace(query, sets=[]).beside(None, [first])
    parts: list[Any] = [
        part.sql(replace(known.beside(part, rest), last={first.type: last} if _goes_by(first, part) else {})) for part in rest
    ]
    condition = sa.and_(sa.true(), *parts)
    if reads:
        joined = sa.join(profile, doing, doing.c.id == profile.c.id)
        return living(condition).select_from(_joined(joined, known.sets or ()))
    found = sa.select(profile.c.id).where(condition).add_cte(in_place_of_profile(doing))
    return found.select_from(_joined(profile, known.sets or ()))


def living(condition: Condition) -> sa.Select[Any]:
    """The profiles of whom a condition is true, without those that were merged into others."""
    return sa.select(profile.c.id).where(profile.c.merged_into.is_(None), condition)


def in_place_of_profile(some: sa.FromClause, *, one_by_one: bool = False) -> sa.CTE:
    """The living ones of these under the name of the table `profile`, for statements that read no more of it than the id.

    Reading a profile costs more than most questions about it; the merged ones have an index.
    """
    who, *more = some.c
    merged: sa.Select[Any] = sa.select(sa.literal_column("1"))
    merged = merged.where(profile.c.id == who, profile.c.merged_into.is_not(None)).correlate(some)
    is_merged = fenced(merged) if one_by_one else merged.exists()
    return sa.select(who.label("id"), *more).where(~is_merged).cte(profile.name)


def looks_at_profiles(*asked: ClauseElement) -> bool:
    """Whether it reads more of a profile than the id."""
    columns = (part for each in asked for part in iterate(each) if isinstance(part, sa.ColumnClause) and part.name != "id")
    return any(profile is each.table or profile is getattr(each.table, "element", None) for each in columns)


def _joined(source: Any, sets: Iterable[sa.Subquery]) -> Any:
    """With every set that a condition speaks of; the planner knows which of these joins are inner or anti-joins."""
    for each in sets:
        source = sa.outerjoin(source, each, next(iter(each.c)) == profile.c.id)
    return source


def _is_in(condition: Condition, some: sa.Subquery) -> bool:
    """Whether it says no more than that the customer is in the set."""
    return getattr(condition, "left", None) is next(iter(some.c)) and getattr(condition, "operator", None) is is_not


def _goes_by(first: Did, part: Predicate) -> bool:
    """Whether a conjunct is that something was done, or not, since the last of these: a join that looks at that instant."""
    leaf = part.part if isinstance(part, Not) else part
    return isinstance(leaf, Did) and leaf.since == first.type and leaf.at_least_times == 1 and leaf.most is None


def _can_start(part: Predicate) -> bool:
    if not isinstance(part, Did):
        return False
    plain = Did(part.type, part.window, part.condition, least=part.least)
    return part.at_least_times > 0 and part == plain  # nothing else narrows it


def _window(part: Predicate) -> timedelta:
    return getattr(part, "window", None) or timedelta.max


def _doing(first: Did, when: When) -> sa.Select[Any]:
    """Who did it as often as asked for, with the instant of the last event of the type, whatever that one is like."""
    e = event.alias()
    met = None if first.condition is None else meets(first.condition, e.c.properties)
    rows: Condition = sa.func.count() if met is None else sa.func.count().filter(met)
    last = sa.func.max(e.c.ts).label("last")
    grouped = (
        sa.select(e.c.profile_id.label("id"), last)
        .where(*during(e, first.type, first.window, when=when, one_by_one=False))
        .group_by(e.c.profile_id)
    )
    return grouped if met is None and first.at_least_times == 1 else grouped.having(rows >= sa.literal(first.at_least_times))
