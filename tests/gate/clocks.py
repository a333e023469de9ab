"""What clocks show, by a library that reads the zones' files itself (python-dateutil): a second opinion, minute by minute."""

from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from itertools import pairwise
from typing import Any

from dateutil import tz

from segments.time.calendar import known_zones

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
#: Further back than any clock was ever put.
BACK = 2 * DAY
_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2037, 12, 31, tzinfo=UTC)


@cache
def zone_file(name: str) -> Any:
    found = tz.gettz(name)
    assert found is not None, name
    return found


@cache
def changes(name: str) -> tuple[datetime, ...]:
    """When the clocks of a zone changed, 2000 to 2037."""
    listed = getattr(zone_file(name), "_trans_list_utc", ())
    instants = (datetime.fromtimestamp(each, UTC) for each in listed)
    return tuple(at for at in instants if _FIRST <= at <= _LAST)


def alike() -> list[list[str]]:
    """All zones, those together that have had the same clocks since 2000."""
    groups: dict[Any, list[str]] = {}
    for name in sorted(known_zones()):
        offsets = (shown(name, _FIRST), *((at, shown(name, at)) for at in changes(name)))
        groups.setdefault(offsets, []).append(name)
    return list(groups.values())


@lru_cache(1_000_000)
def shown(name: str, at: datetime) -> datetime:
    """What the wall shows, without a zone.

    After the last change that a file lists, dateutil shows winter time for ever; the file says what holds until the next one.
    """
    zone = zone_file(name)
    listed = getattr(zone, "_trans_list_utc", ())
    if listed and at.timestamp() >= listed[-1]:
        return (at + zone._trans_idx[-1].delta).replace(tzinfo=None)
    return at.astimezone(zone).replace(tzinfo=None, fold=0)


def walls(name: str, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """Every minute from one instant to another, with what the wall shows: between two changes a clock goes on."""
    turns = [start, *(at for at in changes(name) if start < at < end), end]
    stretches = ((at, shown(name, at), (until - at) // MINUTE) for at, until in pairwise(turns))
    return [(at + n * MINUTE, wall + n * MINUTE) for at, wall, length in stretches for n in range(length)]


def calendar_day(name: str, at: datetime) -> date:
    """The latest day that the calendar has shown: it does not go back, even where the clocks do over midnight.

    Between two changes a clock goes on, so that it showed the latest day now or just before one of them.
    """
    lately = [change - MINUTE for change in changes(name) if at - BACK < change <= at]
    return max(shown(name, each).date() for each in (at, *lately))
