"""Who may enter a journey again: the rules of re-entry, as an author declares them.

Promise: plain values that say of themselves, in words, what they mean; `journeys.entry` decides by them.
"""

from dataclasses import dataclass
from datetime import timedelta

from journeys.spans import describe


@dataclass(frozen=True, slots=True)
class Once:
    """A customer enters at most once, ever."""

    def __str__(self) -> str:
        return "once"


@dataclass(frozen=True, slots=True)
class After:
    """A customer may enter again once `cooldown` has passed since the last run ended."""

    cooldown: timedelta

    def __str__(self) -> str:
        return f"again {describe(self.cooldown)} after the last run ended"


@dataclass(frozen=True, slots=True)
class PerKey:
    """A customer enters once for each value of a property of the entering event (several carts at once)."""

    property: str

    def __str__(self) -> str:
        return f"once per {self.property}"


@dataclass(frozen=True, slots=True)
class Restart:
    """A customer enters whenever they do what brings them in; a run that is open ends then, and the new one begins."""

    def __str__(self) -> str:
        return "each entry begins anew and ends the run before it"


@dataclass(frozen=True, slots=True)
class Whenever:
    """A customer enters whenever they do what brings them in, as often as that is; not while a run of theirs is open."""

    def __str__(self) -> str:
        return "as often as wanted, one run at a time"


Reentry = Once | After | PerKey | Restart | Whenever
