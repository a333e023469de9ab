"""Rankings as SQL: everybody's amount against the recorded threshold, or against one worked out as of the renewal."""

from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from segments.leaves.top import EPOCH, Top
from segments.sql.documents import Expression, bound, meets
from segments.sql.rows import named
from segments.sql.selection import Selection
from segments.sql.tables import INSTANT, event, threshold
from segments.sql.when import now


def ranked(leaf: Top, selection: Selection) -> Expression:
    """Whether the customer's amount reaches the threshold that stands."""
    e = event.alias()
    rows = sa.select(e.c.profile_id).where(*_counting(leaf, e, now(), one_by_one=selection.one_by_one))
    return selection.together(rows, _amount(leaf, e) >= _standing(leaf))


@lru_cache(1_024)
def taken(leaf: Top) -> sa.Select[Any]:
    """The threshold as of the last renewal before `at`, with that instant and how many customers it was taken from."""
    renewal = _renewal(leaf)
    e = event.alias()
    amount = _amount(leaf, e).label("amount")
    rows = sa.select(e.c.profile_id, amount).where(*_counting(leaf, e, renewal, one_by_one=False)).group_by(e.c.profile_id)
    amounts = rows.subquery()
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


def _counting(leaf: Top, e: Any, until: Expression, *, one_by_one: bool) -> list[Expression]:
    wanted = [named(e, leaf.of.type, one_by_one=one_by_one), e.c.ts <= until]
    if leaf.of.window is not None:
        wanted.append(e.c.ts > until - _span(leaf.of.window))
    if leaf.of.condition is not None:
        wanted.append(meets(leaf.of.condition, e.c.properties))
    return wanted


def _amount(leaf: Top, e: Any) -> Expression:
    if leaf.total is None:
        return sa.cast(sa.func.count(), sa.Numeric)
    name = bound(leaf.total, "text")
    is_number = sa.func.jsonb_typeof(e.c.properties.op("->")(name)) == bound("number", "text")
    number = sa.case((is_number, sa.cast(e.c.properties.op("->>", return_type=sa.Text())(name), sa.Numeric)))
    return sa.func.coalesce(sa.func.sum(number), sa.literal(0, sa.Numeric))


def _span(span: Any) -> Expression:
    return sa.bindparam(None, span, sa.Interval, unique=True)
