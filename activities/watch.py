"""The watch: one long activity per shard that evaluates membership, dispatches what follows, and reads back what ended.

Promise: nothing is kept in memory that is not in Postgres, so a watch may die at any instant, and two on one shard only
share the work.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from segments.membership import Dirty, load, tick
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.dispatch import Dispatcher
from activities.goals import goals_reached
from activities.metrics import TICK, TRANSITIONS
from journeys.clock import Clock
from journeys.contracts import JourneySpec, PerKey, Reason, WatchShard
from segments import Segment
from store import Connection, Database, runs

log = structlog.get_logger(__name__)

_HEARTBEAT = 1.0
_SWEEP = 1.0
_RECONCILE = 60.0
_PATIENCE = 1.0  # after an error, before the next try


@dataclass(frozen=True)
class Watch:
    """The activity and what it works with; `pause` is the real time between two ticks that found nothing."""

    database: Database
    segments: Sequence[Segment]
    specs: Mapping[str, JourneySpec]
    dispatcher: Dispatcher
    clock: Clock
    pause: timedelta = timedelta(milliseconds=100)
    goal_types: Mapping[str, frozenset[str]] = field(init=False)
    keyed: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Work out once which events can reach a goal, and which segments are entered per key."""
        by_type: dict[str, set[str]] = defaultdict(set)
        for spec in self.specs.values():
            for edge in spec.goal.edges if spec.goal is not None else ():
                by_type[edge.type].add(spec.name)
        object.__setattr__(self, "goal_types", {type_: frozenset(names) for type_, names in by_type.items()})
        keyed = (s.entry.name for s in self.specs.values() if s.entry is not None and isinstance(s.reentry, PerKey))
        object.__setattr__(self, "keyed", frozenset(keyed))

    @activity.defn(name="watch")
    async def watch(self, shard: WatchShard) -> None:
        """Look after a shard until cancelled; heartbeats every second."""
        try:
            await self._look_after(shard)
        except* _WorkerStops:
            raise ApplicationError("this worker stops; another takes the watch over", type="WorkerStops") from None

    async def _look_after(self, shard: WatchShard) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._heartbeat())
            group.create_task(_leave_with_the_worker())
            group.create_task(self._again(lambda: self._evaluate(shard), self.pause.total_seconds(), first=self._load(shard)))
            group.create_task(self._again(lambda: self.dispatcher.dispatch(shard), self.pause.total_seconds()))
            if shard.shard == 0:  # what ended is read once, not per shard
                group.create_task(self._again(self.dispatcher.closer.sweep, _SWEEP))
                group.create_task(self._again(self.dispatcher.closer.reconcile, _RECONCILE))

    async def once(self, shard: WatchShard = WatchShard()) -> int:  # noqa: B008 - a frozen value
        """One tick and all that follows from it; for tests and tools. Returns how many things changed."""
        changed = await self._evaluate(shard)
        return changed + await self.dispatcher.dispatch(shard)

    def _load(self, shard: WatchShard) -> Callable[[], Awaitable[Any]]:
        return lambda: load(self.database, self.segments, self.clock.now(), shard.shard, shard.shards)

    async def load(self, shard: WatchShard = WatchShard()) -> None:  # noqa: B008 - a frozen value
        """Register the catalogue's segments; a new one is evaluated in full."""
        await self._load(shard)()

    async def _evaluate(self, shard: WatchShard) -> int:
        with TICK.time():
            seen = await tick(
                self.database, self.segments, shard.shard, shard.shards, self.clock.now(), self.keyed, self._check_goals
            )
        changes = {"entered": seen.entered, "left": seen.left, "repeated": seen.repeated}
        for kind, count in changes.items():
            TRANSITIONS.labels(kind).inc(count)
        return sum(changes.values()) + len(seen.dirty)

    async def _check_goals(self, connection: Connection, dirty: Sequence[Dirty], at: datetime) -> None:
        """Ask runs to end whose goal the new events reach; in the tick's transaction, so that a crash loses none."""
        profiles = {d.profile_id for d in dirty if any(type_ in self.goal_types for type_ in d.types)}
        if not profiles:
            return
        open_runs = await runs.open_runs_of(connection, sorted(profiles))
        reached = await goals_reached(connection, self.specs, open_runs, at)
        await runs.request_exits(connection, [(id_, Reason.GOAL.value, when) for id_, when in reached.items()])
        await runs.mark_raced(connection, list(reached.items()))

    async def _heartbeat(self) -> None:
        while True:
            activity.heartbeat()
            await asyncio.sleep(_HEARTBEAT)

    async def _again(
        self, work: Callable[[], Awaitable[int]], pause: float, first: Callable[[], Awaitable[Any]] | None = None
    ) -> None:
        """Do a piece of work for ever: at once again while there is something to do, after a pause when not."""
        while True:
            try:
                if first is not None:
                    await first()
                    first = None
                if not await work():
                    await asyncio.sleep(pause)
            except Exception as error:  # noqa: BLE001 - Postgres or Temporal is away: the watch outlives it
                log.warning("the watch tries again", error=type(error).__name__)
                await asyncio.sleep(_PATIENCE)


class _WorkerStops(Exception):
    """Unwinds the watch when its worker shuts down, so that another can take it over at once."""


async def _leave_with_the_worker() -> None:
    await activity.wait_for_worker_shutdown()
    raise _WorkerStops
