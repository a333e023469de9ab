"""What clocks on the wall show: the offset of a zone from UTC at an instant, and the changes of zones as a table for SQL.

Promise: pure. Every instant shows one local time, also when the clocks change. Database and Python get it from the same
zoneinfo, so they know the same zones and the same rules.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from segments.time.calendar import known_zones, rules_of

DAY: Final = 86_400
#: Wall seconds are counted from a Monday, 00:00, before all instants; only their remainders by days and weeks mean anything.
MONDAY: Final = (719_162 + 7) * DAY
#: In the table's keys, the zones stand so far apart: further than from the year 1 to the year 9999 in seconds.
STRIDE: Final = 2**40
#: Changes are known of these years; earlier clocks show the offset that the first began with, so that the table stays short.
_FIRST, _LAST = 2000, 2100
_BEGINNING, _END = datetime(_FIRST, 1, 1, tzinfo=UTC), datetime(_LAST, 12, 31, 23, tzinfo=UTC)
#: Changes are looked for in steps of this, and a day more on either side: no zone has changed its clocks twice in less than
#: that since (the closest: Brazil 2000, an hour less than a week).
_STEP = timedelta(days=4)
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class WallTable(NamedTuple):
    """From when on which offset holds, in zones with the same changes together.

    `homes` has the number of each zone; `keys` (ascending) hold number x `STRIDE` + seconds since `MONDAY`, `offsets` the
    seconds from UTC from there on.
    """

    homes: Mapping[str, int]
    keys: list[int]
    offsets: list[int]


def wall_seconds(ts: datetime, zone: str) -> int:
    """Whole seconds since `MONDAY` by the zone's clocks."""
    return seconds_of(ts) + _offset(min(max(ts, _BEGINNING), _END), rules_of(zone))


def seconds_of(ts: datetime) -> int:
    """Whole seconds since `MONDAY` by UTC."""
    return (ts - _EPOCH) // _SECOND + MONDAY


def instants(day: date, clock: time, there: ZoneInfo) -> list[datetime]:
    """The instants at which a wall clock shows a time on a day: one, two, or the end of the gap that swallows it."""
    first, second = (datetime.combine(day, clock, there).replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    if first.astimezone(there).replace(tzinfo=None) == datetime.combine(day, clock):
        return sorted({first, second})
    return [_change(there, second, first)]


def wall_table(since: datetime, until: datetime, zone: str | None = None) -> WallTable:
    """The offsets of a zone, or of all, for instants between these two."""
    first, last = (min(max(at.astimezone(UTC).year, _FIRST), _LAST) for at in (since, until))
    return _table(first, last, zone)


@lru_cache(64)
def _table(first: int, last: int, only: str | None) -> WallTable:
    zones = sorted(known_zones()) if only is None else [only]
    numbers: dict[tuple[tuple[int, int], ...], int] = {}
    homes = {zone: numbers.setdefault(tuple(_history(zone, first, last)), len(numbers)) for zone in zones}
    rows = [(number * STRIDE + start, offset) for history, number in numbers.items() for start, offset in history]
    return WallTable(homes, [key for key, _ in rows], [offset for _, offset in rows])


def _history(zone: str, first: int, last: int) -> Iterable[tuple[int, int]]:
    """The offset at the beginning of the first year, said to hold for ever before, and every change up to the last."""
    yield 0, _offset(datetime(first, 1, 1, tzinfo=UTC), rules_of(zone))
    for year in range(first, last + 1):
        yield from _changes(zone, year)


@lru_cache(65_536)
def _changes(zone: str, year: int) -> tuple[tuple[int, int], ...]:
    """When a zone's offset changed in a year of UTC, and to what."""
    there = rules_of(zone)
    start, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    # The offset of a wall time is found ten times faster than that of an instant; it changes once, too, at about that time.
    known = [(wall, there.utcoffset(wall)) for wall in _walls(year)]
    near = (early.replace(tzinfo=UTC) - _DAY for (early, before), (_, after) in pairwise(known) if before != after)
    found = (_change(there, low, low + _STEP + 2 * _DAY) for low in near)
    return tuple((seconds_of(at), _offset(at, there)) for at in found if start <= at < end)


@lru_cache(256)
def _walls(year: int) -> tuple[datetime, ...]:
    """Wall times so close that between two of them, and a day before and after, the clocks of a zone change once at most."""
    start = datetime(year, 1, 1) - _STEP  # noqa: DTZ001 - a wall time
    return tuple(start + n * _STEP for n in range((366 * _DAY + 2 * _STEP) // _STEP + 2))


def _change(there: ZoneInfo, early: datetime, late: datetime) -> datetime:
    """The first second with the offset of the later instant."""
    after = _offset(late, there)
    while late - early > _SECOND:
        middle = early + (late - early) // 2 // _SECOND * _SECOND
        early, late = (early, middle) if _offset(middle, there) == after else (middle, late)
    return late


def _offset(at: datetime, there: ZoneInfo) -> int:
    shown = at.astimezone(there).utcoffset()
    assert shown is not None, "a zone has an offset"
    return shown // _SECOND
