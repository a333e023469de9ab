"""A journey that does harm is paused by itself, says why, and is counted anew once an operator lets it live (many of each)."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from activities.dispatch.brakes import BY, Brakes, Thresholds, too_many
from store.deliveries.brakes import WentWrong
from store.deliveries.feedback import NewEvent, store_events
from store.runs.switches import switches
from store.runs.views import Run
from tests.activities.test_deliver import start
from workers.testing.shop import Shop

HOUR = timedelta(hours=1)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
async def run(trial: Shop) -> Run:
    await trial.signs_up("ana")
    return await start(trial, "while_vip")


async def sent(trial: Shop, run: Run, count: int, state: str = "sent", reason: str | None = None, detail: str = "") -> None:
    """Messages of the run's journey an hour ago."""
    await trial.database.pool.execute(
        "insert into delivery (run_id, step, occurrence, profile_id, journey, channel, purpose, template, state, reason,"
        " detail, due_at, claimed_at, settled_at)"
        " select $1, $2, n, $3, $4, 'email', 'marketing', 'note', $5, $6, $7, $8, $8, $8 from generate_series(1, $9) n",
        *(run.id, str(uuid4()), run.profile_id, run.journey, state, reason, {"dead": 1} if "dead" in detail else {}),
        *(trial.clock.now() - HOUR, count),
    )


async def happened(trial: Shop, run: Run, event: str, count: int, at: datetime | None = None, **more: str) -> None:
    when = at or trial.clock.now() - HOUR
    told = {"journey": run.journey} | more
    events = [NewEvent(run.profile_id, str(uuid4()), event, when, told) for _ in range(count)]
    async with trial.database.transaction() as connection:
        await store_events(connection, events, source="email", at=when)


def brakes(trial: Shop) -> Brakes:
    return Brakes(trial.database, trial.clock)


async def standing(trial: Shop) -> tuple[str, list[str]]:
    found = (await trial.operate("GET", "/v1/journeys")).json()
    return next((each["state"], each["warnings"]) for each in found if each["name"] == "while_vip")


async def test_too_many_complaints_pause_a_journey_and_say_so(trial: Shop, run: Run) -> None:
    await sent(trial, run, 1_000)
    await happened(trial, run, "Message Complained", 4)
    assert await brakes(trial).look() == 0, "a few are no rate"
    await happened(trial, run, "Message Complained", 4)
    assert await brakes(trial).look() == 1
    thrown = (await switches(trial.database))["while_vip"]
    assert (thrown.state, thrown.by, thrown.why) == ("paused", BY, "8 complaints about 1,000 messages (0.80%, at most 0.30%)")
    state, warnings = await standing(trial)
    assert state == "paused"
    assert any("8 complaints about 1,000 messages" in each and "PUT /v1/journeys/while_vip/state" in each for each in warnings)
    assert await brakes(trial).look() == 0, "it is paused already"


async def test_once_it_lives_again_it_is_counted_anew(trial: Shop, run: Run) -> None:
    await sent(trial, run, 1_000)
    await happened(trial, run, "Message Complained", 8)
    await brakes(trial).look()
    await trial.operate("PUT", "/v1/journeys/while_vip/state", json={"state": "live"})
    assert await brakes(trial).look() == 0
    assert await standing(trial) == ("live", [])
    trial.clock.set(trial.clock.now() + 3 * HOUR)
    await sent(trial, run, 1_000)
    await happened(trial, run, "Message Complained", 8)
    assert await brakes(trial).look() == 1


@pytest.mark.parametrize("webhook", [True, False])
async def test_dead_addresses_count_whether_told_at_once_or_later(trial: Shop, run: Run, webhook: bool) -> None:
    await sent(trial, run, 150)
    if webhook:
        await happened(trial, run, "Message Failed", 10, bounce="hard")
        await happened(trial, run, "Message Failed", 50, bounce="soft")
        assert await brakes(trial).look() == 0
        await happened(trial, run, "Message Failed", 10, bounce="hard")
    else:
        await sent(trial, run, 20, "skipped", "no reachable endpoint", "dead")
    assert await brakes(trial).look() == 1
    assert "20 dead addresses among" in str((await switches(trial.database))["while_vip"].why)


async def test_errors_pause_and_what_is_no_fault_of_the_journey_does_not(trial: Shop, run: Run) -> None:
    await sent(trial, run, 100)
    await sent(trial, run, 300, "failed", "useless after its deadline")
    assert await brakes(trial).look() == 0
    await sent(trial, run, 500, "failed", "template cannot be rendered")
    assert await brakes(trial).look() == 1
    assert "500 errors of" in str((await switches(trial.database))["while_vip"].why)


async def test_what_is_long_ago_or_of_a_few_messages_pauses_nobody(trial: Shop, run: Run) -> None:
    await sent(trial, run, 50)
    await happened(trial, run, "Message Complained", 20)
    await happened(trial, run, "Message Complained", 50, trial.clock.now() - 30 * HOUR)
    assert await brakes(trial).look() == 0
    assert await Brakes(trial.database, trial.clock, Thresholds(least=10)).look() == 1


async def test_the_watch_looks_now_and_then(trial: Shop, run: Run) -> None:
    await sent(trial, run, 1_000)
    await happened(trial, run, "Message Complained", 8)
    looked = trial.watch.dispatcher.brakes
    looked._looked_at = float("-inf")
    await trial.look()
    assert (await standing(trial))[0] == "paused"
    assert await looked.look_now_and_then() == 0


def test_a_threshold_is_what_may_be() -> None:
    usual = Thresholds()
    wrong = WentWrong("a", NOON, 30, 1_000, 5_000)
    assert list(too_many(wrong, 10_000, usual)) == []
    assert len(list(too_many(WentWrong("a", NOON, 31, 1_001, 5_001), 10_000, usual))) == 3
    assert list(too_many(WentWrong("a", NOON, 4, 0, 0), 100, usual)) == [], "fewer than five"
