"""Hours of the customer's own day: quiet ones in which nothing goes out, and windows outside which nothing does.

Promise: pure, and by what the wall shows at each instant, so that hours are as long as the zone says (22:00 to 06:00 lasts 7 h
or 9 h in Madrid when the clocks change). Of whom it is not known where they are, hours are shut that are shut in any place
where they may be.
Source: PEP 495. An end that the clocks skip is the first instant after the gap; what they show twice counts twice.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from journeys.contracts import QuietHours, Reason
from journeys.errors import CatalogueError
from journeys.gate.solver import solve
from journeys.gate.stretches import Stretch, joined, without
from journeys.gate.zone import even
from journeys.policies import Window
from segments.time.hours import WEEKDAYS

#: A time of day as authors write it.
CLOCK_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d", re.ASCII)
#: Hours that are not open somewhere in this time never are: a week, and a change of the clocks.
LONGEST = timedelta(days=9)
_DAY = timedelta(days=1)


def window(start: object, end: object, weekdays: str | Collection[str] = ()) -> Window:
    """A window as an author writes it: `window("09:00", "20:00", weekdays=("mon", "tue"))`.

    Raises:
        CatalogueError: it is none, with what to write instead.
    """
    found = Window(check_clock("window", start), check_clock("window", end), check_weekdays("window", weekdays))
    if found.start == found.end and not found.weekdays:
        raise CatalogueError(
            f"window: from {start} to {end} is the whole day", remedy="leave it out, or name two different times"
        )
    return found


def check_clock(place: str, said: object) -> str:
    """A time of day.

    Raises:
        CatalogueError: it is none.
    """
    if not isinstance(said, str) or not CLOCK_TIME.fullmatch(said):
        raise CatalogueError(
            f"{place}: {said!r} is no time of day", remedy='write HH:MM, such as "09:30" (midnight is "00:00")'
        )
    return said


def check_weekdays(place: str, said: str | Collection[str]) -> tuple[str, ...]:
    """Days of the week in their order.

    Raises:
        CatalogueError: one is none.
    """
    asked = (said,) if isinstance(said, str) else tuple(said)
    if unknown := [day for day in asked if day not in WEEKDAYS]:
        raise CatalogueError(f"{place}: {unknown[0]!r} is no day of the week", remedy=f"use {', '.join(WEEKDAYS)}")
    return tuple(day for day in WEEKDAYS if day in asked)


@dataclass(frozen=True, slots=True)
class Quiet:
    """No message in these hours, in any of the zones."""

    hours: QuietHours
    zones: tuple[str, ...]
    told: Mapping[str, Any]
    reason = Reason.QUIET_HOURS

    def shut(self, start: datetime, end: datetime) -> list[Stretch]:
        """When it is quiet, between two instants."""
        night = Window(self.hours.start, self.hours.end)
        return joined(each for zone in self.zones for each in shown(night, zone, start, end))


@dataclass(frozen=True, slots=True)
class Only:
    """No message but in this window, in all of the zones."""

    window: Window
    zones: tuple[str, ...]
    told: Mapping[str, Any]
    reason = Reason.WINDOW

    def shut(self, start: datetime, end: datetime) -> list[Stretch]:
        """When the window is not open, between two instants."""
        opened = (shown(self.window, zone, start, end) for zone in self.zones)
        return joined(each for zone in opened for each in without([(start, end)], zone))


def next_open(asked: Window, zones: tuple[str, ...], now: datetime) -> datetime | None:
    """The first instant from now on at which a window is open in all of the zones; None where that never is."""
    return solve(now, now + LONGEST, [Only(asked, zones, {})]).at


def shown(asked: Window, zone: str, start: datetime, end: datetime) -> list[Stretch]:
    """The stretches between two instants in which a zone's clocks show such a time."""
    return joined(
        (max(opens - offset, since), min(closes - offset, until))
        for since, until, offset in even(zone, start, end)
        for opens, closes in _on_the_wall(asked, (since + offset).date(), (until + offset).date())
    )


def _on_the_wall(asked: Window, first: date, last: date) -> Iterator[Stretch]:
    """The window on the days of a calendar, and on the day before; wall times, written as if of UTC."""
    opens, closes = time.fromisoformat(asked.start), time.fromisoformat(asked.end)
    for ordinal in range(first.toordinal() - 1, last.toordinal() + 1):
        day = date.fromordinal(ordinal)
        if not asked.weekdays or WEEKDAYS[day.weekday()] in asked.weekdays:
            until = day if opens < closes else day + _DAY
            yield datetime.combine(day, opens, UTC), datetime.combine(until, closes, UTC)
