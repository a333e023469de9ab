"""Ends, from rows to Temporal: who was told to end hears it; who was killed, and has nothing at a provider, is over at once.

Promise: a row first and a call after, and every call may be repeated. Ends wait for nothing else that is dispatched; only of
a run that Temporal may not have yet they are the business of whoever starts it, so that none begins after its end.
"""

from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import Client

from activities.dispatch.closing import Closer
from activities.dispatch.telling import tell, terminate
from activities.together import together
from journeys.clock import Clock
from journeys.contracts import Reason, WatchShard
from journeys.heard import Exit
from store import Database
from store.runs import rows as runs
from store.runs import switches
from store.runs.rows import RunToSignal

_BATCH = 500
_AT_ONCE = 32  # calls to Temporal in flight; more only queue there
_SLACK = timedelta(seconds=5)  # between our clock and Temporal's; a cancel too many finds the flag and does no harm


@dataclass(frozen=True)
class Ender:
    """Ends the runs of a shard."""

    database: Database
    client: Client
    clock: Clock
    closer: Closer

    async def end(self, shard: WatchShard) -> int:
        """End those that Temporal has, killed ones among them; returns how many."""
        return await self.kill(shard) + await self.tell(shard, begun=True)

    async def kill(self, shard: WatchShard) -> int:
        """Whoever was in a journey when it was killed is to end, begun or not; they do not come back with it."""
        killed = await switches.to_kill(self.database, shard.shard, shard.shards, _BATCH)
        if killed:
            now = self.clock.now()
            async with self.database.transaction() as connection:
                await runs.request_exits(connection, [(id_, Reason.KILLED.value, now) for id_ in killed])
        return len(killed)

    async def tell(self, shard: WatchShard, *, begun: bool) -> int:
        """Let those know that are to end and that Temporal has, or may not have; returns how many know, or are over."""
        leaving = await runs.to_signal(self.database, shard.shard, shard.shards, _BATCH, begun)
        stopped = [run for run in leaving if run.at_once]
        return await self._stop(stopped) + await self._tell([run for run in leaving if not run.at_once])

    async def has_to_tell(self, shard: WatchShard, *, begun: bool) -> bool:
        """Whether there is anybody to tell."""
        return bool(await runs.to_signal(self.database, shard.shard, shard.shards, 1, begun))

    async def _stop(self, killed: Sequence[RunToSignal]) -> int:
        """Nothing of theirs is at a provider: none of their steps is waited for, and no worker is asked."""
        heard = await self._heard(killed, [terminate(self.client, run.workflow_id, run.exit_reason) for run in killed])
        await self.closer.stopped([run.workflow_id for run, known in heard if known])
        return len(heard)

    async def _tell(self, leaving: Sequence[RunToSignal]) -> int:
        # A signal is recorded during a start delay but wakes nobody; a cancel does, and finds the flag.
        exits = [Exit(reason=Reason(run.exit_reason), which=run.ended_by) for run in leaving]
        told = zip(leaving, exits, strict=True)
        calls = [tell(self.client, run.workflow_id, over, cancel=self._may_be_delayed(run)) for run, over in told]
        return len(await self._heard(leaving, calls))

    async def _heard(
        self, leaving: Sequence[RunToSignal], calls: Sequence[Coroutine[Any, Any, bool | None]]
    ) -> list[tuple[RunToSignal, bool]]:
        """Those of which Temporal said whether it has them; it is written down."""
        answers = zip(leaving, await together(calls, _AT_ONCE), strict=True)
        heard = [(run, known) for run, known in answers if known is not None]
        if heard:
            # Temporal never heard of these: they were over before they began. First, because nobody asks for them again.
            await runs.end_unstarted(self.database, [run.id for run, known in heard if not known], self.clock.now())
            await runs.mark_signalled(self.database, [run.id for run, _ in heard], self.clock.now())
        return heard

    def _may_be_delayed(self, run: RunToSignal) -> bool:
        if run.started_at is None:  # Temporal may have it all the same: the worker died before it wrote that down
            return True
        until = self.clock.real(run.started_at + run.start_delay)
        return bool(run.start_delay) and datetime.now(UTC) < until + _SLACK
