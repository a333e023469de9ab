"""Keeping nothing longer than it may be kept: once a day, as a schedule of Temporal's has it done."""

from dataclasses import dataclass

import structlog
from temporalio import activity

from journeys.clock import Clock
from store import Database, audiences, subscriptions
from store.measuring.values import close
from store.retention import Keep, retain

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Retaining:
    """The activity and what it works with."""

    database: Database
    clock: Clock
    keep: Keep

    @activity.defn(name="retain")
    async def retain(self) -> None:
        """Take away what is too old, and say what that was. What counts by events that go stays in the sums alone."""
        if self.keep.events is not None:
            async with self.database.transaction() as connection:
                await close(connection, self.clock.now() - self.keep.events)
        await subscriptions.drop_old(self.database, self.clock.now())
        await audiences.drop_unseen(self.database)
        for each in await retain(self.database, self.keep, self.clock.now()):
            log.info("kept for as long as it may be", kind=each.kind, week=each.what, rows=each.rows)
