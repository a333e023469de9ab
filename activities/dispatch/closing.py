"""The closer: from Temporal back to rows. How runs ended, and which cannot go on, is read from Temporal, which alone knows.

A run writes nothing when it ends (an activity for that would cost every run six events); instead the closed workflows since
the last look are listed once a second, and open rows are compared now and then, so that none stays open for ever.

Promise: a run that was told to end is over within seconds, even if its code cannot go on: then it is ended from here, under
the reason that it was told.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.dispatch.execution import Seen, look_at, why_failing
from activities.metrics import EXITS, FAILING
from activities.together import together
from journeys.clock import Clock
from journeys.contracts import WORKFLOW_QUEUE, Reason
from store import Database
from store.runs import ends as run_ends
from store.runs.ends import Closing

log = structlog.get_logger(__name__)

_OVERLAP = timedelta(seconds=10)  # visibility is written after the fact; look back this far each time
_AT_ONCE = 16  # calls to Temporal in flight
_PAGE = 500


@dataclass
class Closer:
    """Keeps the `run` table in step with Temporal."""

    database: Database
    client: Client
    clock: Clock
    task_queue: str = WORKFLOW_QUEUE
    _since: datetime | None = field(default=None, init=False)
    _place: tuple[str, datetime, UUID] | None = field(default=None, init=False)
    _tells_problems: bool = field(default=True, init=False)

    async def sweep(self) -> int:
        """Close the runs that ended since the last sweep; returns how many."""
        began = datetime.now(UTC)
        since = self._since or began - timedelta(minutes=10)
        closed = 0
        try:
            async for page in self._listed(f"CloseTime > '{since.isoformat()}'"):
                closed += await self._close(await self._seen(await run_ends.still_open(self.database, page)))
        except RPCError:
            # A server that comes back may be late with what ended before it went: look back further.
            self._since = since - timedelta(minutes=1)
            raise
        self._since = began - _OVERLAP
        return closed

    async def reconcile(self, older_than: timedelta = timedelta(minutes=5), limit: int = 200) -> int:
        """Compare some open rows with Temporal, each in its turn: for what nobody told us; returns how many were over."""
        before = self.clock.now() - older_than * self.clock.speed
        found = await run_ends.open_after(self.database, before, self._place, limit)
        self._place = found[-1].place if len(found) == limit else None
        seen = await self._seen([run.workflow_id for run in found])
        await self._fail([s.workflow_id for s in seen if s.failing])
        await self._raising(seen)
        return await self._close(seen)

    async def look(self, workflow_ids: list[str]) -> bool:
        """Whether any of these workflows, open here, is over in Temporal; it is written down."""
        return await self._close(await self._seen(workflow_ids)) > 0

    async def stopped(self, workflow_ids: Sequence[str]) -> int:
        """These were terminated just now; they have the reason under which they were told to end."""
        now = self.clock.now()
        return await self._close([Seen(id_, Closing(id_, Reason.OPERATOR.value, now)) for id_ in workflow_ids])

    async def insist(self, patience: timedelta = timedelta(seconds=5)) -> int:
        """End what was told to end, has had the patience given, and cannot do so by itself; returns how many were over.

        An attempt at a delivery that is under way is waited for. Whoever is merely waiting for a worker is left alone.
        """
        told = await run_ends.overdue(self.database, self.clock.now() - patience * self.clock.speed, _PAGE)
        seen = await self._seen(list(told))
        stuck = [s.workflow_id for s in seen if s.failing and not s.at_work]
        await together((self._end(workflow_id, told[workflow_id]) for workflow_id in stuck), _AT_ONCE)
        return await self._close([*seen, *await self._seen(stuck)])

    async def find_failing(self) -> int:
        """Write down which runs cannot go on, and which can again; returns how many cannot."""
        listed = await self._with_problems()
        await self._fail(await run_ends.not_known_as_failing(self.database, listed))
        others = await self._seen(await run_ends.failing_besides(self.database, listed, _PAGE))
        well = [s.workflow_id for s in others if s.ending is None and not s.failing and s.raises is None]
        await run_ends.mark_healed(self.database, well)
        await self._raising(others)
        await self._close(others)
        counted = await run_ends.failing_by_journey(self.database)
        FAILING.clear()
        for journey, number in counted.items():
            FAILING.labels(journey).set(number)
        return sum(counted.values())

    async def raises(self, failures: Mapping[str, str]) -> None:
        """A step that a worker does for these runs raises each time: they cannot go on either, until it does not."""
        new = await run_ends.mark_raising(self.database, failures, self.clock.now())
        for workflow_id in new:
            log.warning("a run cannot go on", workflow_id=workflow_id, failure=failures[workflow_id])

    async def _raising(self, seen: Iterable[Seen]) -> None:
        await self.raises({s.workflow_id: s.raises for s in seen if s.raises is not None and not s.failing})

    async def _with_problems(self) -> list[str]:
        """Some of the running workflows of which Temporal knows by itself that their tasks fail."""
        if not self._tells_problems:
            return []
        try:
            async for page in self._listed("ExecutionStatus = 'Running' and TemporalReportedProblems is not null"):
                return page  # when more fail, the rest is found in later looks
        except RPCError as error:
            if error.status is not RPCStatusCode.INVALID_ARGUMENT:
                raise
            self._tells_problems = False
            log.warning("this Temporal server does not tell which runs fail; they are found one by one, which takes longer")
        return []

    async def _fail(self, workflow_ids: Sequence[str]) -> None:
        async def one(workflow_id: str) -> tuple[str, str]:
            return workflow_id, await why_failing(self.client, workflow_id)

        failures = dict(await together(map(one, workflow_ids), _AT_ONCE))
        await run_ends.mark_failing(self.database, failures, self.clock.now())
        for workflow_id, failure in failures.items():
            log.warning("a run cannot go on", workflow_id=workflow_id, failure=failure)

    async def _end(self, workflow_id: str, reason: str) -> None:
        failure = await why_failing(self.client, workflow_id)
        try:
            await self.client.get_workflow_handle(workflow_id).terminate(
                reason=f"{reason}; ended from outside, because the run could not do it by itself: {failure}"
            )
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:  # it ended by itself meanwhile
                raise
        log.warning("a run was ended from outside", workflow_id=workflow_id, reason=reason, failure=failure)

    async def _listed(self, query: str) -> AsyncIterator[list[str]]:
        page: list[str] = []
        async for execution in self.client.list_workflows(f"TaskQueue = '{self.task_queue}' and {query}", page_size=_PAGE):
            page.append(execution.id)
            if len(page) == _PAGE:
                yield page
                page = []
        if page:
            yield page

    async def _seen(self, workflow_ids: Sequence[str]) -> list[Seen]:
        return await together((look_at(self.client, self.clock, workflow_id) for workflow_id in workflow_ids), _AT_ONCE)

    async def _close(self, seen: Iterable[Seen]) -> int:
        endings: dict[str, Closing] = {s.workflow_id: s.ending for s in seen if s.ending is not None}
        closed = await run_ends.close(self.database, list(endings.values()))
        for journey, outcome in closed:
            EXITS.labels(journey, outcome).inc()
            if outcome == Reason.CEILING.value:
                log.warning("a run was ended at its ceiling of messages", journey=journey)
        return len(closed)
