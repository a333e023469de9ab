"""What the clocks of a zone show over a stretch of time: as stretches in which they run evenly, each with its offset.

Promise: pure. Between two changes of the clocks a wall shows the time of UTC and an offset, so that what is said of the
wall is arithmetic there: nothing is asked minute by minute.
"""

from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from segments.time.wall_clock import MONDAY, seconds_of, wall_seconds, wall_table

HOUR = timedelta(hours=1)
_HOURS_OF_WEEK = 7 * 24
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def even(zone: str, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """The stretches from `start` to `end` between two changes of the zone's clocks, each with what they are ahead of UTC."""
    table = wall_table(start, end, zone)
    first = bisect_right(table.keys, seconds_of(start)) - 1
    while start < end:
        later = first + 1 < len(table.keys)
        until = min(_instant(table.keys[first + 1]), end) if later else end
        yield start, until, timedelta(seconds=table.offsets[first])
        start, first = until, first + 1


def hour_of_week(at: datetime, zone: str) -> int:
    """How many whole hours of the week a zone's clocks and calendar have shown, from Monday, 00:00."""
    return wall_seconds(at, zone) // 3600 % _HOURS_OF_WEEK


def hours_turn(zone: str, start: datetime, end: datetime) -> Iterator[datetime]:
    """The instants between two at which a zone's clocks show another hour."""
    for since, until, offset in even(zone, start, end):
        turn = (since + offset).replace(minute=0, second=0, microsecond=0) + HOUR - offset
        while turn < until:
            yield turn
            turn += HOUR
        yield until


def _instant(seconds: int) -> datetime:
    return _EPOCH + timedelta(seconds=seconds - MONDAY)
