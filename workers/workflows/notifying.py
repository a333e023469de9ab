"""The workflow that tells one receiver what happened: an id; Temporal's UI shows how often it was tried, and why not."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():  # contracts are data; re-importing them per run gains nothing
    from journeys.contracts import WATCH_QUEUE

_AGAIN = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=5))


@workflow.defn(name="notify")
class Notify:
    """One receiver, from when something is due until nothing is."""

    @workflow.run
    async def run(self, subscription: str) -> int:
        """Tell it what is due; how much it took."""
        told: int = await workflow.execute_activity(
            "notify",
            subscription,
            result_type=int,
            task_queue=WATCH_QUEUE,
            start_to_close_timeout=timedelta(hours=6),
            heartbeat_timeout=timedelta(seconds=10),
            retry_policy=_AGAIN,
            summary="what happened is posted",
        )
        return told
