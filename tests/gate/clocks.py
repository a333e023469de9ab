"""What clocks show, by a library that reads the zones' files itself (python-dateutil): a second opinion, minute by minute."""

from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
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
    """What the wall shows, without a zone."""
    return at.astimezone(zone_file(name)).replace(tzinfo=None, fold=0)


def calendar_day(name: str, at: datetime) -> date:
    """The latest day that the calendar has shown: it does not go back, even where the clocks do over midnight.

    Between two changes a clock goes on, so that it showed the latest day now or just before one of them.
    """
    lately = [change - MINUTE for change in changes(name) if at - BACK < change <= at]
    return max(shown(name, each).date() for each in (at, *lately))
