"""Runs that cannot go on take the newest version of the catalogue that replays what they have done, so that a fix reaches them.

Promise: only who cannot go on is moved, only to a version that was deployed after theirs, and only where every step that the
run has taken is a step of that version, too. Whoever a fix does not fit stays as they are, and can be ended.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import structlog
from temporalio.client import Client, WorkflowHistory
from temporalio.service import RPCError, RPCStatusCode

from activities.versions import UnknownVersion, Versions
from journeys.clock import Clock
from store import Database
from store import versions as stored
from store.versions import FailingRun

log = structlog.get_logger(__name__)

#: Why a run with this history could not go on with a version; None when it can.
Tries = Callable[[WorkflowHistory, str], Awaitable[str | None]]
_PAGE = 100
#: A worker that is busy, or has just started, may fail a task that the next one does.
PATIENCE = timedelta(seconds=30)


@dataclass
class Mender:
    """Moves them; what did not help is not tried again by this process."""

    database: Database
    client: Client
    clock: Clock
    versions: Versions
    tries: Tries
    _tried: set[tuple[UUID, str]] = field(default_factory=set, init=False)

    async def mend(self, patience: timedelta = PATIENCE) -> int:
        """Move those who have been failing for that long; returns how many."""
        before = self.clock.now() - patience * self.clock.speed
        found = await stored.failing_with_newer(self.database, before, list(self._tried), _PAGE)
        return sum([await self._mended(run) for run in found])

    async def _mended(self, run: FailingRun) -> bool:
        try:
            history = await self.client.get_workflow_handle(run.workflow_id).fetch_history()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        for version in run.newer:
            self._tried.add((run.id, version))
            if await self._fits(history, version):
                await stored.mend(self.database, run.id, version)
                log.warning("a run goes on with a newer version", run=str(run.id), version=version, before=run.version)
                return True
        return False

    async def _fits(self, history: WorkflowHistory, version: str) -> bool:
        try:
            await self.versions.of(version)
        except UnknownVersion:
            return False
        return await self.tries(history, version) is None
