"""One round of work that stands on a schedule and that whoever wants may ask for: one activity, what came of it in words.

Promise: each try has the same instant, the beginning of the workflow's task, so that nothing that it made counts twice.
"""

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy

_AGAIN = RetryPolicy(initial_interval=timedelta(seconds=5), maximum_interval=timedelta(minutes=10), maximum_attempts=20)


async def one_round(
    activity: str, asked: Any, *, queue: str, hours: int, summary: str, alive: timedelta = timedelta(seconds=20)
) -> str:
    """What came of it, in words; the workflow's details say it, too.

    Args:
        activity: By its name; it takes what is asked for, and answers in words.
        asked: A contract with the instant.
        queue: Where it is done.
        hours: As long as it may take.
        summary: What is done, for the Temporal UI.
        alive: As long as it may be silent.
    """
    told: str = await workflow.execute_activity(
        activity,
        asked,
        result_type=str,
        task_queue=queue,
        start_to_close_timeout=timedelta(hours=hours),
        heartbeat_timeout=alive,
        retry_policy=_AGAIN,
        summary=summary,
    )
    workflow.set_current_details(told)
    return told
