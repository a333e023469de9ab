"""The workflow that brings the bucket up to the last hour that is over; its schedule starts it each hour."""

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():  # contracts are data; re-importing them per run gains nothing
    from journeys.contracts import WATCH_QUEUE

_AGAIN = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=5))
_SILENT = timedelta(minutes=1)


@workflow.defn(name="export-hours")
class ExportHours:
    """One hour's work, and what was missed before it; it may be done again. Its details say how far it is."""

    @workflow.run
    async def run(self, done: int = 0) -> dict[str, int]:
        """Write all hours that are due, one after the other, until none is."""
        hours = await workflow.execute_activity(
            "export-due",
            result_type=list[str],
            task_queue=WATCH_QUEUE,
            start_to_close_timeout=timedelta(hours=6),
            heartbeat_timeout=_SILENT,
            retry_policy=_AGAIN,
            summary="which hours are over, once nobody writes into them any more",
        )
        for place in hours:
            workflow.set_current_details(f"{done} hours of tables written; now {place}")
            await workflow.execute_activity(
                "export-hour",
                place,
                result_type=dict[str, Any],
                task_queue=WATCH_QUEUE,
                start_to_close_timeout=timedelta(hours=2),
                heartbeat_timeout=_SILENT,
                retry_policy=_AGAIN,
                summary=place,
            )
            done += 1
        if hours:
            workflow.continue_as_new(done)
        return {"hours": done}
