"""The hours that are over go into the bucket: which do, and each of them, as a schedule of Temporal's has it done.

Promise: both activities may be repeated and cut short at any instant, and do nothing where there is no bucket; what Temporal
knows of an hour is its place, and how many rows it has.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from temporalio import activity

from activities.deliver.patience import alive
from store.exports import Name
from store.exports.hourly import Hourly
from store.exports.hours import Hour, due, plan, settled

log = structlog.get_logger(__name__)

#: Hours that are given out at once: as many as a history holds well.
AT_ONCE = 300


@dataclass(frozen=True)
class Exporting:
    """The activities and what they work with."""

    hourly: Hourly | None
    tables: Sequence[Name]
    lag: timedelta

    @activity.defn(name="export-due")
    async def due(self) -> list[str]:
        """Places of hours that can be written, oldest first: what was missed while nobody was there is among them."""
        if self.hourly is None:
            return []
        database, now = self.hourly.database, await self.hourly.now()
        async with alive():
            await plan(database, self.tables, now, self.lag)
            await settled(database)
        return [hour.folder for hour in await due(database, now, self.lag, AT_ONCE)]

    @activity.defn(name="export-hour")
    async def hour(self, place: str) -> dict[str, Any]:
        """Write one; returns what stands in the bucket."""
        if self.hourly is None:
            return {}
        async with alive():
            stands = await self.hourly.write(Hour.at(place))
        log.info("an hour is in the bucket", place=place, version=stands.version, rows=stands.rows)
        return {"version": stands.version, "rows": stands.rows, "bytes": stands.bytes}
