"""When something was not true: the spells between the steps at which it can change.

Promise: pure; each is from an instant up to but without another.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import pairwise

_BEGINNING = datetime.min.replace(tzinfo=UTC)
_END = datetime.max.replace(tzinfo=UTC)


class Spells:
    """The stretches of time in which something does not hold."""

    def __init__(self, steps: Iterable[datetime], holds: Callable[[datetime], bool]) -> None:
        """Value it once between each two steps."""
        around = [_BEGINNING, *(step for step in steps if step > _BEGINNING), _END]
        self._spells = [(start, end) for start, end in pairwise(around) if not holds(start)]

    def meet(self, start: datetime, end: datetime) -> bool:
        """Whether one of them meets [start, end]."""
        known = bisect_right(self._spells, end, key=lambda spell: spell[0])
        return known > 0 and self._spells[known - 1][1] > start
