"""Ends that hold whatever the code does (FAULTS E1, E8, A19): by goal, operator and kill, of runs that cannot go on."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from changing import AFTER, BEFORE, NAME, Changing, changing, folder, write  # noqa: F401 - fixtures
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus

from activities.asking.questions import Questions
from store import Database, connect
from store.runs.views import Run, run_by_id
from workers.embedded.processes import Children
from workers.embedded.temporal import EmbeddedTemporal
from workers.testing.shop import Shop, open_shop
from workers.worker import keep_watch, serving, workers

NO_PATIENCE = timedelta(0)


async def enter(shop: Shop, journey: str = "greets") -> Run:
    await shop.signs_up("ana")
    answer = await shop.operate("POST", f"/v1/journeys/{journey}/runs", json={"customer": {"user_id": "ana"}})
    assert answer.status_code == 201, answer.text
    await shop.look()
    return await shop.run()


async def by_goal(shop: Shop, _: Run) -> None:
    await shop.does("ana", "Order Completed")


async def by_operator(shop: Shop, run: Run) -> None:
    assert (await shop.operate("POST", f"/v1/runs/{run.id}/end")).status_code == 202


async def by_kill(shop: Shop, run: Run) -> None:
    switched = await shop.operate("PUT", f"/v1/journeys/{run.journey}/state", json={"state": "killed"})
    assert switched.status_code == 200


async def until(shop: Shop, run: Run, told: Callable[[Run], bool]) -> Run:
    """The run, as soon as the closer's looks have written down what is told."""
    closer = shop.watch.dispatcher.closer
    async with asyncio.timeout(60):
        while True:
            await closer.sweep()
            await closer.insist(NO_PATIENCE)
            await closer.find_failing()
            found = await run_by_id(shop.database, run.id)
            if found is not None and told(found):
                return found
            await asyncio.sleep(0.1)


def over(run: Run) -> bool:
    return run.ended_at is not None


ENDS: dict[str, Callable[[Shop, Run], Awaitable[None]]] = {
    "goal reached": by_goal,
    "ended by an operator": by_operator,
    "journey killed": by_kill,
}


@pytest.mark.parametrize("reason", ENDS)
async def test_an_end_holds_although_the_run_can_take_no_step(
    changing: Changing,  # noqa: F811 - the fixture
    reason: str,
) -> None:
    shop = changing.shop
    async with changing.served():
        run = await enter(shop)
        await shop.settled(run, 1)
    changing.becomes(*AFTER)
    await changing.loses_versions()
    async with changing.served():
        await ENDS[reason](shop, run)
        await shop.look()
        assert (await until(shop, run, over)).outcome == reason
    seen = (await shop.operate("GET", f"/v1/runs/{run.id}")).json()
    assert (seen["status"], seen["outcome"], seen["failure"]) == ("ended", reason, None)
    described = await shop.workflow(run).describe()
    assert described.status is WorkflowExecutionStatus.TERMINATED
    told = reason if reason == "journey killed" else f"{reason}; ended from outside, because"  # a kill asks nobody
    assert told in await why_terminated(shop, run)
    assert [m.state for m in await shop.messages(run)] == ["sent"]
    assert len(shop.sandbox.messages) == 1


async def test_a_run_whose_journey_was_renamed_can_be_ended(changing: Changing) -> None:  # noqa: F811 - the fixture
    shop = changing.shop
    async with changing.served():
        run = await enter(shop)
        await shop.settled(run, 1)
    changing.becomes(*AFTER, name="welcomes")
    await changing.loses_versions()
    async with changing.served():
        await by_operator(shop, run)
        await shop.look()
        assert (await until(shop, run, over)).outcome == "ended by an operator"
        assert "this worker does not hold version" in await why_terminated(shop, run)


async def test_a_run_that_cannot_go_on_shows_as_failing_and_goes_on_when_the_code_is_rolled_back(
    changing: Changing,  # noqa: F811 - the fixture
) -> None:
    shop = changing.shop
    async with changing.served():
        run = await enter(shop)
        await shop.settled(run, 1)
        version = shop.parts.library.archive.id
    changing.becomes(*AFTER)
    await changing.loses_versions()
    async with changing.served():
        await shop.workflow(run).signal("resume")  # anything that makes it think
        assert (await until(shop, run, lambda r: r.failing_since is not None)).ended_at is None
        seen = (await shop.operate("GET", f"/v1/runs/{run.id}")).json()
        assert (seen["status"], f"does not hold version {version}" in seen["failure"]) == ("failing", True)
        listed = (await shop.operate("GET", "/v1/runs", params={"status": "failing"})).json()["runs"]
        assert [found["id"] for found in listed] == [str(run.id)]
    changing.becomes(*BEFORE)
    async with changing.served():
        healed = await until(shop, run, lambda r: r.failing_since is None)
        assert (healed.failure, healed.ended_at) == (None, None)


async def test_the_watch_ends_it_by_itself(changing: Changing) -> None:  # noqa: F811 - the fixture
    shop = changing.shop
    async with changing.served():
        run = await enter(shop)
        await shop.settled(run, 1)
    changing.becomes(*AFTER)
    await changing.loses_versions()
    async with changing.served():
        await keep_watch(shop.client, 1)
        await by_goal(shop, run)
        async with asyncio.timeout(60):
            while (await shop.operate("GET", f"/v1/runs/{run.id}")).json()["status"] != "ended":  # noqa: ASYNC110 - the watch's work
                await asyncio.sleep(0.2)
        assert (await shop.run()).outcome == "goal reached"


async def test_an_end_holds_although_what_the_run_asks_is_never_answered(
    changing: Changing,  # noqa: F811 - the fixture
    dsn: str,
) -> None:
    """E4: a question that only ever fails held the end up, too."""
    shop, away = changing.shop, await connect(dsn)
    await away.close()
    changing.becomes("await j.reached(did('Product Viewed'))")
    async with changing.served():
        pass  # the catalogue as it stands now is the shop's
    parts = replace(shop.parts, questions=Questions(away, shop.parts.library))
    async with serving(workers(shop.skipper.client, parts)):
        run = await enter(shop)
        await by_operator(shop, run)
        await shop.look()
        assert (await shop.workflow(run).result()).outcome.value == "ended by an operator"


async def why_terminated(shop: Shop, run: Run) -> str:
    async for event in shop.workflow(run).fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
            return event.workflow_execution_terminated_event_attributes.reason
    return "it was not"


async def test_a_run_that_temporal_ends_for_its_length_was_not_ended_by_an_operator(
    folder: Path,  # noqa: F811 - the fixture
    database: Database,
    dsn: str,
    tmp_path: Path,
) -> None:
    limits: dict[str, Any] = {"limit.historyCount.error": "60", "limit.historyCount.warn": "30"}
    skipping = {"frontend.WorkflowTimeSkippingEnabled": "true"}
    write(folder, "while True:", "    await j.wait(minutes=5)")
    with Children() as children:
        server = EmbeddedTemporal(tmp_path / "temporal.log", children, preferred_port=0, dynamic=limits | skipping)
        server.preferred_ui_port = None
        await asyncio.to_thread(server.start)
        async with open_shop(database, dsn, server.address, tmp_path, catalogue=NAME) as shop:
            run = await enter(shop)
            await shop.forward(run, timedelta(days=2))
            assert (await until(shop, run, over)).outcome == "history too long for Temporal"
