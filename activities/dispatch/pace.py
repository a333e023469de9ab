"""How fast a backlog leaves: so many a second, so that neither Temporal nor a provider is run over by whoever waited.

Promise: in any stretch of time no more leave than its seconds allow, and one second's worth.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

_SECOND = timedelta(seconds=1)  # for how long turns that nobody took are kept


@dataclass
class Pace:
    """Turns to leave. A second is one of real time, however fast business time runs."""

    per_second: float = 50.0
    _next: datetime = field(default=datetime(1, 1, 1, tzinfo=UTC), init=False)

    def turns(self, now: datetime, speed: float = 1.0) -> int:
        """How many may leave now."""
        return int((now - self._from(now, speed)) / self._apart(speed))

    def took(self, count: int, now: datetime, speed: float = 1.0) -> None:
        """So many have left."""
        self._next = self._from(now, speed) + count * self._apart(speed)

    def _from(self, now: datetime, speed: float) -> datetime:
        return max(self._next, now - max(_SECOND * speed, self._apart(speed)))

    def _apart(self, speed: float) -> timedelta:
        return _SECOND * speed / self.per_second
