"""What a run costs and what it leaves in its history: the event budget, and nothing personal.

Days pass in seconds here by the shop's own clock: skipping time in Temporal would leave events that production does not have.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType

from store import connect
from store.runs.views import Run
from workers.testing.servers import fresh_database
from workers.testing.shop import Shop, open_shop

#: Three days in five seconds; slower where the machine was too busy to get there before the next message was due.
SPEEDS = (50_000.0, 10_000.0, 3_000.0)


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


@dataclass(frozen=True)
class Ground:
    """What shops are opened on, each on a database of its own."""

    server: str
    temporal: str
    folder: Path

    @asynccontextmanager
    async def shop(self, catalogue: str, speed: float) -> AsyncIterator[Shop]:
        async with fresh_database(self.server) as dsn:
            database = await connect(dsn)
            folder = self.folder / str(speed)
            async with open_shop(database, dsn, self.temporal, folder, catalogue=catalogue, speed=speed) as opened:
                yield opened
            await database.close()

    async def events(self, catalogue: str, journey: str, timers: int) -> list[str]:
        """The events of a run that had to wait so often, by the first speed at which it had to."""
        for speed in SPEEDS:
            async with self.shop(catalogue, speed) as shop:
                events, _ = await history(shop, await finish(shop, journey))
            if events.count("TIMER_STARTED") >= timers:
                break
        return events


@pytest.fixture
def ground(server_dsn: str, temporal_address: str, tmp_path: Path) -> Ground:
    return Ground(server_dsn, temporal_address, tmp_path)


async def test_three_messages_with_the_leading_wait_as_a_start_delay_cost_33_events(ground: Ground) -> None:
    events = await ground.events("definitions", "cart_abandonment", timers=2)
    assert len(events) <= 33, events
    assert events.count("ACTIVITY_TASK_SCHEDULED") == 3
    assert events.count("TIMER_STARTED") == 2
    assert events.count("UPSERT_WORKFLOW_SEARCH_ATTRIBUTES") == 0


async def test_three_messages_with_a_leading_timer_cost_38_events(ground: Ground) -> None:
    events = await ground.events("trial_catalogue", "three_messages", timers=3)
    assert len(events) <= 38, events
    assert events.count("TIMER_STARTED") == 3


async def test_a_history_holds_no_personal_data_and_nothing_secret(ground: Ground) -> None:
    async with ground.shop("definitions", SPEEDS[0]) as shop:
        run = await finish(shop, "cart_abandonment")
        _, text = await history(shop, run)
        description = await shop.workflow(run).describe()
    assert "cart-reminder" in text
    for personal in ("ana@example.com", "Ana", "token-ana", "+346", "Snow boots", "test-secret"):
        assert personal not in text
    assert "ana" not in str(description.search_attributes).lower().replace(str(run.profile_id), "")
    assert str(run.profile_id) in run.workflow_id
