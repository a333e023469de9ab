"""The line before a journey that has limits: who has waited longest is let in as soon as there is room, as the limits are now.

Promise: however many dispatchers do this at once, the limits hold exactly: one at a time counts and lets in, under a lock of
the journey's. Where no journey has limits it asks nothing; a line that a former version left behind is looked for now and then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog

from activities.dispatch.passing import kind_and_place, passes
from activities.gate.goals import end, endings
from activities.metrics import ENTRIES
from activities.versions import Versions
from journeys.clock import Clock
from journeys.contracts import JourneySpec, Reason
from journeys.room import Counts, rate_of, room_in, to_count
from store import Connection, Database
from store.runs import entries
from store.runs.rows import OpenRun

_BATCH = 500
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Line:
    """Who lets people in."""

    database: Database
    versions: Versions
    clock: Clock

    async def move(self) -> int:
        """Let in whoever has room, in all journeys with limits; returns how many were let in or had waited too long."""
        specs = self.versions.own.specs
        limited = [name for name, spec in specs.items() if spec.limits is not None]
        waiting = await entries.in_line(self.database, limited, self.clock.now()) if limited else []
        return sum([await self._move_alone(name, specs[name]) for name in waiting])

    async def clear(self) -> int:
        """The same where the journey has no limits any more; where it has left the catalogue, only who waited too long goes."""
        specs = self.versions.own.specs
        left = [name for name in await entries.lines(self.database) if name not in specs or specs[name].limits is None]
        return sum([await self._move_alone(name, specs.get(name)) for name in left])

    async def _move_alone(self, journey: str, spec: JourneySpec | None) -> int:
        """One journey's; where that fails, it stops no other."""
        try:
            return await self._move_one(journey, spec)
        except Exception as error:
            if passes(error):
                raise
            log.error("nobody is let in: the journey's line fails", journey=journey, **kind_and_place(error))  # noqa: TRY400 - no text
            return 0

    async def _move_one(self, journey: str, spec: JourneySpec | None) -> int:
        async with self.database.transaction() as connection:
            await entries.hold_line(connection, journey)
            now = self.clock.now()  # after the lock: it is as late as that of whoever held it before
            late = await entries.waited_too_long(connection, journey, now)
            if late:
                ENTRIES.labels(journey, Reason.WAITED.value).inc(late)
            places = await self._places(connection, spec, now) if spec is not None else 0
            found = await entries.first_in_line(connection, journey, now, places) if places else []
            entered = await entries.let_in(connection, await self._still_wanted(connection, found, now), now)
            ENTRIES.labels(journey, "entered").inc(entered)
            return late + entered

    async def _places(self, connection: Connection, spec: JourneySpec, now: datetime) -> int:
        """How many there is room for, some hundreds at most: then it is the next one's turn."""
        limits, rate = spec.limits, rate_of(spec, now)
        if limits is None or (rate is None and limits.capacity is None):
            places = room_in(spec, Counts(), now).places
        else:
            counted = await entries.counts(connection, spec.name, *to_count(spec, now))
            places = room_in(spec, Counts(*counted), now).places
        return _BATCH if places is None else min(places, _BATCH)

    async def _still_wanted(self, connection: Connection, found: Sequence[OpenRun], now: datetime) -> list[UUID]:
        """Those whose goal or exit has come while they waited are told to end, and are not in."""
        over = await endings(connection, self.versions, found, now) if found else {}
        await end(connection, over)
        return [run.id for run in found if run.id not in over]
