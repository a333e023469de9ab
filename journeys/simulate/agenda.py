"""What is to happen, in the order of time: the simulator's only clock.

Promise: time never goes back; what is due at the same instant happens in the order in which it was put down.
"""

from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime
from heapq import heappop, heappush

from journeys.simulate.customers import Customer


class Agenda:
    """A heap of instants, and what is due at each, with the customer whom it is about."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._instants: list[datetime] = []
        self._due: dict[datetime, deque[tuple[Customer, Callable[[], object]]]] = {}

    def at(self, when: datetime, who: Customer, what: Callable[[], object]) -> None:
        """Put something down; what is late happens at once, behind all that is due now."""
        when = max(when, self.now)
        if when not in self._due:
            self._due[when] = deque()
            heappush(self._instants, when)
        self._due[when].append((who, what))

    def goes_on(self, until: datetime) -> None:
        """Time passes while something happens: what is due by then comes after it."""
        self.now = max(self.now, until)

    def until(self, limit: datetime) -> Iterator[tuple[datetime, Customer]]:
        """Let it be `limit`; each thing is told when it has happened."""
        while self._instants and self._instants[0] <= limit:
            when = self._instants[0]
            self.now = max(self.now, when)
            due = self._due[when]
            who, what = due.popleft()
            if not due:
                del self._due[heappop(self._instants)]
            what()
            yield self.now, who
        self.now = max(self.now, limit)

    def next(self) -> tuple[datetime, Customer] | None:
        """What is due next, and about whom."""
        return (self._instants[0], self._due[self._instants[0]][0][0]) if self._instants else None
