"""Legal hours: when a country lets marketing messages reach the telephones of its numbering plan.

Promise: pure. A message goes at an instant only if the clocks of the customer show one that the law of each of their numbers'
countries allows; of whom it is not known where they are, in any place where they may be. What the laws are stands, with its
sources, in `legal_hours`.
Source of Easter: the Gregorian computus of Meeus, Jones and Butcher.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from journeys.contracts import Reason
from journeys.gate.hours import shown
from journeys.gate.legal_hours import HOURS, Hours
from journeys.gate.stretches import Stretch, joined, without
from journeys.gate.zone import even
from segments.time.zones import country_of_number

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Law:
    """What one country allows."""

    country: str

    @property
    def hours(self) -> Hours:
        """When."""
        return HOURS[self.country]

    def is_holiday(self, day: date) -> bool:
        """Whether nothing may be sent on a day."""
        if f"{day:%m-%d}" in self.hours.holidays:
            return True
        return bool(self.hours.easter) and (day - easter_sunday(day.year)).days in self.hours.easter


@dataclass(frozen=True, slots=True)
class Legal:
    """No message but when a law allows it, in all of the zones."""

    law: Law
    zones: tuple[str, ...]
    where: Mapping[str, Any] = field(default_factory=dict)
    reason = Reason.LEGAL_HOURS

    @property
    def told(self) -> Mapping[str, Any]:
        """Whose law it is, and whose clock."""
        return {"country": self.law.country, **self.where}

    def shut(self, start: datetime, end: datetime) -> list[Stretch]:
        """When it is not allowed, between two instants."""
        return joined(each for zone in self.zones for each in self._shut_in(zone, start, end))

    def _shut_in(self, zone: str, start: datetime, end: datetime) -> Iterator[Stretch]:
        allowed = joined(each for asked in self.law.hours.windows for each in shown(asked, zone, start, end))
        yield from without([(start, end)], allowed)
        for since, until, offset in even(zone, start, end):
            first, last = (since + offset).date(), (until + offset).date()
            for ordinal in range(first.toordinal(), last.toordinal() + 1):
                if self.law.is_holiday(day := date.fromordinal(ordinal)):
                    midnight = datetime.combine(day, time(), UTC) - offset
                    yield max(midnight, since), min(midnight + _DAY, until)


def laws_of(numbers: Iterable[str]) -> tuple[Law, ...]:
    """The laws that hold for messages to these numbers (E.164)."""
    countries = {country for number in numbers if (country := country_of_number(number)) in HOURS}
    return tuple(map(Law, sorted(map(str, countries))))


def easter_sunday(year: int) -> date:
    """When Easter is."""
    a, (b, c) = year % 19, divmod(year, 100)
    h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    rest = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
    m = (a + 11 * h + 22 * rest) // 451
    month, day = divmod(h + rest - 7 * m + 114, 31)
    return date(year, month, day + 1)
