"""Hours of the day and days of the week at which something happened, by the clocks and the calendar of a zone.

Promise: pure, and true of an event for ever: the local time of an instant does not change when time passes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any, Final

from segments.errors import DefinitionError
from segments.language.reading import an_object, only
from segments.time.calendar import ZONE_TRAIT, check_zone, zone_of
from segments.time.wall_clock import DAY, wall_seconds

#: The days of the week, as they are written.
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MIDNIGHT: Final = 24 * 60


@dataclass(frozen=True, slots=True)
class Home:
    """A zone, or the customer's own (trait `timezone`) with another one for who has none that exists."""

    zone: str | None
    otherwise: str | None

    def __post_init__(self) -> None:
        if (self.zone is None) is (self.otherwise is None):
            raise DefinitionError("zone", "needs either a zone or, for the customer's own, an `otherwise`")
        check_zone("zone", self.zone if self.zone is not None else self.otherwise)

    @property
    def traits(self) -> frozenset[str]:
        """The trait with the customer's zone, where it matters."""
        return frozenset({ZONE_TRAIT}) if self.zone is None else frozenset()

    def zone_of(self, traits: Mapping[str, Any]) -> str:
        """The zone that counts for a customer."""
        return self.zone if self.zone is not None else zone_of(traits, str(self.otherwise))

    def to_json(self) -> dict[str, str]:
        """`{"zone": …}`, or `{"otherwise": …}` for the customer's own."""
        return {"zone": self.zone} if self.zone is not None else {"otherwise": str(self.otherwise)}

    def __str__(self) -> str:
        return "" if self.zone is None else f" in {self.zone}"


def home(zone: str | None, otherwise: str) -> Home:
    """The zone if there is one, else the customer's own."""
    return Home(zone, None if zone is not None else otherwise)


@dataclass(frozen=True, slots=True)
class Hours:
    """From a local time of day (included) to another (not included), in minutes; over midnight where the first is the later."""

    start: int
    end: int
    home: Home

    def __post_init__(self) -> None:
        if not 0 <= self.start < _MIDNIGHT or not 0 < self.end <= _MIDNIGHT:
            raise DefinitionError("at_hours", "needs times between 00:00 and 24:00")
        if self.start == self.end % _MIDNIGHT:
            raise DefinitionError("at_hours", "is the whole day or nothing; leave it out, or let it end at another time")

    @property
    def length(self) -> int:
        """How many minutes it lasts by the clock, also over midnight."""
        return (self.end - self.start) % _MIDNIGHT

    def has(self, ts: datetime, traits: Mapping[str, Any]) -> bool:
        """Whether the customer's clocks showed such a time."""
        since_start = (wall_seconds(ts, self.home.zone_of(traits)) - self.start * 60) % DAY
        return since_start < self.length * 60

    @property
    def traits(self) -> frozenset[str]:
        """The trait with the customer's zone, where it matters."""
        return self.home.traits

    def to_json(self) -> dict[str, str]:
        """`{"from": "20:00", "to": "24:00", "otherwise": "UTC"}`."""
        return {"from": _in_words(self.start), "to": _in_words(self.end)} | self.home.to_json()

    def __str__(self) -> str:
        return f"from {_in_words(self.start)} to {_in_words(self.end)}{self.home}"


@dataclass(frozen=True, slots=True)
class Weekdays:
    """Some days of the local week, numbered from Monday (0)."""

    days: tuple[int, ...]
    home: Home

    def has(self, ts: datetime, traits: Mapping[str, Any]) -> bool:
        """Whether the customer's calendar showed such a day."""
        return wall_seconds(ts, self.home.zone_of(traits)) // DAY % 7 in self.days

    @property
    def traits(self) -> frozenset[str]:
        """The trait with the customer's zone, where it matters."""
        return self.home.traits

    def to_json(self) -> dict[str, Any]:
        """`{"days": ["sat", "sun"], "otherwise": "UTC"}`."""
        return {"days": [WEEKDAYS[day] for day in self.days]} | self.home.to_json()

    def __str__(self) -> str:
        return f"on {', '.join(WEEKDAYS[day] for day in self.days)}{self.home}"


def hours_between(place: str, start: object, end: object, where: Home) -> Hours:
    """The hours from a whole hour or `time` to another; 0 as an end is 24."""
    return Hours(_minutes(place, start), _minutes(place, end) or _MIDNIGHT, where)


def weekdays(place: str, names: Iterable[object], where: Home) -> Weekdays:
    """Days by their names, in the order of the week."""
    asked = list(names)
    if unknown := [name for name in asked if name not in WEEKDAYS]:
        raise DefinitionError(place, f"{unknown[0]!r} is no day of the week; use {', '.join(WEEKDAYS)}")
    found = tuple(n for n, name in enumerate(WEEKDAYS) if name in asked)
    if len(found) in (0, len(WEEKDAYS)):
        raise DefinitionError(place, "needs at least one day of the week, and fewer than all")
    return Weekdays(found, where)


_HOURS = ("from", "to", "zone", "otherwise")
_DAYS = ("days", "zone", "otherwise")


def hours_from_json(plain: object) -> Hours | None:
    """The hours that `to_json` wrote."""
    if plain is None:
        return None
    given = an_object("at_hours", plain, *_HOURS)
    only(given, *_HOURS)
    return hours_between("at_hours", _read(given.get("from")), _read(given.get("to")), _home(given))


def weekdays_from_json(plain: object) -> Weekdays | None:
    """The days that `to_json` wrote."""
    if plain is None:
        return None
    given = an_object("on_days", plain, *_DAYS)
    only(given, *_DAYS)
    days = given.get("days")
    if not isinstance(days, list):
        raise DefinitionError("on_days", f"needs a list of days, not {days!r}")
    return weekdays("on_days", days, _home(given))


def _home(given: Mapping[str, Any]) -> Home:
    zone = given.get("zone")
    return Home(zone, given.get("otherwise", "UTC" if zone is None else None))


def _minutes(place: str, value: object) -> int:
    match value:
        case bool():
            pass
        case int() if 0 <= value <= 24:  # noqa: PLR2004 - hours of a day
            return value * 60
        case time() if value.tzinfo is None and not value.second and not value.microsecond:
            return value.hour * 60 + value.minute
    raise DefinitionError(place, f"needs whole hours from 0 to 24 or time(20, 30) without seconds, not {value!r}")


def _read(text: object) -> int | time:
    if text == "24:00":
        return 24
    try:
        return time.fromisoformat(text)  # type: ignore[arg-type]  # whatever it is, it must fail here with a reason
    except (TypeError, ValueError):
        raise DefinitionError("at_hours", f"cannot read {text!r}; use a time of day such as '20:30'") from None


def _in_words(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
