"""The schedule by which Temporal has done once a day what has to be done once a day.

Promise: making it is harmless when it is there; a Temporal that is away, or has no schedules, keeps no worker from serving.
"""

from contextlib import suppress
from datetime import timedelta

import structlog
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleSpec,
)
from temporalio.service import RPCError

from journeys.contracts import WATCH_QUEUE
from workers.privacy.retaining import Retain

log = structlog.get_logger(__name__)


async def keep_schedule(client: Client) -> None:
    """Make sure that what was kept for long enough is taken away once a day."""
    action = ScheduleActionStartWorkflow(Retain.run, id="retention", task_queue=WATCH_QUEUE)
    daily = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(days=1))])
    try:
        with suppress(ScheduleAlreadyRunningError):
            await client.create_schedule("retention", Schedule(action=action, spec=daily))
    except RPCError as error:
        log.warning("no schedule takes away what was kept for long enough", status=error.status.name)
