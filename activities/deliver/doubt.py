"""How often and when a transactional message in doubt is sent again; and when it is too late for any message.

Promise: at most `copies` copies of a message are handed to a provider that says neither yes nor no, each after four times
the pause before it; a provider that reports by itself what became of a message is given the time to do so first.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from journeys.contracts import DeliverRequest

_GROWTH = 4
#: The bound on copies of a transactional message: with the usual pauses they go within 43 minutes.
COPIES = 5


@dataclass(frozen=True, slots=True)
class Doubt:
    """The rule; `pause` is the first one (real time), `speed` how much faster business time runs."""

    pause: timedelta = timedelta(seconds=30)
    speed: float = 1.0
    copies: int = COPIES

    def pause_after(self, copies: int, tells_within: timedelta) -> timedelta:
        """How long to wait (real time) when this many copies may have been accepted."""
        return max(self.pause * math.pow(_GROWTH, max(copies - 1, 0)), tells_within)

    def known_again(self, now: datetime, first_at: datetime | None, forgets_after: timedelta) -> bool:
        """Whether a provider still knows the key of a message that was first claimed then (business times)."""
        return first_at is not None and (now - first_at) / self.speed < forgets_after

    def business(self, now: datetime, pause: timedelta | None) -> datetime:
        """The business time after a pause."""
        return now + (pause or timedelta(0)) * self.speed

    def too_late(self, request: DeliverRequest, now: datetime, pause: timedelta | None) -> bool:
        """Whether nobody wants the message any more by then."""
        return self.business(now, pause) >= request.useless_after
