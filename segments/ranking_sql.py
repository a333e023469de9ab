"""The SQL of rankings: everybody's amount against the recorded threshold, or against one worked out as of the renewal."""

from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from segments.conditions import Selection, inside
from segments.json_sql import Expression, bound, of_document
from segments.ranking import EPOCH, Top
from segments.rows import exists, now
from segments.tables import INSTANT, event, profile, threshold


@inside.register
def _(predicate: Top, selection: Selection) -> Expression:
    amounts = _amounts(predicate, now(), selection).subquery()
    enough = amounts.c.amount >= _standing(predicate)
    return exists(amounts.c.profile_id == profile.c.id, enough, source=amounts)


@lru_cache(1_024)
def taken(leaf: Top) -> sa.Select[Any]:
    """The threshold as of the last renewal before `at`, with that instant and how many customers it was taken from."""
    renewal = _renewal(leaf)
    amounts = _amounts(leaf, renewal, Selection()).subquery()
    rank: Any = sa.func.percentile_disc(sa.bindparam(None, leaf.share, sa.Double(), unique=True))
    best = sa.select(rank.within_group(amounts.c.amount)).scalar_subquery()
    smallest = sa.func.min(amounts.c.amount).filter(amounts.c.amount > best)
    columns: list[Any] = [renewal.label("as_of"), smallest.label("value"), sa.func.count().label("customers")]
    return sa.select(*columns).select_from(amounts)


def _standing(leaf: Top) -> Expression:
    """Recorded, else worked out; Postgres looks at the second only where there is no first."""
    recorded = [threshold.c.ranking == bound(leaf.ranking, "text"), threshold.c.as_of == _renewal(leaf)]
    known = sa.select(sa.literal_column("1")).select_from(threshold).where(*recorded).exists()
    value = sa.select(threshold.c.value).where(*recorded).scalar_subquery()
    fresh = taken(leaf).subquery()
    return sa.case((known, value), else_=sa.select(fresh.c.value).scalar_subquery())


def _renewal(leaf: Top) -> Expression:
    return sa.func.date_bin(_span(leaf.every), now(), sa.bindparam(None, EPOCH, INSTANT, unique=True), type_=INSTANT)


def _amounts(leaf: Top, until: Expression, selection: Selection) -> sa.Select[Any]:
    e = event.alias()
    wanted = [e.c.type == bound(leaf.of.type, "text"), e.c.ts <= until, *selection.among(e.c.profile_id)]
    if leaf.of.window is not None:
        wanted.append(e.c.ts > until - _span(leaf.of.window))
    if leaf.of.condition is not None:
        wanted.append(of_document(leaf.of.condition, e.c.properties))
    return sa.select(e.c.profile_id, _amount(leaf, e).label("amount")).where(*wanted).group_by(e.c.profile_id)


def _amount(leaf: Top, e: Any) -> Expression:
    if leaf.total is None:
        return sa.cast(sa.func.count(), sa.Numeric)
    name = bound(leaf.total, "text")
    is_number = sa.func.jsonb_typeof(e.c.properties.op("->")(name)) == bound("number", "text")
    number = sa.case((is_number, sa.cast(e.c.properties.op("->>", return_type=sa.Text())(name), sa.Numeric)))
    return sa.func.coalesce(sa.func.sum(number), sa.literal(0, sa.Numeric))


def _span(span: Any) -> Expression:
    return sa.bindparam(None, span, sa.Interval, unique=True)
