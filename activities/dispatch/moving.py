"""Runs that go on with another version of the catalogue on purpose: told so, and looked after until they do.

Promise: a row first and a call after. The run itself decides at its next wait whether what it has done is what that version
would have done; it goes on in a new history then, or stays and says why. Until it does, it is of the version that it was.
"""

from dataclasses import dataclass
from datetime import timedelta

import structlog
from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError, RPCStatusCode

from activities.dispatch.telling import tell
from activities.together import together
from journeys.clock import Clock
from journeys.contracts import SoFar
from journeys.heard import SO_FAR, GoOn
from store import Database
from store import versions as stored
from store.versions import RunToMove

log = structlog.get_logger(__name__)

_PAGE = 500
_AT_ONCE = 16  # calls to Temporal in flight
_ANSWER = timedelta(seconds=5)
#: One that was told may be at a provider.
PATIENCE = timedelta(seconds=2)


@dataclass(frozen=True)
class Mover:
    """Tells them, and asks."""

    database: Database
    client: Client
    clock: Clock

    async def move(self, patience: timedelta = PATIENCE) -> int:
        """Tell those who have not been told, and see how the others decided; returns how many have decided."""
        found = await stored.to_move(self.database, _PAGE, patience, self.clock.now())
        if not found:
            return 0
        answers = [each for each in await together(map(self._one, found), _AT_ONCE) if each is not None]
        moved = [run.id for run, so_far in answers if so_far is not None and so_far.start.moves >= run.number]
        staying = {run.id: so_far.why or "" for run, so_far in answers if so_far is not None and so_far.stays == run.number}
        await stored.moving(self.database, [run.id for run, _ in answers], moved, staying)
        for run_id, why in staying.items():
            log.warning("a run stays with its version", run=str(run_id), why=why)
        return len(moved) + len(staying)

    async def _one(self, run: RunToMove) -> tuple[RunToMove, SoFar | None] | None:
        """What a run has done, if it was told before; nothing where it could not be reached."""
        if not run.told:
            asked = GoOn(version=run.version, number=run.number)
            return (run, None) if await tell(self.client, run.workflow_id, asked) else None
        handle = self.client.get_workflow_handle(run.workflow_id)
        try:
            return run, await handle.query(SO_FAR, result_type=SoFar, rpc_timeout=_ANSWER)
        except (RPCError, WorkflowQueryFailedError) as error:
            if not isinstance(error, RPCError) or error.status is not RPCStatusCode.NOT_FOUND:
                log.info("a run that shall move is asked again", run=str(run.id), error=type(error).__name__)
            return None
