"""The watch: one long activity per shard that evaluates membership, dispatches what follows, and reads back what ended.

Promise: nothing is kept in memory that is not in Postgres, so a watch may die at any instant, and two on one shard only
share the work.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TypeVar

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.dispatch.dispatch import Dispatcher
from activities.dispatch.hearing import Hearing
from activities.dispatch.passing import kind_and_place
from activities.gate.habits import Population
from activities.metrics import TICK, TRANSITIONS
from activities.versions import Versions
from journeys.clock import Clock
from journeys.contracts import WatchShard
from segments import Segment
from segments.errors import CannotBeEvaluated
from segments.load.stored import LiveSegments
from segments.watch.tick import Tick, tick
from store import Database
from store.segments.sizes import fold

T = TypeVar("T")
log = structlog.get_logger(__name__)

_HEARTBEAT = 1.0
_SWEEP = 1.0
_REFRESH = 2.0  # how soon a definition written through the API is taken up
_RECONCILE = 60.0
_INSIST = 2.0  # how soon after its patience a run that cannot end by itself is ended
_FAILING = 5.0
_ASK_AGAIN = 10.0  # how soon after a deployment its version is asked for entries that none before could decide
_HOURS = 60.0  # how soon a message's first question for the habits of all customers is answered
_PATIENCE = 1.0  # after an error, before the next try


@dataclass(frozen=True)
class Watch:
    """The activity and what it works with; `pause` is the real time from one tick to the next."""

    database: Database
    segments: Sequence[Segment]
    versions: Versions
    dispatcher: Dispatcher
    clock: Clock
    pause: timedelta = timedelta(milliseconds=100)
    #: What is done now and then (providers are asked, sums added up), and so many seconds from one time to the next.
    chores: Sequence[tuple[Callable[[], Awaitable[None]], float]] = ()
    hearing: Hearing = field(init=False)
    keyed: frozenset[str] = field(init=False)
    live: dict[WatchShard, LiveSegments] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Work out once in which segments it matters that somebody does again what brought them in."""
        object.__setattr__(self, "hearing", Hearing(self.versions))
        keyed = (s.entered_by for s in self.versions.own.specs.values() if s.entered_anew)
        object.__setattr__(self, "keyed", frozenset(name for name in keyed if name is not None))

    @activity.defn(name="watch")
    async def watch(self, shard: WatchShard) -> None:
        """Look after a shard until cancelled; heartbeats every second."""
        try:
            await self._look_after(shard)
        except* _WorkerStops:
            raise ApplicationError("this worker stops; another takes the watch over", type="WorkerStops") from None

    async def _look_after(self, shard: WatchShard) -> None:
        stirred = asyncio.Event()  # something changed: dispatch need not wait for its turn
        over = asyncio.Event()  # the same for ends, which do not wait for what is started
        urgent = asyncio.Event()  # the same for who enters a transactional journey
        unknown = asyncio.Event()  # a definition is not live: there is something to load
        unknown.set()

        async def evaluate() -> bool:
            seen = await self._evaluate(shard)
            if _changes(seen):
                stirred.set()
                over.set()
                urgent.set()
            if seen.unloaded:  # a worker with another version of a segment came and went
                unknown.set()
            return seen.more

        async def take_up() -> None:
            if unknown.is_set():
                await self.load(shard)
                unknown.clear()  # what is still missing is named by the next tick
            else:
                await self._refresh(shard)

        pause = self.pause.total_seconds()
        async with asyncio.TaskGroup() as group:
            group.create_task(_heartbeat())
            group.create_task(_leave_with_the_worker())
            await _patiently(lambda: self.register(shard))
            group.create_task(_again(evaluate, _Paced(pause).turn))
            group.create_task(_whenever(stirred, partial(self.dispatcher.dispatch, shard), pause))
            group.create_task(_whenever(urgent, partial(self.dispatcher.hurry, shard), pause))
            group.create_task(_whenever(over, partial(self.dispatcher.ender.end, shard), pause))
            group.create_task(_whenever(asyncio.Event(), partial(self.dispatcher.crowd, shard), pause))
            group.create_task(_again(take_up, lambda: _until(unknown, _REFRESH)))
            if shard.shard == 0:  # what Temporal knows is read once, not per shard
                closer = self.dispatcher.closer
                looks: dict[Callable[[], Awaitable[object]], float] = {
                    closer.sweep: _SWEEP,
                    closer.reconcile: _RECONCILE,
                    closer.insist: _INSIST,
                    closer.find_failing: _FAILING,
                    partial(fold, self.database): _SWEEP,
                    self.dispatcher.mender.mend: _FAILING,
                    self.dispatcher.mover.move: _SWEEP,
                    Population(self.database, self.clock).renew: _HOURS,
                    self.dispatcher.line.clear: _RECONCILE,
                    self.dispatcher.undecided.ask_again: _ASK_AGAIN,
                }
                for look, seconds in [*looks.items(), *self.chores]:
                    group.create_task(_now_and_then(look, seconds))

    async def once(self, shard: WatchShard = WatchShard()) -> int:  # noqa: B008 - a frozen value
        """A tick (many, to catch up) and all that follows from it; for tests and tools. Returns how many things changed."""
        seen = await self._evaluate(shard)
        changed = _changes(seen)
        while seen.more:
            seen = await self._evaluate(shard)
            changed += _changes(seen)
        changed += await self.dispatcher.dispatch(shard) + await self.dispatcher.crowd(shard)
        return changed + await self.dispatcher.ender.end(shard)

    async def load(self, shard: WatchShard = WatchShard()) -> None:  # noqa: B008 - a frozen value
        """Take up the catalogue's segments and the stored ones, and evaluate new ones over all customers, to the end."""
        await self._segments(shard).load(self.database, self.clock.now, shard.shard, shard.shards)

    async def register(self, shard: WatchShard) -> None:
        """Take them up without waiting for that: who enters a new one from now on will be noticed once it is loaded."""
        await self._segments(shard).register(self.database, self.clock.now(), shard.shard, shard.shards)

    async def _refresh(self, shard: WatchShard) -> None:
        """Take up what the API changed."""
        if await self._segments(shard).changed(self.database):
            await self.load(shard)

    def _segments(self, shard: WatchShard) -> LiveSegments:
        if shard not in self.live:
            self.live[shard] = LiveSegments(self.segments, self._former())
        return self.live[shard]

    def _former(self) -> tuple[Segment, ...]:
        """Segments that only older versions have: their runs may wait for somebody to leave them."""
        found = {name: segment for served in self.versions.held for name, segment in served.segments.items()}
        return tuple(segment for name, segment in found.items() if name not in {each.name for each in self.segments})

    async def _evaluate(self, shard: WatchShard) -> Tick:
        """A tick; without a segment that fails in it, which stops nobody else."""
        now, live = self.clock.now(), self._segments(shard)
        with TICK.time():
            try:
                seen = await tick(self.database, live.now, shard.shard, shard.shards, now, self.keyed, self.hearing.hear)
            except CannotBeEvaluated as failed:
                await live.set_aside(self.database, failed, shard.shard, shard.shards)
                return Tick(now, more=True)
        for kind in ("entered", "left", "repeated"):
            TRANSITIONS.labels(kind).inc(getattr(seen, kind))
        return seen


