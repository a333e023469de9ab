"""A moment on the customer's wall clock: what an author says with `until`, and the instant at which it comes next.

Promise: pure, and a moment holds what was said, never what is known of a customer: a date of theirs stays in its trait. A time
that the clocks skip is the first instant after the gap, one that they show twice is the first. Of whom it is not known where
they are, a moment has come when it has in all places where they may be: of each day it is the last zone's.
Source: PEP 495. A date on 29 February returns on the 28th, as in segments (`trait("birthday").anniversary()`).
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from functools import partial
from itertools import count
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict

from journeys.errors import CatalogueError
from journeys.gate.hours import check_clock, check_weekdays
from journeys.spans import describe
from segments.language.comparing import as_day, as_instant, found_in
from segments.leaves.clocks import birthday
from segments.time.calendar import rules_of
from segments.time.hours import WEEKDAYS
from segments.time.wall_clock import instants

T = TypeVar("T", date, datetime)

_DAY = timedelta(days=1)
_NOTHING = timedelta(0)
_YEAR = timedelta(days=365)
_BIRTHDAY = 'until(trait="birthday", at="10:00")'
_USUAL = 'such as "09:30", or a date and a time of day, or trait="…", at="…"'


class Moment(BaseModel):
    """A time of day `HH:MM`: of every day, of some days of the week, of a date, or of a date in a trait.

    `shift` leads away from the trait's date, in whole days. Where no time of day is said, the trait holds an instant.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    clock: str | None = None
    weekdays: tuple[str, ...] = ()
    day: date | None = None
    trait: str | None = None
    shift: timedelta = _NOTHING
    yearly: bool = False

    def __str__(self) -> str:
        when = f"{self.day or ', '.join(self.weekdays)} {self.clock or ''}".strip()
        if self.trait is None:
            return when
        away = f"{describe(abs(self.shift))} {'before' if self.shift < _NOTHING else 'after'} " if self.shift else ""
        return f"{away}{self.trait} {when}".strip()


def moment(
    *said: object,
    weekday: str | Collection[str] = (),
    trait: str | None = None,
    before: timedelta = _NOTHING,
    after: timedelta = _NOTHING,
    at: str | None = None,
    yearly: bool = True,
) -> Moment:
    """A moment as an author writes it.

    `moment("09:30")`, `moment("09:30", weekday="sat")`, `moment(date(2026, 12, 24), "10:00")`,
    `moment(trait="birthday", before=days(3), at="10:00")`, which comes every year, `moment(trait="ends", at="10:00",
    yearly=False)` for the very date, `moment(trait="appointment", before=hours(2), yearly=False)` for the instant in a trait.

    Raises:
        CatalogueError: it is none, with what to write instead.
    """
    _check_kinds(trait, before, after, yearly)
    if trait is not None:
        return _of_trait(trait, said, weekday, after - before, at, yearly)
    if before or after or at is not None:
        raise CatalogueError("until: before=, after= and at= go with a date in a trait", remedy=f"write {_BIRTHDAY}")
    match said:
        case [str() as clock]:
            return Moment(clock=check_clock("until", clock), weekdays=check_weekdays("until", weekday))
        case [date() as day, clock] if not isinstance(day, datetime) and not weekday:
            return Moment(clock=check_clock("until", clock), day=day)
    raise CatalogueError(
        f"until does not take {', '.join(map(repr, said)) or 'nothing'}", remedy=f"give it a time of day, {_USUAL}"
    )


def next_of(asked: Moment, zones: Collection[str], now: datetime, traits: Mapping[str, Any] | None = None) -> datetime | None:
    """The first instant from now on at which a moment comes, in the zone or in all that it may be.

    None where it comes no more: its date is over, or nothing that is a date stands in the trait.
    """
    if asked.clock is None:
        coming: Iterator[datetime | None] = (_shifted(at, asked.shift) for at in map(as_instant, _values(asked, traits)))
        return min((at for at in coming if at is not None and at >= now), default=None)
    arrives = partial(_arrives, time.fromisoformat(asked.clock), zones)
    firsts = (next((at for at in map(arrives, days) if at and at >= now), None) for days in _days(asked, now, traits))
    return min((at for at in firsts if at is not None), default=None)


def _of_trait(
    trait: str, said: tuple[object, ...], weekday: str | Collection[str], shift: timedelta, at: str | None, yearly: bool
) -> Moment:
    if said or weekday:
        raise CatalogueError("until: of a date in a trait the time of day is at=", remedy=f"write {_BIRTHDAY}")
    if at is None and yearly:
        raise CatalogueError(
            "until does not say at what time of the day",
            remedy=f'write until(trait="{trait}", at="10:00"), or yearly=False for an instant in a trait',
        )
    if at is not None and shift % _DAY:
        raise CatalogueError(
            f"until: {describe(abs(shift))} are no whole days", remedy="leave out at=, if the trait holds an instant"
        )
    return Moment(clock=at if at is None else check_clock("until", at), trait=trait, shift=shift, yearly=yearly)


def _check_kinds(trait: object, before: object, after: object, yearly: object) -> None:
    for name, span in (("before", before), ("after", after)):
        if not isinstance(span, timedelta):
            raise CatalogueError(f"until: {name}={span!r} is no span", remedy=f"write {name}=days(3)")
    if not isinstance(yearly, bool):
        raise CatalogueError(f"until: yearly={yearly!r} is no flag", remedy="write yearly=True or yearly=False")
    if trait is not None and (not isinstance(trait, str) or not all(trait.split("."))):
        raise CatalogueError(f"until: trait={trait!r} is no name of a trait", remedy=f"write {_BIRTHDAY}")


def _values(asked: Moment, traits: Mapping[str, Any] | None) -> list[Any]:
    return list(found_in(traits or {}, tuple(str(asked.trait).split("."))))


def _days(asked: Moment, now: datetime, traits: Mapping[str, Any] | None) -> Iterator[Iterator[date]]:
    """The days on which it comes, in order: of the calendar, or of each date in its trait."""
    if asked.trait is not None:
        for born in filter(None, map(as_day, _values(asked, traits))):
            days = _returns(born, now.year - 2 - abs(asked.shift) // _YEAR) if asked.yearly else iter([born])
            yield (day for each in days if (day := _shifted(each, asked.shift)) is not None)
    elif asked.day is not None:
        yield iter([asked.day])
    else:
        every = (now.date() + n * _DAY for n in count(-2))
        yield (day for day in every if not asked.weekdays or WEEKDAYS[day.weekday()] in asked.weekdays)


def _returns(born: date, since: int) -> Iterator[date]:
    """A date and its returns, from a year on, to the end of the calendar."""
    for years in count(max(since - born.year, 0)):
        if (day := birthday(born, years)) is None:
            return
        yield day


def _arrives(clock: time, zones: Collection[str], day: date) -> datetime | None:
    """When it is that time of a day in all of the zones; None at either end of the calendar."""
    try:
        return max(instants(day, clock, rules_of(zone))[0] for zone in zones)
    except OverflowError:
        return None


def _shifted(when: T | None, shift: timedelta) -> T | None:
    try:
        return None if when is None else when + shift
    except OverflowError:
        return None
