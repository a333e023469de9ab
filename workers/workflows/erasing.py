"""The workflow of an erasure: it knows an id and nothing else; two activities do the work, however often they are cut short."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():  # contracts are data; re-importing them per run gains nothing
    from journeys.contracts import WATCH_QUEUE

_AGAIN = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))


@workflow.defn(name="erase")
class EraseCustomer:
    """Erases one customer: purges what is held until nothing is left, then certifies that."""

    @workflow.run
    async def run(self, erasure: str) -> None:
        """Both are tried until they succeed; each goes on where it was."""
        for name, takes in (("purge", timedelta(hours=1)), ("certify", timedelta(minutes=1))):
            await workflow.execute_activity(
                name,
                erasure,
                task_queue=WATCH_QUEUE,
                start_to_close_timeout=takes,
                heartbeat_timeout=timedelta(seconds=20) if name == "purge" else None,
                retry_policy=_AGAIN,
                summary=name,
            )
