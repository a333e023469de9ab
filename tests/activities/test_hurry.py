"""A blast stands in nobody's way: who enters a transactional journey begins before all who enter others."""

from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID

import pytest

from activities.dispatch.dispatch import Dispatcher
from activities.versions import OnlyOwn
from journeys.campaigns.contracts import CampaignPart, CampaignStart
from journeys.contracts import Purpose, WatchShard
from workers.testing.shop import Shop

SHARD = WatchShard()
LOGGED = "insert into segment_transition (segment, profile_id, kind, at) select $1, unnest($2::uuid[]), 'entered', $3"
LEFT = "select segment, count(*) from segment_transition where dispatched_at is null group by segment"
CROWD = [f"u{n}" for n in range(12)]


@pytest.fixture
async def crowd(trial: Shop) -> list[UUID]:
    """Customers whom nothing has brought into a journey yet."""
    for user in CROWD:
        await trial.signs_up(user)
    await trial.look()
    found = await trial.database.pool.fetch("select distinct profile_id from identity where value = any($1::text[])", CROWD)
    return [row["profile_id"] for row in found]


def hurrying(trial: Shop, *transactional: str) -> Dispatcher:
    """A dispatcher of a catalogue in which these journeys are transactional."""
    own = trial.parts.library.own
    specs = {name: replace(own.specs[name], purpose=Purpose.TRANSACTIONAL) for name in transactional}
    return replace(trial.watch.dispatcher, versions=OnlyOwn(replace(own, specs={**own.specs, **specs})))


async def enter(trial: Shop, segment: str, customers: Iterable[UUID]) -> None:
    await trial.database.pool.execute(LOGGED, segment, list(customers), trial.clock.now())


async def begun(trial: Shop) -> dict[str, int]:
    rows = await trial.database.pool.fetch("select journey, count(*) from run where started_at is not null group by journey")
    return {row["journey"]: row["count"] for row in rows}


async def test_a_transactional_run_begins_before_those_that_came_first(trial: Shop, crowd: list[UUID]) -> None:
    for user in CROWD[1:]:
        await trial.operate("POST", "/v1/journeys/by_the_clock/runs", json={"customer": {"user_id": user}})
    await trial.operate("POST", "/v1/journeys/urgent/runs", json={"customer": {"user_id": CROWD[0]}})
    assert await hurrying(trial, "urgent").hurry(SHARD) == 1
    assert await begun(trial) == {"urgent": 1}
    await trial.watch.dispatcher.dispatch(SHARD)
    assert await begun(trial) == {"urgent": 1, "by_the_clock": len(crowd) - 1}


async def test_who_enters_a_transactional_journey_overtakes_a_whole_segment(trial: Shop, crowd: list[UUID]) -> None:
    await enter(trial, "viewers", crowd[1:])
    await enter(trial, "carts", crowd[:1])
    assert await hurrying(trial, "three_messages").hurry(SHARD) == 2, "one admitted, one begun"
    assert await begun(trial) == {"three_messages": 1}
    assert [tuple(row) for row in await trial.database.pool.fetch(LEFT)] == [("viewers", len(crowd) - 1)]


async def test_moves_that_end_runs_are_told_in_their_order(trial: Shop, crowd: list[UUID]) -> None:
    """Leaving vips ends `while_vip`: entering them is not told before moves that came first."""
    await enter(trial, "vips", crowd[:1])
    assert await hurrying(trial, "while_vip").hurry(SHARD) == 0
    assert [tuple(row) for row in await trial.database.pool.fetch(LEFT)] == [("vips", 1)]


async def test_nobody_hurries_where_no_journey_is_transactional(trial: Shop, crowd: list[UUID]) -> None:
    await enter(trial, "viewers", crowd)
    assert await trial.watch.dispatcher.hurry(SHARD) == 0
    assert await begun(trial) == {}


async def test_few_of_a_campaign_begin_between_two_looks_and_beside_who_enters_alone(trial: Shop, crowd: list[UUID]) -> None:
    everybody = [f"b{n}" for n in range(40)]
    for user in everybody:
        await trial.signs_up(user)
    rows = [{"user_id": user} for user in everybody]
    made = await trial.operate("POST", "/v1/journeys/by_the_clock/starts", json={"rows": rows})
    start = CampaignStart(campaign=UUID(made.json()["id"]), clock=trial.clock)
    assert (await trial.parts.campaigns.look(start)).state == "work"
    assert await trial.parts.campaigns.work(CampaignPart(campaign=start.campaign)) == len(everybody)
    await trial.operate("POST", "/v1/journeys/asks/runs", json={"customer": {"user_id": CROWD[0]}})
    dispatcher, helpings = trial.watch.dispatcher, list[int]()
    await dispatcher.dispatch(SHARD)
    assert await begun(trial) == {"asks": 1}, "who enters alone waits for none of them"
    while few := await dispatcher.crowd(SHARD):
        helpings.append(few)
    assert max(helpings) <= 16
    assert helpings[0] == 2, "as few as nobody knows yet how quick Temporal is"
    assert await begun(trial) == {"asks": 1, "by_the_clock": 40}
