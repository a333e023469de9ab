"""Spans as authors write them (`hours=1`), and as people say them (`1 h`).

Promise: what is no span is refused in a sentence that shows how to write one; so is one that leaves the calendar.
"""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from functools import lru_cache

from journeys.errors import CatalogueError, Fault

_NUMBERS = (int, float)
#: Added to any instant of ours, it stays in the calendar.
LONGEST = timedelta(days=36_525)


def span_of(place: str, units: Mapping[str, float], whole: object = None) -> timedelta:
    """The units added up, or a whole span such as `days(3)`.

    Raises:
        CatalogueError: one is not a number, or they are more than a hundred years; what is given whole is no span.
    """
    if whole is not None:
        return _whole(place, units, whole)
    try:
        return _added_up(place, tuple(units), *units.values())
    except TypeError:  # what cannot be kept, such as a list
        _check_numbers(place, units)
        raise


@lru_cache(1_024, typed=True)  # a journey says the same few spans for every customer; True is not 1
def _added_up(place: str, names: tuple[str, ...], *counts: float) -> timedelta:
    units = dict(zip(names, counts, strict=True))
    _check_numbers(place, units)
    try:
        span = timedelta(**units)
    except (OverflowError, ValueError):
        span = timedelta.max
    if abs(span) > LONGEST:
        told = ", ".join(f"{unit}={count}" for unit, count in units.items() if count)
        raise CatalogueError(f"{place}: {told} is longer than 100 years", remedy="write a shorter one")
    return span


def _whole(place: str, units: Mapping[str, float], given: object) -> timedelta:
    if not isinstance(given, timedelta):
        kind = "an instant" if isinstance(given, date) else repr(given)
        raise CatalogueError(f"{place} takes a span, not {kind}", remedy=f"write {place}(hours=…), or {place}(days(3))")
    if any(units.values()):
        raise CatalogueError(f"{place} takes one span", remedy=f"write {place}(days=3, hours=4)")
    if abs(given) > LONGEST:
        raise CatalogueError(f"{place}: {given} is longer than 100 years", remedy="write a shorter one")
    return given


def _check_numbers(place: str, units: Mapping[str, object]) -> None:
    for unit, count in units.items():
        if not isinstance(count, _NUMBERS) or isinstance(count, bool):
            raise CatalogueError(f"{place}: {unit}={count!r} is not a number", remedy=f"write {place}({unit}=1)")


def check_span(place: str, given: object, example: str) -> None:
    """Refuse what is no span, and one that is over before it begins.

    Raises:
        CatalogueError: it is.
    """
    if not isinstance(given, timedelta):
        raise CatalogueError(f"{place} is a span, not {given!r}", remedy=f"write {example}")
    if given <= timedelta(0):
        raise CatalogueError(f"{place} is longer than nothing, not {given}", remedy=f"write {example}")
    if given > LONGEST:
        raise CatalogueError(f"{place} is longer than 100 years", remedy=f"write {example}")


def too_long(name: str, span: object) -> Iterator[Fault]:
    """Refuse a declared span that no calendar holds."""
    if isinstance(span, timedelta) and span > LONGEST:
        yield Fault(f"{name} is longer than 100 years", "write a shorter one")


@lru_cache(1_024)
def describe(span: timedelta) -> str:
    """A span as a person says it: `1 h`, `3 d`, `1 d 2 h`; `-1 h`, where it is below nothing."""
    if span < timedelta(0):
        return f"-{describe(-span)}"
    minutes, seconds = divmod(round(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [f"{n} {unit}" for n, unit in ((days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")) if n]
    return " ".join(parts) or "0 s"
