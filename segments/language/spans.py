"""Spans of time as they are written: `hours(1)`, or `hours=1` inside `.within(…)`.

Promise: pure; a span that cannot be is refused with its place.
"""

from datetime import UTC, datetime, timedelta
from typing import TypedDict

from segments.errors import DefinitionError
from segments.language.values import check_window

_BEGINNING = datetime.min.replace(tzinfo=UTC)
_UNITS = "weeks=, days=, hours=, minutes= or seconds="
_ADVICE = {
    **dict.fromkeys(("month", "months"), "has no fixed length: days=30, or the calendar's (this_month(), between(…))"),
    **dict.fromkeys(("year", "years"), "has no fixed length: days=365, or the calendar's (between(…), age(…))"),
    **{f"{unit}": f"is written {unit}s=" for unit in ("week", "day", "hour", "minute", "second")},
}


class Units(TypedDict, total=False):
    """The units in which a span can be given; they add up."""

    weeks: float
    days: float
    hours: float
    minutes: float
    seconds: float


def span_of(place: str, span: timedelta | None, units: Units) -> timedelta:
    """A span given as a timedelta or in units, longer than zero and at most a century."""
    named = _summed(place, units)
    if span is not None and named:
        raise DefinitionError(place, "takes either a timedelta or days=, hours=…, not both")
    found = named if span is None else span
    check_window(place, found)
    return found


def _summed(place: str, units: Units) -> timedelta:
    for unit, count in units.items():
        if unit not in Units.__annotations__:
            raise DefinitionError(place, f"{unit}= {_ADVICE.get(unit, 'is no unit')}; use {_UNITS}")
        if isinstance(count, bool) or not isinstance(count, int | float):
            raise DefinitionError(place, f"{unit}= needs a number, not {count!r}")
    try:
        return timedelta(**units)
    except (OverflowError, ValueError):
        raise DefinitionError(place, f"is longer than a century or no number; use {_UNITS}, at most a century") from None


def earlier(at: datetime, span: timedelta) -> datetime:
    """The instant a span before, not before the calendar begins."""
    return at - span if at - _BEGINNING > span else _BEGINNING


def weeks(count: float) -> timedelta:
    """So many times 168 hours."""
    return span_of(f"weeks({count!r})", None, {"weeks": count})


def days(count: float) -> timedelta:
    """So many times 24 hours."""
    return span_of(f"days({count!r})", None, {"days": count})


def hours(count: float) -> timedelta:
    """So many hours."""
    return span_of(f"hours({count!r})", None, {"hours": count})


def minutes(count: float) -> timedelta:
    """So many minutes."""
    return span_of(f"minutes({count!r})", None, {"minutes": count})
