"""What is to happen, in the order of time: the simulator's only clock.

Promise: time never goes back; what is due at the same instant happens in the order in which it was put down.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from heapq import heappop, heappush
from itertools import count

from journeys.simulate.customers import Customer

_Due = tuple[datetime, int, Customer, Callable[[], object]]


class Agenda:
    """A heap of what is due, each thing with the customer whom it is about."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._due: list[_Due] = []
        self._numbers = count()

    def at(self, when: datetime, who: Customer, what: Callable[[], object]) -> None:
        """Put something down; what is late happens at once, behind all that is due now."""
        heappush(self._due, (max(when, self.now), next(self._numbers), who, what))

    def until(self, limit: datetime) -> Iterator[tuple[datetime, Customer]]:
        """Let it be `limit`; each thing is told when it has happened."""
        while self._due and self._due[0][0] <= limit:
            self.now, _, who, what = heappop(self._due)
            what()
            yield self.now, who
        self.now = max(self.now, limit)

    def next(self) -> tuple[datetime, Customer] | None:
        """What is due next, and about whom."""
        return (self._due[0][0], self._due[0][2]) if self._due else None
