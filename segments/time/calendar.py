"""Calendar days, weeks and months in a zone: where they begin and end, whatever the clocks do at midnight.

Promise: pure, and the only place that knows zones: SQL is given instants. A period begins at the first instant that has its
date, so periods follow each other without gap or overlap also where midnight does not exist or comes twice.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from segments.errors import DefinitionError

#: The trait that holds a customer's zone (IANA name).
ZONE_TRAIT: Final = "timezone"
#: The periods, each with more than its longest possible length.
_LONGEST: Final = {"day": timedelta(days=3), "week": timedelta(days=9), "month": timedelta(days=33)}
_WORDS: Final = {"day": "today", "week": "this week", "month": "this month"}
_DAY = timedelta(days=1)
#: Near these days of the calendar's first and last year, zones do not matter.
_ENDS = (date.min + 3 * _DAY, date.max - 3 * _DAY)
_FEWEST = 2


@dataclass(frozen=True, slots=True)
class Period:
    """The calendar day, week or month of the instant asked about, in a zone or in the customer's."""

    unit: str
    zone: str | None
    otherwise: str | None

    def __post_init__(self) -> None:
        if self.unit not in _LONGEST:
            raise DefinitionError("period", f"unknown unit {self.unit!r}; use one of {', '.join(_LONGEST)}")
        if (self.zone is None) is (self.otherwise is None):
            raise DefinitionError("period", "needs either a zone or, for the customer's own, an `otherwise`")
        check_zone("zone", self.zone if self.zone is not None else self.otherwise)

    @property
    def longest(self) -> timedelta:
        """More than it can last."""
        return _LONGEST[self.unit]

    @property
    def traits(self) -> frozenset[str]:
        """The trait with the customer's zone, where it matters."""
        return frozenset({ZONE_TRAIT}) if self.zone is None else frozenset()

    def zone_of(self, traits: Mapping[str, Any]) -> str:
        """The zone that counts for a customer."""
        return self.zone if self.zone is not None else zone_of(traits, str(self.otherwise))

    def has(self, ts: datetime, traits: Mapping[str, Any], at: datetime) -> bool:
        """Whether an instant before `at` lies in the same period as `at`."""
        return ts >= period_start(self.unit, at, self.zone_of(traits))

    def turned(self, since: datetime, until: datetime) -> "list[tuple[datetime, datetime, tuple[str, ...] | None]]":
        """Which periods ended after `since` and up to `until`, from their first instant to the last's end, and for whom.

        The zones of those customers, or None for everybody: also whose zone is not known.
        """
        if self.zone is not None:
            low, high = (period_start(self.unit, at, self.zone) for at in (since, until))
            return [(low, high, None)] if low < high else []
        lows, highs = (zone_starts(self.unit, at) for at in (since, until))
        together: dict[tuple[datetime, datetime], list[str]] = {}
        for zone in lows if lows is not highs else ():
            together.setdefault((lows[zone], highs[zone]), []).append(zone)
        moved = [(low, high, zones) for (low, high), zones in together.items() if low < high]
        return [(low, high, None if self.otherwise in zones else tuple(zones)) for low, high, zones in moved]

    def to_json(self) -> dict[str, str]:
        """`{"unit": …, "zone": …}`, or with `otherwise` for the customer's own zone."""
        given = {"unit": self.unit, "zone": self.zone, "otherwise": self.otherwise}
        return {name: value for name, value in given.items() if value is not None}

    def __str__(self) -> str:
        return f"{_WORDS[self.unit]}{'' if self.zone is None else f' in {self.zone}'}"


def period_from_json(plain: object) -> Period | None:
    """The period that `to_json` wrote."""
    if plain is None:
        return None
    if not isinstance(plain, Mapping) or not set(plain) <= {"unit", "zone", "otherwise"}:
        raise DefinitionError("period", f"needs an object with unit and zone or otherwise, not {plain!r}")
    return Period(plain.get("unit", ""), plain.get("zone"), plain.get("otherwise"))


def check_zone(place: str, name: object) -> None:
    """Refuse a zone that is not in the IANA database."""
    if not isinstance(name, str) or name not in known_zones():
        raise DefinitionError(place, f"{name!r} is no IANA time zone; write for example 'Europe/Madrid'")


