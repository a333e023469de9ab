"""The workflows of audiences: one tells a destination what there is to tell, one asks for a comparison of all of it."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():  # contracts are data; re-importing them per run gains nothing
    from journeys.contracts import WATCH_QUEUE, AudienceTurn

_AGAIN = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=5))
#: Turns after which it goes on in a new history.
_TURNS = 200


@workflow.defn(name="sync-audience")
class SyncAudience:
    """One audience, from when something is to be told until nothing is. Its details say how much it has told."""

    @workflow.run
    async def run(self, audience: str, added: int = 0, removed: int = 0) -> str:
        """Tell its destination, turn by turn; what came of it, in words."""
        turns = 0
        while True:
            turn = await workflow.execute_activity(
                "sync-audience",
                audience,
                result_type=AudienceTurn,
                task_queue=WATCH_QUEUE,
                start_to_close_timeout=timedelta(hours=12),
                heartbeat_timeout=timedelta(seconds=20),
                retry_policy=_AGAIN,
                summary=f"the destination of {audience} is told who came and who left",
            )
            added, removed = added + turn.added, removed + turn.removed
            told = f"{added:,} added, {removed:,} removed"
            workflow.set_current_details(told if not turn.more else f"{told} so far")
            if not turn.more:
                return told
            if (turns := turns + 1) == _TURNS:
                workflow.continue_as_new(args=[audience, added, removed])


@workflow.defn(name="compare-audience")
class CompareAudience:
    """Has all of an audience compared; its schedule starts it."""

    @workflow.run
    async def run(self, audience: str) -> None:
        """Ask for it; `sync-audience` does it, so that nothing else is told meanwhile."""
        await workflow.execute_activity(
            "compare-audience",
            audience,
            task_queue=WATCH_QUEUE,
            start_to_close_timeout=timedelta(minutes=1),
            retry_policy=_AGAIN,
            summary=f"all of {audience} is to be compared",
        )
