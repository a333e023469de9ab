"""Erasures that were asked for are handed to Temporal, each once: a row first and a call after, as with runs."""

from dataclasses import dataclass

import structlog
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from journeys.clock import Clock
from journeys.contracts import WATCH_QUEUE
from store import Database
from store.customers import erasure

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Eraser:
    """Starts the workflows of erasures."""

    database: Database
    client: Client
    clock: Clock

    async def start(self) -> int:
        """Hand over what Temporal does not know yet; returns how many it took."""
        started = 0
        for id_ in await erasure.to_start(self.database):
            try:
                await self.client.start_workflow(
                    "erase",
                    str(id_),
                    id=f"erasure/{id_}",
                    task_queue=WATCH_QUEUE,
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                    static_summary="a customer is erased",
                )
            except WorkflowAlreadyStartedError:
                pass  # an earlier attempt got through, and it is over already
            except RPCError as error:
                log.warning("temporal did not take an erasure; it is tried again", erasure=str(id_), status=error.status.name)
                continue
            await erasure.mark_started(self.database, id_, self.clock.now())
            started += 1
        return started
