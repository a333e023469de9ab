"""Calendar periods as SQL: Python works out where they begin, and hands the database instants.

Promise: no zone is ever converted in the database, so both sides know the same zones and no odd zone can break a query.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from segments.sql.tables import INSTANT, profile
from segments.time.calendar import ZONE_TRAIT, Period, day_shown, local_day, period_start, zone_starts

Expression = sa.ColumnElement[Any]
PERIOD_BOUND: Final = "period_"


def in_period(e: Any, period: Period, traits: Expression | None) -> list[Expression]:
    """Whether an event lies in the current period; the customer's traits say the zone where it matters."""
    if period.zone is not None or traits is None:
        return [e.c.ts >= _start(period.unit, str(period.zone))]
    key = sa.bindparam(None, ZONE_TRAIT, sa.Text, unique=True)
    own = sa.bindparam(f"{PERIOD_BOUND}all_{period.unit}", type_=JSONB).op("->>")(traits.op("->>", return_type=sa.Text())(key))
    start = sa.func.coalesce(sa.cast(own, INSTANT), _start(period.unit, str(period.otherwise)), type_=INSTANT)
    # The earliest of all zones, so that older partitions are never opened.
    earliest = sa.bindparam(f"{PERIOD_BOUND}earliest_{period.unit}", type_=INSTANT)
    return [e.c.ts >= earliest, e.c.ts >= start]


def today(day: Period) -> Expression:
    """The customer's calendar day, as a date; the row of `profile` says in which zone."""
    if day.zone is not None:
        return _today(day.zone)
    own = profile.c.traits.op("->>", return_type=sa.Text())(sa.bindparam(None, ZONE_TRAIT, sa.Text, unique=True))
    days = sa.bindparam(f"{PERIOD_BOUND}days_day", type_=JSONB).op("->>", return_type=sa.Text())(own)
    return sa.func.coalesce(sa.cast(days, sa.Date), _today(str(day.otherwise)), type_=sa.Date())


def _today(zone: str) -> Expression:
    return sa.bindparam(f"{PERIOD_BOUND}today_day_{zone.encode().hex()}", type_=sa.Date)


def period_bound(name: str) -> Callable[[datetime], Any]:
    """The value, at an instant, of a parameter that `in_period` made."""
    _, which, unit, *zone = name.split("_", 3)
    match which:
        case "all":
            return lambda at: {zone: start.isoformat() for zone, start in zone_starts(unit, at).items()}
        case "earliest":
            return lambda at: min(zone_starts(unit, at).values())
        case "days":
            return lambda at: {zone: day_shown(start, zone).isoformat() for zone, start in zone_starts(unit, at).items()}
        case "today":
            return lambda at: local_day(at, bytes.fromhex(zone[0]).decode())
    return lambda at: period_start(unit, at, bytes.fromhex(zone[0]).decode())


def _start(unit: str, zone: str) -> Expression:
    # In hexadecimal, because a parameter's name takes neither slash nor sign.
    return sa.bindparam(f"{PERIOD_BOUND}start_{unit}_{zone.encode().hex()}", type_=INSTANT)
