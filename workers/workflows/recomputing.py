"""The workflow that adds the last days up anew; its schedule starts it once a night."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():  # contracts are data; re-importing them per run gains nothing
    from journeys.contracts import WATCH_QUEUE


@workflow.defn(name="recompute-sums")
class RecomputeSums:
    """One night's work; it may be done again."""

    @workflow.run
    async def run(self) -> None:
        """Add the last days up anew, and see that the sums are the same."""
        await workflow.execute_activity(
            "recompute-sums",
            task_queue=WATCH_QUEUE,
            start_to_close_timeout=timedelta(hours=1),
            summary="the sums of the last days, from ledger and events alone",
        )
