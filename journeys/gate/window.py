"""What authors say of when messages go: a window of the customer's day, and their best hour within a span.

Promise: pure words; what is wrong with one is told in a sentence, when its journey is loaded or where it is said.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from journeys.errors import CatalogueError
from journeys.spans import describe
from segments.time.hours import WEEKDAYS

#: A time of day as authors write it.
CLOCK_TIME = re.compile(r"^([01]\d|2[0-3]):[0-5]\d$")


@dataclass(frozen=True, slots=True)
class Window:
    """From a time of day up to but without another, `HH:MM`; over midnight where the first is not the earlier.

    `weekdays` are those on which it begins; none: every day.
    """

    start: str
    end: str
    weekdays: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        days = (self.weekdays,) if isinstance(self.weekdays, str) else tuple(self.weekdays)
        object.__setattr__(self, "weekdays", tuple(sorted(days, key=_place)))

    def __str__(self) -> str:
        days = ", ".join(self.weekdays)
        return f"{self.start} to {self.end}{f' on {days}' if days else ''}"


@dataclass(frozen=True, slots=True)
class Within:
    """A message goes in the customer's own best hour, at most so long after it was due."""

    span: timedelta

    def __str__(self) -> str:
        return f"the best hour within {describe(self.span)}"


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
    if not isinstance(said, str) or not CLOCK_TIME.match(said):
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


def _place(day: object) -> int:
    return WEEKDAYS.index(day) if day in WEEKDAYS else len(WEEKDAYS)
