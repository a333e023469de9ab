"""What a run costs and what it leaves in its history: the event budget, and nothing personal.

Days pass in seconds here by the shop's own clock: skipping time in Temporal would leave events that production does not have.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType

from store import Database
from store.runs.views import Run
from workers.testing.shop import Shop, open_shop

SPEED = 50_000.0  # three days in five seconds
#: Where the first hour must still lie ahead when the run gets there, however busy the machine is: 180 ms.
UNHURRIED = 20_000.0


@pytest.fixture
async def fast(
    request: pytest.FixtureRequest, database: Database, dsn: str, temporal_address: str, tmp_path: Path
) -> AsyncIterator[Shop]:
    speed = UNHURRIED if request.param == "trial_catalogue" else SPEED
    async with open_shop(database, dsn, temporal_address, tmp_path, catalogue=request.param, speed=speed) as opened:
        yield opened


async def history(shop: Shop, run: Run) -> tuple[list[str], str]:
    found = await shop.workflow(run).fetch_history()
    # The events' own text shows payloads as they are; their JSON form would hide them in base64.
    return [EventType.Name(e.event_type).removeprefix("EVENT_TYPE_") for e in found.events], str(found.events)


async def finish(shop: Shop, journey: str) -> Run:
    await shop.signs_up("ana")
    await shop.does("ana", "Product Added", name="Snow boots", cart_id="c-1")
    await shop.look()
    run = await shop.run(journey)
    assert (await shop.workflow(run).result()).sent == 3
    return run


@pytest.mark.parametrize("fast", ["definitions"], indirect=True)
async def test_three_messages_with_the_leading_wait_as_a_start_delay_cost_33_events(fast: Shop) -> None:
    events, _ = await history(fast, await finish(fast, "cart_abandonment"))
    assert len(events) <= 33, events
    assert events.count("ACTIVITY_TASK_SCHEDULED") == 3
    assert events.count("TIMER_STARTED") == 2
    assert events.count("UPSERT_WORKFLOW_SEARCH_ATTRIBUTES") == 0


@pytest.mark.parametrize("fast", ["trial_catalogue"], indirect=True)
async def test_three_messages_with_a_leading_timer_cost_38_events(fast: Shop) -> None:
    events, _ = await history(fast, await finish(fast, "three_messages"))
    assert len(events) <= 38, events
    assert events.count("TIMER_STARTED") == 3


@pytest.mark.parametrize("fast", ["definitions"], indirect=True)
async def test_a_history_holds_no_personal_data_and_nothing_secret(fast: Shop) -> None:
    run = await finish(fast, "cart_abandonment")
    _, text = await history(fast, run)
    assert "cart-reminder" in text
    for personal in ("ana@example.com", "Ana", "token-ana", "+346", "Snow boots", "test-secret"):
        assert personal not in text
    description = await fast.workflow(run).describe()
    assert "ana" not in str(description.search_attributes).lower().replace(str(run.profile_id), "")
    assert str(run.profile_id) in run.workflow_id
