"""Send-time by the customer's own habits: how heavy each hour of their week weighs, and for how long it is worth waiting.

Promise: pure. Of whom it is not known where they are, an hour weighs what it weighs at least in all places where they may be.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from journeys.gate.stretches import Stretch
from journeys.gate.zone import hour_of_week, hours_turn

_HOURS = 168


@dataclass(frozen=True, slots=True)
class Habits:
    """A weight for each hour of the customer's week, from Monday, 00:00, on their wall; they count until an instant.

    That instant stands still while a message waits, or a better hour would always be ahead.
    """

    weights: tuple[float, ...]
    zones: tuple[str, ...]
    until: datetime
    told: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.weights) != _HOURS:
            raise ValueError(f"a week has {_HOURS} hours; there are {len(self.weights)} weights")

    def heaviest(self, stretches: list[Stretch]) -> datetime:
        """The first instant in the heaviest hour of these stretches; of hours as heavy, of the first one."""
        return max((start for stretch in stretches for start in self._starts(*stretch)), key=self.weight)

    def weight(self, at: datetime) -> float:
        """What an instant weighs."""
        return min(self.weights[hour_of_week(at, zone)] for zone in self.zones)

    def _starts(self, start: datetime, end: datetime) -> list[datetime]:
        """The instants from which on a weight holds, in order: the first of `max` is the earliest."""
        turns = {turn for zone in self.zones for turn in hours_turn(zone, start, end) if turn < end}
        return sorted({start} | turns)
