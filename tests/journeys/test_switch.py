"""The operator's switch (FAULTS E8, E13): what paused, killed and live mean for starts, entries and those who are in."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import WorkflowExecutionStatus

from store.runs.views import Message, Run
from tests.activities.test_deliver import request
from tests.journeys.test_history import history
from workers.testing.shop import Shop


async def switch(shop: Shop, journey: str, state: str) -> None:
    answer = await shop.operate("PUT", f"/v1/journeys/{journey}/state", json={"state": state})
    assert (answer.status_code, answer.json()["state"]) == (200, state), answer.text


async def waiting(shop: Shop, run: Run, state: str = "deferred") -> Message:
    """The run's message, as soon as it has been put off."""
    async with asyncio.timeout(20):
        while not (found := [m for m in await shop.messages(run) if m.state == state]):  # noqa: ASYNC110 - the worker's work
            await asyncio.sleep(0.05)
    return found[0]


async def enter(shop: Shop, journey: str = "while_vip") -> Run:
    answer = await shop.operate("POST", f"/v1/journeys/{journey}/runs", json={"customer": {"user_id": "ana"}})
    assert answer.status_code == 201, answer.text
    await shop.look()
    return await shop.run(journey)


@pytest.mark.parametrize("state", ["paused", "killed"])
async def test_a_start_by_api_is_refused_until_the_journey_lives(trial: Shop, state: str) -> None:
    await trial.signs_up("ana")
    asked = {"json": {"customer": {"user_id": "ana"}}, "headers": {"Idempotency-Key": "k"}}
    await switch(trial, "by_choice", state)
    refused = await trial.operate("POST", "/v1/journeys/by_choice/runs", **asked)
    assert (refused.status_code, refused.json()["code"]) == (409, f"journey-{state}")
    await switch(trial, "by_choice", "live")
    first = await trial.operate("POST", "/v1/journeys/by_choice/runs", **asked)
    await switch(trial, "by_choice", state)
    again = await trial.operate("POST", "/v1/journeys/by_choice/runs", **asked)
    assert (first.status_code, again.status_code, again.json()["id"]) == (201, 200, first.json()["id"])


async def test_who_enters_a_paused_journey_is_written_to_as_soon_as_it_lives(trial: Shop) -> None:
    await trial.signs_up("ana")
    await switch(trial, "falls_back", "paused")
    await trial.does("ana", "Product Viewed")
    await trial.look()
    run = await trial.run("falls_back")
    assert (await waiting(trial, run)).reason == "journey paused"
    assert trial.sandbox.messages == []
    await switch(trial, "falls_back", "live")
    await trial.look()  # no time passes: neither ours nor the run's
    result = await trial.workflow(run).result()
    assert (result.outcome.value, result.sent) == ("finished", 1)
    events = (await history(trial, run)).events
    assert len(events) <= 25, events


async def test_a_message_waits_for_a_paused_journey_until_it_would_be_useless_and_no_longer(trial: Shop) -> None:
    await trial.signs_up("ana")
    run = await enter(trial)
    await switch(trial, "while_vip", "paused")
    useless = run.entered_at + timedelta(minutes=20)
    receipt = await trial.parts.delivery.deliver(request(run, useless_after=useless))
    assert (receipt.reason, receipt.retry_at) == ("journey paused", useless)
    late = request(run, due_at=useless, useless_after=useless)
    assert (await trial.parts.delivery.deliver(late)).reason == "useless after its deadline"


async def test_kill_ends_those_who_are_in_and_they_do_not_come_back_with_it(trial: Shop) -> None:
    await trial.signs_up("ana")
    run = await enter(trial)
    await switch(trial, "while_vip", "killed")
    await switch(trial, "while_vip", "live")
    await trial.look()
    assert (await trial.closed(run)).outcome == "journey killed"
    stopped = await trial.workflow(run).describe()
    assert stopped.status is WorkflowExecutionStatus.TERMINATED, "nothing of it was under way: no worker is asked"


async def test_nobody_enters_a_killed_journey_and_the_reason_is_written_down(trial: Shop) -> None:
    await switch(trial, "falls_back", "killed")
    await trial.signs_up("ana")
    await trial.does("ana", "Product Viewed")
    await trial.look()
    assert await trial.runs("falls_back") == []
    refused = await trial.database.pool.fetch("select reason from entry_refused where journey = 'falls_back'")
    assert [row["reason"] for row in refused] == ["journey killed"]


async def test_a_message_in_flight_while_its_journey_is_killed_sends_nothing_more(trial: Shop) -> None:
    await trial.signs_up("ana")
    trial.sandbox.faults.tell("fcm", "429", retry_after=3600, times=1)
    run = await enter(trial, "by_choice")
    await waiting(trial, run, "released")
    await switch(trial, "by_choice", "killed")
    await trial.look()
    assert (await trial.closed(run)).outcome == "journey killed"
    assert [(m.state, m.reason) for m in await trial.messages(run)] == [("skipped", "journey killed")]


async def test_a_journey_that_left_the_catalogue_stays_in_sight_and_can_be_killed(trial: Shop) -> None:
    await trial.signs_up("ana")
    run = await enter(trial)
    await trial.database.pool.execute("update run set journey = 'former_name'")
    found = {j["name"]: j for j in (await trial.operate("GET", "/v1/journeys")).json()}["former_name"]
    assert (found["in_catalogue"], found["open_runs"]) == (False, 1)
    assert "has left the catalogue with 1 runs open" in found["warnings"][0]
    listed = (await trial.operate("GET", "/v1/runs", params={"journey": "former_name"})).json()["runs"]
    assert [r["id"] for r in listed] == [str(run.id)]
    await switch(trial, "former_name", "killed")
    await trial.look()
    assert (await trial.closed(run)).outcome == "journey killed"
    assert "former_name" not in {j["name"] for j in (await trial.operate("GET", "/v1/journeys")).json()}
    assert (await trial.operate("PUT", "/v1/journeys/never_heard_of/state", json={"state": "killed"})).status_code == 404


async def test_runs_of_a_journey_that_left_the_catalogue_do_not_hold_up_others(trial: Shop) -> None:
    await trial.signs_up("ana")
    answer = await trial.operate("POST", "/v1/journeys/while_vip/runs", json={"customer": {"user_id": "ana"}})
    assert answer.status_code == 201
    await trial.database.pool.execute("update run set journey = 'former_name'")
    await trial.look()
    assert (await trial.run("former_name")).started_at is None
