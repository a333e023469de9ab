"""When the dates come that a walk waits for: it knows no customer, so each comes soon, or late, or never.

Promise: a trait keeps its date on a walk, so that what comes around it comes in order, and a birthday once a year.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from journeys.gate.moment import Moment, next_of

_SOON, _LATE = timedelta(days=1), timedelta(days=364)


class Dates:
    """The dates of one walk."""

    def __init__(self) -> None:
        self._traits: dict[str, str] = {}

    def comes(self, asked: Moment, zones: Collection[str], now: datetime, *, otherwise: bool) -> datetime:
        """When it comes: a date as it is said, else soon; a date in a trait soon, else nearly a year later."""
        if asked.trait is None:
            known = None if otherwise else next_of(asked, zones, now)
            return known or now + _SOON
        date = now - asked.shift + (_LATE if otherwise else _SOON)
        self._traits.setdefault(asked.trait, date.isoformat())
        return next_of(asked, zones, now, self._nested(asked.trait)) or now + _SOON

    def _nested(self, trait: str) -> Any:
        """The trait as a customer has it: `pass.ends` stands in `pass`."""
        found: Any = self._traits[trait]
        for name in reversed(trait.split(".")):
            found = {name: found}
        return found
