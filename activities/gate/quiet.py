"""Quiet hours on the customer's wall clock: whether it is quiet, and the instant at which it stops being so.

Promise: of whom it is not known where they are, it is quiet as long as it is quiet in any place where they may be.
Source: PEP 495 for folds; the zone's own rules decide how long a night is (7 h or 9 h in Madrid when clocks change).
"""

from collections.abc import Collection
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from journeys.contracts import QuietHours
from segments.time.wall_clock import instants

#: How long a message waits where it is never day everywhere, before its customer is looked at again.
ASK_AGAIN = timedelta(hours=1)
_GIVE_UP = timedelta(days=2)


def quiet_until(quiet: QuietHours, zone: ZoneInfo, now: datetime) -> datetime | None:
    """The end of the quiet hours in which `now` lies, or None when it is not quiet.

    A wall-clock time that does not exist means the first valid instant after the gap; one that exists twice ends the
    quiet hours at its first occurrence, unless the clock has gone back into them.
    """
    start, end = time.fromisoformat(quiet.start), time.fromisoformat(quiet.end)
    local = now.astimezone(zone)
    if not _within(local.time().replace(tzinfo=None), start, end):
        return None
    candidates = (instants(local.date() + timedelta(days=d), end, zone) for d in (-1, 0, 1))
    return min(instant for day in candidates for instant in day if instant > now)


def quiet_anywhere(quiet: QuietHours, zones: Collection[ZoneInfo], now: datetime) -> datetime | None:
    """The first instant from `now` on that is quiet in none of the zones, or None when `now` is one.

    Where there is none (somewhere it always is night), the instant at which to ask again.
    """
    at = now
    while ends := [end for zone in zones if (end := quiet_until(quiet, zone, at))]:
        at = max(ends)
        if at - now > _GIVE_UP:
            return now + ASK_AGAIN
    return at if at > now else None


def _within(clock: time, start: time, end: time) -> bool:
    return start <= clock < end if start < end else clock >= start or clock < end
