"""The SQL of `held`: true at the beginning of the span, and at no step since then at which it can end false.

Promise: the beginning is asked like any instant, set-wise; only the steps that lie in the span are looked at one by one.
"""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from segments.conditions import Selection, inside
from segments.held import Held
from segments.json_sql import Expression, Value, bound, instant_or_null
from segments.predicate import Edge
from segments.rows import exists
from segments.tables import INSTANT, event, profile
from segments.when import STEP, STEP_AT, AtSteps, When, elapsed


@inside.register
def _(predicate: Held, selection: Selection) -> Expression:
    beginning = When(predicate.span)
    known = [_since(name) <= beginning.instant() for name in sorted(predicate.traits)]
    at_first = inside(predicate.inner, Selection(selection.ids, between=selection.between, when=beginning))
    return sa.and_(*known, at_first, *([sa.not_(_lapsed(predicate, selection))] if predicate.ends else []))


def _lapsed(held: Held, selection: Selection) -> Expression:
    """There is a step in the span at which it has ended; who is asked about follows from the step, so `ids` do not matter."""
    each = [_steps(edge, held.span, selection) for edge in sorted(held.ends)]
    steps = sa.union_all(*each).subquery(STEP)
    false_then = sa.not_(inside(held.inner, Selection(when=AtSteps(held.span))))
    return exists(steps.c.profile_id == profile.c.id, false_then, source=steps)


def _steps(edge: Edge, span: timedelta, selection: Selection) -> sa.Select[Any]:
    """The instants in the span at which events of a type come true, or grow as old as a window."""
    e = event.alias()
    instant = e.c.ts + elapsed(edge.window) if edge.window else e.c.ts
    wanted = [e.c.type == bound(edge.type, "text"), *When(edge.window).bounds(e.c.ts, span)]
    return sa.select(e.c.profile_id, instant.label(STEP_AT)).where(*wanted, *selection.among(e.c.profile_id))


def _since(name: str) -> Expression:
    """Since when a trait is what it is."""
    origin = Value.field(profile.c.traits_from, name)
    began = instant_or_null(Value.field(origin.json, "since"))
    said = instant_or_null(Value.field(profile.c.traits_at, name))
    return sa.func.coalesce(began, said, profile.c.created_at, type_=INSTANT)
