"""What the watch has done as soon as there is something to do: a workflow of its queue, one at a time under each id."""

import structlog
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError

from journeys.contracts import WATCH_QUEUE

log = structlog.get_logger(__name__)


async def woken(client: Client, workflow: str, of: str, id_: str, why: str) -> bool:
    """Start a workflow with its one argument, unless it runs; false where Temporal does not take it, to be tried again."""
    try:
        await client.start_workflow(
            workflow,
            of,
            id=id_,
            task_queue=WATCH_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            static_summary=why,
        )
    except RPCError as error:
        log.warning("temporal did not take a workflow; it is tried again", workflow=id_, status=error.status.name)
        return False
    return True
