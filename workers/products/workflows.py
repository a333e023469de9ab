"""The workflow that works something out of products, once; its schedule starts it, and whoever asks for it."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():  # contracts are data; re-importing them per run gains nothing
    from journeys.contracts import WATCH_QUEUE, ProductRound

_AGAIN = RetryPolicy(initial_interval=timedelta(seconds=5), maximum_interval=timedelta(minutes=10), maximum_attempts=20)


@workflow.defn(name="product-round")
class WorkOut:
    """One round."""

    @workflow.run
    async def run(self, name: str) -> str:
        """Work it out; what came of it, in words. Each try has the same instant."""
        told: str = await workflow.execute_activity(
            "product-round",
            ProductRound(name=name, at=workflow.now()),
            result_type=str,
            task_queue=WATCH_QUEUE,
            start_to_close_timeout=timedelta(hours=4),
            heartbeat_timeout=timedelta(seconds=20),
            retry_policy=_AGAIN,
            summary=f"{name} is worked out",
        )
        workflow.set_current_details(told)
        return told
