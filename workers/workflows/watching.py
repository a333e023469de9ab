"""The watch's workflow: Temporal keeps exactly one watch per shard alive and moves it when a worker dies."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():  # contracts are data; re-importing them per run gains nothing
    from journeys.contracts import WATCH_QUEUE, WatchShard


@workflow.defn(name="watch")
class WatchShards:
    """Looks after one shard of the customers, for ever."""

    @workflow.run
    async def run(self, shard: WatchShard) -> None:
        """Run the watch activity. It never returns; its retries add no events, so the history stays at a handful."""
        await workflow.execute_activity(
            "watch",
            shard,
            task_queue=WATCH_QUEUE,
            start_to_close_timeout=timedelta(days=1),
            heartbeat_timeout=timedelta(seconds=5),
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=5)),
            summary=f"membership of shard {shard.shard} of {shard.shards}",
        )