@lru_cache(1)
def known_zones() -> frozenset[str]:
    """Every zone by name."""
    return frozenset(available_timezones())


@lru_cache(1024)
def rules_of(zone: str) -> ZoneInfo:
    """The rules of a zone. `ZoneInfo` itself keeps only the last few zones and reads all others from their files again."""
    return ZoneInfo(zone)


def zone_of(traits: Mapping[str, Any], otherwise: str) -> str:
    """The customer's own zone, or the other one where there is none or none that exists."""
    own = traits.get(ZONE_TRAIT)
    return own if isinstance(own, str) and own in known_zones() else otherwise


def local_day(at: datetime, zone: str) -> date:
    """The calendar day of an instant; it never goes back, even where the clocks do over midnight."""
    return day_shown(period_start("day", at, zone), zone)


def zone_starts(unit: str, at: datetime) -> Mapping[str, datetime]:
    """Where the period of `at` began in every zone; the same object as long as none has begun since."""
    quarter = at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0)  # when days begin nowadays
    starts, until = _starts(unit, quarter)
    return starts if at < until else _starts(unit, at)[0]


@lru_cache(64)
def _starts(unit: str, at: datetime) -> tuple[dict[str, datetime], datetime]:
    """Where the period of `at` began in every zone, and when the next one begins somewhere."""
    starts = {zone: period_start(unit, at, zone) for zone in sorted(known_zones())}
    ends = (period_end(unit, at, zone) for zone in starts)
    return starts, min((end for end in ends if end is not None), default=datetime.max.replace(tzinfo=UTC))


def period_start(unit: str, at: datetime, zone: str) -> datetime:
    """The first instant of the period in which `at` lies."""
    edges = _edges(unit, zone, at.astimezone(UTC).date())
    return edges[max(bisect_right(edges, at) - 1, 0)]


def period_end(unit: str, ts: datetime, zone: str) -> datetime | None:
    """The first instant after the period in which `ts` lies; None after the year 9999."""
    edges = _edges(unit, zone, ts.astimezone(UTC).date())
    later = bisect_right(edges, ts)
    return edges[later] if later < len(edges) else None


@lru_cache(65_536)
def _edges(unit: str, zone: str, day: date) -> tuple[datetime, ...]:
    """The first instants of the periods around a day of UTC, at least one before it and one after it."""
    edge: date | None = _floor(unit, date.fromordinal(max(day.toordinal() - 2, 1)))
    found: list[datetime] = []
    while edge is not None and (len(found) < _FEWEST or found[-1].date() <= day):
        found.append(first_instant(edge, zone))
        edge = _next(unit, edge)
    return tuple(found)


@lru_cache(65_536)
def first_instant(day: date, zone: str) -> datetime:
    """The first instant at which a zone's calendar shows a day (or a later one, where that day was left out)."""
    if not _ENDS[0] < day < _ENDS[1]:  # there is no instant around them to look at
        return datetime.combine(day, time(), UTC)
    guess = datetime.combine(day, time(), rules_of(zone)).astimezone(UTC)
    if day_shown(guess - timedelta(microseconds=1), zone) < day <= day_shown(guess, zone):
        return guess
    early, late = guess - 2 * _DAY, guess + 2 * _DAY
    while late - early > timedelta(microseconds=1):
        middle = early + (late - early) / 2
        early, late = (early, middle) if day_shown(middle, zone) >= day else (middle, late)
    return late


def day_shown(at: datetime, zone: str) -> date:
    """The day that a zone's calendar shows."""
    try:
        return at.astimezone(rules_of(zone)).date()
    except OverflowError:  # at either end of the calendar
        return at.date()


def _floor(unit: str, day: date) -> date:
    match unit:
        case "week":
            return day - timedelta(days=day.weekday()) if day.toordinal() > day.weekday() else day
        case "month":
            return day.replace(day=1)
    return day


def _next(unit: str, day: date) -> date | None:
    try:
        match unit:
            case "week":
                return day + 7 * _DAY
            case "month":
                return (day.replace(day=1) + 32 * _DAY).replace(day=1)
        return day + _DAY
    except OverflowError:
        return None
