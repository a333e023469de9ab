"""The workflow that reads a source once; its schedule starts it, and whoever asks for it."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():  # contracts are data; re-importing them per run gains nothing
    from journeys.contracts import WATCH_QUEUE, SourceReading

_AGAIN = RetryPolicy(initial_interval=timedelta(seconds=5), maximum_interval=timedelta(minutes=10), maximum_attempts=20)


@workflow.defn(name="read-source")
class ReadSource:
    """One reading."""

    @workflow.run
    async def run(self, source: str) -> str:
        """Read it to its end; what came of it, in words. Each try has the same instant, so that nothing counts twice."""
        told: str = await workflow.execute_activity(
            "read-source",
            SourceReading(source=source, at=workflow.now()),
            result_type=str,
            task_queue=WATCH_QUEUE,
            start_to_close_timeout=timedelta(hours=12),
            heartbeat_timeout=timedelta(seconds=20),
            retry_policy=_AGAIN,
            summary=f"{source} is read",
        )
        workflow.set_current_details(told)
        return told
