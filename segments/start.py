"""Where a full evaluation starts: not at every customer, but at those who did what the definition asks for in any case.

Promise: the same customers come out. Only a conjunct that has to be true can be the start; of several, the youngest window.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.visitors import iterate

from segments.conditions import Selection, inside
from segments.happened import Did
from segments.json_sql import of_document
from segments.predicate import All, Predicate, leaves
from segments.rows import during
from segments.tables import INSTANT, event, profile

Condition = sa.ColumnElement[Any]
_DOING = "doing"


def everybody(predicate: Predicate) -> sa.Select[Any]:
    """All living profiles of whom it is true."""
    parts = predicate.members if isinstance(predicate, All) else (predicate,)
    first = min(filter(_can_start, parts), key=_window, default=None)
    if not isinstance(first, Did):
        return living(inside(predicate, Selection()))
    rest = [part for part in parts if part is not first]
    if looks_at_profiles(_together(rest, Selection())):
        doing = _doing(first, rest).subquery(_DOING)
        known = _known(first, _DOING)
        return living(_together(rest, known)).join_from(profile, doing, doing.c.id == profile.c.id)
    condition = _together(rest, _known(first, profile.name))
    return sa.select(profile.c.id).where(condition).add_cte(in_place_of_profile(_doing(first, rest).subquery(_DOING)))


def living(condition: Condition) -> sa.Select[Any]:
    """The profiles of whom a condition is true, without those that were merged into others."""
    return sa.select(profile.c.id).where(profile.c.merged_into.is_(None), condition)


def in_place_of_profile(some: sa.FromClause) -> sa.CTE:
    """The living ones of these under the name of the table `profile`, for statements that read no more of it than the id.

    Reading a profile costs more than most questions about it; the merged ones are few, and have an index.
    """
    merged: sa.Select[Any] = sa.select(sa.literal_column("1"))
    merged = merged.where(profile.c.id == some.c.id, profile.c.merged_into.is_not(None))
    return sa.select(*some.c).where(~merged.correlate(some).exists()).cte(profile.name)


def looks_at_profiles(condition: Condition) -> bool:
    """Whether it reads more of a profile than the id."""
    columns = (each for each in iterate(condition) if isinstance(each, sa.ColumnClause) and each.name != "id")
    return any(profile is each.table or profile is getattr(each.table, "element", None) for each in columns)


def _can_start(part: Predicate) -> bool:
    if not isinstance(part, Did):
        return False
    plain = Did(part.type, part.window, part.condition, part.least)
    return part.at_least_times > 0 and part == plain  # nothing else narrows it


def _window(part: Predicate) -> timedelta:
    return getattr(part, "window", None) or timedelta.max


def _doing(first: Did, rest: Iterable[Predicate]) -> sa.Select[Any]:
    """Who did it as often as asked for, with the instant of the last event of the type, where the rest goes by that."""
    e = event.alias()
    rows: Condition = sa.func.count()
    wanted = during(e, first.type, first.window)
    columns: list[Any] = [e.c.profile_id.label("id")]
    met = None if first.condition is None else of_document(first.condition, e.c.properties)
    if any(isinstance(leaf, Did) and leaf.since == first.type for part in rest for leaf in leaves(part)):
        columns.append(sa.func.max(e.c.ts).label("last"))
        rows = rows if met is None else sa.func.count().filter(met)  # the last one counts whatever it is
    elif met is not None:
        wanted.append(met)
    grouped = sa.select(*columns).where(*wanted).group_by(e.c.profile_id)
    return grouped if met is None and first.at_least_times == 1 else grouped.having(rows >= sa.literal(first.at_least_times))


def _known(first: Did, named: str) -> Selection:
    return Selection(last={first.type: sa.literal_column(f"{named}.last", INSTANT)}).beside([first])


def _together(parts: Sequence[Predicate], known: Selection) -> Condition:
    return sa.and_(sa.true(), *(inside(part, known.beside(o for o in parts if o is not part)) for part in parts))
