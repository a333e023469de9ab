"""Whether there is room in a journey: from when on somebody may enter, how many may enter now, and when to look again.

Promise: pure, and the same for all; whoever lets people in holds the journey's line while it is decided and done, so that the
limits hold exactly, however many do so.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from journeys.contracts import JourneySpec
from journeys.gate.hours import LONGEST, next_open, shown
from journeys.policies import Limits, Ramp, Rate
from segments.language.chance import draw

NOT_OPEN = "not open yet"
CLOSED = "closed"
OUT_OF_SHARE = "not in its share"
_NONE = Limits()
_NEXT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many are in the journey, and how many have entered within the span of its rate, the first of them when."""

    inside: int = 0
    entered: int = 0
    first: datetime | None = None


@dataclass(frozen=True, slots=True)
class Room:
    """How many may enter now (None: all); where nobody may, why."""

    places: int | None = None
    full: str | None = None


def deadline(spec: JourneySpec, entered_at: datetime) -> datetime:
    """Until when somebody waits to be let in."""
    limits = spec.limits or _NONE
    return entered_at + (spec.max_lateness if limits.max_wait is None else limits.max_wait)


def earliest(spec: JourneySpec, drawn_as: UUID, entered_at: datetime, now: datetime) -> datetime | str:
    """From when on somebody may enter, by the journey's opening, its closing and its share; or why they never may."""
    limits = spec.limits or _NONE
    opens = max(entered_at, limits.opens) if limits.opens else entered_at
    shared = _shared(spec.name, limits, drawn_as, opens)
    from_when = max(opens, shared) if shared else opens
    if limits.closes and max(from_when, now) >= limits.closes:
        return CLOSED
    if shared is None or from_when > deadline(spec, entered_at):
        return NOT_OPEN if opens > deadline(spec, entered_at) else OUT_OF_SHARE
    return from_when


def place_of(journey: str, drawn_as: UUID) -> float:
    """Where somebody stands in a journey's share: by hash, so that one that grows takes in who was in it before."""
    return draw(f"share/{journey}/{drawn_as}".encode(), 8) / 2**64


def rate_of(spec: JourneySpec, now: datetime) -> Rate | None:
    """How many may enter in which span, as of now."""
    limits = spec.limits or _NONE
    if isinstance(limits.rate, Ramp):
        return limits.rate.at(limits.opens or now, now)
    return limits.rate


def to_count(spec: JourneySpec, now: datetime) -> tuple[datetime, int]:
    """What `Counts` takes: since when entries count for its rate, and up to how many who are in it do for its capacity."""
    limits, rate = spec.limits or _NONE, rate_of(spec, now)
    return now - rate.per if rate else now, limits.capacity or 0


def room_in(spec: JourneySpec, counts: Counts, now: datetime) -> Room:
    """How many may enter now."""
    limits, rate = spec.limits or _NONE, rate_of(spec, now)
    if limits.closes and now >= limits.closes:
        return Room(0, CLOSED)
    if limits.hours and not _is_open(limits, spec.timezone, now):
        return Room(0, f"enters {limits.hours} ({spec.timezone})")
    places: list[tuple[int, str]] = []
    if limits.capacity is not None:
        places.append((limits.capacity - counts.inside, f"{counts.inside:,} of {limits.capacity:,} are in it"))
    if rate is not None:
        places.append((rate.number - counts.entered, f"{counts.entered:,} have entered, of {rate}"))
    if not places:
        return Room()
    number, full = min(places)
    return Room(max(number, 0), full if number <= 0 else None)


def look_again(spec: JourneySpec, counts: Counts, now: datetime) -> datetime | None:
    """When time alone may make room next: its hours, its rate or a stage of its ramp; None where none will."""
    return min(_turns(spec, counts, now), default=None)


def _turns(spec: JourneySpec, counts: Counts, now: datetime) -> Iterator[datetime]:
    limits, rate = spec.limits or _NONE, rate_of(spec, now)
    if limits.hours and not _is_open(limits, spec.timezone, now):
        opens = next_open(limits.hours, (spec.timezone,), now)
        yield opens or now + LONGEST
    if rate is not None and counts.first is not None and counts.entered >= rate.number:
        yield counts.first + rate.per
    if isinstance(limits.rate, Ramp) and (turn := limits.rate.turn(limits.opens or now, now)):
        yield turn


def _shared(journey: str, limits: Limits, drawn_as: UUID, opens: datetime) -> datetime | None:
    """When the share takes somebody in; None: never."""
    if limits.share is None:
        return opens
    place = place_of(journey, drawn_as)
    if isinstance(limits.share, Ramp):
        return limits.share.reaches(limits.opens or opens, lambda share: place < share)
    return opens if place < limits.share else None


def _is_open(limits: Limits, zone: str, now: datetime) -> bool:
    return limits.hours is None or bool(shown(limits.hours, zone, now, now + _NEXT))
