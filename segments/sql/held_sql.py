"""The SQL of `held`: true at the beginning of the span, and at no step since then at which it can end false.

Promise: the beginning is asked like any instant; only the steps that lie in the span, of those of whom it was true at the
beginning, are looked at one by one.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from segments.language.predicate import Edge
from segments.leaves.held import Held
from segments.sql.conditions import Selection, inside
from segments.sql.documents import Expression, Value, instant_or_null
from segments.sql.rows import named
from segments.sql.selection import fenced
from segments.sql.tables import INSTANT, event, profile
from segments.sql.when import STEP, STEP_AT, AtSteps, When, elapsed


@inside.register
def _(predicate: Held, selection: Selection) -> Expression:
    beginning = When(predicate.span)
    known = [_since(name) <= beginning.instant() for name in sorted(predicate.traits)]
    at_first = inside(predicate.inner, replace(selection, when=beginning, recent={}, last={}))
    if not predicate.ends:
        return sa.and_(*known, at_first)
    # Only of whom it was true then are the steps looked at.
    return sa.and_(*known, at_first, sa.case((at_first, sa.not_(_lapsed(predicate))), else_=sa.false()))


def _lapsed(held: Held) -> Expression:
    """There is a step of the customer's in the span at which it has ended."""
    each = [_steps(edge, held.span) for edge in sorted(held.ends)]
    steps = sa.union_all(*each).subquery(STEP)
    false_then = sa.not_(inside(held.inner, Selection(when=AtSteps(held.span))))
    return fenced(sa.select(sa.literal_column("1")).select_from(steps).where(false_then).correlate(profile))


def _steps(edge: Edge, span: timedelta) -> sa.Select[Any]:
    """The instants in the span at which events of a type come true, or grow as old as a window."""
    e = event.alias()
    instant = e.c.ts + elapsed(edge.window) if edge.window else e.c.ts
    wanted = [named(e, edge.type, one_by_one=True), *When(edge.window).bounds(e.c.ts, span)]
    return sa.select(instant.label(STEP_AT)).where(e.c.profile_id == profile.c.id, *wanted).correlate(profile)


def _since(name: str) -> Expression:
    """Since when a trait is what it is."""
    origin = Value.field(profile.c.traits_from, name)
    began = instant_or_null(Value.field(origin.json, "since"))
    said = instant_or_null(Value.field(profile.c.traits_at, name))
    return sa.func.coalesce(began, said, profile.c.created_at, type_=INSTANT)
