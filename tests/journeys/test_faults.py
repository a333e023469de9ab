"""A journey that raises (FAULTS E5): the error's kind and place are plain to see, its run waits for the fix, others go on."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest
from changing import BEFORE, Changing, changing, folder  # noqa: F401 - fixtures
from prometheus_client import REGISTRY
from temporalio.api.enums.v1 import EventType

from store import Database
from store import versions as stored
from store.runs.views import Run, run_by_id
from tests.journeys.test_versions_of_runs import enter
from workers.testing.shop import Shop

WHERE = r"KeyError at trial_catalogue/__init__\.py:\d+"


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
    assert re.fullmatch(WHERE, await failure(trial, broken))
    other = await start(trial, "by_choice", "bea")
    assert (await trial.over(other)).sent == 1
    assert [m.state for m in await trial.messages(broken)] == ["sent"]
    async with asyncio.timeout(30):
        while not await trial.watch.dispatcher.closer.find_failing():  # noqa: ASYNC110 - Temporal's visibility is written later
            await asyncio.sleep(0.1)
    seen = (await trial.operate("GET", f"/v1/runs/{broken.id}")).json()
    assert seen["status"] == "failing"
    assert re.fullmatch(WHERE, seen["failure"])
    journeys = {j["name"]: j for j in (await trial.operate("GET", "/v1/journeys")).json()}
    assert journeys["raises"]["failing_runs"] == 1
    assert "1 of 1 open runs fail (KeyError at " in journeys["raises"]["warnings"][0]
    assert REGISTRY.get_sample_value("journeys_failing_runs", {"journey": "raises"}) == 1


WAITS = ("await j.wait_for(did('Product Viewed'), timeout=days(3))",)
#: A fault in the database, which passes when somebody mends it.
BREAKS = """
create function breaks() returns trigger language plpgsql as $$ begin raise 'of ana@example.com'; end $$;
create trigger breaks before insert on {0} for each row execute function breaks();
"""


@pytest.fixture
async def broken(database: Database) -> AsyncIterator[None]:
    """What breaks goes with the test; the database stays."""
    yield
    await database.pool.execute("drop function if exists breaks cascade")


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize(("table", "step", "steps"), [("delivery", "deliver", BEFORE), ("expectation", "expect", WAITS)])
async def test_a_step_that_raises_each_time_shows_as_failing_until_it_does_not(
    changing: Changing,  # noqa: F811 - the fixture
    table: str,
    step: str,
    steps: tuple[str, ...],
) -> None:
    """Its code is well: Temporal knows of no problem, and no other version is tried on it."""
    shop = changing.shop
    closer = shop.parts.watch.dispatcher.closer
    await shop.database.pool.execute(BREAKS.format(table))
    changing.becomes(*steps)
    async with changing.served():
        run = await enter(shop, "ana")
        failing = await until(shop, run, lambda r: r.failing_since is not None)
        assert re.fullmatch(rf"{step} raises each time: Postgres P0001 RaiseError at \S+:\d+", failing.failure or "")
        seen = (await shop.operate("GET", f"/v1/runs/{run.id}")).json()
        assert (seen["status"], seen["next"]) == ("failing", "the step that raises, once more")
        assert [found["id"] for found in (await shop.operate("GET", "/v1/runs?status=failing")).json()["runs"]] == [str(run.id)]
        assert (await shop.operate("GET", "/v1/runs?status=waiting")).json()["runs"] == []
        assert await closer.find_failing() == 1, "Temporal says so, too"
        assert REGISTRY.get_sample_value("journeys_failing_runs", {"journey": "greets"}) == 1
        await shop.database.pool.execute("update run set failing_since = null, step_raises = false")
        await closer.reconcile(timedelta(0))
        assert (await until(shop, run, lambda r: r.step_raises)).failure == failing.failure, "where its worker could not tell"
        assert await stored.failing_with_newer(shop.database, datetime.max.replace(tzinfo=UTC), [], 10) == []
        await shop.database.pool.execute(f"drop trigger breaks on {table}")
        await shop.asleep(run)
        await closer.find_failing()
        healed = await run_by_id(shop.database, run.id)
        assert healed is not None
        assert (healed.failing_since, healed.failure, healed.step_raises) == (None, None, False)


async def until(shop: Shop, run: Run, so: Callable[[Run], bool]) -> Run:
    async with asyncio.timeout(30):
        while True:
            found = await run_by_id(shop.database, run.id)
            if found is not None and so(found):
                return found
            await asyncio.sleep(0.05)


async def test_what_an_error_says_stays_out_of_the_history(trial: Shop) -> None:
    broken = await start(trial, "raises", "ana")
    await failure(trial, broken)
    text = str((await trial.workflow(broken).fetch_history()).events)
    assert "KeyError" in text
    assert "fault of the author" not in text


async def test_an_operator_can_end_a_run_that_raises(trial: Shop) -> None:
    broken = await start(trial, "raises", "ana")
    await failure(trial, broken)
    await trial.workflow(broken).terminate("broken")
    assert (await trial.closed(broken)).outcome == "ended by an operator"


async def test_a_cancel_by_an_operator_in_temporal_ends_the_run_as_cancelled(trial: Shop) -> None:
    run = await start(trial, "while_vip", "ana")
    await trial.workflow(run).cancel()
    assert (await trial.closed(run)).outcome == "ended by an operator"
