"""Marketing messages and what was done with them as SQL: of those in `asked`, how many were sent and answered, by option.

Promise: as it was known at an instant. A message counts that a provider had taken by then; what a machine did is no answer, and
several answers to one message are one.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from segments.predictions.messaged import ANSWERS, Messaged, Messages
from segments.sql.documents import Expression, bound
from segments.sql.hours import hour_shown
from segments.sql.rows import counted
from segments.sql.tables import asked, delivery, event, profile
from segments.sql.when import AsKnown, now, younger_than
from segments.time.calendar import ZONE_TRAIT

_WHEN = AsKnown()
_MACHINE = {"machine": True}


def messaged(some: Sequence[Messaged]) -> sa.Select[Any]:
    """By customer what several ask of the same messages, in their order."""
    told = _told(some[0].of).subquery("told")
    return sa.select(told.c.profile_id, *(_column(each, told.c) for each in some)).group_by(told.c.profile_id)


def _column(each: Messaged, told: Any) -> Expression:
    if each.of.home is None:
        wanted = told.option == bound(each.option, "text")
    else:
        wanted = told.option == sa.bindparam(None, int(each.option), sa.BigInteger, unique=True)
    mine = sa.and_(wanted, told.answered) if each.answered else wanted
    return sa.cast(sa.func.count().filter(mine), sa.Double())


def _told(of: Messages) -> sa.Select[Any]:
    """Each message: whose it was, on which channel or at which hour, and whether it was answered."""
    d, e = delivery.alias("d"), event.alias("e")
    source: Any = sa.join(d, asked, asked.c.id == d.c.profile_id)
    option: Expression = d.c.channel
    if of.home is not None:
        source = source.join(profile, profile.c.id == d.c.profile_id)
        device = sa.func.jsonb_build_object(bound(ZONE_TRAIT, "text"), profile.c.device_zone, type_=JSONB)
        option = hour_shown(d.c.claimed_at, of.home, of.within, device.op("||", return_type=JSONB())(profile.c.traits))
    source = source.outerjoin(e, sa.and_(*_answers(of, d, e)))
    sent = [
        d.c.state == bound("sent", "text"),
        d.c.purpose == bound("marketing", "text"),
        d.c.claimed_at <= now(),
        d.c.claimed_at > younger_than(of.within),
        d.c.settled_at <= now(),
    ]
    key = d.c.run_id, d.c.step, d.c.occurrence
    found = sa.select(
        *(each.label(f"key_{n}") for n, each in enumerate(key)),
        d.c.profile_id,
        sa.func.min(option).label("option"),
        sa.func.bool_or(e.c.ts.is_not(None)).label("answered"),
    )
    return found.select_from(source).where(*sent).group_by(*key, d.c.profile_id)


def _answers(of: Messages, d: Any, e: Any) -> list[Expression]:
    """Which events answer a message."""
    soon = sa.bindparam(None, of.soon, sa.Interval, unique=True)
    after = [e.c.profile_id == d.c.profile_id, e.c.ts >= d.c.claimed_at, e.c.ts - d.c.claimed_at < soon]
    if not isinstance(of.by, str):
        return [*after, *counted(e, of.by, _WHEN, one_by_one=False), *_WHEN.younger(e.c.ts, of.within)]
    of_types = e.c.type.in_([bound(each, "text") for each in ANSWERS[of.by]])
    said = e.c.properties.op("->>", return_type=sa.Text())
    about = [
        said(bound("run_id", "text")) == sa.cast(d.c.run_id, sa.Text),
        said(bound("step", "text")) == d.c.step,
        said(bound("occurrence", "text")) == sa.cast(d.c.occurrence, sa.Text),
    ]
    by_machine = e.c.properties.op("@>", return_type=sa.Boolean())(sa.bindparam(None, _MACHINE, JSONB, unique=True))
    return [*after, of_types, *_WHEN.bounds(e.c.ts, of.within), *about, sa.not_(by_machine)]
