"""A journey that raises: its error is plain to see, its run waits for the fix, and everybody else goes on."""

import asyncio

from shop import Shop
from temporalio.api.enums.v1 import EventType

from store.run_views import Run


async def failure(trial: Shop, run: Run) -> str:
    async with asyncio.timeout(30):
        while True:
            async for event in trial.workflow(run).fetch_history_events():
                if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
                    return event.workflow_task_failed_event_attributes.failure.message
            await asyncio.sleep(0.05)


async def start(trial: Shop, journey: str, user: str) -> Run:
    await trial.signs_up(user)
    answer = await trial.operate("POST", f"/v1/journeys/{journey}/runs", json={"customer": {"user_id": user}})
    assert answer.status_code == 201, answer.text
    await trial.look()
    return await trial.run(journey)


async def test_the_error_shows_in_temporal_and_the_run_stays_open_for_the_fix(trial: Shop) -> None:
    broken = await start(trial, "raises", "ana")
    assert "a fault of the author's" in await failure(trial, broken)
    other = await start(trial, "by_choice", "bea")
    assert (await trial.over(other)).sent == 1
    assert [m.state for m in await trial.messages(broken)] == ["sent"]
    assert (await trial.operate("GET", f"/v1/runs/{broken.id}")).json()["status"] == "running"


async def test_an_operator_can_end_a_run_that_raises(trial: Shop) -> None:
    broken = await start(trial, "raises", "ana")
    await failure(trial, broken)
    await trial.workflow(broken).terminate("broken")
    assert (await trial.closed(broken)).outcome == "ended by an operator"


async def test_a_cancel_by_an_operator_in_temporal_ends_the_run_as_cancelled(trial: Shop) -> None:
    run = await start(trial, "while_vip", "ana")
    await trial.workflow(run).cancel()
    assert (await trial.closed(run)).outcome == "ended by an operator"
