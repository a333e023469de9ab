"""Journeys that do harm are paused by themselves: too many complaints, dead addresses or errors of what they sent lately.

Promise: of a few messages nothing is concluded; who is paused so says why in the API and the log, and lives again when an
operator says so, from when on it is counted anew.
Source of the usual thresholds: Google, "Email sender guidelines" (spam rate below 0.3 %); Amazon SES, "Sending review process
FAQs" (bounce rate below 10 %).
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from activities.metrics import JOURNEYS_STOPPED
from journeys.clock import Clock
from journeys.contracts import Reason
from segments.language.events import MESSAGE_COMPLAINED, MESSAGE_FAILED
from store import Database
from store.deliveries.brakes import WentWrong, handed_over, went_wrong
from store.runs import switches

log = structlog.get_logger(__name__)

#: Who threw the switch.
BY = "journeys"
#: What is looked at, of business time; and how often, of ours.
SPAN = timedelta(days=1)
EVERY = timedelta(minutes=1)
_ERRORS = (Reason.REFUSED.value, Reason.BROKEN_TEMPLATE.value)
#: One or two are no rate.
_FEWEST = 5


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The highest shares of the messages of a day, and of how many at the least."""

    complaints: float = 0.003
    bounces: float = 0.1
    errors: float = 0.5
    least: int = 100


@dataclass
class Brakes:
    """Looks, once a minute."""

    database: Database
    clock: Clock
    thresholds: Thresholds = field(default_factory=Thresholds)
    _looked_at: float = field(default=float("-inf"), init=False)

    async def look_now_and_then(self) -> int:
        """Look, if it is time to."""
        if time.monotonic() - self._looked_at < EVERY.total_seconds():
            return 0
        self._looked_at = time.monotonic()
        return await self.look()

    async def look(self) -> int:
        """Pause those that do harm; returns how many."""
        now = self.clock.now()
        suspects = await went_wrong(self.database, now - SPAN, _ERRORS, _FEWEST, (MESSAGE_COMPLAINED, MESSAGE_FAILED))
        paused = 0
        for suspect in suspects:
            count = await handed_over(self.database, suspect.journey, suspect.since)
            if why := next(too_many(suspect, count, self.thresholds), None):
                await switches.throw(self.database, suspect.journey, "paused", now, BY, why)
                JOURNEYS_STOPPED.labels(suspect.journey).inc()
                log.error(
                    "a journey is paused, because it does harm",
                    journey=suspect.journey,
                    why=why,
                    remedy=f"journeys resume {suspect.journey}",
                )
                paused += 1
        return paused


def too_many(wrong: WentWrong, count: int, thresholds: Thresholds) -> Iterator[str]:
    """What is beyond a threshold, in a sentence each."""
    if count < thresholds.least:
        return
    for what, found, most in (
        ("complaints about", wrong.complaints, thresholds.complaints),
        ("dead addresses among", wrong.bounces, thresholds.bounces),
        ("errors of", wrong.errors, thresholds.errors),
    ):
        if found >= _FEWEST and found > most * count:
            yield f"{found:,} {what} {count:,} messages ({found / count:.2%}, at most {most:.2%})"
