"""The workflow that takes away what was kept for long enough; its schedule starts it once a day."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():  # contracts are data; re-importing them per run gains nothing
    from journeys.contracts import WATCH_QUEUE


@workflow.defn(name="retain")
class Retain:
    """One day's work; it may be done again."""

    @workflow.run
    async def run(self) -> None:
        """Take away what is too old."""
        await workflow.execute_activity(
            "retain", task_queue=WATCH_QUEUE, start_to_close_timeout=timedelta(hours=1), summary="what was kept for long enough"
        )
