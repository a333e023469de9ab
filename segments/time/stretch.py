"""A fixed stretch of time, from one instant up to but without another.

Promise: pure; dates become instants when they are written, so that the definition means the same for ever.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from segments.errors import DefinitionError
from segments.time.calendar import check_zone, first_instant


@dataclass(frozen=True, slots=True)
class Stretch:
    """From `start` (included) to `end` (not included); None leaves that side open."""

    start: datetime | None
    end: datetime | None

    def has(self, ts: datetime) -> bool:
        """Whether an instant lies in it."""
        return (self.start is None or ts >= self.start) and (self.end is None or ts < self.end)

    def to_json(self) -> list[str | None]:
        """`[start, end]` in ISO 8601."""
        return [end if end is None else end.isoformat() for end in (self.start, self.end)]

    def __str__(self) -> str:
        words = ("from", self.start), ("until before", self.end)
        return " ".join(f"{word} {end.isoformat(sep=' ')}" for word, end in words if end is not None)


def stretch(place: str, start: object, end: object, zone: str = "UTC") -> Stretch:
    """The stretch between two instants or dates; a date is its first instant in the zone."""
    check_zone(place, zone)
    found = Stretch(_instant(place, start, zone), _instant(place, end, zone))
    if found.start is None and found.end is None:
        raise DefinitionError(place, "needs a start or an end")
    if found.start is not None and found.end is not None and found.start >= found.end:
        raise DefinitionError(place, f"nothing is between {found.start} and {found.end}; the start comes first")
    return found


def stretch_from_json(plain: object) -> Stretch | None:
    """The stretch that `to_json` wrote."""
    if plain is None:
        return None
    if not isinstance(plain, list) or len(plain) != 2:  # noqa: PLR2004 - a start and an end
        raise DefinitionError("between", f"needs a list of start and end, not {plain!r}")
    start, end = (_read(text) for text in plain)
    return stretch("between", start, end)


def _instant(place: str, value: object, zone: str) -> datetime | None:
    match value:
        case datetime() if value.tzinfo is None:
            raise DefinitionError(place, f"{value!r} has no time zone; write datetime(…, tzinfo=UTC)")
        case datetime():
            return value.astimezone(UTC)
        case date():
            return first_instant(value, zone)
        case None:
            return None
    raise DefinitionError(place, f"needs dates or datetimes, not {value!r}")


def _read(text: Any) -> date | datetime | None:
    try:
        return None if text is None else datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)
    except (TypeError, ValueError):
        raise DefinitionError("between", f"cannot read {text!r}; use a date or a time in ISO 8601, or null") from None
