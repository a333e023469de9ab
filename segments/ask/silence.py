"""Sources that fell silent: who used to send the events that a segment reads, and sends them no more (GOV-05).

Promise: pure; a source is compared with its own habit of the last four weeks, or with what was declared for it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from segments.errors import SegmentError

#: Days on which a source must have been heard before its habit is known.
REGULAR = 3
_LATENESS = 2  # times its longest gap


class BadAllowance(SegmentError):
    """How long a source may be silent, written in a way that cannot be read."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a source sent of one event type in four weeks: the last time, on how many days, and the longest gap between."""

    type: str
    source: str
    last_at: datetime
    days: int
    longest_gap: timedelta | None

    def allowed(self, silence: timedelta, declared: Mapping[str, timedelta]) -> timedelta | None:
        """How long it may be silent: as declared, else twice its longest gap but not less than `silence`; None: any time."""
        if self.source in declared:
            return declared[self.source]
        if self.days < REGULAR or self.longest_gap is None:
            return None
        return max(silence, _LATENESS * self.longest_gap)


def allowances(texts: Iterable[str]) -> dict[str, timedelta]:
    """`crm=48`: the source crm may be silent for 48 hours.

    Raises:
        BadAllowance: a text is not of that form, or the hours are not from 0 to 87,600.
    """
    found = {}
    for text in texts:
        source, _, hours = text.rpartition("=")
        try:
            span = timedelta(hours=float(hours))
        except (ValueError, OverflowError):
            span = timedelta(0)
        if not source or not timedelta(0) < span <= timedelta(hours=87_600):
            raise BadAllowance(f"{text!r} says no silence; write a source and hours, such as crm=48")
        found[source] = span
    return found
