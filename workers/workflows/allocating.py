"""The workflow that looks what came of choices and works out the next shares; its schedule starts it once an hour."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():  # contracts are data; re-importing them per run gains nothing
    from journeys.contracts import WATCH_QUEUE


@workflow.defn(name="allocate-choices")
class AllocateChoices:
    """One hour's work; it may be done again."""

    @workflow.run
    async def run(self) -> None:
        """Look what came of all choices, and work out their shares."""
        await workflow.execute_activity(
            "allocate-choices",
            task_queue=WATCH_QUEUE,
            start_to_close_timeout=timedelta(minutes=30),
            summary="the next hour's shares, by rewards that are ripe",
        )
