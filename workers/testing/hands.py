"""The hands of real servers' clocks: turned to an instant for the runs of some customers, until nobody has anything to do.

Promise: what is due by then is done by then, and everything that follows from it; no run is turned back.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID

from temporalio.api.enums.v1 import EventType, PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse
from temporalio.service import RPCError

from store.runs.lists import Wanted, list_runs
from store.runs.views import Run
from workers.testing.shop import Shop

#: Runs are turned a little beyond an instant: their clocks go on while they work, so what is due then may be due later.
_SLACK = timedelta(seconds=20)
#: A run whose worker was slow to take it up may be so late, and others may wait for its end.
_LATEST = timedelta(seconds=100)
_STEP = timedelta(seconds=5)
_PATIENCE = 60.0
_PAUSE = 0.02
#: A timer that has just gone off is no task yet: who waits does so twice in a row, with a pause that is as many times what the
#: server took to answer, because a busy one takes longer to make it one.
_SURE, _BUSY = 2, 5


def _is_due_after(activity: PendingActivityInfo, now: datetime) -> bool:
    """Whether an activity waits for its next attempt, as a provider or a doubt wanted."""
    waits = activity.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
    return waits and activity.next_attempt_schedule_time.ToDatetime(UTC) > now


def _clock_of(seen: DescribeWorkflowExecutionResponse) -> datetime:
    """A run's own time."""
    return seen.workflow_extended_info.time_skipping_info.current_time.ToDatetime(UTC)


def _is_over(seen: DescribeWorkflowExecutionResponse) -> bool:
    return seen.workflow_execution_info.HasField("close_time")


def _waits(seen: DescribeWorkflowExecutionResponse) -> bool:
    """Whether a run does nothing but wait."""
    return not seen.HasField("pending_workflow_task") and all(
        _is_due_after(each, _clock_of(seen)) for each in seen.pending_activities
    )


def _is_to_begin(seen: DescribeWorkflowExecutionResponse) -> bool:
    """Whether a run's first task is yet to come because it started for later on, not for a move to a new history."""
    run = seen.workflow_execution_info
    return run.first_run_id == run.execution.run_id and _clock_of(seen) < run.execution_time.ToDatetime(UTC)


def _begun(row: Run) -> bool:
    """Whether Temporal has a run: one that waits to be let in is not there yet."""
    return row.ended_at is None and row.started_at is not None


def beyond(room: timedelta) -> timedelta:
    """How far to turn runs beyond an instant after which nothing is due or done for so long: halfway, if that is enough."""
    return max(_SLACK, min(_LATEST, room / 2))


class Hands:
    """Turns the shop's time, and that of its runs."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        #: The histories that have a task that is done.
        self._under_way: set[str] = set()

    async def turn(self, at: datetime, profiles: Sequence[UUID], beyond: timedelta = _SLACK) -> None:
        """It is `at` in the shop, and for the runs of these customers."""
        self._shop.clock.set(at)
        await asyncio.gather(*(self._forward(row, at + beyond) for row in await self._open(profiles)))
        await self.settle(at, profiles)

    async def _forward(self, row: Run, until: datetime) -> None:
        """Turn a run; where a busy server does not say whether it did, again."""
        handle = self._shop.workflow(row)
        while not _is_over(seen := (await handle.describe()).raw_description):
            if any(_is_due_after(each, until) for each in seen.pending_activities):
                return  # the server would try again at once; and nothing else is due in the run
            ahead = until - _clock_of(seen)
            if ahead <= timedelta(0):
                return
            with suppress(RPCError):  # over by now, or busy
                await self._shop.skipper.fast_forward(handle, ahead)

    async def settle(self, at: datetime, profiles: Sequence[UUID]) -> None:
        """Until the watch sees nothing new and the runs of these customers do nothing but wait."""
        await self._shop.look()
        await self._rest(profiles)
        while await self._shop.watch.once():  # who is let in where a run is over is in from this instant on
            await self._rest(profiles)
        # What runs have done is dated by their own clocks, which are a little ahead.
        self._shop.clock.set(at + _SLACK)
        while True:
            self._shop.clock.set(self._shop.clock.now() + _STEP)
            if not await self._shop.watch.once():
                break
            await self._rest(profiles)
        self._shop.clock.set(at)

    async def _rest(self, profiles: Sequence[UUID]) -> None:
        rows = await self._open(profiles)
        over = await asyncio.gather(*map(self._idle, rows))
        await self._closed([row for row, is_over in zip(rows, over, strict=True) if is_over])

    async def _idle(self, row: Run) -> bool:
        """Wait until a run has nothing to do; whether it is over."""
        async with asyncio.timeout(_PATIENCE):
            idle, now = 0, asyncio.get_running_loop().time
            while idle < _SURE:
                asked = now()
                seen = (await self._shop.workflow(row).describe()).raw_description
                if _is_over(seen):
                    return True
                idle = idle + 1 if _waits(seen) and await self._is_under_way(seen) else 0
                await asyncio.sleep(max(_PAUSE, _BUSY * (now() - asked)))
        return False

    async def _is_under_way(self, seen: DescribeWorkflowExecutionResponse) -> bool:
        """Whether a run has begun, or is to begin later: where its first task is a moment away it would begin after the turn.

        That of a run which has just started, or moved to a new history, comes a second later on a busy machine.
        """
        execution = seen.workflow_execution_info.execution
        if execution.run_id in self._under_way or _is_to_begin(seen):
            return True
        handle = self._shop.client.get_workflow_handle(execution.workflow_id, run_id=execution.run_id)
        events = (await handle.fetch_history()).events
        if any(each.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED for each in events):
            self._under_way.add(execution.run_id)
        return execution.run_id in self._under_way

    async def _open(self, profiles: Sequence[UUID]) -> list[Run]:
        return [row for row in await self._listed(profiles) if _begun(row)]

    async def rows(self, profiles: Sequence[UUID]) -> list[Run]:
        """Runs of customers; those that are over in Temporal are written down as over."""
        rows = await self._listed(profiles)
        if await self._closed([row for row in rows if _begun(row)]):
            rows = await self._listed(profiles)
        return sorted(rows, key=lambda row: (row.entered_at, row.id))

    async def _closed(self, rows: Sequence[Run]) -> bool:
        return await self._shop.watch.dispatcher.closer.look([row.workflow_id for row in rows])

    async def _listed(self, profiles: Sequence[UUID]) -> list[Run]:
        database = self._shop.database
        ids = await database.pool.fetch("select id from run where profile_id = any($1)", profiles)
        return await list_runs(database, Wanted(ids=[id_ for (id_,) in ids]), limit=5_000)