def _changes(seen: Tick) -> int:
    return seen.entered + seen.left + seen.repeated + len(seen.dirty)


async def _heartbeat() -> None:
    while True:
        activity.heartbeat()
        await asyncio.sleep(_HEARTBEAT)


async def _again(work: Callable[[], Awaitable[object]], pause: Callable[[], Awaitable[object]]) -> None:
    """Do a piece of work for ever: at once again while it says that there is more, after a pause when not."""
    while True:
        if not await _patiently(work):
            await pause()


async def _whenever(event: asyncio.Event, work: Callable[[], Awaitable[int]], seconds: float) -> None:
    """Do a piece of work for ever: after an event, after a pause, and at once again after something was done."""
    while True:
        event.clear()
        if not await _patiently(work):
            await _until(event, seconds)


async def _now_and_then(work: Callable[[], Awaitable[object]], seconds: float) -> None:
    """Do a piece of work for ever, with a pause after each time, whatever it found."""
    while True:
        await _patiently(work)
        await asyncio.sleep(seconds)


async def _patiently(work: Callable[[], Awaitable[T]]) -> T:
    """Do a piece of work, and again after a second while Postgres or Temporal is away: the watch outlives both."""
    while True:
        try:
            return await work()
        except Exception as error:  # noqa: BLE001 - whatever it is, the rows are all there for the next try
            log.warning("the watch tries again", **kind_and_place(error))
            await asyncio.sleep(_PATIENCE)


async def _until(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


@dataclass
class _Paced:
    """Turns that begin so many seconds after one another: what the work took is not waited again."""

    seconds: float
    due: float = 0.0

    async def turn(self) -> None:
        """Wait for the next turn; it is there already when the work took longer than a turn."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self.due - loop.time()))
        self.due = loop.time() + self.seconds


class _WorkerStops(Exception):
    """Unwinds the watch when its worker shuts down, so that another can take it over at once."""


async def _leave_with_the_worker() -> None:
    await activity.wait_for_worker_shutdown()
    raise _WorkerStops
