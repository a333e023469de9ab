"""The schedule by which Temporal has the last days added up anew each night.

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
from workers.measuring.recomputing import RecomputeSums

log = structlog.get_logger(__name__)


async def keep_recomputing(client: Client) -> None:
    """Make sure that the last days are added up anew once a day, two hours after midnight (UTC)."""
    action = ScheduleActionStartWorkflow(RecomputeSums.run, id="recompute-sums", task_queue=WATCH_QUEUE)
    nightly = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(days=1), offset=timedelta(hours=2))])
    try:
        with suppress(ScheduleAlreadyRunningError):
            await client.create_schedule("recompute-sums", Schedule(action=action, spec=nightly))
    except RPCError as error:
        log.warning("no schedule adds the last days up anew", status=error.status.name)
