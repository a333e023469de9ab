"""When time alone turns a leaf: at the end of a calendar period, near a date in a trait, at its yearly returns and birthdays.

Promise: pure; what follows from a trait follows from it alone, so that the watch can set an alarm for the next instant.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from segments.facts import Facts
from segments.language.comparing import as_day, as_instant, found_in
from segments.language.edges import Clock
from segments.time.calendar import Period, first_instant, period_end

_MOST_YEARS = 150


@dataclass(frozen=True, slots=True)
class PeriodEnd(Clock):
    """An event falls out of its calendar period when the next one begins."""

    type: str
    period: Period

    def steps(self, facts: Facts, until: datetime) -> Iterator[datetime]:
        """The ends of the periods in which events happened."""
        zone = self.period.zone_of(facts.traits)
        for event in facts.until(self.type, until):
            end = period_end(self.period.unit, event.ts, zone)
            if end is not None:
                yield end

    @property
    def cause(self) -> dict[str, Any]:
        """`{"edge": event, "period": "week"}`."""
        return {"edge": self.type, "period": self.period.unit}


class TraitClock(Clock):
    """Instants that follow from the traits alone, whatever happens: the watch keeps an alarm for the next one."""

    names: frozenset[str]


@dataclass(frozen=True)
class DateClock(TraitClock):
    """Instants that follow from the dates in a trait, up to a year from now at least."""

    path: tuple[str, ...]

    @property
    def names(self) -> frozenset[str]:  # type: ignore[override]  # it follows from the path
        """The top-level names of the traits it looks at."""
        return frozenset({self.path[0]})

    @property
    def cause(self) -> dict[str, Any]:
        """`{"trait": name}`."""
        return {"trait": ".".join(self.path)}


@dataclass(frozen=True)
class NearClock(DateClock):
    """A date comes near, and is over."""

    before: timedelta
    after: timedelta

    def steps(self, facts: Facts, until: datetime) -> Iterator[datetime]:  # noqa: ARG002 - they are few
        """The two ends of the time around each date."""
        for instant in filter(None, map(as_instant, found_in(facts.traits, self.path))):
            for span in (-self.before, self.after):
                try:
                    yield instant + span
                except OverflowError:  # at either end of the calendar
                    continue


@dataclass(frozen=True)
class SaidClock(DateClock):
    """A trait is said, and that becomes too long ago."""

    window: timedelta

    def steps(self, facts: Facts, until: datetime) -> Iterator[datetime]:  # noqa: ARG002 - they are two
        """When it was last said, and the window later."""
        said_at = facts.origins.said_at.get(self.path[0])
        if said_at is not None:
            yield said_at
            try:
                yield said_at + self.window
            except OverflowError:  # at the end of the calendar
                return


@dataclass(frozen=True)
class AnniversaryClock(DateClock):
    """Every year, the days before the day begin, and the day ends."""

    within_days: int
    day: Period

    def steps(self, facts: Facts, until: datetime) -> Iterator[datetime]:
        """The local midnights, year by year."""
        zone = self.day.zone_of(facts.traits)
        for born in filter(None, map(as_day, found_in(facts.traits, self.path))):
            for years in range(max(1, until.year - born.year - _MOST_YEARS), until.year - born.year + 2):
                day = birthday(born, years)
                for step in (-self.within_days, 1):
                    if day is not None and (midnight := _shifted(day, step)) is not None:
                        yield first_instant(midnight, zone)


@dataclass(frozen=True)
class AgeClock(DateClock):
    """The birthdays that matter."""

    ages: tuple[int, ...]
    day: Period

    def steps(self, facts: Facts, until: datetime) -> Iterator[datetime]:  # noqa: ARG002 - they are few
        """The local midnights at which these ages are reached."""
        zone = self.day.zone_of(facts.traits)
        for born in filter(None, map(as_day, found_in(facts.traits, self.path))):
            for years in self.ages:
                if (day := birthday(born, years)) is not None:
                    yield first_instant(day, zone)


def birthday(born: date, years: int) -> date | None:
    """The day so many years later, the 28th of February for the 29th; None outside the calendar."""
    year = born.year + years
    if not date.min.year <= year <= date.max.year:
        return None
    try:
        return born.replace(year=year)
    except ValueError:
        return born.replace(year=year, day=28)


def years_since(born: date, today: date) -> int:
    """Whole years from a day to another."""
    years = today.year - born.year
    day = birthday(born, years)
    return years if day is not None and day <= today else years - 1


def _shifted(day: date, days: int) -> date | None:
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return None
