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


@dataclass(frozen=True)
class History:
    """What Temporal keeps of a run: its events by their types, all of their text, its search attributes."""

    run: Run
    events: list[str]
    text: str
    attributes: str


async def history(shop: Shop, run: Run) -> History:
    found = await shop.workflow(run).fetch_history()
    described = await shop.workflow(run).describe()
    # The events' own text shows payloads as they are; their JSON form would hide them in base64.
    events = [EventType.Name(e.event_type).removeprefix("EVENT_TYPE_") for e in found.events]
    return History(run, events, str(found.events), str(described.search_attributes))


async def finish(shop: Shop, journey: str) -> Run | None:
    """The run, once it has sent its three messages; None where the machine was too slow for that at the shop's speed."""
    await shop.signs_up("ana")
    await shop.does("ana", "Product Added", name="Snow boots", cart_id="c-1")
    await shop.look()
    runs = await shop.runs(journey)
    return runs[0] if runs and (await shop.workflow(runs[0]).result()).sent == 3 else None


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

    async def history(self, catalogue: str, journey: str, timers: int = 0) -> History:
        """Of a run that sent its messages and had to wait so often, by the first speed at which it did."""
        for speed in SPEEDS:
            async with self.shop(catalogue, speed) as shop:
                run = await finish(shop, journey)
                found = await history(shop, run) if run else None
            if found and found.events.count("TIMER_STARTED") >= timers:
                return found
        pytest.fail(f"{journey} does not send its three messages in time, with {timers} waits, at any speed")


@pytest.fixture
def ground(server_dsn: str, temporal_address: str, tmp_path: Path) -> Ground:
    return Ground(server_dsn, temporal_address, tmp_path)


async def test_three_messages_with_the_leading_wait_as_a_start_delay_cost_33_events(ground: Ground) -> None:
    events = (await ground.history("definitions", "cart_abandonment", timers=2)).events
    assert len(events) <= 33, events
    assert events.count("ACTIVITY_TASK_SCHEDULED") == 3
    assert events.count("TIMER_STARTED") == 2
    assert events.count("UPSERT_WORKFLOW_SEARCH_ATTRIBUTES") == 0


async def test_three_messages_with_a_leading_timer_cost_38_events(ground: Ground) -> None:
    events = (await ground.history("trial_catalogue", "three_messages", timers=3)).events
    assert len(events) <= 38, events
    assert events.count("TIMER_STARTED") == 3


async def test_a_history_holds_no_personal_data_and_nothing_secret(ground: Ground) -> None:
    found = await ground.history("definitions", "cart_abandonment")
    assert "cart-reminder" in found.text
    for personal in ("ana@example.com", "Ana", "token-ana", "+346", "Snow boots", "test-secret"):
        assert personal not in found.text
    assert "ana" not in found.attributes.lower().replace(str(found.run.profile_id), "")
    assert str(found.run.profile_id) in found.run.workflow_id
