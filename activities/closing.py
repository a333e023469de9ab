"""The closer: from Temporal back to rows. How and when runs ended is read from Temporal, which alone knows.

A run writes nothing when it ends (an activity for that would cost every run six events); instead the closed workflows since
the last look are listed once a second, and the oldest open rows are compared now and then, so that none stays open for ever.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError
from temporalio.service import RPCError, RPCStatusCode

from activities.metrics import EXITS
from journeys.clock import Clock
from journeys.contracts import WORKFLOW_QUEUE, Reason, RunOver
from store import Database, runs
from store.runs import Closing

log = structlog.get_logger(__name__)

_OVERLAP = timedelta(seconds=10)  # visibility is written after the fact; look back this far each time
_ODD_ENDS = {
    WorkflowExecutionStatus.FAILED: "failed",
    WorkflowExecutionStatus.CANCELED: Reason.OPERATOR.value,
    WorkflowExecutionStatus.TERMINATED: Reason.OPERATOR.value,
    WorkflowExecutionStatus.TIMED_OUT: "timed out",
}


@dataclass
class Closer:
    """Keeps the `run` table in step with what is over in Temporal."""

    database: Database
    client: Client
    clock: Clock
    task_queue: str = WORKFLOW_QUEUE
    _since: datetime | None = field(default=None, init=False)

    async def sweep(self) -> int:
        """Close the runs that ended since the last sweep; returns how many."""
        began = datetime.now(UTC)
        since = self._since or began - timedelta(minutes=10)
        closed = 0
        try:
            async for page in self._closed_since(since):
                closed += await self._close(await runs.still_open(self.database, page))
        except RPCError:
            # A server that comes back may be late with what ended before it went: look back further.
            self._since = since - timedelta(minutes=1)
            raise
        self._since = began - _OVERLAP
        return closed

    async def reconcile(self, older_than: timedelta = timedelta(minutes=5), limit: int = 200) -> int:
        """Compare the oldest open rows with Temporal, for those that the sweep never saw; returns how many were over."""
        before = self.clock.now() - older_than * self.clock.speed
        return await self._close(await runs.oldest_open(self.database, before, limit))

    async def look(self, workflow_ids: list[str]) -> bool:
        """Whether any of these workflows, open here, is over in Temporal; it is written down."""
        return await self._close(workflow_ids) > 0

    async def _closed_since(self, since: datetime) -> AsyncIterator[list[str]]:
        query = f"TaskQueue = '{self.task_queue}' and CloseTime > '{since.isoformat()}'"
        page: list[str] = []
        async for execution in self.client.list_workflows(query, page_size=500):
            page.append(execution.id)
            if len(page) == 500:  # noqa: PLR2004 - the page size above
                yield page
                page = []
        if page:
            yield page

    async def _close(self, workflow_ids: list[str]) -> int:
        gate = asyncio.Semaphore(16)

        async def one(workflow_id: str) -> Closing | None:
            async with gate:
                return await self._ending(workflow_id)

        endings = [e for e in await asyncio.gather(*map(one, workflow_ids)) if e is not None]
        for ending in endings:
            EXITS.labels(ending.workflow_id.partition("/")[0], ending.outcome).inc()
        return await runs.close(self.database, endings)

    async def _ending(self, workflow_id: str) -> Closing | None:
        """How a workflow ended, or None while it runs."""
        handle = self.client.get_workflow_handle(workflow_id, result_type=RunOver)
        try:
            seen = await handle.describe()
            if seen.status in (None, WorkflowExecutionStatus.RUNNING) or seen.close_time is None:
                return None
            at = self.clock.business(seen.close_time)
            if seen.status is not WorkflowExecutionStatus.COMPLETED:
                return Closing(workflow_id, _ODD_ENDS.get(seen.status, "failed"), at)
            return Closing(workflow_id, (await handle.result()).outcome.value, at)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:  # past its retention, or the server's data is gone
                return Closing(workflow_id, "unknown to Temporal", self.clock.now())
            raise
        except WorkflowFailureError:
            return Closing(workflow_id, "failed", self.clock.now())
