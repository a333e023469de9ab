"""One word to one run, over Temporal; and whether Temporal knows it.

Promise: it may be said again. Whoever is over, or was never begun, is told apart from a Temporal that is away.
"""

import structlog
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from journeys.heard import HEARD, Heard

log = structlog.get_logger(__name__)


async def tell(client: Client, workflow_id: str, heard: Heard, *, cancel: bool = False) -> bool | None:
    """Whether Temporal knows such a run, which has been told then; None where it could not be asked: try again."""
    handle = client.get_workflow_handle(workflow_id)
    try:
        await handle.signal(HEARD, heard)
        if cancel:
            await handle.cancel()
    except RPCError as error:
        return _missing(error, heard.heard)
    return True


async def terminate(client: Client, workflow_id: str, reason: str) -> bool | None:
    """The same for a run that ends without being asked."""
    try:
        await client.get_workflow_handle(workflow_id).terminate(reason=reason)
    except RPCError as error:
        return _missing(error, reason)
    return True


def _missing(error: RPCError, told: str) -> bool | None:
    if error.status is RPCStatusCode.NOT_FOUND:  # over by now, or never begun
        return False
    log.warning("temporal did not take a word to a run; it is tried again", told=told, status=error.status.name)
    return None
